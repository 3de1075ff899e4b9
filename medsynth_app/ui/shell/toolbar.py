"""The tool bar over the canvas: the parts that the place wants, and the ring of the jobs."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QMenu, QSizePolicy, QToolButton, QWidget

from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.shell.window_levels import IDS
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets import words
from medsynth_app.ui.widgets.basic import IconButton, line, row

VIEWS = ("view.fit", "view.actual", "view.flip_h", "view.flip_v", "view.rotate", "view.mask", "mask.outline",
         "mask.stronger", "mask.fainter", "view.synthetic", "view.facts")


class ToolBar(QFrame):
    """One row; a place's parts stand in it while the place is shown. What finds no room waits behind "»"."""

    def __init__(self, theme: Theme, ring: QWidget) -> None:
        super().__init__()
        self.setObjectName("header")
        self.setAccessibleName(_("Tools"))
        self.setFixedHeight(look.HEADER_PX)
        self.parts: tuple[QWidget, ...] = ()
        self._ring = ring
        self.more = IconButton(theme, "chevron-double-right", _("More tools"))
        self.more.setMenu(QMenu(self.more))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.menu().aboutToShow.connect(self._fill_more)
        self.more.hide()
        self._row = row(self.more, None, ring, parent=self, spacing=look.XS, margins=(look.S, 0, look.M, 0))

    def show_parts(self, parts: Sequence[QWidget]) -> None:
        """Show these, from left to right; the others stay hidden until they are shown again."""
        for part in self.parts:
            self._row.removeWidget(part)
            part.setVisible(part in parts)
        self.parts = tuple(parts)
        for place, part in enumerate(self.parts):
            self._row.insertWidget(place, part)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def event(self, event: QEvent) -> bool:
        found = super().event(event)
        if event.type() is QEvent.Type.LayoutRequest:  # a part has other words now
            self._fit()
        return found

    def _fit(self) -> None:
        """Show as many parts as there is room for, from the left."""
        needs = [max(part.minimumSizeHint().width(), part.minimumWidth()) + look.XS for part in self.parts]
        room = self.width() - look.S - look.M - self._ring.width() - look.XS
        if sum(needs) > room:
            room -= self.more.sizeHint().width() + look.XS
        used = 0
        for part, need in zip(self.parts, needs, strict=True):
            used += need
            part.setVisible(used <= room)
        self.more.setVisible(used > room)

    def _fill_more(self) -> None:
        """What the hidden parts hold: their commands, and their menus as menus."""
        menu = self.more.menu()
        menu.clear()
        for part in self.parts:
            if part.isHidden():
                menu.addActions(part.actions())
                buttons = [part] if isinstance(part, QToolButton) else part.findChildren(QToolButton)
                for found in buttons:
                    if found.menu() is not None and found.isEnabled() and not found.isHidden():
                        found.menu().setTitle(found.text())
                        menu.addMenu(found.menu())
                    elif found.defaultAction() is not None and not found.isHidden():
                        menu.addAction(found.defaultAction())


def tool_button(commands: Commands, name: str) -> QToolButton:
    """A button of the tool bar for a command."""
    found = QToolButton()
    found.setDefaultAction(commands[name])
    found.setIconSize(QSize(look.ICON_PX, look.ICON_PX))
    found.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    commands[name].changed.connect(lambda: found.setAccessibleName(commands[name].text()))
    return found


def menu_button(theme: Theme, text: str, tip: str) -> QToolButton:
    """A button of the tool bar that opens its menu."""
    found = QToolButton()
    found.setText(text)
    found.setToolTip(tip)
    found.setAccessibleName(tip)
    found.setMenu(QMenu(found))
    found.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    found.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    found.setIconSize(QSize(14, 14))
    found.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the arrow stands after the text
    found.menu().setLayoutDirection(Qt.LayoutDirection.LeftToRight)
    found.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    found.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def paint(_tokens: object = None) -> None:
        found.setIcon(theme.icon("chevron-down", theme.tokens.muted))

    theme.changed.connect(paint)
    paint()
    return found


def divider() -> QWidget:
    found = line("divider")
    found.setFixedHeight(24)
    return found


def steps(commands: Commands) -> QWidget:
    """Undo and redo."""
    holder = QWidget()
    row(tool_button(commands, "edit.undo"), tool_button(commands, "edit.redo"), parent=holder, spacing=2)
    return holder


class ImageTools(QWidget):
    """Window and level, and how the image is shown."""

    def __init__(self, theme: Theme, session: Session, commands: Commands) -> None:
        super().__init__()
        self._session = session
        self._window_tool = tool_button(commands, "tool.window")
        self._window = menu_button(theme, _("Window"), _("Window / level presets"))
        self._window.setFixedWidth(124)
        self._window.menu().aboutToShow.connect(self._fill_windows)
        self._commands = commands
        self._view = menu_button(theme, _("View"), _("How the image is shown"))
        for name in VIEWS:
            self._view.menu().addAction(commands[name])
        row(divider(), self._window_tool, self._window, tool_button(commands, "view.fit"), self._view, parent=self,
            spacing=look.XS)
        session.documents.current_changed.connect(self.refresh)
        session.view.window_level_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what the image allows, and the window in use."""
        document, window = self._session.documents.current, self._session.view.window_level
        grey = document is not None and document.info.colour == "grey"
        self._view.setEnabled(document is not None)
        self._window_tool.setVisible(grey)
        self._window.setVisible(grey)
        if window is not None:
            self._window.setText(window.name or f"W {words.number(window.width)} L {words.number(window.center)}")

    def _fill_windows(self) -> None:
        """The windows that this image offers."""
        menu = self._window.menu()
        menu.clear()
        self._commands.refresh(*IDS)
        for name in IDS:
            if not self._commands.reason(name):
                menu.addAction(self._commands[name])
