"""From stored values to what the eye sees: window limits in stored units, and 8-bit pictures for thumbnails."""

from __future__ import annotations

import numpy as np

from medsynth_app.core.image import FrameInfo, ImageInfo, Pixels
from medsynth_app.core.intensity import VolumeSample, auto_window
from medsynth_app.core.render import Picture, to_rgb
from medsynth_app.core.window_level import WindowLevel

BRIGHTER, DARKER = (230, 159, 0), (86, 180, 233)


def window_of(pixels: Pixels, frame: FrameInfo, window: WindowLevel | None) -> WindowLevel:
    """The window to show a grey frame with; an automatic one where none is set."""
    return window if window is not None else auto_window(None, frame, lambda: VolumeSample.of([(pixels, frame)]))


def stored_limits(window: WindowLevel, frame: FrameInfo) -> tuple[float, float, bool]:
    """(low, high, turned): the window in stored values; `turned` where a negative slope swaps black and white."""
    slope = frame.rescale.slope or 1.0
    ends = ((window.low - frame.rescale.intercept) / slope, (window.high - frame.rescale.intercept) / slope)
    low, high = sorted(ends)
    return low, max(high, np.nextafter(low, np.inf), low + 1e-6), slope < 0


def to_picture(pixels: Pixels, info: ImageInfo, frame: FrameInfo, window: WindowLevel | None) -> Picture:
    """8-bit RGB (rows, columns, 3) of stored values, as the canvas shows them."""
    seen = window_of(pixels, frame, window) if pixels.ndim == 2 else None
    return to_rgb(pixels, frame.rescale, seen, info.inverted)


def difference_picture(before: Picture, after: Picture) -> Picture:
    """Where `after` is brighter orange, where darker blue, on a dimmed grey; all (rows, columns, 3) uint8."""
    grey = before.astype(np.float32).mean(axis=2)
    step = after.astype(np.float32).mean(axis=2) - grey
    share = np.clip(np.abs(step) / 64, 0, 1)[..., None]
    colour = np.where((step > 0)[..., None], np.array(BRIGHTER, np.float32), np.array(DARKER, np.float32))
    mixed: Picture = np.rint((grey * 0.4)[..., None] * (1 - share) + colour * share).astype(np.uint8)
    return mixed


def bright_surround(pixels: Pixels) -> bool:
    """True for a colour image whose border is bright, as in bright-field microscopy."""
    if pixels.ndim != 3:
        return False
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return float(np.median(edge.mean(axis=1))) > 150
