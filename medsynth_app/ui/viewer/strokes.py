"""Painting tools: each leaves its change in the mask layer and tells which box it touched."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from medsynth_app.core.bounds import Bounds

Point = tuple[float, float]  # (row, column)


def brush_diameter(size: int) -> int:
    """Pixels across a brush of this size: napari's circles always have a middle pixel."""
    return 2 * (size // 2) + 1


class Stroke:
    """One press, drag and release of the brush or eraser.

    Parameters
    ----------
    layer
        The mask layer; its `brush_size` holds.
    value
        Mask value to paint, 0 erases.
    """

    def __init__(self, layer: Any, value: int) -> None:
        self.layer, self.value = layer, value
        self._last: Point | None = None
        self._box: tuple[float, float, float, float] | None = None

    def to(self, row: float, column: float) -> None:
        """Draw on to this point."""
        start = self._last or (row, column)
        down, across = row - start[0], column - start[1]
        count = max(1, math.ceil(math.hypot(down, across) / max(1.0, self.layer.brush_size / 4)))
        self.layer.stamp([(start[0] + down * k / count, start[1] + across * k / count)
                          for k in range(1, count + 1)], self.value)
        self._last = (row, column)
        box = self._box or (row, column, row, column)
        self._box = (min(box[0], row), min(box[1], column), max(box[2], row), max(box[3], column))

    @property
    def touched(self) -> Bounds:
        """The box that holds all of the stroke, within the image."""
        rows, columns = self.layer.data.shape
        if self._box is None:
            return Bounds(0, 0, 0, 0)
        reach = self.layer.brush_size // 2 + 2
        top, left, bottom, right = self._box
        return Bounds(math.floor(top), math.floor(left), math.ceil(bottom) + 1,
                      math.ceil(right) + 1).padded(reach).clipped(rows, columns)


def fill(layer: Any, row: float, column: float, value: int) -> Bounds:
    """Fill the connected region of equal value under a point; returns the box to look for changes in."""
    rows, columns = layer.data.shape
    at = (round(row), round(column))
    if not (0 <= at[0] < rows and 0 <= at[1] < columns):
        return Bounds(0, 0, 0, 0)
    layer.fill(at, value)
    return Bounds(0, 0, rows, columns)


def polygon(layer: Any, points: list[Point], value: int) -> Bounds:
    """Fill a polygon of three or more points; returns the box that holds it."""
    rows, columns = layer.data.shape
    if len(points) < 3:
        return Bounds(0, 0, 0, 0)
    corners = np.rint(np.array(points))
    layer.paint_polygon(corners, value)
    (top, left), (bottom, right) = corners.min(axis=0), corners.max(axis=0)
    return Bounds(int(top), int(left), int(bottom) + 1, int(right) + 1).padded(1).clipped(rows, columns)
