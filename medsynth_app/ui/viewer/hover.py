"""What lies under the pointer, in words and millimetres."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from medsynth_app.core.geometry import Geometry
from medsynth_app.core.image import FrameInfo, Pixels
from medsynth_app.core.words import _


@dataclass(frozen=True)
class Hover:
    """What lies under the pointer.

    Attributes
    ----------
    inside
        False beside the image; `value` and `position` are then empty.
    value
        Text with unit: "42 HU", "RGB 12 30 44"; where a candidate is in view "55 HU (original 11)".
    position
        (x, y, z) in mm, DICOM's LPS axes; None without patient geometry.
    zoom
        Canvas pixels per image pixel.
    label
        Name of the class painted there, or "".
    """

    row: int
    column: int
    inside: bool
    value: str
    position: tuple[float, float, float] | None
    zoom: float
    label: str = ""


def hover_at(row: float, column: float, pixels: Pixels, frame: FrameInfo, zoom: float,
             shown: Callable[[int, int], Pixels | None] = lambda row, column: None) -> Hover:
    """Describe the point (`row`, `column`) of a frame; whole numbers are pixel centres.

    `shown` tells the stored value that a candidate has in a pixel; None where the original is in view.
    """
    at = (round(row), round(column))
    inside = 0 <= at[0] < pixels.shape[0] and 0 <= at[1] < pixels.shape[1]
    if not inside:
        return Hover(*at, False, "", None, zoom)
    original = pixels[at]
    instead = shown(*at)
    value = _value(original if instead is None else instead, frame)
    if instead is not None and np.any(instead != original):
        value = _("{value} (original {original})").format(value=value, original=_number(original, frame))
    return Hover(*at, True, value, _position(frame.geometry, row, column), zoom)


def _value(stored: Pixels, frame: FrameInfo) -> str:
    text = _number(stored, frame)
    return f"RGB {text}" if np.ndim(stored) else f"{text} {frame.rescale.unit}".strip()


def _number(stored: Pixels, frame: FrameInfo) -> str:
    if np.ndim(stored):
        return " ".join(str(int(part)) for part in stored[:3])
    return f"{float(stored) * frame.rescale.slope + frame.rescale.intercept:.6g}"


def _position(geometry: Geometry | None, row: float, column: float) -> tuple[float, float, float] | None:
    if geometry is None or geometry.origin is None or geometry.row_direction is None \
            or geometry.column_direction is None:
        return None
    x, y, z = (np.array(geometry.origin) + column * geometry.column_spacing * np.array(geometry.row_direction)
               + row * geometry.row_spacing * np.array(geometry.column_direction))
    return float(x), float(y), float(z)
