"""Stitching a generated crop into an image so that only painted pixels change."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy  # loads scipy.ndimage when it is first used: not for the window's first frame

from medsynth_app.core.grain import regrain, smooth
from medsynth_app.core.image import Pixels

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating[Any]]
RING = 6  # width in pixels of the surroundings that a seam is matched to


def feather_alpha(mask: Mask, feather: int) -> npt.NDArray[np.float32]:
    """How much of the generated picture each pixel takes.

    Parameters
    ----------
    mask
        What was painted, shape (h, w).
    feather
        Width in pixels of the soft edge, which lies inside the mask only. Where the painting is thinner than
        twice that, the edge narrows, so that dots and lines are drawn in full. The border of the array is no edge.

    Returns
    -------
    float32, shape (h, w): 0 outside the mask, above 0 and rising to 1 inside.
    """
    alpha = mask.astype(np.float32)
    if feather <= 0 or mask.all() or not mask.any():
        return alpha
    depth = scipy.ndimage.distance_transform_edt(mask).astype(np.float32)
    thickness = scipy.ndimage.maximum_filter(depth, size=2 * feather + 1, mode="nearest")
    inside = depth[mask] / np.minimum(np.float32(feather + 1), thickness[mask])
    alpha[mask] = np.minimum(inside, 1)
    return alpha


def effective_mask(mask: Mask, feather: int) -> Mask:
    """The pixels that may change: where `feather_alpha` is above 0."""
    effective: Mask = feather_alpha(mask, feather) > 0
    return effective


def composite(original: Pixels, generated: Floats, alpha: npt.NDArray[np.float32],
              stored_range: tuple[int, int]) -> Pixels:
    """Blend in the image's own depth; bit-identical to `original` where alpha is 0.

    Parameters
    ----------
    original
        Stored values, (h, w) of any integer type or (h, w, 3) uint8.
    generated
        Stored values as floats, not yet rounded (`crop.from_model_unit`), same shape.
    alpha
        Share of `generated`, shape (h, w).
    stored_range
        Smallest and largest stored value that may be written.
    """
    result = original.copy()
    inside = alpha > 0
    share = alpha[inside].astype(np.float64)
    if original.ndim == 3:
        share = share[:, None]
    before = original[inside].astype(np.float64)
    limits = np.iinfo(original.dtype)
    low, high = max(stored_range[0], limits.min), min(stored_range[1], limits.max)
    mixed = before + share * (generated[inside].astype(np.float64) - before)
    result[inside] = np.clip(np.rint(mixed), low, high).astype(original.dtype)
    return result


def largest_change_outside(before: Pixels, after: Pixels, effective: Mask) -> int:
    """The largest absolute change, in stored values, of a pixel outside the effective mask."""
    outside = ~effective
    if not outside.any():
        return 0
    return int(np.abs(after[outside].astype(np.int64) - before[outside].astype(np.int64)).max())


def seam_measure(pixels: npt.NDArray[Any], mask: Mask) -> float:
    """Mean absolute step between neighbours on either side of the contour, in the units of `pixels`.

    Zero where the mask has no contour (empty, or the whole array).
    """
    values = pixels.astype(np.float64)
    steps = []
    for axis in (0, 1):
        crossing = np.diff(mask, axis=axis)
        steps.append(np.abs(np.diff(values, axis=axis))[crossing].ravel())
    joined = np.concatenate(steps)
    return float(joined.mean()) if len(joined) else 0.0


def fill_smooth(values: Floats, mask: Mask) -> npt.NDArray[np.float32]:
    """Fill the masked part smoothly from its surroundings (push-pull over a pyramid).

    Parameters
    ----------
    values
        (h, w) or (h, w, c).
    mask
        What to fill, shape (h, w). Where it covers everything, the mean is used.
    """
    source = values.astype(np.float32)
    if not mask.any():
        return source
    flat = source.reshape(*mask.shape, -1)
    if mask.all():
        return np.broadcast_to(flat.mean(axis=(0, 1)), flat.shape).reshape(source.shape).copy()
    filled = np.where(mask[:, :, None], _push_pull(flat, (~mask).astype(np.float32)), flat)
    return filled.reshape(source.shape)


def _push_pull(values: npt.NDArray[np.float32], known: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Values where `known` is 1, the coarser level where it is 0; shapes (h, w, c) and (h, w)."""
    if known.all():
        return values
    rows, columns = known.shape
    even = ((0, rows % 2), (0, columns % 2))
    weight = np.pad(known, even)
    weighted = np.pad(values * known[:, :, None], (*even, (0, 0)))
    total = weight.reshape(weight.shape[0] // 2, 2, -1, 2).sum(axis=(1, 3))
    summed = weighted.reshape(*total.shape[:1], 2, total.shape[1], 2, -1).sum(axis=(1, 3))
    coarse = _push_pull(summed / np.maximum(total, 1e-6)[:, :, None], np.minimum(total, 1))
    fine = scipy.ndimage.zoom(coarse, (2, 2, 1), order=1, mode="nearest", grid_mode=True)[:rows, :columns]
    mixed: npt.NDArray[np.float32] = fine + known[:, :, None] * (values - fine)
    return mixed.astype(np.float32)


def match_seam(generated: Floats, original: npt.NDArray[Any], mask: Mask, seed: int = 0) -> npt.NDArray[np.float64]:
    """Match mean and grain of a generated crop to the surroundings of the mask.

    The mean is matched locally: the difference between both pictures in a ring round the mask is carried smoothly into
    it. What was drawn then gets the grain of the surroundings (`grain.regrain`).

    Parameters
    ----------
    generated
        The whole crop as the model drew it, in stored units; its part outside the mask is compared only.
    original
        Stored values, same shape: (h, w) or (h, w, 3).
    seed
        Of the noise.
    """
    drawn = generated.astype(np.float64)
    ring = scipy.ndimage.binary_dilation(mask, iterations=RING) & ~mask
    if not ring.any():
        return drawn
    real = original.astype(np.float64)
    difference = real - drawn
    difference[~ring] = 0.0
    return regrain(drawn + fill_smooth(smooth(difference, ring, RING / 2), ~ring), real, mask, seed)
