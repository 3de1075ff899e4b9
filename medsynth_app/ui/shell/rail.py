"""The rail: six places at the left edge."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QSizePolicy, QToolButton, QWidget

from medsynth_app.ui.shell.commands import BY_ID, Commands
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import IconButton, column

PLACES = ("library", "paint", "generate", "label", "evaluate", "models")
PLANNED = frozenset({"label", "evaluate"})
WIDTH = 72


class Rail(QFrame):
    """One button per place; those not built yet are greyed and still lead to a page about them."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, commands: Commands) -> None:
        super().__init__()
        self.setObjectName("rail")
        self.setAccessibleName("Places")
        self.setFixedWidth(WIDTH)
        self._theme, self._commands = theme, commands
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QToolButton] = {}
        layout = column(parent=self, spacing=look.XS, margins=(6, look.S, 6, look.S))
        for place in PLACES:
            layout.addWidget(self._place_button(place))
        layout.addStretch(1)
        self.help = IconButton(theme, "keyboard-outline", "Keys of this place", commands["help.keys"].trigger)
        self.settings = IconButton(theme, "cog-outline", "Settings", commands["help.settings"].trigger)
        for extra in (self.help, self.settings):
            layout.addWidget(extra, 0, Qt.AlignmentFlag.AlignHCenter)
        theme.changed.connect(self._paint)
        commands.keys_changed.connect(self._tips)
        self._paint()

    def _place_button(self, place: str) -> QWidget:
        found = QToolButton()
        found.setText(place.capitalize())
        found.setAccessibleName(place.capitalize())
        found.setProperty("role", "place")
        found.setProperty("planned", place in PLANNED)
        found.setCheckable(True)
        found.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        found.setIconSize(QSize(look.ICON_PX, look.ICON_PX))
        found.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        found.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        found.clicked.connect(lambda _=False: self.chosen.emit(place))
        self._group.addButton(found)
        self.buttons[place] = found
        return found

    def show_place(self, place: str) -> None:
        self.buttons[place].setChecked(True)
        self._paint()

    def _tips(self) -> None:
        for place, found in self.buttons.items():
            key = self._commands.key_text(f"place.{place}")
            later = "\nNot built yet: see what it will do" if place in PLANNED else ""
            found.setToolTip(f"{place.capitalize()}  ({key}){later}")
        for extra, name in ((self.help, "help.keys"), (self.settings, "help.settings")):
            extra.setToolTip(self._commands[name].toolTip())

    def _paint(self, _tokens: object = None) -> None:
        t = self._theme.tokens
        for place, found in self.buttons.items():
            colour = t.faint if place in PLANNED else t.accent if found.isChecked() else t.muted
            found.setIcon(self._theme.icon(BY_ID[f"place.{place}"].icon, colour))
