"""What the overlay shows, as plain values."""

from __future__ import annotations

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
