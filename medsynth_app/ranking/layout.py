"""Like beside like: in a row, and on a map."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from medsynth_app.ranking.features import Cells, Floats, blocks, squared_distances

BAND = 240  # cells of a group that are about equally sure: four pages
LEAF = 32  # cells that are no longer split
AXIS_FROM = 1000  # cells that an axis is found on
STEPS = 8  # of the power iteration
AXES = 50  # the first main axes, which hold most of the likeness
LANDMARKS = 1500
ROUNDS = 300  # of t-SNE
ANCHORS = 5  # landmarks that a cell is held against


def places_in_groups(features: Floats, groups: npt.NDArray[np.integer], sure: Floats,
                     rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """Place of each cell in its group: the surest `BAND` first, then the next; in each like beside like.

    In simulated labelling the first fifteen pages of sixty that are cut from such an order hold as few strangers as
    those of an order by sureness alone (.053 and .041 after 160 labels, balanced; .106 from an order by likeness).

    Parameters
    ----------
    features, groups, sure
        Shapes (n, d), (n,) and (n,).
    """
    found = np.empty(len(features), np.int32)
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        members = members[np.argsort(-sure[members], kind="stable")]
        for band in blocks(len(members), BAND):
            cells = members[band]
            found[cells[in_a_row(features[cells], rng)]] = np.arange(band.start, band.stop)
    return found


def near_middle(features: Floats, groups: npt.NDArray[np.integer]) -> Floats:
    """How near each cell lies to the middle of its group: what stands for sureness while nothing was learned."""
    found = np.empty(len(features), np.float32)
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        found[members] = -np.square(features[members] - features[members].mean(axis=0)).sum(axis=1)
    return found


def in_a_row(features: Floats, rng: np.random.Generator) -> Cells:
    """An order of rows in which like stands beside like: halves along the main axis, halves of these, and so on.

    The axis of a half looks the way that of the whole does, so that neighbouring ends of two halves are alike.

    Parameters
    ----------
    features
        Shape (n, d).
    """
    features, order = features[:, :AXES], np.arange(len(features))
    waiting = [(0, len(features), np.ones(features.shape[1], np.float32))]
    while waiting:
        start, stop, before = waiting.pop()
        if stop - start < 3:
            continue
        cells = order[start:stop]
        values = features[cells]
        part = values if len(values) <= AXIS_FROM else values[rng.choice(len(values), AXIS_FROM, replace=False)]
        axis = _main_axis(part - part.mean(axis=0), rng)
        if axis @ before < 0:
            axis = -axis
        order[start:stop] = cells[np.argsort(values @ axis, kind="stable")]
        if stop - start > LEAF:
            middle = (start + stop) // 2
            waiting += [(start, middle, axis), (middle, stop, axis)]
    return order


def _main_axis(values: Floats, rng: np.random.Generator) -> Floats:
    axis: Floats = rng.standard_normal((1, values.shape[1]), np.float32)[0]
    for _step in range(STEPS):
        axis = np.matmul(np.matmul(values, axis), values)
        length = float(np.linalg.norm(axis))
        if length == 0:  # all rows are equal
            return axis
        np.divide(axis, length, out=axis)
    return axis


def likeness_map(features: Floats, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Places of all cells on a plane, from 0 to 1, like near like; shape (n, 2).

    t-SNE (van der Maaten and Hinton 2008), started from the main axes (Kobak and Berens 2019), of at most `LANDMARKS`
    cells chosen by chance. Every other cell lies by the landmark most like it, towards the next ones, at most as far
    as to the nearest other landmark: means of far landmarks would fill the gaps between groups.
    """
    count = len(features)
    if count < 5:
        return np.stack([np.linspace(0, 1, count), np.full(count, 0.5)], axis=1).astype(np.float32)
    chosen = np.sort(rng.choice(count, min(count, LANDMARKS), replace=False))
    landmarks = features[chosen, :AXES]
    placed = _t_sne(landmarks, int(rng.integers(2**31)))
    table = squared_distances(placed, placed)
    np.fill_diagonal(table, np.inf)
    reach = np.sqrt(table.min(axis=1))
    found, near = np.empty((count, 2), np.float32), min(ANCHORS, len(chosen))
    for rows in blocks(count):
        table = squared_distances(features[rows, :AXES], landmarks)
        anchors = np.argpartition(table, near - 1, axis=1)[:, :near]
        weights = 1 / np.maximum(np.take_along_axis(table, anchors, 1), 1e-9)
        middle = (placed[anchors] * (weights / weights.sum(axis=1, keepdims=True))[:, :, None]).sum(axis=1)
        first = anchors[np.arange(len(anchors)), weights.argmax(axis=1)]
        away = middle - placed[first]
        length = np.maximum(np.linalg.norm(away, axis=1), 1e-12)
        found[rows] = placed[first] + away * np.minimum(1, reach[first] / length)[:, None]
    found[chosen] = placed
    low, high = found.min(axis=0), found.max(axis=0)
    scaled: Floats = (found - low) / np.maximum(high - low, 1e-12)
    return scaled


def _t_sne(values: Floats, seed: int) -> Floats:
    from sklearn.manifold import TSNE  # type: ignore[import-untyped]

    start = np.zeros((len(values), 2), np.float32)
    start[:, :values.shape[1]] = values[:, :2]
    spread = float(start[:, 0].std())
    if spread == 0:  # all cells are equal
        return start
    # With the usual exaggeration of 12 so few rounds are not enough: it lasts for the first 250.
    made = TSNE(init=start / spread * 1e-4, perplexity=min(30, (len(values) - 1) / 3), max_iter=ROUNDS,
                early_exaggeration=4, random_state=seed)
    placed: Floats = np.asarray(made.fit_transform(values), np.float32)
    return placed
