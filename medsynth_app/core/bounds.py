"""Boxes of pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, order=True)
class Bounds:
    """A half-open box of pixels: rows ``top..bottom-1``, columns ``left..right-1``."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the box in an array whose first two axes are rows and columns."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def empty(self) -> bool:
        return self.height <= 0 or self.width <= 0

    def clipped(self, rows: int, columns: int) -> Bounds:
        return Bounds(max(0, self.top), max(0, self.left), min(rows, self.bottom), min(columns, self.right))

    def padded(self, pixels: int) -> Bounds:
        return Bounds(self.top - pixels, self.left - pixels, self.bottom + pixels, self.right + pixels)

    def union(self, other: Bounds) -> Bounds:
        return Bounds(min(self.top, other.top), min(self.left, other.left),
                      max(self.bottom, other.bottom), max(self.right, other.right))

    def shared(self, other: Bounds) -> Bounds:
        """What both hold; empty where they do not overlap."""
        return Bounds(max(self.top, other.top), max(self.left, other.left),
                      min(self.bottom, other.bottom), min(self.right, other.right))

    def within(self, outer: Bounds) -> Bounds:
        """The same box, counted from the corner of another."""
        return Bounds(self.top - outer.top, self.left - outer.left, self.bottom - outer.top, self.right - outer.left)

    def out_of(self, outer: Bounds) -> Bounds:
        """The inverse of `within`: a box that is counted from the corner of another, counted as that one is."""
        return Bounds(self.top + outer.top, self.left + outer.left, self.bottom + outer.top, self.right + outer.left)

    def surroundings(self, share: float, least: int = 0) -> Bounds:
        """The box with room round it: a share of its longer side, at least `least` pixels. Not clipped."""
        return self.padded(max(round(share * max(self.height, self.width)), least))

    def overlaps(self, other: Bounds) -> bool:
        return (self.top < other.bottom and other.top < self.bottom
                and self.left < other.right and other.left < self.right)

    def as_tuple(self) -> tuple[int, int, int, int]:
        return self.top, self.left, self.bottom, self.right

    @staticmethod
    def of_mask(mask: npt.NDArray[np.bool_]) -> Bounds | None:
        """The smallest box round the true pixels of a 2-D mask; None where there are none."""
        rows = np.flatnonzero(mask.any(axis=1))
        if not len(rows):
            return None
        columns = np.flatnonzero(mask[rows[0]:rows[-1] + 1].any(axis=0))
        return Bounds(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
