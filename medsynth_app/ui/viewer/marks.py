"""What the overlay shows, as plain values."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPolygonF, QTransform

from medsynth_app.core.geometry import EdgeLetters


@dataclass
class Marks:
    """Everything drawn over the image; positions are canvas pixels unless said otherwise.

    Attributes
    ----------
    effective, synthetic
        Outlines in image coordinates: what a run would change, and what is generated.
    brush
        Canvas size of the brush circle, None without a brush.
    pixel_mm
        Millimetres per canvas pixel, None where unknown.
    divider
        x of the line between original (left) and candidate (right).
    message
        Said in the middle of a canvas on which nothing is shown.
    bubble
        Text beside the pointer, e.g. the window while it is dragged.
    above
        How much of the top is covered by something else.
    """

    empty: bool = True
    message: str = ""
    bright: bool = False
    letters: EdgeLetters = field(default_factory=lambda: EdgeLetters("", "", "", ""))
    corner: tuple[str, ...] = ()
    lower: str = ""
    to_screen: QTransform = field(default_factory=QTransform)
    effective: list[QPolygonF] = field(default_factory=list)
    synthetic: list[QPolygonF] = field(default_factory=list)
    pointer: QPointF | None = None
    brush: tuple[float, float] | None = None
    polygon: list[QPointF] = field(default_factory=list)
    pixel_mm: float | None = None
    divider: float | None = None
    captions: tuple[str, str] = ("", "")
    bubble: str = ""
    above: int = 0


def scale_bar(pixel_mm: float, room: float) -> tuple[float, str]:
    """(length in canvas pixels, text) of the longest round bar that fits into `room` pixels."""
    longest = pixel_mm * room
    power = 10.0 ** math.floor(math.log10(longest))
    length = max(step * power for step in (1, 2, 5) if step * power <= longest * (1 + 1e-9))
    if length >= 100:
        text = f"{length / 10:g} cm"
    elif length >= 1:
        text = f"{length:g} mm"
    else:
        text = f"{length * 1000:g} µm"
    return length / pixel_mm, text
