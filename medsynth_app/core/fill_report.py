"""What a fill is like against what surrounds it, in the image's own unit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.blend import seam_measure
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.grain import LEAST, LIMITS, Floats, Mask, Split, spread, surroundings
from medsynth_app.core.image import Pixels, Rescale
from medsynth_app.core.jobs.request import ImageContext

EXTREMES = 1, 99
SPOT = 0.02  # share of a fill that stands out
DOUBT = 1.7  # relative error of the noise in one pixel, four of which are worth one that is independent
FAR = 1.0  # spreads of the surroundings by which a fill's middle value is another
VISIBLE = 1.5  # times the steps that there are anyway: an edge that the eye finds


class Remark(StrEnum):
    """What the eye would find in a fill."""

    BRIGHTER = "brighter"
    DARKER = "darker"
    SMOOTHER = "smoother"
    GRAINIER = "grainier"
    EDGE = "edge"


OPPOSITE = {Remark.BRIGHTER: Remark.DARKER, Remark.DARKER: Remark.BRIGHTER}


@dataclass(frozen=True)
class Figures:
    """Values of one side, in the image's unit.

    Attributes
    ----------
    mean, spread
        Mean and standard deviation.
    noise
        Standard deviation of what is finer than `grain.LOW_PASS`, robust against edges.
    low, high
        1st and 99th percentile.
    edge
        Mean step between neighbours: inside across the fill's outline, around between any two.
    """

    mean: float
    spread: float
    noise: float
    low: float
    high: float
    edge: float


@dataclass(frozen=True)
class FillReport:
    """A fill and its surroundings.

    Attributes
    ----------
    unit
        "HU", or empty where the values have none.
    remarks
        What the eye would find.
    """

    inside: Figures
    around: Figures
    unit: str = ""
    remarks: tuple[Remark, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "remarks": [remark.value for remark in self.remarks]}

    @staticmethod
    def from_dict(raw: Mapping[str, Any]) -> FillReport:
        """The inverse of `to_dict`."""
        return FillReport(Figures(**raw["inside"]), Figures(**raw["around"]), raw["unit"],
                          tuple(Remark(name) for name in raw["remarks"]))


def fill_report(after: npt.NDArray[Any], effective: Mask, unit: str = "", step: float = 1.0,
                inverted: bool = False) -> FillReport | None:
    """Hold a fill against its surroundings (`grain.surroundings`).

    Parameters
    ----------
    after
        The crop with the fill in it: (h, w) in modality units, or (h, w, 3), whose mean is looked at but for edges.
    effective
        What was filled, shape (h, w).
    step
        Smallest difference of two values that the image can hold.
    inverted
        MONOCHROME1: low values are the brighter ones.

    Returns
    -------
    None where nothing was filled, or everything.
    """
    if not effective.any() or effective.all():
        return None
    picture = after.astype(np.float64)
    values = picture.mean(axis=2) if picture.ndim == 3 else picture
    around = surroundings(effective)
    inner, outer = Split.of(values, effective), Split.of(values, ~effective)
    steps = np.concatenate([np.abs(np.diff(picture, axis=axis))[_both(around, axis)].ravel() for axis in (0, 1)])
    inside = _figures(values[effective], inner.grain, seam_measure(picture, effective))
    outside = _figures(values[around], spread(outer.fine[outer.alike(inner, around)]),
                       float(steps.mean()) if steps.size else 0.0)
    # A remark is what stands out against every side of the surroundings: they may differ among themselves.
    found = set(Remark).intersection(*(_against(inner, outer, side, step) for side in _sides(effective, around)))
    if inside.edge > VISIBLE * outside.edge + step:
        found.add(Remark.EDGE)
    if inverted:
        found = {OPPOSITE.get(remark, remark) for remark in found}
    return FillReport(inside, outside, unit, tuple(remark for remark in Remark if remark in found))


def report_on(image: ImageContext, patch: Pixels, effective: Mask) -> dict[str, Any] | None:
    """The report on a finished patch of a request's image, in its unit and as plain values.

    Regions that were drawn each in a crop of its own are each held against their own surroundings.
    """
    rescale, grey, whole = Rescale(*image.rescale), patch.ndim == 2, Bounds(*image.bounds)
    found, sizes = [], []
    for region in image.regions or (image.bounds,):
        part = Bounds(*region).within(whole).slices
        report = fill_report(rescale.to_modality(patch[part]) if grey else patch[part], effective[part], image.unit,
                             abs(rescale.slope) if grey else 1.0, image.inverted)
        if report is not None:
            found.append(report)
            sizes.append(int(np.count_nonzero(effective[part])))
    return _together(found, sizes).to_dict() if found else None


def _together(reports: Sequence[FillReport], sizes: Sequence[int]) -> FillReport:
    """One report of several regions, by their sizes in pixels; a remark on one is a remark on all."""
    if len(reports) == 1:
        return reports[0]
    shares = np.array(sizes) / sum(sizes)

    def mean(name: str, side: str) -> float:
        return float(sum(share * getattr(getattr(report, side), name)
                         for share, report in zip(shares, reports, strict=True)))

    def joined(side: str) -> Figures:
        parts: list[Figures] = [getattr(report, side) for report in reports]
        middle = mean("mean", side)
        variance = sum(share * (part.spread**2 + (part.mean - middle)**2)
                       for share, part in zip(shares, parts, strict=True))
        return Figures(middle, math.sqrt(variance), mean("noise", side), min(part.low for part in parts),
                       max(part.high for part in parts), mean("edge", side))

    made = {remark for report in reports for remark in report.remarks}
    return FillReport(joined("inside"), joined("around"), reports[0].unit,
                      tuple(remark for remark in Remark if remark in made))


def _both(around: Mask, axis: int) -> Mask:
    """Where two neighbours along an axis are of the surroundings."""
    first, second = (around[:-1], around[1:]) if axis == 0 else (around[:, :-1], around[:, 1:])
    return first & second


def _figures(values: Floats, noise: float, edge: float) -> Figures:
    low, high = np.percentile(values, EXTREMES)
    return Figures(float(values.mean()), float(values.std()), noise, float(low), float(high), edge)


def _sides(effective: Mask, around: Mask) -> list[Mask]:
    """The quarters of the surroundings that are large enough to be looked at; all of them where none is."""
    row, column = (np.arange(edge).reshape(shape) - centre for edge, shape, centre in zip(
        effective.shape, ((-1, 1), (1, -1)), (axis.mean() for axis in np.nonzero(effective)), strict=True))
    quarters = [around & (row < column) & (row < -column), around & (row >= column) & (row >= -column),
                around & (row >= column) & (row < -column), around & (row < column) & (row >= -column)]
    return [quarter for quarter in quarters if np.count_nonzero(quarter) >= LEAST] or [around]


def _against(inner: Split, outer: Split, side: Mask, step: float) -> set[Remark]:
    """What is to be said of a fill where `side` is all that surrounds it."""
    found = set()
    mine, theirs = ((part.structure + part.fine)[where] for part, where in ((inner, inner.where), (outer, side)))
    structure, others = inner.structure[inner.where], outer.structure[side]
    shift, usual = float(np.median(mine) - np.median(theirs)), FAR * max(spread(theirs), step)
    low, high = np.percentile(others, EXTREMES)
    margin = max(spread(others), step)
    if shift > usual or (structure > high + margin).mean() > SPOT:
        found.add(Remark.BRIGHTER)
    if -shift > usual or (structure < low - margin).mean() > SPOT:
        found.add(Remark.DARKER)
    grain, usual = inner.grain, spread(outer.fine[outer.alike(inner, side)])
    chance = 1 + 2 * DOUBT * (1 / math.sqrt(len(mine)) + 1 / math.sqrt(len(theirs)))
    if max(grain, usual) > step / 2:  # else neither can be seen
        if grain * chance < LIMITS[0] * usual:
            found.add(Remark.SMOOTHER)
        if grain > LIMITS[1] * chance * usual:
            found.add(Remark.GRAINIER)
    return found
