"""What a study found: rows of figures, notes, sheets of pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from medsynth_app.core.figure import Figure

LINE = 18
COLOURS = np.array([(0, 0, 0), (230, 159, 0), (86, 180, 233), (0, 158, 115)], np.uint8)  # Okabe-Ito, as in the window


@dataclass(frozen=True, eq=False)
class Sheet:
    """A picture for the eye: `name` of the file to write it to, `pixels` (h, w, 3) uint8. It may show real pictures."""

    name: str
    pixels: npt.NDArray[np.uint8]


@dataclass
class Findings:
    """What a study found.

    Attributes
    ----------
    figures
        Rows for report and card.
    notes
        What was done and what was left out; they stand under the figures.
    sheets
        They hold real pictures, so they stay beside the report and never go into a pack.
    settled
        Fields of the request that the study decided itself, so that the command in the report repeats it.
    """

    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sheets: list[Sheet] = field(default_factory=list)
    settled: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, measured: Callable[[], tuple[Any, Any]] | Any, floor: Any = "", target: str = "",
            n: str = "") -> None:
        """One figure; `measured` may be a function for value and floor: its ValueError then says why there is none."""
        if callable(measured):
            try:
                measured, floor = measured()
            except ValueError as error:
                measured, floor = f"not measured: {error}", ""
        self.figures.append(Figure(name, str(measured), str(floor), target, n))


def sheet(rows: Sequence[Sequence[npt.NDArray[Any]]], captions: Sequence[str], heading: str, name: str,
          edge: int = 112, columns: int = 4) -> Sheet:
    """Tiles side by side, `columns` groups a line, each group under its caption.

    Parameters
    ----------
    rows
        For every group its tiles: (h, w, 3) or (h, w) uint8, or masks made visible by `coloured`.
    """
    wide = max(len(row) for row in rows)
    lines = -(-len(rows) // columns)
    canvas = Image.new("RGB", (columns * (wide * edge + 8), LINE + lines * (edge + LINE)), "white")
    draw = ImageDraw.Draw(canvas)
    draw.text((4, 3), heading, fill="black")
    for k, (row, caption) in enumerate(zip(rows, captions, strict=True)):
        left, top = (k % columns) * (wide * edge + 8), LINE + (k // columns) * (edge + LINE)
        draw.text((left + 2, top + 3), caption[:wide * edge // 6], fill="black")
        for place, tile in enumerate(row):
            picture = Image.fromarray(np.ascontiguousarray(tile)).convert("RGB").resize((edge, edge))
            canvas.paste(picture, (left + place * edge, top + LINE))
    return Sheet(name, np.asarray(canvas))


def coloured(mask: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """A label mask (h, w) as colours, (h, w, 3)."""
    return COLOURS[np.minimum(mask.astype(np.int64), len(COLOURS) - 1)]
