"""What stands in the middle: how to begin, one cell, a group of them, or the map."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QApplication, QLineEdit, QStackedWidget, QWidget

from medsynth_app.core.cell_label import SKIPPED
from medsynth_app.core.cell_schema import IMPLAUSIBLE, NOT_A_CELL, NOT_SURE
from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.ui.places.label.gathering import Gathering
from medsynth_app.ui.places.label.group import GroupView
from medsynth_app.ui.places.label.map_view import MapPage
from medsynth_app.ui.places.label.one import OnePage
from medsynth_app.ui.places.label.pictures import CellPictures
from medsynth_app.ui.places.label.start import StartPage
from medsynth_app.ui.shell.frame import Frame
from medsynth_app.ui.shell.shortcuts import digit_of
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.widgets.basic import column, label, row

SHIFT = Qt.KeyboardModifier.ShiftModifier


class Mode(Enum):
    """How cells are looked at."""

    ONE = "one"
    GROUP = "group"
    MAP = "map"


class LabelCentre(QWidget):
    """Shows the pages and gives every answer to the one in view.

    Signals
    -------
    mode_changed
        Of `mode`.
    """

    mode_changed = Signal()

    def __init__(self, frame: Frame, gathering: Gathering) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(_("Label cells"))
        self._session: Session = frame.session
        self.mode = Mode.ONE
        self.pictures = CellPictures(frame.session.labelling)
        self.start = StartPage(frame.theme, frame.session, frame.commands, gathering, frame.run)
        self.one = OnePage(frame.theme, frame.session, self.pictures, frame.run)
        self.group = GroupView(frame.theme, frame.session, self.pictures, frame.run)
        self.map = MapPage(frame.theme, frame.session, self.pictures)
        self.map.chosen.connect(self._look_at)
        self._run = frame.run
        frame.session.label_search.found.connect(
            lambda places: self._look_at(places, _("Most like the chosen cell, the likest first")))
        self._stack = QStackedWidget()
        for page in (self.start, self.one, self.group, self.map):
            self._stack.addWidget(page)
        self.blind = QWidget()
        self.blind.setObjectName("banner")
        self.blind.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.blind.setProperty("level", "synthetic")
        row(label(_("Blind: origins and predictions hidden; may contain synthetic"), "heading"), None,
            parent=self.blind, margins=(look.L, look.XS, look.L, look.XS))
        column(self.blind, self._stack, parent=self, spacing=0).setStretch(1, 1)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFocusProxy(self.one.view)
        frame.session.labelling.changed.connect(self.refresh)
        self.refresh()

    @property
    def page(self) -> QWidget:
        """The page in view."""
        found = self._stack.currentWidget()
        assert found is not None
        return found

    def refresh(self) -> None:
        opened = self._session.labelling.current
        self.blind.setVisible(opened is not None and opened.options.blind)
        pages = {Mode.ONE: self.one, Mode.GROUP: self.group, Mode.MAP: self.map}
        wanted = self.start if opened is None or not opened.cells else pages[self.mode]
        if wanted is not self._stack.currentWidget():
            self._stack.setCurrentWidget(wanted)
            self.setFocusProxy(self.one.view if wanted is self.one else wanted)
            if self.isVisible() and not self._writes_elsewhere():
                self.setFocus()  # Qt would look for another field, which would swallow the keys

    def _writes_elsewhere(self) -> bool:
        """Whether somebody writes in a field that is not of this page, such as the one for their name."""
        there = QApplication.focusWidget()
        return isinstance(there, QLineEdit) and there.isVisible() and not self.isAncestorOf(there)

    def set_mode(self, mode: Mode) -> None:
        if mode is not self.mode:
            self.mode = mode
            self.refresh()
            self.mode_changed.emit()

    def answer(self, answer: str) -> bool:
        """Give an answer to what is in view; whether it counted."""
        if self.page is self.one:
            return self.one.answer(answer)
        if self.page is self.group and answer != SKIPPED:
            return self.group.answer(answer)
        if self.page is self.group:
            return self.group.next_page()
        return False

    def press(self, event: QKeyEvent) -> bool:
        """A key as `PlaceKeys.press` is told of it: answers, and nothing twice while it is held."""
        answer = self._answer_of(event)
        if answer is None or not self.isVisible() or self._session.labelling.current is None \
                or self.page not in (self.one, self.group):
            return False
        if event.type() is QEvent.Type.KeyPress and not event.isAutoRepeat():
            self.answer(answer)
        return True

    def _answer_of(self, event: QKeyEvent) -> str | None:
        opened, key = self._session.labelling.current, event.key()
        shift = bool(event.modifiers() & SHIFT)
        if opened is None:
            return None
        if key == Qt.Key.Key_Space:
            there = QApplication.focusWidget()
            return None if isinstance(there, QAbstractButton | QAbstractItemView) else SKIPPED
        if key == Qt.Key.Key_N:
            return IMPLAUSIBLE if shift else NOT_A_CELL
        if shift and digit_of(event) is None:
            return None
        if key in (Qt.Key.Key_U, Qt.Key.Key_S):
            return NOT_SURE if key == Qt.Key.Key_U else SKIPPED
        digit = digit_of(event)
        named = opened.schema.by_key(str(digit) if digit is not None else event.text().lower())
        return named.id if named is not None else None

    def like_this(self) -> None:
        """Show the cells most like the one that is asked, as a group."""
        asked = self._session.labelling.asked
        if asked is not None:
            self._run(lambda: self._session.label_search.find(asked.place))

    def _look_at(self, places: Sequence[int], words: str) -> None:
        """Show a choice of cells as a group."""
        self.group.choose(places, words)
        self.set_mode(Mode.GROUP)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        QTimer.singleShot(0, self, lambda: None if self._writes_elsewhere() else self.setFocus())

    def finish(self) -> None:
        self.pictures.finish()
