"""Label: not built yet."""

from __future__ import annotations

from medsynth_app.core.words import _
from medsynth_app.ui.places.planned import planned
from medsynth_app.ui.shell.frame import Frame
from medsynth_app.ui.shell.place import Place


def make(frame: Frame) -> Place:
    """Build the place."""
    return planned(frame, "label", _("Label"), "tag-outline",
                   _("Label first the cells that teach a classifier most."), (
                       _("The cell large in the middle, the nearest labelled cells of each class beside it."),
                       _("One key gives the class and brings the next cell."),
                       _("A queue that says why each cell comes now, and a blind mode that hides predictions and "
                         "origin.")))
