"""The Frechet distance between two clouds of features, and its floor.

Heusel et al. 2017 (arXiv 1706.08500). Biased upward at small n: two samples of the SAME 384-dimensional Gaussian give
a distance of 0.76 (n = 240) or 0.19 (n = 1000) of its trace. So it is printed beside the floor at the same n, below
1,000 images `kid` is preferred, and below 50 it is refused.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from medsynth_app.evaluation.arrays import Floats, features, halves, same_space
from medsynth_app.evaluation.intervals import Spread

LEAST = 50  # images per side


def frechet_distance(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Squared Frechet (Wasserstein-2) distance between the Gaussians fitted to two sets of features.

    Parameters
    ----------
    a, b
        Features from one encoder, shapes (n, d) and (m, d), n and m at least 50.

    Returns
    -------
    |mean a - mean b|^2 + trace(A + B - 2 sqrt(A B)) with covariances A and B (n - 1), in squared units of the
    features; never below 0.

    Raises
    ------
    ValueError
        Fewer than 50 images on a side, different encoders, or values that are not finite.
    """
    left, right = features(a, "a"), features(b, "b")
    same_space(left, right)
    fewest = min(len(left), len(right))
    if fewest < LEAST:
        raise ValueError(f"A Frechet distance needs at least {LEAST} images per side, not {fewest}: with fewer its "
                         "bias is larger than what it measures. Use kernel_distance instead.")
    return _distance(left, right)


def split_half_floor(real: npt.ArrayLike, rng: np.random.Generator, repeats: int = 5) -> Spread:
    """The distance that real images have from real images: what no generator can beat at this n.

    Parameters
    ----------
    real
        Features of real images, shape (n, d), n >= 100: each half must hold 50.
    repeats
        Random splits.

    Returns
    -------
    Mean, smallest and largest over the splits (no confidence interval: splits share their images); `n` is the number
    of images in a half, the n at which a synthetic set is to be compared.

    Raises
    ------
    ValueError
        Fewer than 100 images, no repeats, or values that are not finite.
    """
    array = features(real, "real")
    if len(array) < 2 * LEAST:
        raise ValueError(f"A split-half floor needs at least {2 * LEAST} real images, {LEAST} per half, "
                         f"not {len(array)}.")
    if repeats < 1:
        raise ValueError(f"At least 1 split is needed, not {repeats}.")
    splits = [halves(len(array), rng) for _ in range(repeats)]
    found = [_distance(array[one], array[other]) for one, other in splits]
    return Spread(float(np.mean(found)), min(found), max(found), len(array) // 2)


def _distance(a: Floats, b: Floats) -> float:
    """The distance at any n.

    With covariances A = R'R and B = S'S the eigenvalues of A B are the squared singular values of R S', hence
    trace sqrt(A B) is their sum: no root of a singular matrix is taken, and nothing becomes complex (Mathiasen and
    Hvilshoj 2020, arXiv 2009.14075).
    """
    gap = a.mean(axis=0) - b.mean(axis=0)
    left, right = _root(a), _root(b)
    overlap = np.linalg.svd(left @ right.T, compute_uv=False).sum()
    distance = gap @ gap + np.square(left).sum() + np.square(right).sum() - 2 * overlap
    return max(float(distance), 0.0)  # rounding may leave -1e-15


def _root(values: Floats) -> Floats:
    """R with R'R = the covariance of `values`, of min(n, d) rows."""
    centred: Floats = (values - values.mean(axis=0)) / np.sqrt(len(values) - 1)
    return centred if len(centred) <= centred.shape[1] else np.linalg.qr(centred).R
