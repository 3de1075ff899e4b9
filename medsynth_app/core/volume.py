"""Volumes: frames that fill a block of the patient evenly, and where each of their voxels lies.

Distances are millimetres on DICOM's LPS axes (towards the left, the back, the head), as everywhere in the package. An
index counts (slice, row, column), as an array does, from the centre of the first voxel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.geometry import Geometry

Points = npt.NDArray[np.float64]  # (..., 3)

SAME_PLACE = 1e-5  # mm; slices nearer than this are at one place
SAME_DIRECTION = 1e-3  # of each number in a unit vector


class NoVolume(Enum):
    """Why frames are no volume."""

    SINGLE = auto()     # one frame alone
    UNPLACED = auto()   # a frame does not say where in the patient it lies
    UNLIKE = auto()     # frames differ in size, pixel size or direction
    UNEVEN = auto()     # the distance between slices varies
    TILTED = auto()     # slices are shifted against each other
    REPEATED = auto()   # several slices lie at one place


@dataclass(frozen=True, eq=False)
class Grid:
    """Where the voxels of a block lie.

    Attributes
    ----------
    shape
        (slices, rows, columns).
    affine
        float64 (4, 4): ``affine @ (slice, row, column, 1)`` is (x, y, z, 1) in mm, LPS.
    """

    shape: tuple[int, int, int]
    affine: npt.NDArray[np.float64]

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance in mm between slices, rows and columns."""
        between, down, across = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(between), float(down), float(across)

    def to_mm(self, index: npt.ArrayLike) -> Points:
        """Indices (..., 3), fractions allowed, to points (..., 3) in mm, LPS."""
        points: Points = np.asarray(index, np.float64) @ self.affine[:3, :3].T + self.affine[:3, 3]
        return points

    def to_index(self, points: npt.ArrayLike) -> Points:
        """Points (..., 3) in mm, LPS, to indices (..., 3), not rounded; outside the block too."""
        index: Points = (np.asarray(points, np.float64) - self.affine[:3, 3]) @ np.linalg.inv(self.affine[:3, :3]).T
        return index

    def holds(self, index: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether indices (..., 3), rounded, are voxels of the block."""
        whole = np.rint(np.asarray(index, np.float64))
        return np.asarray(((whole >= 0) & (whole < self.shape)).all(axis=-1))


@dataclass(frozen=True, eq=False)
class Volume:
    """A grid and the pixels on it. Slice k is frame k of the image.

    Attributes
    ----------
    read
        Stored values of a slice, as `ImageSource.pixels`; their rescale may differ from frame to frame.
    frame_of_reference
        Hash that images on one system of coordinates share; empty where the file names none.
    """

    grid: Grid
    read: Callable[[int], npt.NDArray[Any]]
    frame_of_reference: str = ""

    def slice(self, index: int) -> npt.NDArray[Any]:
        """Stored values of one slice, (rows, columns) or (rows, columns, 3); nothing else is decoded."""
        if not 0 <= index < self.grid.shape[0]:
            raise IndexError(index)
        return self.read(index)

    def array(self) -> npt.NDArray[Any]:
        """Stored values of all slices, (slices, rows, columns) or (slices, rows, columns, 3): decodes the whole."""
        return np.stack([self.read(k) for k in range(self.grid.shape[0])])


def grid_of(places: Sequence[Geometry | None], rows: int, columns: int) -> Grid | NoVolume:
    """The block that frames of `rows` x `columns` fill in their order, or why they fill none.

    Slices must share direction and pixel size and follow each other along their normal, in even steps.
    """
    if len(places) < 2:
        return NoVolume.SINGLE
    known = [place for place in places if place is not None and place.origin and place.normal]
    if len(known) < len(places):
        return NoVolume.UNPLACED
    first = known[0]
    axes = _axes(first)
    if any(not np.allclose(_axes(place), axes, atol=SAME_DIRECTION)
           or not math.isclose(place.row_spacing, first.row_spacing, rel_tol=1e-4)
           or not math.isclose(place.column_spacing, first.column_spacing, rel_tol=1e-4) for place in known):
        return NoVolume.UNLIKE
    origins = np.array([place.origin for place in known], np.float64)
    steps = np.diff(origins, axis=0)
    step = steps.mean(axis=0)
    if float(np.linalg.norm(steps, axis=1).max()) < SAME_PLACE:
        return NoVolume.REPEATED
    first_step = float(np.linalg.norm(steps[0]))
    slack = max(min(0.02, 0.1 * first_step), 0.01 * first_step)  # mm
    if float(np.abs(steps - step).max()) > slack:
        return NoVolume.UNEVEN
    if float(np.linalg.norm(np.cross(steps[0], np.array(first.normal)))) > slack:
        return NoVolume.TILTED
    affine = np.eye(4)
    affine[:3, 0] = step
    affine[:3, 1], affine[:3, 2] = axes[1] * first.row_spacing, axes[0] * first.column_spacing
    affine[:3, 3] = origins[0]
    affine.flags.writeable = False
    return Grid((len(known), rows, columns), affine)


def _axes(place: Geometry) -> npt.NDArray[np.float64]:
    """Unit vectors along a row and along a column, (2, 3)."""
    return np.array([place.row_direction, place.column_direction], np.float64)
