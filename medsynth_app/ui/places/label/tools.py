"""The tool bar of Label: which set, and how its cells are looked at."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QWidget

from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.ui.places.label.centre import LabelCentre, Mode
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.shell.runner import Runner
from medsynth_app.ui.shell.toolbar import divider, menu_button
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import Segmented, row

NAME_PX = 150
MODES = ((Mode.ONE, _("One by one"), _("One key names a cell and brings the next")),
         (Mode.GROUP, _("Groups"), _("One key names a page of cells that are thought alike  (G)")),
         (Mode.MAP, _("Map"), _("All cells, like beside like  (Ctrl+M)")))
VIEW = ("label.zoom_in", "label.zoom_out", "label.brighter", "label.darker", "label.reset", "label.outline",
        "label.like", "label.again")
SET = ("label.new", "label.add", "label.find", "label.rename", "label.classes", "label.remove")


class SetMenu(QWidget):
    """The open set's name, and a menu of the others and of what becomes of it."""

    def __init__(self, theme: Theme, session: Session, commands: Commands, run: Runner) -> None:
        super().__init__()
        self._session, self._commands, self._run = session, commands, run
        self.button = menu_button(theme, _("Cells"), _("Sets of cells"))
        self.button.menu().aboutToShow.connect(self._fill)
        row(divider(), self.button, parent=self, spacing=look.XS)
        for signal in (session.labelling.changed, session.labelling.sets_changed):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        opened = self._session.labelling.current
        name = opened.name if opened is not None else _("Cells")
        self.button.setText(QFontMetrics(self.button.font()).elidedText(name, Qt.TextElideMode.ElideRight, NAME_PX))
        self.button.setToolTip(name)

    def _fill(self) -> None:
        menu, opened = self.button.menu(), self._session.labelling.current
        menu.clear()
        for each in self._session.labelling.sets[:12]:
            action = menu.addAction(each.name.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(opened is not None and opened.id == each.id)
            action.triggered.connect(partial(self._open, each.id))
        menu.addSeparator()
        for name in SET:
            menu.addAction(self._commands[name])

    def _open(self, set_id: str, _checked: bool = False) -> None:
        self._run(lambda: self._session.labelling.open(set_id))


class ModeSwitch(Segmented):
    """One by one, groups or the map."""

    def __init__(self, centre: LabelCentre, commands: Commands) -> None:
        super().__init__(MODES, _("How cells are looked at"))
        self.addActions([commands[f"label.mode_{mode.value}"] for mode, _text, _tip in MODES])  # where it has no room
        self.chosen.connect(centre.set_mode)
        centre.mode_changed.connect(lambda: self.set_value(centre.mode))
        self.set_value(centre.mode)
        self.setFixedWidth(240)


def view_button(theme: Theme, commands: Commands) -> QWidget:
    """What changes how cells look, as a menu."""
    found = menu_button(theme, _("View"), _("How cells are shown"))
    for name in VIEW:
        found.menu().addAction(commands[name])
    return found
