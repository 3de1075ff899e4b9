"""Where pixels lie in the patient: spacing, origin and direction in millimetres, DICOM's LPS axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

Vector = tuple[float, float, float]
_AXIAL = 0.7  # of the normal of slices that are said to lie between feet and head
_LETTERS = (("R", "L"), ("A", "P"), ("I", "S"))  # towards minus, towards plus of the LPS axes


@dataclass(frozen=True)
class Geometry:
    """Geometry of one frame (and of its stack).

    Attributes
    ----------
    row_spacing, column_spacing
        Distance in mm between rows and between columns (DICOM Pixel Spacing, in that order).
    slice_spacing
        Distance in mm between neighbouring slices along the normal; None where it varies or is unknown.
    origin
        Position (mm, LPS) of the centre of the first pixel; None without patient geometry.
    row_direction, column_direction
        Unit vectors (LPS): along a row (towards higher columns) and along a column (towards higher rows).
        None without patient geometry.
    """

    row_spacing: float
    column_spacing: float
    slice_spacing: float | None = None
    origin: Vector | None = None
    row_direction: Vector | None = None
    column_direction: Vector | None = None

    @property
    def normal(self) -> Vector | None:
        if self.row_direction is None or self.column_direction is None:
            return None
        x, y, z = np.cross(self.row_direction, self.column_direction)
        return float(x), float(y), float(z)


def runs_upwards(places: Sequence[Geometry | None]) -> bool:
    """Whether frames are axial slices, one above the other from the feet to the head."""
    heights = [place.origin[2] for place in places
               if place is not None and place.origin and place.normal and abs(place.normal[2]) > _AXIAL]
    return 1 < len(places) == len(heights) and all(low < high for low, high in pairwise(heights))


@dataclass(frozen=True)
class EdgeLetters:
    """Patient directions at the four edges of a view, e.g. R, L, A, P; empty strings when unknown."""

    left: str
    right: str
    top: str
    bottom: str

    @property
    def known(self) -> bool:
        return bool(self.left)


def edge_letters(geometry: Geometry | None, flip_horizontal: bool = False, flip_vertical: bool = False,
                 quarter_turns: int = 0) -> EdgeLetters:
    """Letters for a view that is first flipped, then turned by `quarter_turns` clockwise."""
    if geometry is None or geometry.row_direction is None or geometry.column_direction is None:
        return EdgeLetters("", "", "", "")
    left, right = _ends(geometry.row_direction)
    top, bottom = _ends(geometry.column_direction)
    if flip_horizontal:
        left, right = right, left
    if flip_vertical:
        top, bottom = bottom, top
    for _ in range(quarter_turns % 4):
        left, top, right, bottom = bottom, left, top, right
    return EdgeLetters(left, right, top, bottom)


def _ends(direction: Vector) -> tuple[str, str]:
    """Letters at the start and at the end of a direction, strongest axis first, at most two letters (oblique)."""
    order = sorted(range(3), key=lambda axis: -abs(direction[axis]))
    axes = [axis for axis in order if abs(direction[axis]) > 0.35][:2]
    start = "".join(_LETTERS[axis][0 if direction[axis] > 0 else 1] for axis in axes)
    end = "".join(_LETTERS[axis][1 if direction[axis] > 0 else 0] for axis in axes)
    return start, end
