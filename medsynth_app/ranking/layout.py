"""Like beside like: in a row, and on a map."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from medsynth_app.ranking.features import Cells, Floats, blocks, squared_distances

LEAF = 32  # cells that are no longer split
AXIS_FROM = 2000  # cells that an axis is found on
STEPS = 8  # of the power iteration
LANDMARKS = 2000
MAP_AXES = 50
ANCHORS = 5  # landmarks that a cell lies between


def in_a_row(features: Floats, rng: np.random.Generator) -> Cells:
    """An order of rows in which like stands beside like: halves along the main axis, halves of these, and so on.

    The axis of a half looks the way that of the whole does, so that neighbouring ends of two halves are alike.

    Parameters
    ----------
    features
        Shape (n, d).
    """
    order = np.arange(len(features))
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
    cells chosen by chance; every other one lies between the `ANCHORS` landmarks that are most like it.
    """
    count = len(features)
    if count < 5:
        return np.stack([np.linspace(0, 1, count), np.full(count, 0.5)], axis=1).astype(np.float32)
    chosen = np.sort(rng.choice(count, min(count, LANDMARKS), replace=False))
    landmarks = features[chosen, :MAP_AXES]
    placed = _t_sne(landmarks, int(rng.integers(2**31)))
    found = np.empty((count, 2), np.float32)
    near = min(ANCHORS, len(chosen))
    for rows in blocks(count):
        table = squared_distances(features[rows, :MAP_AXES], landmarks)
        closest = np.argpartition(table, near - 1, axis=1)[:, :near]
        away = np.take_along_axis(table, closest, 1)
        weights = np.exp(-away / np.maximum(np.median(away, axis=1, keepdims=True), 1e-12))
        found[rows] = (placed[closest] * (weights / weights.sum(axis=1, keepdims=True))[:, :, None]).sum(axis=1)
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
    made = TSNE(init=start / spread * 1e-4, perplexity=min(30, (len(values) - 1) / 3), max_iter=500, random_state=seed)
    placed: Floats = np.asarray(made.fit_transform(values), np.float32)
    return placed
