"""Regions of a mask that lie far apart: each is drawn in a crop of its own, at the scale that suits it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np
import numpy.typing as npt
import scipy  # loads its parts when they are first used

from medsynth_app.core.bounds import Bounds

Mask = npt.NDArray[np.bool_]
BLOCK = 4  # pixels: regions as near as this have crops that overlap anyway (`crop.MARGIN`)
MOST_FOUND = 1000  # regions that are told apart; of more, those that are near each other are one
MOST = 32  # crops that one candidate is drawn in: each takes the time of a whole run


def crops_apart(mask: Mask, crop_of: Callable[[Bounds], Bounds]) -> tuple[Bounds, ...]:
    """The crops in which a mask is filled: no two overlap, and each holds all that is painted in it.

    Parameters
    ----------
    mask
        What is painted, shape (rows, columns).
    crop_of
        The crop of a region with this box, which it holds.

    Returns
    -------
    From top to bottom; none where nothing is painted. Regions whose crops would overlap share one; where there would be
    more than `MOST`, those that are nearest to each other do too.
    """
    boxes, near = painted_regions(mask), 0
    while True:
        crops = [crop_of(box) for box in boxes]
        groups = _touching([crop.padded(near) for crop in crops])
        if len(groups) < len(boxes):
            boxes = [reduce(Bounds.union, (boxes[k] for k in group)) for group in groups]
        elif len(crops) > MOST:
            near = 2 * near or 32
        else:
            return tuple(sorted(crops))


def painted_regions(mask: Mask) -> list[Bounds]:
    """The boxes of the connected regions of a mask (rows, columns); a few pixels between two do not part them."""
    block = BLOCK
    while True:
        coarse = _reduced(mask, block)
        labels, count = scipy.ndimage.label(coarse, np.ones((3, 3)))
        if count <= MOST_FOUND:
            break
        block *= 2
    found = []
    for place in scipy.ndimage.find_objects(labels):
        box = Bounds(*(part.start * block for part in place), *(part.stop * block for part in place))
        box = box.clipped(*mask.shape)
        tight = Bounds.of_mask(mask[box.slices])
        assert tight is not None
        found.append(Bounds(box.top + tight.top, box.left + tight.left, box.top + tight.bottom, box.left + tight.right))
    return found


def _reduced(mask: Mask, block: int) -> Mask:
    """Which blocks of `block` x `block` pixels hold anything."""
    rows, columns = (range(0, edge, block) for edge in mask.shape)
    across = np.logical_or.reduceat(mask, columns, axis=1)
    reduced: Mask = np.logical_or.reduceat(across, rows, axis=0)
    return reduced


def _touching(boxes: Sequence[Bounds]) -> list[list[int]]:
    """Boxes by their numbers, those that overlap, one by one, together."""
    if not boxes:
        return []
    top, left, bottom, right = np.array([box.as_tuple() for box in boxes]).T
    overlap = ((top[:, None] < bottom) & (top < bottom[:, None]) & (left[:, None] < right) & (left < right[:, None]))
    count, group = scipy.sparse.csgraph.connected_components(overlap, directed=False)
    return [np.flatnonzero(group == k).tolist() for k in range(count)]
