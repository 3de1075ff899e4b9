"""The rail: the places at the left edge."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QButtonGroup, QFrame, QSizePolicy, QToolButton

from medsynth_app.core.words import _
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.shell.navigator import Navigator
from medsynth_app.ui.shell.place import Place
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import IconButton, column

WIDTH = 72


class Rail(QFrame):
    """One button per place; those not built yet are greyed and still lead to a page about them."""

    def __init__(self, theme: Theme, commands: Commands, navigator: Navigator, places: Sequence[Place]) -> None:
        super().__init__()
        self.setObjectName("rail")
        self.setAccessibleName(_("Places"))
        self.setFixedWidth(WIDTH)
        self._theme, self._commands, self._places = theme, commands, tuple(places)
        self._group = QButtonGroup(self)
        layout = column(parent=self, spacing=look.XS, margins=(6, look.S, 6, look.S))
        self.buttons = {place.id: self._place_button(place, navigator) for place in self._places}
        for found in self.buttons.values():
            layout.addWidget(found)
        layout.addStretch(1)
        self._extras = {"help.keys": IconButton(theme, "keyboard-outline", _("Keys of this place")),
                        "help.settings": IconButton(theme, "cog-outline", _("Settings"))}
        for name, extra in self._extras.items():
            commands.follow(extra, name)
            layout.addWidget(extra, 0, Qt.AlignmentFlag.AlignHCenter)
        theme.changed.connect(self._paint)
        commands.keys_changed.connect(self._tips)
        navigator.changed.connect(self._show_place)
        self._paint()

    def _place_button(self, place: Place, navigator: Navigator) -> QToolButton:
        found = QToolButton()
        found.setText(place.title)
        found.setAccessibleName(place.title)
        found.setProperty("role", "place")
        found.setProperty("planned", place.planned)
        found.setCheckable(True)
        found.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        found.setIconSize(QSize(look.ICON_PX, look.ICON_PX))
        found.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        found.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        found.clicked.connect(lambda _=False: navigator.go(place.id))
        self._group.addButton(found)
        return found

    def _show_place(self, place: Place) -> None:
        self.buttons[place.id].setChecked(True)
        self._paint()

    def _tips(self) -> None:
        for place in self._places:
            key = self._commands.key_text(f"place.{place.id}")
            later = "\n" + _("Not built yet: see what it will do") if place.planned else ""
            self.buttons[place.id].setToolTip(f"{place.title}  ({key}){later}")

    def _paint(self, _tokens: object = None) -> None:
        t = self._theme.tokens
        for place in self._places:
            found = self.buttons[place.id]
            colour = t.faint if place.planned else t.accent if found.isChecked() else t.muted
            found.setIcon(self._theme.icon(place.icon, colour))
