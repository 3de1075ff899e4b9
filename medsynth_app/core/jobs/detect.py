"""Detect: find the cells of fields."""

from __future__ import annotations

from dataclasses import dataclass

from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.embed import PictureList
from medsynth_app.core.jobs.kind import JobKind, Outcome
from medsynth_app.core.jobs.request import ModelRef

COLUMNS = ("cell_id", "image", "image_sha256", "x", "y", "width", "height", "confidence", "class", "edge", "origin")


@dataclass(frozen=True, eq=False)
class DetectRequest:
    """Find the cells of pictures of stained smears.

    Attributes
    ----------
    fields
        Whole pictures; their names are what ``cells.csv`` calls them.
    out
        The file ``.csv`` that the worker writes, with `COLUMNS`.
    model, plugin
        What finds them: a detector's pack, or the name under which a plug-in offers one; with neither, colour, size and
        shape.
    """

    fields: PictureList
    out: str
    model: ModelRef | None = None
    plugin: str = ""
    device: str = "auto"


def titled(request: DetectRequest) -> str:
    return f"Detect: cells of {len(request.fields)} pictures"


DETECT = JobKind("detect", DetectRequest, Lane.BACKGROUND, titled, "detect", Outcome.FILE, "Cells were found")
