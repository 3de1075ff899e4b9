"""Generate: whole pictures from a prompt."""

from __future__ import annotations

from medsynth_app.core.jobs.kind import Outcome
from medsynth_app.core.words import _
from medsynth_app.ui.places.generate.commands import ID, generate_commands
from medsynth_app.ui.places.generate.gallery import PictureGrid
from medsynth_app.ui.places.generate.panel import GeneratePanel
from medsynth_app.ui.shell.frame import Frame
from medsynth_app.ui.shell.place import JobEnd, Place


def make(frame: Frame) -> Place:
    """Build the place."""
    panel = GeneratePanel(frame.theme, frame.session, frame.commands)
    grid = PictureGrid(frame.theme, frame.session, frame.commands)
    return Place(ID, _("Generate"), "image-multiple-outline", panel, centre=grid,
                 commands=generate_commands(frame, panel, grid), entry=panel.prompt,
                 ends=(JobEnd(Outcome.PICTURES),), finish=grid.thumbnails.finish)
