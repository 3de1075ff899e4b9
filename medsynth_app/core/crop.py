"""Crop-and-stitch: the box round a painted region, and stored values to the model's [0, 1] and back."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.image import Pixels, Rescale
from medsynth_app.core.intensity import IntensityRange

REACH = 192  # pixels round a region in which the classical fill looks for tissue to take its place
MARGIN = 4  # pixels of surroundings that a crop keeps, whatever the context
AS_STORED = Rescale()
MIDDLE, FADING = 0.5, 0.25  # of the model's range: from its middle to half way to its end what lies beyond fades in


def context_bounds(mask_bounds: Bounds, rows: int, columns: int, native: int, context: float) -> Bounds:
    """The crop that the model sees: the mask and its surroundings, square where the image allows.

    Parameters
    ----------
    mask_bounds
        The box of the painted pixels (`Bounds.of_mask`).
    rows, columns
        Size of the frame in pixels.
    native
        Edge in pixels at which the model draws; the crop is at least half of it, so that a dot has surroundings too.
    context
        Surroundings on every side, as a share of the longer edge of the mask (0.5: half of it).

    Returns
    -------
    Bounds inside the frame that hold the padded mask. Its size follows the mask, not the frame.
    """
    edge = max(mask_bounds.height, mask_bounds.width)
    pad = max(MARGIN, math.ceil(context * edge))
    side = max(edge + 2 * pad, math.ceil(native / 2))
    top, bottom = _centred(mask_bounds.top, mask_bounds.bottom, side, rows)
    left, right = _centred(mask_bounds.left, mask_bounds.right, side, columns)
    return Bounds(top, left, bottom, right)


def _centred(begin: int, end: int, side: int, limit: int) -> tuple[int, int]:
    """`side` pixels centred on begin..end, shifted and cut to lie in 0..limit."""
    side = min(side, limit)
    start = min(max((begin + end - side) // 2, 0), limit - side)
    return start, start + side


def model_range(rescale: Rescale, seen: IntensityRange | None, stored_range: tuple[int, int]) -> IntensityRange:
    """What the model sees of a grey image, in modality units: `seen`, or all that can be stored."""
    return seen if seen is not None else IntensityRange.of_stored(rescale, *stored_range)


def to_model_unit(stored: Pixels, rescale: Rescale = AS_STORED, seen: IntensityRange | None = None,
                  inverted: bool = False, stored_range: tuple[int, int] = (0, 255)) -> npt.NDArray[np.float32]:
    """Stored values to what the model sees.

    Parameters
    ----------
    stored
        (h, w) grey of any integer type, or (h, w, 3) uint8 RGB; the other arguments are for grey only.
    seen
        What becomes 0 and 1; values beyond are clipped. None: the whole `stored_range`.
    inverted
        MONOCHROME1: the range's `low` becomes 1.

    Returns
    -------
    float32 in [0, 1], shape (h, w, 3).
    """
    if stored.ndim == 3:
        return stored.astype(np.float32) / np.float32(255)
    unit = model_range(rescale, seen, stored_range).to_unit(rescale.to_modality(stored))
    return np.repeat((1 - unit if inverted else unit)[:, :, None], 3, axis=2)


def from_model_unit(unit: npt.NDArray[np.floating], grey: bool, rescale: Rescale = AS_STORED,
                    seen: IntensityRange | None = None, inverted: bool = False,
                    stored_range: tuple[int, int] = (0, 255)) -> npt.NDArray[np.float64]:
    """The inverse of `to_model_unit`: stored values, float64, neither rounded nor clipped.

    Parameters
    ----------
    unit
        float in [0, 1], shape (h, w, 3).
    grey
        True: the mean of the channels, shape (h, w); else shape (h, w, 3).
    """
    if not grey:
        return unit.astype(np.float64) * 255
    mean = unit.astype(np.float64).mean(axis=2)
    return rescale.to_stored(model_range(rescale, seen, stored_range).from_unit(1 - mean if inverted else mean))


def beyond_model(stored: Pixels, generated: npt.NDArray[np.float64], rescale: Rescale, seen: IntensityRange | None,
                 stored_range: tuple[int, int], anew: bool = False) -> npt.NDArray[np.float64]:
    """What of a grey image the model could not see, to be added to what it drew.

    A value beyond the model's range comes back by as much as it lies beyond; one that lies half a range beyond, as bone
    does to soft tissue, is then what it was, whatever was drawn there.

    Parameters
    ----------
    stored
        The image, (h, w).
    generated
        What was drawn, in stored units (`from_model_unit`), same shape.
    anew
        Only where the model drew the end of its range that the value lies beyond, fading to nothing where it drew the
        middle: what is drawn anew as soft tissue is no bone.

    Returns
    -------
    float64 (h, w) in stored units; 0 where the image lies within the range.
    """
    limits = model_range(rescale, seen, stored_range)
    values, drawn = (each.astype(np.float64) * rescale.slope + rescale.intercept for each in (stored, generated))
    end = np.clip(values, limits.low, limits.high)
    beyond = values - end
    kept = beyond + np.clip(np.abs(beyond) / (limits.width / 2), 0, 1) * (end - drawn)
    if anew:
        unit = (drawn - limits.low) / limits.width
        kept *= np.clip((np.where(beyond > 0, unit, 1 - unit) - MIDDLE) / FADING, 0, 1)
    return np.where(beyond == 0, 0, kept / rescale.slope)
