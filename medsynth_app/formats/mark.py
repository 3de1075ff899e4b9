"""The small visible mark of rendered exports."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from medsynth_app.core.image import Pixels

TEXT = "SYNTHETIC"


def draw_mark(pixels: Pixels) -> Pixels:
    """A copy with "SYNTHETIC" in its lower left corner: light letters on a dark plate, legible on any ground.

    Parameters
    ----------
    pixels
        (rows, columns) of any number type or (rows, columns, 3). Grey images of more than 8 bits are marked with
        their own smallest and largest value, so that a window that shows the image shows the mark too.
    """
    marked = pixels.copy()
    rows, columns = pixels.shape[:2]
    plate = _plate(rows, columns)
    low, high = (0.0, 255.0) if pixels.dtype == np.uint8 else (float(pixels.min()), float(pixels.max()))
    if low == high:
        high = low + 1 if pixels.dtype.kind == "f" else float(np.iinfo(pixels.dtype).max)
    letters = low + (high - low) * plate.astype(np.float64)
    if pixels.dtype.kind != "f":
        letters = np.rint(letters)
    margin = min(max(1, min(rows, columns) // 100), max(0, rows - plate.shape[0]), max(0, columns - plate.shape[1]))
    bottom = rows - margin
    place = marked[bottom - plate.shape[0]:bottom, margin:margin + plate.shape[1]]
    place[...] = (letters if pixels.ndim == 2 else letters[..., None]).astype(pixels.dtype)
    return marked


def _plate(rows: int, columns: int) -> npt.NDArray[np.float64]:
    """The mark in [0, 1], at most as large as the image: about 3 % of its shorter side high, where it fits."""
    size = max(10, round(min(rows, columns) * 0.03))
    plate = _drawn(size)
    while size > 6 and (plate.shape[1] > columns or plate.shape[0] > rows):
        size -= 1
        plate = _drawn(size)
    if plate.shape[1] > columns or plate.shape[0] > rows:  # a tiny picture: shrink the smallest letters
        scale = min(columns / plate.shape[1], rows / plate.shape[0])
        shape = max(1, int(plate.shape[1] * scale)), max(1, int(plate.shape[0] * scale))
        shrunk = Image.fromarray(np.rint(plate * 255).astype(np.uint8)).resize(shape, Image.Resampling.BOX)
        plate = np.asarray(shrunk, np.float64) / 255
    return plate


@cache
def _drawn(size: int) -> npt.NDArray[np.float64]:
    font = ImageFont.load_default(size)
    left, top, right, bottom = (round(value) for value in font.getbbox(TEXT))
    pad = max(1, size // 5)
    plate = Image.new("L", (right - left + 2 * pad, bottom - top + 2 * pad), 0)
    ImageDraw.Draw(plate).text((pad - left, pad - top), TEXT, font=font, fill=255)
    return np.asarray(plate, np.float64) / 255
