"""The kernel distance: unbiased at any n, so the one to trust below about 1,000 images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from medsynth_app.evaluation.arrays import Floats, features, halves, same_space
from medsynth_app.evaluation.intervals import Spread

LEAST = 20  # images per side
LARGEST_SUBSET = 1000  # as in the paper


def kernel_distance(a: npt.ArrayLike, b: npt.ArrayLike, rng: np.random.Generator, subsets: int = 50,
                    subset_size: int | None = None) -> Spread:
    """KID: squared maximum mean discrepancy with the kernel (x.y / d + 1)^3 (Binkowski et al. 2018, arXiv 1801.01401).

    Parameters
    ----------
    a, b
        Features from one encoder, shapes (n, d) and (m, d), n and m at least 20.
    subsets
        How many pairs of random subsets are compared.
    subset_size
        Images in a subset, 2 to min(n, m); by default half of that, at most 1,000, so that subsets differ.

    Returns
    -------
    Mean over the subsets, with the range of 95 % of them: scatter, not a confidence interval. About 0 where both
    come from one distribution, at times below. `n` is min(n, m).

    Raises
    ------
    ValueError
        Too few images, a subset that is too small or too large, no subsets, different encoders, values not finite.
    """
    left, right = features(a, "a", LEAST), features(b, "b", LEAST)
    same_space(left, right)
    fewest = min(len(left), len(right))
    size = min(fewest // 2, LARGEST_SUBSET) if subset_size is None else subset_size
    if not 2 <= size <= fewest:
        raise ValueError(f"A subset must hold 2 to {fewest} images, not {size}.")
    if subsets < 1:
        raise ValueError(f"At least 1 subset is needed, not {subsets}.")
    found = [_mmd2(left[rng.choice(len(left), size, replace=False)], right[rng.choice(len(right), size, replace=False)])
             for _ in range(subsets)]
    low, high = np.quantile(found, [0.025, 0.975])
    return Spread(float(np.mean(found)), float(low), float(high), fewest)


def split_half_floor(real: npt.ArrayLike, rng: np.random.Generator, repeats: int = 5, subsets: int = 50,
                     subset_size: int | None = None) -> Spread:
    """The kernel distance of real images from real images, as `frechet.split_half_floor`.

    Parameters
    ----------
    real
        Features of real images, shape (n, d), n >= 40.
    subsets, subset_size
        As in `kernel_distance`, for each split.

    Returns
    -------
    Mean, smallest and largest over the splits; `n` is the number of images in a half.

    Raises
    ------
    ValueError
        Fewer than 40 images, no repeats, or what `kernel_distance` refuses.
    """
    array = features(real, "real", 2 * LEAST)
    if repeats < 1:
        raise ValueError(f"At least 1 split is needed, not {repeats}.")
    splits = [halves(len(array), rng) for _ in range(repeats)]
    found = [kernel_distance(array[one], array[other], rng, subsets, subset_size).mean for one, other in splits]
    return Spread(float(np.mean(found)), min(found), max(found), len(array) // 2)


def _mmd2(a: Floats, b: Floats) -> float:
    """Unbiased: no vector is compared with itself. Shapes (m, d) and (m, d)."""
    m = len(a)
    within = sum(float(kernel.sum() - np.trace(kernel)) for kernel in (_kernel(a, a), _kernel(b, b)))
    return within / (m * (m - 1)) - 2 * float(_kernel(a, b).mean())


def _kernel(a: Floats, b: Floats) -> Floats:
    base: Floats = a @ b.T / a.shape[1] + 1
    return base * base * base
