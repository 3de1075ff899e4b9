"""Generate: whole pictures from a prompt."""

from __future__ import annotations

from medsynth_app.core.jobs.kind import Outcome
from medsynth_app.core.words import _
from medsynth_app.ui.places.generate.commands import ID, generate_commands, show_set
from medsynth_app.ui.places.generate.gallery import PictureGrid
from medsynth_app.ui.places.generate.panel import GeneratePanel
from medsynth_app.ui.places.generate.saving import Saving
from medsynth_app.ui.shell.frame import Frame
from medsynth_app.ui.shell.place import JobEnd, Place


def make(frame: Frame) -> Place:
    """Build the place."""
    panel = GeneratePanel(frame.theme, frame.session, frame.commands)
    grid, saving = PictureGrid(frame.theme, frame.session, frame.commands), Saving(frame)

    def finish() -> None:
        saving.finish()
        grid.thumbnails.finish()

    return Place(ID, _("Generate"), "image-multiple-outline", panel, centre=grid,
                 commands=generate_commands(frame, panel, grid, saving), entry=panel.prompt,
                 ends=(JobEnd(Outcome.PICTURES),
                       JobEnd(Outcome.SET, lambda record: not frame.session.make.is_set(record.id),
                              lambda record: show_set(frame, record.id))), finish=finish)
