"""Label: cells are named one by one or in groups, the most useful ones first."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtGui import QKeyEvent, QKeySequence

from medsynth_app.core.jobs.kind import Outcome
from medsynth_app.core.words import _
from medsynth_app.ui.places.label.centre import LabelCentre, Mode
from medsynth_app.ui.places.label.commands import ID, label_commands
from medsynth_app.ui.places.label.files import LabelFilesPart, file_buttons, file_commands
from medsynth_app.ui.places.label.gathering import Gathering
from medsynth_app.ui.places.label.panel import LabelPanel
from medsynth_app.ui.places.label.tools import ModeSwitch, SetMenu, view_button
from medsynth_app.ui.shell.frame import Frame
from medsynth_app.ui.shell.place import JobEnd, Place, PlaceKeys

OWN = {"G": "label.mode_group", "Shift+G": "label.like", ",": "label.darker", ".": "label.brighter"}
SHEET = ((_("Answers"), "1, 2, …", _("The class with this key")), (_("Answers"), "N", _("Not a cell")),
         (_("Answers"), "Shift+N", _("Implausible")), (_("Answers"), "U", _("Not sure")),
         (_("Answers"), "S", _("Skip; in groups: the next page")),
         (_("Answers"), "Space", _("Skip; in groups: leave a cell out")),
         (_("Look at cells"), "G", _("Groups, and back to one by one")),
         (_("Look at cells"), "Shift+G", _("More cells like this one")),
         (_("Look at cells"), ",, .", _("Darker, brighter")))


def make(frame: Frame) -> Place:
    """Build the place."""
    session = frame.session
    gathering = Gathering(session, frame.run, frame.toasts, frame.banners, frame.report_bug)
    centre = LabelCentre(frame, gathering)
    panel = LabelPanel(frame.theme, session, frame.commands, frame.run)
    panel.palette_.chosen.connect(centre.answer)
    files = LabelFilesPart(frame)
    panel.files.addWidget(file_buttons(frame))
    labelling = session.labelling
    labelling.history_changed.connect(lambda: frame.commands.refresh("edit.undo", "edit.redo"))
    centre.mode_changed.connect(frame.commands.refresh)
    centre.mode_changed.connect(lambda: panel.look_at_one(centre.mode is Mode.ONE))
    _open_last(frame)

    def press(event: QKeyEvent) -> bool:
        command = OWN.get(_text(event))
        if command is None or labelling.current is None:
            return centre.press(event)
        if event.type() is QEvent.Type.KeyPress and not event.isAutoRepeat():
            frame.commands.refresh(command)
            frame.commands[command].trigger()
        return True

    def finish() -> None:
        gathering.finish()
        files.finish()
        centre.finish()

    return Place(
        ID, _("Label"), "tag-outline", panel, centre=centre,
        commands=(*label_commands(frame, centre, gathering), *file_commands(frame, files)),
        keys=PlaceKeys(SHEET, press=press),
        tools=(frame.steps, ModeSwitch(centre, frame.commands),
               SetMenu(frame.theme, session, frame.commands, frame.run), view_button(frame.theme, frame.commands)),
        ends=(JobEnd(Outcome.LEARNED), JobEnd(Outcome.FILE),
              JobEnd(Outcome.PICTURES, lambda record: session.label_sources.is_for(record.id))),
        history=labelling, finish=finish)


def _text(event: QKeyEvent) -> str:
    """The key as `OWN` names it."""
    return QKeySequence(event.keyCombination()).toString()


def _open_last(frame: Frame) -> None:
    """Go on where somebody stopped, once the place is looked at."""
    def follow(place: Place) -> None:
        if place.id == ID:
            frame.navigator.changed.disconnect(follow)
            QTimer.singleShot(0, lambda: frame.run(frame.session.labelling.open_last))

    frame.navigator.changed.connect(follow)
