"""Stored values to what the eye sees: the one code for canvas, thumbnails, rendered exports and models."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from medsynth_app.core.image import Pixels, Rescale
from medsynth_app.core.window_level import WindowLevel

Picture = npt.NDArray[np.uint8]


def to_unit(stored: Pixels, rescale: Rescale, window: WindowLevel, inverted: bool = False) -> npt.NDArray[np.float32]:
    """Grey stored values of any integer type and shape to [0, 1], black to white; float32.

    Parameters
    ----------
    window
        In modality units; values beyond it are clipped.
    inverted
        MONOCHROME1: low values are white.
    """
    unit = window.to_unit(rescale.to_modality(stored))
    return 1 - unit if inverted else unit


def to_screen(stored: Pixels, rescale: Rescale, window: WindowLevel | None, inverted: bool = False) -> Picture:
    """Stored values as 8-bit pictures: grey (rows, columns) through `window`, or RGB (rows, columns, 3) as it is.

    Raises
    ------
    ValueError
        For grey values without a window.
    """
    if stored.ndim == 3:
        return np.ascontiguousarray(stored[..., :3], np.uint8)
    if window is None:
        raise ValueError("a grey image needs a window to be rendered")
    return np.rint(to_unit(stored, rescale, window, inverted) * 255).astype(np.uint8)


def to_rgb(stored: Pixels, rescale: Rescale, window: WindowLevel | None, inverted: bool = False) -> Picture:
    """As `to_screen`, always (rows, columns, 3)."""
    seen = to_screen(stored, rescale, window, inverted)
    return np.repeat(seen[..., None], 3, axis=2) if seen.ndim == 2 else seen
