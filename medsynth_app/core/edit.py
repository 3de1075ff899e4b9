"""Edits: what one stroke or one accepted result changed, enough to undo and to redo it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.image import FrameKey, Pixels


@dataclass(frozen=True, eq=False)
class MaskEdit:
    """One stroke: mask values in `bounds` before and after, uint8, shape (bounds.height, bounds.width)."""

    frame: FrameKey
    bounds: Bounds
    before: npt.NDArray[np.uint8]
    after: npt.NDArray[np.uint8]
    name: str = "paint"


@dataclass(frozen=True, eq=False)
class PixelEdit:
    """One accepted result: pixels in `bounds` before and after, in the image's own type."""

    frame: FrameKey
    bounds: Bounds
    before: Pixels
    after: Pixels
    result_id: str
    name: str = "inpaint"


Edit = MaskEdit | PixelEdit
