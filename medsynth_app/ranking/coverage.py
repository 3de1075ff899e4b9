"""Cells that stand for many others: no classifier is asked."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from medsynth_app.ranking.catalogue import Reason
from medsynth_app.ranking.features import Cells, Floats, blocks, nearest_squared, squared_distances
from medsynth_app.ranking.pool import Batch, Pool

FEWER = 5000  # cells that an n x n table is made for
CLUSTERED = 20_000  # cells that clusters are made of
MOST_CLUSTERS = 500
IN_CLUSTER = 4000  # cells of one cluster that are compared with each other
CLOSEST = 20


def chance(pool: Pool, batch: Batch, rng: np.random.Generator) -> None:
    """By chance, all equally likely."""
    order = rng.permutation(pool.open)
    batch.take_all(order, np.zeros(len(order)), Reason.CHANCE, ((),) * len(order))


def k_center(pool: Pool, batch: Batch, rng: np.random.Generator) -> None:
    """The cell farthest from all labelled and chosen ones, again and again (Sener and Savarese 2018, greedy).

    Without any label, the first is the one nearest to the middle of all.
    """
    features = pool.features[pool.open]
    if not len(features):
        return
    distances = nearest_squared(features, pool.features[pool.labelled])
    chosen = int(distances.argmax())
    if not len(pool.labelled):
        chosen = int(squared_distances(features, features.mean(axis=0, keepdims=True)).argmin())
    for _step in range(len(features)):
        score = float(distances[chosen])
        batch.take(pool.open[chosen], score if np.isfinite(score) else 0.0, Reason.UNLIKE)
        if batch.full:
            return
        np.minimum(distances, nearest_squared(features, features[chosen:chosen + 1]), out=distances)
        distances[chosen] = -1
        chosen = int(distances.argmax())


def max_herding(pool: Pool, batch: Batch, rng: np.random.Generator) -> None:
    """Greedily the cell that adds most to the mean likeness of all cells to their nearest chosen one (Bae et al. 2024).

    Likeness is a Gaussian kernel whose width is the median distance of a cell to its `CLOSEST`-th neighbour (their
    features are normalised, so that a width of 1 does; these are not). Above `FEWER` cells both those that are chosen
    from and those that they shall stand for are as many chosen by chance.
    """
    cells = pool.open if len(pool.open) <= FEWER else np.sort(rng.choice(pool.open, FEWER, replace=False))
    if not len(cells):
        return
    features = pool.features[cells]
    table = squared_distances(features, features)
    width = kernel_width(table)
    likeness = np.exp(-table / (2 * width), dtype=np.float32)
    known = np.zeros(len(cells), np.float32)
    if len(pool.labelled):
        known = np.exp(-nearest_squared(features, pool.features[pool.labelled]) / (2 * width))
    gone = np.zeros(len(cells), bool)
    for _step in range(len(cells)):
        gains = np.empty(len(cells), np.float32)
        for rows in blocks(len(cells), 512):
            gains[rows] = np.maximum(likeness[rows] - known, 0).mean(axis=1)
        gains[gone] = -1
        best = int(gains.argmax())
        gone[best] = True
        batch.take(cells[best], float(gains[best]), Reason.TYPICAL)
        if batch.full:
            return
        np.maximum(known, likeness[best], out=known)


def kernel_width(table: Floats) -> float:
    """Median squared distance of a cell to its `CLOSEST`-th neighbour; 1 where all are equal."""
    k = min(CLOSEST, table.shape[1] - 1)
    found = float(np.median(np.partition(table, k, axis=1)[:, k]))
    return found if found > 0 else 1.0


def typi_clust(pool: Pool, batch: Batch, rng: np.random.Generator) -> None:
    """The most typical cell of the largest clusters without a label (Hacohen et al. 2022, "TPC_RP").

    As many clusters as there will be labels, at most `MOST_CLUSTERS`; those with the fewest labels first, the larger
    before the smaller; typical is what has the smallest mean distance to its `CLOSEST` nearest in the cluster. Above
    `CLUSTERED` open cells as many chosen by chance stand for them.
    """
    if not len(pool.open):
        return
    seen = pool.open if len(pool.open) <= CLUSTERED else rng.choice(pool.open, CLUSTERED, replace=False)
    cells = np.sort(np.concatenate([seen, pool.labelled]))
    groups = clusters(pool.features[cells], min(len(pool.labelled) + batch.count, MOST_CLUSTERS, len(cells)), rng)
    is_open = np.zeros(len(pool.features), bool)
    is_open[pool.open] = True
    members = [cells[groups == group] for group in range(int(groups.max()) + 1)]
    labels = [int((pool.labels[each] >= 0).sum()) for each in members]
    ranked = [_typical(pool, each[is_open[each]], rng) for each in members]
    while not batch.full and any(len(order) for order, _score in ranked):
        group = min((k for k in range(len(ranked)) if len(ranked[k][0])), key=lambda k: (labels[k], -len(members[k])))
        order, scores = ranked[group]
        labels[group] += batch.take(order[0], scores[0], Reason.TYPICAL)
        ranked[group] = order[1:], scores[1:]


def clusters(features: Floats, count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Number of the cluster of each row, by k-means that starts from k-means++ on a part of them."""
    from sklearn.cluster import KMeans, kmeans_plusplus  # type: ignore[import-untyped]
    from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]

    count, seed = min(count, len(features)), int(rng.integers(2**31))
    part = features[rng.choice(len(features), min(len(features), 8 * count), replace=False)]
    start, _rows = kmeans_plusplus(part, count, n_local_trials=1, random_state=seed)
    made = KMeans(n_clusters=count, init=start, n_init=1, max_iter=50, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer clusters than asked for, where cells are equal
        found: npt.NDArray[np.int64] = made.fit_predict(features)
    return found.astype(np.int64)


def _typical(pool: Pool, cells: Cells, rng: np.random.Generator) -> tuple[Cells, Floats]:
    """Cells of one cluster, the most typical first, with their typicality."""
    if len(cells) > IN_CLUSTER:
        cells = np.sort(rng.choice(cells, IN_CLUSTER, replace=False))
    if len(cells) < 2:
        return cells, np.zeros(len(cells), np.float32)
    table = np.sqrt(squared_distances(pool.features[cells], pool.features[cells]))
    k = min(CLOSEST, len(cells) - 1)
    mean = np.partition(table, k, axis=1)[:, :k + 1].sum(axis=1) / k  # the cell itself lies at 0
    order = np.argsort(mean, kind="stable")
    return cells[order], 1 / np.maximum(mean[order], 1e-9)
