"""What looks like an example."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from medsynth_app.ranking.features import Cells, Floats, blocks, squared_distances

COMPARED = 2048  # cells found before it that a cell is held against, the latest ones


def most_alike(features: Floats, among: Cells, count: int) -> npt.NDArray[np.int32]:
    """For each row the `count` of some rows with the largest cosine to it, largest first and without itself.

    Returns
    -------
    Shape (n, count), int32; -1 where there are no more.
    """
    found = np.full((len(features), count), -1, np.int32)
    if not len(among):
        return found
    lengths = np.sqrt(np.einsum("ij,ij->i", features, features))
    known = features[among] / np.maximum(lengths[among], 1e-12)[:, None]
    kept = min(count, len(among))
    for rows in blocks(len(features), 4096):
        cosines = features[rows] @ known.T  # of one row all are to be divided by one length
        inside = np.flatnonzero((among >= rows.start) & (among < rows.stop))
        cosines[among[inside] - rows.start, inside] = -np.inf
        best = np.argpartition(-cosines, kept - 1, axis=1)[:, :kept]
        values = np.take_along_axis(cosines, best, 1)
        order = np.argsort(-values, axis=1, kind="stable")
        cells = among[np.take_along_axis(best, order, 1)]
        found[rows, :kept] = np.where(np.take_along_axis(values, order, 1) == -np.inf, -1, cells)
    return found


def more_like(features: Floats, examples: Cells, count: int, radius: float = 0.0) -> tuple[Cells, Floats]:
    """The cells most like one of some examples, by cosine, the most alike first; not the examples themselves.

    A cell that is nearly the same as one before it, or as an example, is left out: it would show nothing new.

    Parameters
    ----------
    features
        Shape (n, d), centred, so that a cosine of 0 is no likeness.
    radius
        Squared distance below which two cells are nearly the same (`features.copy_radius`); 0 keeps all.

    Returns
    -------
    At most `count` cells and their cosines, shapes (m,).
    """
    lengths = np.maximum(np.sqrt(np.einsum("ij,ij->i", features, features)), 1e-12)
    wanted = features[examples] / lengths[examples, None]
    cosines = np.empty(len(features), np.float32)
    for rows in blocks(len(features)):
        cosines[rows] = (features[rows] @ wanted.T).max(axis=1) / lengths[rows]
    cosines[examples] = -np.inf
    found: list[int] = []
    near = np.concatenate([features[examples], np.empty((count, features.shape[1]), np.float32)])
    filled = len(examples)
    for cell in np.argsort(-cosines, kind="stable")[:len(features) - len(np.unique(examples))]:
        if len(found) == count:
            break
        before = near[max(0, filled - COMPARED):filled]
        if radius > 0 and float(squared_distances(features[cell:cell + 1], before).min()) < radius:
            continue
        near[filled], filled = features[cell], filled + 1
        found.append(int(cell))
    chosen = np.array(found, np.int64)
    return chosen, cosines[chosen]
