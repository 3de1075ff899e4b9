"""Euclidean distances between many feature vectors, in pieces that fit in memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from medsynth_app.evaluation.arrays import Floats

CHUNK = 2**22  # distances held at once: 32 MB as float64


def chunked(rows: Floats, columns: Floats, chunk: int = CHUNK) -> Iterator[tuple[slice, Floats]]:
    """Slices of `rows` with their distances to all of `columns`, shape (rows in the slice, columns).

    Differences are squared, not expanded into products: equal vectors are exactly 0 apart, and d(x, y) is
    bit-identical to d(y, x).
    """
    step = max(1, chunk // len(columns))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        yield part, cdist(rows[part], columns)


def nearest(queries: Floats, references: Floats, k: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """The k nearest references of every query.

    Returns
    -------
    Distances in rising order and indices into `references`, both of shape (queries, k).
    """
    from sklearn.neighbors import NearestNeighbors  # type: ignore[import-untyped]

    centre = references.mean(axis=0)  # a common offset would cost digits: scikit-learn expands the square
    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(references - centre)
    found = np.asarray(search.kneighbors(queries - centre, return_distance=False), np.int64)
    distances = np.empty(found.shape)
    for column in range(k):  # exactly, so that a copy is 0 away and not a rounding error
        distances[:, column] = np.linalg.norm(queries - references[found[:, column]], axis=1)
    order = np.argsort(distances, axis=1, kind="stable")
    return np.take_along_axis(distances, order, axis=1), np.take_along_axis(found, order, axis=1)
