"""Regions of real pictures that are filled though nothing is wrong with them: so the truth is known.

A fill is judged by a distance of features and by its grain, both of which a blur of the truth fails: that stands among
the rows too. Beside the pack stand the fills that need no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.restoration import inpaint_biharmonic

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.jobs.study import StudyRequest
from medsynth_app.datasets.items import Item, read_labels
from medsynth_app.evaluation.intervals import bootstrap
from medsynth_app.segmentation.fill import fill
from medsynth_app.studies.bench import Bench, Closeness, Fill, FillBy, Mask
from medsynth_app.studies.domain import Domain, Pictures
from medsynth_app.studies.findings import Findings, sheet
from medsynth_app.studies.pictures import resized
from medsynth_app.studies.places import plain_place

RADII = 0.08, 0.16  # of the regions, as shares of the frame
SMALLEST, MARGIN = 64, 32  # pixels: of the square that is judged, and of what the biharmonic fill sees
BLUR, FINE = 3.0, 2.0  # pixels: of the blurred truth, and of what is coarser than grain
SHOWN = 12
PACK, CLASSICAL, BLURRED = "the pack", "the classical fill", "the truth, blurred"


@dataclass(frozen=True)
class Restored:
    """Frames (h, w) or (h, w, 3) uint8 whose painted parts were filled, by whom, and how near the truth.

    Attributes
    ----------
    filled
        By method, each in the order of the frames.
    """

    frames: list[Pictures]
    painted: list[Mask]
    filled: dict[str, list[Pictures]]

    def distances(self, closeness: Closeness) -> dict[str, npt.NDArray[np.float64]]:
        """Of each fill from the truth, by method, shape (n,)."""
        return {name: np.array([_distance(closeness, *each) for each in zip(self.frames, several, self.painted,
                                                                           strict=True)])
                for name, several in self.filled.items()}

    def grain(self) -> dict[str, npt.NDArray[np.float64]]:
        """Grain of each fill over that of the truth, by method, shape (n,)."""
        true = np.array([grain_of(*each) for each in zip(self.frames, self.painted, strict=True)])
        return {name: np.array([grain_of(*each) for each in zip(several, self.painted, strict=True)])
                / np.maximum(true, 1e-6) for name, several in self.filled.items()}


def wishes(domain: Domain, items: Sequence[Item], frames: Pictures, seed: int) -> list[Fill]:
    """A region of every frame (n, s, s, 3) in which there is room for one beside what its mask shows.

    Tissue is drawn anew as the slice's caption says, other regions as `remove` does it; without a soft edge, in which
    the truth would stay that a fill is held against.
    """
    found = []
    for k, (item, frame, mask) in enumerate(zip(items, frames, read_labels(items, frames.shape[1]) > 0, strict=True)):
        place = plain_place(frame, mask, np.random.default_rng((seed, k)), RADII)
        if place is not None:
            asked = (item.caption, "replace") if domain.grey else ("", "remove")
            found.append(Fill(frame[..., 0] if domain.grey else frame, place, asked[0], seed + k, asked[1],
                              feather=0))
    return found


def add_restored(findings: Findings, bench: Bench, items: Sequence[Item], frames: Pictures,
                 request: StudyRequest) -> None:
    """How far fills are from the truth; without an encoder of others nothing is measured, and a note says so."""
    fills = wishes(bench.domain, items, frames, request.seed)
    found = bench.closeness()
    if isinstance(found, str) or not fills:
        findings.notes.append(f"Regions whose truth is known were not filled: {found if fills else 'there is no room'}")
        return
    restored = Restored([each.frame for each in fills], [each.painted for each in fills],
                        {PACK: bench.fill(fills)[0], **without_model(fills, bench.telea())})
    distances, grain = restored.distances(found), restored.grain()
    n = f"{len(fills)} regions of the test part"
    for name, values in distances.items():
        findings.add(f"a region filled whose truth is known, by {name}: distance of features on MobileNetV2",
                     bootstrap(values, np.random.default_rng(request.seed)), n=n)
        low, middle, high = np.quantile(grain[name], (0.25, 0.5, 0.75))
        findings.add(f"the same by {name}: its grain over the truth's, median (half of them)",
                     f"{middle:.2f} ({low:.2f}-{high:.2f})", "1", n=n)
    better = distances[PACK] < distances[CLASSICAL]
    findings.add("the pack is nearer to the truth than the classical fill",
                 bootstrap(better.astype(np.float64), np.random.default_rng(request.seed)), "0.5 by chance", n=n)
    rows = [[resized(_coloured(each)[square(restored.painted[k])][None], 112)[0]
             for each in (restored.frames[k], *(several[k] for several in restored.filled.values()))]
            for k in range(min(SHOWN, len(fills)))]
    findings.sheets.append(sheet(rows, [each.mode for each in fills[:SHOWN]],
                                 "truth (real) | " + " | ".join(restored.filled), "inpaint-known-truth.jpg", columns=2))


def without_model(fills: Sequence[Fill], telea: FillBy | None) -> dict[str, list[Pictures]]:
    """The same regions filled by what needs no model, and the truth itself blurred."""
    ways: dict[str, FillBy] = {CLASSICAL: classical, "a biharmonic fill": _biharmonic,
                               **({"Telea's fill": telea} if telea is not None else {}), BLURRED: _blurred}
    return {name: filled_by(way, fills) for name, way in ways.items()}


def filled_by(way: FillBy, fills: Sequence[Fill]) -> list[Pictures]:
    """Each frame, what is painted as a way fills it."""
    found = []
    for each in fills:
        values = np.clip(np.rint(way(each)), 0, 255).astype(np.uint8)
        found.append(np.where(each.painted.reshape(each.painted.shape + (1,) * (each.frame.ndim - 2)), values,
                              each.frame))
    return found


def classical(each: Fill) -> npt.NDArray[np.float64]:
    """The fill that needs no model."""
    return fill(each.frame, each.painted, each.seed)


def grain_of(frame: Pictures, where: Mask) -> float:
    """Standard deviation of what is finer than `FINE` pixels, inside `where`."""
    values = frame.astype(np.float64)
    fine = values - ndimage.gaussian_filter(values, (FINE, FINE) + (0,) * (values.ndim - 2))
    return float(fine[where].std())


def grain_beside(frame: Pictures, where: Mask) -> float:
    """Grain inside `where` over that of a ring of its width round it; 1 where they are alike."""
    ring = ndimage.binary_dilation(where, iterations=max(3, round(np.sqrt(where.sum()) / 4))) & ~where
    return grain_of(frame, where) / max(grain_of(frame, ring), 1e-6) if ring.any() else 1.0


def _biharmonic(each: Fill) -> npt.NDArray[np.float64]:
    frame, painted, box = each.frame, each.painted, _box(each.painted, MARGIN)
    filled = frame.astype(np.float64)
    filled[box] = inpaint_biharmonic(filled[box] / 255, painted[box],
                                     channel_axis=-1 if frame.ndim == 3 else None) * 255
    return filled


def _blurred(each: Fill) -> npt.NDArray[np.float64]:
    blurred: npt.NDArray[np.float64] = ndimage.gaussian_filter(each.frame.astype(np.float64),
                                                               (BLUR, BLUR) + (0,) * (each.frame.ndim - 2))
    return blurred


def _distance(closeness: Closeness, true: Pictures, filled: Pictures, painted: Mask) -> float:
    box = square(painted)
    return closeness(_coloured(true)[box], _coloured(filled)[box], painted[box])


def _coloured(frame: Pictures) -> Pictures:
    return frame if frame.ndim == 3 else np.repeat(frame[..., None], 3, axis=2)


def _box(painted: Mask, margin: int) -> tuple[slice, slice]:
    bounds = Bounds.of_mask(painted)
    assert bounds is not None
    return bounds.padded(margin).clipped(*painted.shape).slices


def square(painted: Mask) -> tuple[slice, slice]:
    """A square about twice as wide as the region, of `SMALLEST` pixels at least, in the frame."""
    bounds = Bounds.of_mask(painted)
    assert bounds is not None
    rows, columns = painted.shape
    side = min(max(SMALLEST, 2 * max(bounds.height, bounds.width)), rows, columns)
    top = min(max((bounds.top + bounds.bottom - side) // 2, 0), rows - side)
    left = min(max((bounds.left + bounds.right - side) // 2, 0), columns - side)
    return slice(top, top + side), slice(left, left + side)

