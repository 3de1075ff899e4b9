"""Putting the frames of a series in order along their normal, and saying what is odd about them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.image import FrameInfo
from medsynth_app.formats.dicom.elements import as_numbers, numbers, of_frame
from medsynth_app.formats.dicom.header import DicomFile

_NEAR = 2e-3  # mm; slices nearer than this are at one place, unless the whole stack is finer
_FINEST = 1e-5  # mm
_SAME_DIRECTION = 0.01  # of each number in a unit vector: half a degree
_TILT = 0.5  # degrees
_PHASES = (  # what tells frames at one place apart: sequence of a functional group, element
    ("FrameContentSequence", "TemporalPositionIndex"), ("", "TemporalPositionIdentifier"), ("", "AcquisitionNumber"),
    ("MREchoSequence", "EffectiveEchoTime"), ("", "EchoTime"), ("", "EchoNumbers"), ("", "TriggerTime"),
    ("MRDiffusionSequence", "DiffusionBValue"), ("", "DiffusionBValue"), ("", "AcquisitionTime"),
    ("", "ContentTime"),
)


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
        told = {_number(part) for part in slices}
        if len(told) == len(slices) and all(math.isfinite(number) for number, _frame in told):
            return by_number, ()
        return by_number, ("The images say neither where they lie nor which comes first: the order is that of the "
                           "files' names.",)
    if len(placed) < len(by_number):
        return by_number, ("Some images do not say where they lie: the order is that of their numbers.",)
    groups = _by_direction(placed)
    notices: list[str] = []
    sizes = {(part.info.rows, part.info.columns) for part in placed}
    if len(sizes) > 1:
        notices.append(f"The slices have {len(sizes)} sizes: programs that stack them may refuse this series.")
    if all(part.file.header.get("Modality") == "SEG" for part in slices):  # segments share places on purpose
        return [part for group in groups for part in _sorted(group, phased=False)[0]], ()
    if len(groups) > 1:
        notices.append(f"The images lie in {len(groups)} directions: each is sorted by itself.")
    ordered: list[Slice] = []
    for group in groups:
        parts, said = _sorted(group)
        ordered += parts
        notices += said
    return ordered, tuple(dict.fromkeys(notices))


def _number(part: Slice) -> tuple[float, int]:
    found = numbers(part.file.header, "InstanceNumber")
    return (found[0] if found else math.inf), part.info.key.frame


def _directions(info: FrameInfo) -> npt.NDArray[np.float64] | None:
    """The six direction cosines."""
    geometry = info.geometry
    if geometry is None or geometry.origin is None or not geometry.row_direction or not geometry.column_direction:
        return None
    return np.array((*geometry.row_direction, *geometry.column_direction))


def _by_direction(slices: list[Slice]) -> list[list[Slice]]:
    """Slices of one direction, as near as cosines of few digits allow."""
    groups: list[tuple[npt.NDArray[np.float64], list[Slice]]] = []
    for part in slices:
        along = _directions(part.info)
        assert along is not None
        group = next((group for first, group in groups if np.abs(along - first).max() < _SAME_DIRECTION), None)
        if group is None:
            groups.append((along, [part]))
        else:
            group.append(part)
    return [group for _, group in groups]


def _origin(part: Slice) -> npt.NDArray[np.float64]:
    geometry = part.info.geometry
    assert geometry is not None and geometry.origin is not None
    return np.array(geometry.origin)


def _normal(group: list[Slice]) -> npt.NDArray[np.float64]:
    geometry = group[0].info.geometry
    assert geometry is not None and geometry.normal is not None
    return np.array(geometry.normal)


def _sorted(group: list[Slice], phased: bool = True) -> tuple[list[Slice], list[str]]:
    """Slices of one direction along their normal; where several lie at one place, phase by phase if `phased`."""
    places, heights = _places(group)
    notices = []
    if len(places) == len(group):
        ordered = [part for place in places for part in place]
    else:
        phases = _phases(places) if phased else [[part for place in places for part in place]]
        ordered = [part for phase in phases for part in phase]
        notices.append(f"The {len(group)} images lie at {len(places)} place{'s' if len(places) > 1 else ''}: some are "
                       "phases, echoes or repeats of others"
                       + (f"; {len(phases)} stacks follow one another." if len(phases) > 1 < len(places) else "."))
    gaps = np.diff(heights)
    if not len(gaps):
        return ordered, notices
    if float(gaps.max() - gaps.min()) > max(min(0.02, 0.1 * float(np.median(gaps))), 0.01 * float(np.median(gaps))):
        notices.append(_uneven(gaps))
    elif len(places) == len(group) or len(phases) > 1:
        ordered = [_spaced(part, float(gaps.mean())) for part in ordered]
    return ordered, notices + _tilt(ordered, _normal(group))


def _places(group: list[Slice]) -> tuple[list[list[Slice]], npt.NDArray[np.float64]]:
    """The slices at each place, upwards, in the order in which they came; and how high the places lie in mm."""
    normal = _normal(group)
    heights = np.array([float(_origin(part) @ normal) for part in group])
    order = np.argsort(heights, kind="stable")
    gaps = np.diff(heights[order])
    near = min(_NEAR, max(_FINEST, 0.01 * float(gaps.max(initial=0))))
    ends = np.flatnonzero(gaps >= near) + 1
    members = [np.sort(part) for part in np.split(order, ends)]
    return [[group[k] for k in part] for part in members], np.array([heights[part].mean() for part in members])


def _phases(places: list[list[Slice]]) -> list[list[Slice]]:
    """Slices of several places, each with as many, as stacks that follow one another; one stack if they are none.

    What the files say tells the stacks apart, else the order of Instance Number at each place.
    """
    most = max(len(place) for place in places)
    for sequence, keyword in _PHASES:
        stacks: dict[float, list[Slice]] = {}
        ranked = [(_stated(part, sequence, keyword), k, part) for k, place in enumerate(places) for part in place]
        for value, _, part in ranked:
            stacks.setdefault(value, []).append(part)
        once = len({(value, k) for value, k, _ in ranked}) == len(ranked)
        if once and len(stacks) == most and not any(math.isnan(value) for value in stacks):
            return [_timed(stacks[value], phase) for phase, value in enumerate(sorted(stacks))]
    if len(places) > 1 and all(len(place) == most for place in places):
        return [_timed([place[phase] for place in places], phase) for phase in range(most)]
    return [[part for place in places for part in place]]


def _stated(part: Slice, sequence: str, keyword: str) -> float:
    value = of_frame(part.file.header, part.info.key.frame, sequence, keyword) if sequence else \
        part.file.header.get(keyword)
    found = as_numbers(value)
    return found[0] if found else math.nan


def _timed(stack: list[Slice], phase: int) -> list[Slice]:
    return [replace(part, info=replace(part.info, time=phase)) for part in stack]


def _uneven(gaps: npt.NDArray[np.float64]) -> str:
    """Missing slices where every distance is a multiple of the usual one, else a varying distance."""
    usual = float(np.median(gaps))
    multiples = gaps / usual
    whole = np.abs(multiples - np.rint(multiples)) < 0.05
    if whole.all() and multiples.min() > 0.5:
        missing = int((np.rint(multiples) - 1).sum())
        return (f"{missing} slice{' seems' if missing == 1 else 's seem'} to be missing: the usual distance is "
                f"{_mm(usual)} mm, the largest {_mm(gaps.max())} mm.")
    return f"The distance between slices varies from {_mm(gaps.min())} to {_mm(gaps.max())} mm."


def _mm(distance: float) -> str:
    return f"{distance:.2f}" if distance >= 0.1 else f"{distance:.3g}"


def _tilt(ordered: list[Slice], normal: npt.NDArray[Any]) -> list[str]:
    """The steps from slice to slice run along the normal unless the gantry was tilted."""
    step = _origin(ordered[-1]) - _origin(ordered[0])
    length = float(np.linalg.norm(step))
    if length < _FINEST:
        return []
    angle = math.degrees(math.acos(min(1.0, abs(float(step @ normal)) / length)))
    if angle < _TILT:
        return []
    return [f"The gantry was tilted by {angle:.1f} degrees: the slices are shifted against each other."]


def _spaced(part: Slice, distance: float) -> Slice:
    geometry = part.info.geometry
    assert geometry is not None
    return replace(part, info=replace(part.info, geometry=replace(geometry, slice_spacing=distance)))
