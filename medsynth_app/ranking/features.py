"""Embeddings made ready to be compared: centred, in few dimensions, of one scale; and what lies near what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Cells = npt.NDArray[np.int64]

MOST_DIMENSIONS = 192
LEARNED_FROM = 20_000  # rows that the axes are found on
ROWS = 16_384  # that are worked on at a time


def blocks(count: int, rows: int = ROWS) -> Iterator[slice]:
    """Slices that cover `count` rows."""
    return (slice(start, min(start + rows, count)) for start in range(0, count, rows))


@dataclass(frozen=True, eq=False)
class Axes:
    """The main axes of a set of embeddings (PCA), half whitened, scaled to a mean variance of 1 per dimension.

    Half whitened: the standard deviation along each axis is replaced by its square root, so that few strong axes do not
    outweigh the many that tell rare classes apart. On rare blood cells the mean macro-F1 of simulated labelling was .60
    without, .61 with half, .59 with three-quarter and .56 with full whitening (5 seeds, on 96 axes).

    Attributes
    ----------
    onto, shift
        Shapes (d, kept) and (kept,), float32.
    """

    onto: Floats
    shift: Floats

    def of(self, embeddings: npt.NDArray[np.floating]) -> Floats:
        """Embeddings on these axes, shape (n, kept), float32; all zero where all that they were found on were equal."""
        made = np.empty((len(embeddings), self.onto.shape[1]), np.float32)
        for rows in blocks(len(embeddings)):
            made[rows] = embeddings[rows].astype(np.float32, copy=False) @ self.onto - self.shift
        return made


def main_axes(embeddings: npt.NDArray[np.floating], rng: np.random.Generator,
              dimensions: int = MOST_DIMENSIONS) -> Axes:
    """Found on at most `LEARNED_FROM` rows chosen by chance, so that a million need no copy of themselves.

    Parameters
    ----------
    embeddings
        Shape (n, d), n >= 1, finite.
    dimensions
        At most so many are kept.
    """
    count, width = embeddings.shape
    chosen = np.sort(rng.choice(count, min(count, LEARNED_FROM), replace=False))
    sample = embeddings[chosen].astype(np.float64)
    mean = sample.mean(axis=0)
    variances, axes = np.linalg.eigh((sample - mean).T @ (sample - mean) / len(sample))
    count = min(width, dimensions)
    along = np.sqrt(np.maximum(variances[::-1][:count], 0))
    used = along > 1e-6 * max(float(along[0]), 1e-30)
    weights = np.divide(1, np.sqrt(along), out=np.zeros(count), where=used)
    if used.any():
        weights /= np.sqrt((along * weights)**2 @ np.ones(count) / count)
    onto = (axes[:, ::-1][:, :count] * weights).astype(np.float32)
    return Axes(onto, (mean @ onto).astype(np.float32))


def squared_distances(rows: Floats, others: Floats) -> Floats:
    """Squared Euclidean distances, shape (len(rows), len(others)), never below 0."""
    found: Floats = -2 * (rows @ others.T)
    found += np.einsum("ij,ij->i", rows, rows)[:, None]
    found += np.einsum("ij,ij->i", others, others)
    np.maximum(found, 0, out=found)
    return found


def nearest_squared(features: Floats, others: Floats) -> Floats:
    """For each row the squared distance to the nearest of `others`, shape (n,); infinite where there are none."""
    found = np.full(len(features), np.inf, np.float32)
    for rows in blocks(len(features)):
        for part in blocks(len(others), 2048):
            np.minimum(found[rows], squared_distances(features[rows], others[part]).min(axis=1), out=found[rows])
    return found


def neighbours(features: Floats, of: Cells, k: int) -> Cells:
    """The k rows nearest to each of some rows, themselves among them, as one sorted array without repeats."""
    k = min(k, len(features))
    best = np.full((len(of), 0), np.inf, np.float32)
    where = np.empty((len(of), 0), np.int64)
    for rows in blocks(len(features)):
        found = squared_distances(features[of], features[rows])
        best = np.concatenate([best, found], axis=1)
        where = np.concatenate([where, np.broadcast_to(np.arange(rows.start, rows.stop), found.shape)], axis=1)
        if best.shape[1] > k:
            kept = np.argpartition(best, k - 1, axis=1)[:, :k]
            best, where = np.take_along_axis(best, kept, 1), np.take_along_axis(where, kept, 1)
    return np.unique(where)


def copy_radius(features: Floats, rng: np.random.Generator, share: float = 0.1, sample: int = 1000) -> float:
    """Squared distance below which two cells are nearly the same: `share` of the usual distance to the next cell."""
    chosen = rng.choice(len(features), min(len(features), sample), replace=False)
    others = features[rng.choice(len(features), min(len(features), 20 * sample), replace=False)]
    found = squared_distances(features[chosen], others)
    found[found <= 1e-6 * max(features.shape[1], 1)] = np.inf  # the cell itself, and copies to the last bit
    next_one = found.min(axis=1)
    next_one = next_one[np.isfinite(next_one)]
    return float(share**2 * np.median(next_one)) if len(next_one) else 0.0
