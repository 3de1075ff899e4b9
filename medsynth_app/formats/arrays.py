"""Arrays of other programs as images and masks, as if they had been read from a file."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.core.image import FrameInfo, FrameKey, ImageInfo, ImageSource, Rescale, pixels_sha256
from medsynth_app.formats.common import ArraySource, Mask, image_pseudonym, mask_values

WIDEST = 2  # bytes of a grey value
HOUNSFIELD = "CT"  # the modality whose values are HU


def open_array(pixels: npt.ArrayLike, modality: str | None = None) -> ImageSource:
    """An image of one frame that holds a copy of an array; it is known by the hash of its values.

    Parameters
    ----------
    pixels
        (rows, columns), uint8, int8, uint16 or int16: stored values, of CT in HU; or (rows, columns, 3), uint8: RGB.
    modality
        DICOM Modality, e.g. ``"CT"``; None: not known.

    Raises
    ------
    UserError
        For any other shape or type.
    """
    held = np.array(pixels, order="C")
    if held.ndim not in (2, 3) or not held.size or (held.ndim == 3 and held.shape[2] != 3):
        raise UserError(f"An array of the shape {held.shape} is no image.",
                        "Give (rows, columns) of grey or (rows, columns, 3) of RGB values.")
    if held.ndim == 3 and held.dtype != np.uint8:
        raise UserError(f"Colours of the type {held.dtype} are not taken.", "Give RGB values from 0 to 255 as uint8.")
    if held.dtype.kind not in "iu" or held.dtype.itemsize > WIDEST:
        raise UserError(f"Grey values of the type {held.dtype} are not taken.",
                        "Give whole numbers of at most 16 bits: uint8, uint16 or int16.")
    sha256 = pixels_sha256(held)
    limits = np.iinfo(held.dtype)
    rows, columns = held.shape[:2]
    about = FrameInfo(FrameKey(f"sha256:{sha256}"), rows, columns,
                      Rescale(unit="HU" if modality == HOUNSFIELD else ""), (int(limits.min), int(limits.max)))
    return ArraySource(ImageInfo(image_pseudonym(sha256), modality, "array", "grey" if held.ndim == 2 else "rgb",
                                 (about,)), [held])


def mask_of(values: npt.ArrayLike) -> Mask:
    """A copy of a mask, (rows, columns) uint8, from booleans or whole numbers of any type from 0 to 255.

    Raises
    ------
    UserError
        For any other shape, or other values.
    """
    held: npt.NDArray[Any] = np.array(values)
    if held.ndim != 2:
        raise UserError(f"An array of the shape {held.shape} is no mask.", "Give (rows, columns), one value per pixel.")
    return mask_values(held)
