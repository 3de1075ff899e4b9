"""Library: open an image, and what is kept of it."""

from __future__ import annotations

from medsynth_app.core.words import _
from medsynth_app.ui.places.library.panel import LibraryPanel
from medsynth_app.ui.places.library.removal import removal_commands
from medsynth_app.ui.shell.frame import Frame
from medsynth_app.ui.shell.place import Place


def make(frame: Frame) -> Place:
    """Build the place."""
    panel = LibraryPanel(frame.theme, frame.session, frame.commands, frame.opening.open)
    frame.opening.opened.connect(panel.look_for_series)
    return Place("library", _("Library"), "folder-image", panel, commands=removal_commands(frame),
                 tools=(frame.steps, frame.image_tools), finish=panel.finish)
