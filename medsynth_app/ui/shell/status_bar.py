"""The line at the bottom: what lies under the pointer, what is saved, where it runs, who is at work."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QMenu, QSizePolicy, QToolButton, QWidget

from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.ui.shell.navigator import Navigator
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.viewer.canvas import Canvas
from medsynth_app.ui.viewer.hover import Hover
from medsynth_app.ui.widgets import words
from medsynth_app.ui.widgets.basic import ElidedLabel, label, line, row

RESEARCH = _("Research use, not for diagnosis")
HEIGHT = 28
NAME_PX, DEVICE_PX = 130, 120  # at most


class StatusBar(QFrame):
    """One row of facts; nothing here moves while the pointer does."""

    def __init__(self, theme: Theme, session: Session, canvas: Canvas, navigator: Navigator,
                 ask_name: Callable[[], None]) -> None:
        super().__init__()
        self.setObjectName("statusBar")
        self.setAccessibleName(_("Status"))
        self.setFixedHeight(HEIGHT)
        self._theme, self._session, self._canvas = theme, session, canvas
        self._navigator, self._ask_name = navigator, ask_name
        self.position = self._steady(_("Position"), words.minus("x -000.0  y -000.0  z -0000.0 mm"))
        self.value = self._steady(_("Value"), "RGB 255 255 255  epithelium")
        self.zoom, self.window_text = self._fact(_("Zoom"), 48), self._fact(_("Window and level"))
        self.spacing, self.saved = self._fact(_("Pixel spacing")), self._fact(_("Saved"))
        self.offline = self._fact(_("Network"))
        self.offline.setText(_("offline"))
        self.offline.setToolTip(_("Nothing leaves this computer: MedSynth opens no network connection."))
        self.device = self._fact(_("Device"))
        self.person = QToolButton()
        self.person.setProperty("role", "status")
        self.person.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.person.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.person.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.person.setToolTip(_("The person at work: whose strokes and decisions these are"))
        self.people = QMenu(self.person)
        self.people.aboutToShow.connect(self._fill_people)
        self.person.setMenu(self.people)
        # Where there is little room the last of these goes first.
        self._by_weight = (self.value, self.position, self.zoom, self.window_text, self.saved, self.spacing)
        self._wanted: set[QWidget] = set()
        self._right: list[QWidget] = []
        for item in (self.offline, self.device, self.person):
            self._right += [item, self._divider()]
        self._right.append(label(RESEARCH, "research"))
        row(self.position, self.value, self.zoom, self.window_text, self.spacing, self.saved, None, *self._right,
            parent=self, spacing=look.M, margins=(look.M, 0, look.M, 0))
        self._connect()
        self.refresh()

    def _connect(self) -> None:
        s = self._session
        for signal in (s.documents.current_changed, s.view.index_changed, s.view.window_level_changed,
                       s.painting.history_changed, s.people.changed, s.jobs.device_changed):
            signal.connect(self.refresh)
        self._navigator.changed.connect(self.refresh)
        self._canvas.hovered.connect(self.show_hover)
        self._canvas.view.moved.connect(self._show_zoom)
        self._theme.changed.connect(lambda _tokens: self.refresh())
        self._clock = QTimer(self)
        self._clock.setInterval(5000)
        self._clock.timeout.connect(self._show_saved)
        self._clock.start()

    def finish(self) -> None:
        """Stop telling the time; the window is being closed."""
        self._clock.stop()

    def _fact(self, name: str, width: int = 0) -> QLabel:
        found = label("", "help")
        found.setToolTip(name)
        found.setAccessibleDescription(name)
        if width:
            found.setMinimumWidth(width)
        return found

    def _steady(self, name: str, longest: str) -> ElidedLabel:
        """A fact that changes with the pointer: always as wide as its longest text, or so."""
        found = ElidedLabel("", "help")
        found.setAccessibleDescription(name)
        found.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)  # what is Ignored gets 0 px
        found.setFixedWidth(found.fontMetrics().horizontalAdvance(longest))
        return found

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Show as many facts as there is room for beside what always stands at the right."""
        def width(part: QWidget) -> int:
            return max(part.minimumWidth(), part.sizeHint().width()) + look.M

        room = self.width() - look.M - sum(width(part) for part in self._right)
        for part in self._by_weight:
            shown = part in self._wanted and width(part) <= room
            room -= width(part) if shown else 0
            part.setVisible(shown)

    def _divider(self) -> QWidget:
        divider = line("divider")
        divider.setFixedHeight(14)
        return divider

    def show_hover(self, hover: Hover | None) -> None:
        """Say what lies under the pointer; None when it has left."""
        if hover is None or not hover.inside:
            self.position.setText("")
            self.value.setText("")
            return
        if hover.position is not None:
            self.position.setText(words.minus("x {:.1f}  y {:.1f}  z {:.1f} mm".format(*hover.position)))
        else:
            self.position.setText(_("column {column}  row {row}").format(column=hover.column, row=hover.row))
        self.value.setText(words.minus(hover.value) + (f"  {hover.label}" if hover.label else ""))

    def _show_zoom(self) -> None:
        opened = self._session.documents.current is not None
        self.zoom.setText(f"{self._canvas.view.zoom * 100:.0f} %" if opened else "")

    def refresh(self, *_news: object) -> None:
        """Show the session's state."""
        s = self._session
        document = s.documents.current
        shown = document is not None and self._navigator.sees_image
        window = s.view.window_level
        self.window_text.setText(f"W {words.number(window.width)}  L {words.number(window.center)}" if window else "")
        geometry = document.info.frames[s.view.index].geometry if document is not None else None
        self.spacing.setText(_("no spacing") if geometry is None else
                             words.by(f"{geometry.column_spacing:.3g}", f"{geometry.row_spacing:.3g}") + " mm")
        self._show_zoom()
        self._show_saved()
        self._wanted = {part for part in self._by_weight if shown and (part is not self.window_text or window)}
        self.device.setText(self.fontMetrics().elidedText(
            s.jobs.device_text.split(" (")[0].split(",")[0] or _("device: auto"), Qt.TextElideMode.ElideRight,
            DEVICE_PX))
        self.device.setToolTip(_("The model runs on: {device}").format(
            device=s.jobs.device_text or _("not known before the first run")))
        person = s.people.current
        self.person.setText(self.fontMetrics().elidedText(person.name, Qt.TextElideMode.ElideRight, NAME_PX)
                            if person else _("Who is at work?"))
        self.person.setAccessibleName(_("Person at work: {person}").format(
            person=person.name if person else _("not said")))
        self.person.setIcon(self._theme.icon("account-outline"))
        self._fit()

    def _show_saved(self) -> None:
        saved = self._session.painting.saved_at
        if self._session.documents.read_only:
            self.saved.setText(_("read-only, nothing is saved"))
        else:
            self.saved.setText(_("saved {when}").format(when=words.ago(saved)) if saved is not None
                               else _("nothing to save yet"))

    def _fill_people(self) -> None:
        """One click on a name switches."""
        self.people.clear()
        current = self._session.people.current
        for person in self._session.people.all():
            action = QAction(person.name, self.people, checkable=True)
            action.setChecked(current is not None and person.id == current.id)
            action.triggered.connect(lambda _=False, name=person.name: self._session.people.switch(name))
            self.people.addAction(action)
        if self.people.actions():
            self.people.addSeparator()
        self.people.addAction(_("Someone else…"), self._ask_name)
