"""Do generated masks have the sizes and forms of real ones, and are they new?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats
from skimage import measure

from medsynth_app.evaluation.arrays import Floats, halves, mask_stack, vector
from medsynth_app.evaluation.intervals import Spread

LEAST = 10  # values for a split in halves
_CHUNK = 2**24  # pixels of references compared at once


@dataclass(frozen=True, eq=False)
class ShapeDescriptors:
    """Four numbers for every mask; arrays of float64, shape (n,).

    Attributes
    ----------
    area
        Share of the mask's pixels that carry the label, 0 to 1.
    count
        Components (pixels that touch at a side or a corner belong together).
    eccentricity
        Of the largest component: 0 = as a circle, towards 1 = as a line. NaN where the label does not occur.
    solidity
        Of the largest component: its area over that of its convex hull, 0 to 1. NaN where the label does not occur.
    """

    area: Floats
    count: Floats
    eccentricity: Floats
    solidity: Floats

    def known(self, name: str) -> Floats:
        """The values of one descriptor without the masks that have none: what `distribution_distance` takes."""
        values: Floats = getattr(self, name)
        return values[np.isfinite(values)]


def shape_descriptors(masks: npt.NDArray[Any], label: int) -> ShapeDescriptors:
    """Area, components and form of one label, by scikit-image's region properties.

    Parameters
    ----------
    masks
        Labels, shape (n, h, w), uint8 or another integer type.
    label
        The one to measure, not 0; in boolean masks 1.

    Raises
    ------
    ValueError
        Another shape or type, or the background as label.
    """
    stack = mask_stack(masks, "masks")
    if label == 0:
        raise ValueError("0 is the background: name another label.")
    rows = np.array([_describe(mask == label) for mask in stack], np.float64)
    area, count, eccentricity, solidity = rows.T
    return ShapeDescriptors(area, count, eccentricity, solidity)


def distribution_distance(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """How far two lists of numbers lie apart, in standard deviations.

    Wasserstein's distance (1-D) over the pooled standard deviation: moving a list by one standard deviation gives 1.

    Parameters
    ----------
    a, b
        Shapes (n,) and (m,), n and m at least 2.

    Returns
    -------
    0 or more; infinite where each list holds one value only and they differ.

    Raises
    ------
    ValueError
        Fewer than two values in a list, or values that are not finite (see `ShapeDescriptors.known`).
    """
    left, right = vector(a, "a", 2), vector(b, "b", 2)
    apart = float(stats.wasserstein_distance(left, right))
    freedom = len(left) + len(right) - 2
    squares = np.square(left - left.mean()).sum() + np.square(right - right.mean()).sum()
    pooled = float(np.sqrt(squares / freedom))
    if apart == 0:
        return 0.0
    return apart / pooled if pooled else float("inf")


def split_half_floor_1d(values: npt.ArrayLike, rng: np.random.Generator, repeats: int = 20) -> Spread:
    """`distribution_distance` between random halves of real values: what sampling alone gives.

    Parameters
    ----------
    values
        Shape (n,), n >= 10.
    repeats
        Random splits.

    Returns
    -------
    Mean, smallest and largest over the splits; `n` is the number of values in a half.

    Raises
    ------
    ValueError
        Fewer than 10 values, no repeats, or values that are not finite.
    """
    array = vector(values, "values", LEAST)
    if repeats < 1:
        raise ValueError(f"At least 1 split is needed, not {repeats}.")
    splits = [halves(len(array), rng) for _ in range(repeats)]
    found = [distribution_distance(array[one], array[other]) for one, other in splits]
    return Spread(float(np.mean(found)), min(found), max(found), len(array) // 2)


def nearest_mask(masks: npt.NDArray[Any], references: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], Floats]:
    """For every mask the reference that it resembles most: a copy has 1.

    Resemblance is the intersection over union of (pixel, label) pairs, so pixels agree only in the same label. Masks
    are compared where they lie: for mirrored copies give the mirrored references too.

    Parameters
    ----------
    masks, references
        Shapes (n, h, w) and (m, h, w), boolean or labels with 0 = background.

    Returns
    -------
    Indices into `references`, int64, and that intersection over union, 0 to 1 (1 where both are empty); shape (n,).

    Raises
    ------
    ValueError
        Another type, or shapes that do not fit.
    """
    drawn, known = mask_stack(masks, "masks"), mask_stack(references, "references")
    if drawn.shape[1:] != known.shape[1:]:
        raise ValueError(f"Masks of {drawn.shape[1:]} cannot be compared with references of {known.shape[1:]}.")
    labels = [label for label in np.union1d(drawn, known).tolist() if label]
    indices, best = np.zeros(len(drawn), np.int64), np.full(len(drawn), -1.0)
    step = max(1, _CHUNK // known[0].size)
    for first in range(0, len(drawn), step):
        part = slice(first, first + step)
        for start in range(0, len(known), step):
            overlap = _overlaps(drawn[part], known[start:start + step], labels)
            better = overlap.max(axis=1) > best[part]
            indices[part] = np.where(better, start + overlap.argmax(axis=1), indices[part])
            best[part] = np.where(better, overlap.max(axis=1), best[part])
    return indices, best


def _describe(mask: npt.NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """Area share, components, eccentricity, solidity."""
    components = measure.label(mask, connectivity=2)
    count = int(components.max())
    if not count:
        return 0.0, 0.0, float("nan"), float("nan")
    largest = (components == 1 + np.bincount(components.ravel())[1:].argmax()).astype(np.uint8)
    table = measure.regionprops_table(largest, properties=("eccentricity", "solidity"))
    return float(mask.mean()), float(count), float(table["eccentricity"][0]), float(table["solidity"][0])


def _overlaps(a: npt.NDArray[Any], b: npt.NDArray[Any], labels: list[int]) -> Floats:
    """Intersection over union of every pair, shape (n, m)."""
    left, right = a.reshape(len(a), -1), b.reshape(len(b), -1)
    shared = np.zeros((len(a), len(b)))
    for label in labels:
        # float32 counts exactly up to 16.7 million pixels, and multiplies fast
        shared += (left == label).astype(np.float32) @ (right == label).astype(np.float32).T
    joint = (left != 0).sum(axis=1)[:, None] + (right != 0).sum(axis=1)[None] - shared
    return np.where(joint > 0, shared / np.maximum(joint, 1), 1.0)
