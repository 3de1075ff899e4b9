"""Faithful or varied: two questions that one distance mixes up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsynth_app.evaluation.arrays import Floats, features, same_space
from medsynth_app.evaluation.distances import chunked


@dataclass(frozen=True)
class ManifoldScores:
    """How two clouds of features cover each other; the manifold is a ball round every image, to its k-th neighbour.

    Attributes
    ----------
    precision
        Share of synthetic images inside the real manifold: do they look real? One odd real image can inflate it.
    recall
        Share of real images inside the synthetic manifold: is every kind of real image made?
    density
        Real balls that a synthetic image lies in, over k: precision that odd real images do not inflate; may exceed 1.
    coverage
        Share of real images with a synthetic one in their ball: recall that odd synthetic images do not inflate.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def precision_recall_density_coverage(real: npt.ArrayLike, synthetic: npt.ArrayLike, k: int = 5) -> ManifoldScores:
    """Precision and recall (Kynkaanniemi et al. 2019, arXiv 1904.06991), density and coverage (Naeem et al. 2020,
    arXiv 2002.09797).

    Coverage depends on n: for equal distributions and equal n it is 1 - (n-1)...(n-k) / ((2n-1)...(2n-k)), about
    1 - 0.5^k. Compare sets of equal size.

    Parameters
    ----------
    real, synthetic
        Features from one encoder, shapes (n, d) and (m, d), n and m above k.
    k
        Neighbours that a ball reaches to; balls are closed.

    Raises
    ------
    ValueError
        k below 1, too few images for it, different encoders, or values that are not finite.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}.")
    truth, drawn = features(real, "real", k + 1), features(synthetic, "synthetic", k + 1)
    same_space(truth, drawn)
    truth_radii, drawn_radii = _radii(truth, k), _radii(drawn, k)
    balls = np.empty(len(drawn), np.int64)  # real balls that each synthetic image lies in
    recalled = np.zeros(len(truth), np.bool_)
    closest = np.full(len(truth), np.inf)  # of each real image to any synthetic one
    for part, distances in chunked(drawn, truth):
        balls[part] = (distances <= truth_radii).sum(axis=1)
        recalled |= (distances <= drawn_radii[part, None]).any(axis=0)
        np.minimum(closest, distances.min(axis=0), out=closest)
    return ManifoldScores(float((balls > 0).mean()), float(recalled.mean()), float(balls.mean() / k),
                          float((closest <= truth_radii).mean()))


def _radii(values: Floats, k: int) -> Floats:
    """Distance of every row to its k-th nearest other row, shape (n,)."""
    radii = np.empty(len(values))
    for part, distances in chunked(values, values):
        radii[part] = np.partition(distances, k, axis=1)[:, k]  # the nearest of all is the row itself
    return radii
