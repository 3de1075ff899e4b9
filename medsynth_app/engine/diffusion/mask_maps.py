"""Masks of labels as smooth maps that a diffusion model can draw, and back.

Map k of a mask is the signed distance to the outline of what has a label of at least k + 1: so a nucleus (2) lies
inside its cell (1 or more) by construction, and labels side by side meet without a gap between them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Masks = npt.NDArray[np.uint8]
Maps = npt.NDArray[np.float32]


def reach_of(size: int) -> int:
    """At what distance from an outline, in pixels, the maps of masks of this edge are cut off."""
    return max(2, size // 8)


def masks_to_maps(masks: Masks, labels: int, reach: int) -> Maps:
    """Signed distances, positive inside; exact up to `reach` pixels, there cut off.

    Parameters
    ----------
    masks
        Labels 0 to `labels`, shape (n, h, w).

    Returns
    -------
    Shape (n, labels, h, w), float32 in [-1, 1]: 1 = `reach` pixels or more inside. What lies beyond the edge of the
    picture counts as neither side.

    Notes
    -----
    Separable exact distances, one axis after the other (Felzenszwalb & Huttenlocher, Theory of Computing 8:415, 2012),
    by shifts because they are short.
    """
    inside = np.stack([masks > k for k in range(labels)], axis=1)
    signed = np.where(inside, _distance(~inside, reach), -_distance(inside, reach))
    return (signed / reach).astype(np.float32)


def maps_to_masks(maps: npt.NDArray[np.floating], thinnest: float = 0.0) -> Masks:
    """Labels of maps: how many of them, counted from the first, are positive.

    Parameters
    ----------
    maps
        Shape (n, labels, h, w).
    thinnest
        Where two outlines lie nearer to each other than this, in units of the maps, they are taken for one, midway.
        Drawn maps need it: what is all of one label has the same outline twice, but for the noise in it, and would get
        a rim of the label before. Exact maps lose nothing by up to a pixel, the thinnest that a part can be.

    Returns
    -------
    Shape (n, h, w), uint8.
    """
    near = np.abs(np.diff(maps, axis=1)) < thinnest
    sums, counts = maps.astype(np.float32), np.ones(maps.shape, np.float32)
    for k, close in enumerate(np.moveaxis(near, 1, 0), 1):
        sums[:, k] += close * sums[:, k - 1]
        counts[:, k] += close * counts[:, k - 1]
    merged = sums / counts  # of each run of outlines that are one, the last holds the mean
    for k in reversed(range(maps.shape[1] - 1)):
        merged[:, k] = np.where(near[:, k], merged[:, k + 1], merged[:, k])
    inside = merged > 0
    masks: Masks = np.cumprod(inside, axis=1).sum(axis=1).astype(np.uint8)
    return masks


def _distance(target: npt.NDArray[np.bool_], reach: int) -> Maps:
    """Distance in pixels to the border of the nearest pixel of `target`, at most `reach`; over the last two axes."""
    far = np.float32((reach + 1) ** 2)
    squared = np.where(target, np.float32(0), far)
    for axis in (-1, -2):
        squared = _lower_envelope(squared, axis, reach, far)
    return np.minimum(np.sqrt(squared) - np.float32(0.5), np.float32(reach))


def _lower_envelope(squared: Maps, axis: int, reach: int, far: np.float32) -> Maps:
    length = squared.shape[axis]
    values = np.moveaxis(squared, axis, -1)
    found = values.copy()
    for shift in range(1, min(reach, length - 1) + 1):
        cost = np.float32(shift**2)
        np.minimum(found[..., shift:], values[..., :-shift] + cost, out=found[..., shift:])
        np.minimum(found[..., :-shift], values[..., shift:] + cost, out=found[..., :-shift])
    return np.moveaxis(np.minimum(found, far), -1, axis)
