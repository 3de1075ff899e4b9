"""Putting the frames of a series in order along their normal, and saying what is odd about them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.image import FrameInfo
from medsynth_app.formats.dicom.frames import numbers
from medsynth_app.formats.dicom.header import DicomFile

_SAME_PLACE = 1e-3  # mm
_TILT = 0.5  # degrees


@dataclass(frozen=True, eq=False)
class Slice:
    """One frame and the file that holds it."""

    file: DicomFile
    info: FrameInfo


def arranged(slices: list[Slice]) -> tuple[list[Slice], tuple[str, ...]]:
    """Frames in order, with the distance between slices where it is even, and notices about what is not.

    Frames with patient geometry are sorted along the normal, group by group where there are several directions;
    without it they keep the order of Instance Number.
    """
    if len(slices) < 2:
        return slices, ()
    by_number = sorted(slices, key=_number)
    placed = [part for part in by_number if _directions(part.info) is not None]
    if not placed:
        return by_number, ()
    if len(placed) < len(by_number):
        return by_number, ("Some images do not say where they lie: the order is that of their numbers.",)
    groups: dict[tuple[float, ...], list[Slice]] = {}
    for part in placed:
        groups.setdefault(_directions(part.info) or (), []).append(part)
    notices: list[str] = []
    if all(part.file.header.get("Modality") == "SEG" for part in slices):  # segments share places on purpose
        return [part for group in groups.values() for part in _sorted(group)[0]], ()
    if len(groups) > 1:
        notices.append(f"The images lie in {len(groups)} directions: each is sorted by itself.")
    ordered: list[Slice] = []
    for group in groups.values():
        parts, said = _sorted(group)
        ordered += parts
        notices += said
    return ordered, tuple(dict.fromkeys(notices))


def _number(part: Slice) -> tuple[float, int]:
    found = numbers(part.file.header, "InstanceNumber")
    return (found[0] if found else math.inf), part.info.key.frame


def _directions(info: FrameInfo) -> tuple[float, ...] | None:
    """The two directions, rounded so that small differences between slices do not tear a series apart."""
    geometry = info.geometry
    if geometry is None or geometry.origin is None or not geometry.row_direction or not geometry.column_direction:
        return None
    return tuple(round(value, 2) + 0.0 for value in (*geometry.row_direction, *geometry.column_direction))


def _origin(part: Slice) -> npt.NDArray[np.float64]:
    geometry = part.info.geometry
    assert geometry is not None and geometry.origin is not None
    return np.array(geometry.origin)


def _sorted(group: list[Slice]) -> tuple[list[Slice], list[str]]:
    first = group[0].info.geometry
    assert first is not None and first.normal is not None
    normal = np.array(first.normal)
    places = {id(part): float(_origin(part) @ normal) for part in group}
    ordered = sorted(group, key=lambda part: round(places[id(part)] / _SAME_PLACE))
    heights = np.array([places[id(part)] for part in ordered])
    gaps = np.diff(heights)
    notices = []
    repeats = bool((gaps < 2 * _SAME_PLACE).any())
    if repeats:
        places_used = 1 + int((gaps >= 2 * _SAME_PLACE).sum())
        notices.append(f"The {len(group)} images lie at {places_used} place{'s' if places_used > 1 else ''}: some are "
                       "phases, echoes or repeats of others.")
    gaps = gaps[gaps >= 2 * _SAME_PLACE]
    if not len(gaps):
        return ordered, notices
    even = float(gaps.max() - gaps.min()) <= max(0.02, 0.01 * float(np.median(gaps)))
    if even and not repeats:
        ordered = [_spaced(part, float(gaps.mean())) for part in ordered]
    if not even:
        notices.append(_uneven(gaps))
    return ordered, notices + _tilt(ordered, normal)


def _uneven(gaps: npt.NDArray[np.float64]) -> str:
    """Missing slices where every distance is a multiple of the usual one, else a varying distance."""
    usual = float(np.median(gaps))
    multiples = gaps / usual
    whole = np.abs(multiples - np.rint(multiples)) < 0.05
    if whole.all() and multiples.min() > 0.5:
        missing = int((np.rint(multiples) - 1).sum())
        return (f"{missing} slice{' seems' if missing == 1 else 's seem'} to be missing: the usual distance is "
                f"{usual:.2f} mm, the largest {gaps.max():.2f} mm.")
    return f"The distance between slices varies from {gaps.min():.2f} to {gaps.max():.2f} mm."


def _tilt(ordered: list[Slice], normal: npt.NDArray[Any]) -> list[str]:
    """The steps from slice to slice run along the normal unless the gantry was tilted."""
    step = _origin(ordered[-1]) - _origin(ordered[0])
    length = float(np.linalg.norm(step))
    if length < _SAME_PLACE:
        return []
    angle = math.degrees(math.acos(min(1.0, abs(float(step @ normal)) / length)))
    if angle < _TILT:
        return []
    return [f"The gantry was tilted by {angle:.1f} degrees: the slices are shifted against each other."]


def _spaced(part: Slice, distance: float) -> Slice:
    geometry = part.info.geometry
    assert geometry is not None
    return replace(part, info=replace(part.info, geometry=replace(geometry, slice_spacing=distance)))
