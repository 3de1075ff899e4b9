"""Evaluate: not built yet."""

from __future__ import annotations

from medsynth_app.core.words import _
from medsynth_app.ui.places.planned import planned
from medsynth_app.ui.shell.frame import Frame
from medsynth_app.ui.shell.place import Place


def make(frame: Frame) -> Place:
    """Build the place."""
    return planned(frame, "evaluate", _("Evaluate"), "chart-box-outline",
                   _("Find out whether synthetic images are good, and for what."), (
                       _("Distances between real and synthetic sets, with their uncertainty."),
                       _("The nearest training patients of a synthetic image: has the model only copied?"),
                       _("Reader studies and classifiers trained with and without synthetic images.")))
