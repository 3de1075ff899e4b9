"""Generated cells that are worth a label: drawn as real ones are, new to the classifier, and no copy of a real one."""

from __future__ import annotations

import numpy as np

from medsynth_app.ranking.catalogue import Reason
from medsynth_app.ranking.features import Floats, blocks, nearest_squared, squared_distances
from medsynth_app.ranking.pool import Batch, Pool

WEIGHTS = (1.0, 1.0, 1.0)  # of realism, novelty, and being no copy
NEIGHBOUR = 5  # up to which a cell's surroundings reach
MANIFOLD = 10_000  # real cells that stand for all of them
COPY = 0.5  # share of the usual distance between real neighbours, below which a cell counts as a copy in part
LEAST = 1e-3


def synthetic(pool: Pool, batch: Batch, rng: np.random.Generator, weights: tuple[float, ...] = WEIGHTS) -> None:
    """The largest product of realism, novelty and originality first, each raised to its weight; 0 leaves one out.

    Realism is the share of real cells that lie as far from their `NEIGHBOUR`-th real neighbour as the cell does, or
    farther: 0 is unlike all real ones, about a half is usual. Novelty is the distance to the nearest cell with a label
    or chosen before, d / (d + the usual one between neighbours). Originality falls from 1 to 0 with the distance to
    the nearest real cell, below `COPY` of the usual one. Without generated cells that are open nothing is chosen.
    """
    if pool.real is None:
        return
    cells = pool.open[~pool.real[pool.open]]
    real = np.flatnonzero(pool.real)
    if not len(cells) or len(real) <= NEIGHBOUR:
        return
    if len(real) > MANIFOLD:
        real = np.sort(rng.choice(real, MANIFOLD, replace=False))
    features, known = pool.features[cells], pool.features[real]
    usual, reach = _surroundings(known, known, own=True)
    nearest, away = _surroundings(features, known)
    typical = max(float(np.median(usual)), 1e-12)
    realism = 1 - np.searchsorted(np.sort(reach), away) / len(reach)
    original = np.minimum(nearest / (COPY * typical), 1)
    fixed = np.maximum(realism, LEAST)**weights[0] * np.maximum(original, LEAST)**weights[2]
    distances = nearest_squared(features, pool.features[pool.labelled])
    gone = np.zeros(len(cells), bool)
    for _step in range(len(cells)):
        novelty = 1 - typical / (np.sqrt(distances) + typical)  # 1 without any label
        scores = np.where(gone, -1, fixed * np.maximum(novelty, LEAST)**weights[1])
        best = int(scores.argmax())
        gone[best] = True
        batch.take(cells[best], float(scores[best]), Reason.NEW)
        if batch.full:
            return
        np.minimum(distances, squared_distances(features, features[best:best + 1])[:, 0], out=distances)


def _surroundings(rows: Floats, known: Floats, own: bool = False) -> tuple[Floats, Floats]:
    """Distance of each row to the nearest and to the `NEIGHBOUR`-th of `known`; `own`: without the row itself."""
    found = np.empty((2, len(rows)), np.float32)
    for part in blocks(len(rows), 2048):
        table = np.partition(squared_distances(rows[part], known), (own, NEIGHBOUR - 1 + own), axis=1)
        found[:, part] = table[:, [int(own), NEIGHBOUR - 1 + own]].T
    nearest, reach = np.sqrt(found)
    return nearest, reach
