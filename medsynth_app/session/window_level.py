"""Which window/level a document starts with."""

from __future__ import annotations

from medsynth_app.core.image import ImageInfo, Pixels
from medsynth_app.core.window_level import WindowLevel, auto_window, presets


def starting_window(info: ImageInfo, frame: int, pixels: Pixels) -> WindowLevel | None:
    """The file's own window, else the first preset that fits, else one from the values; None for colour."""
    if info.colour == "rgb":
        return None
    about = info.frames[frame]
    if about.windows:
        return about.windows[0]
    fixed = presets(info.modality)
    if fixed:
        return next((preset for preset in fixed if preset.name == "Soft tissue"), fixed[0])
    if about.stored_range == (0, 255):
        low, high = about.rescale.intercept, 255 * about.rescale.slope + about.rescale.intercept
        return WindowLevel.from_limits(min(low, high), max(low, high), "Full range")
    return auto_window(about.rescale.to_modality(pixels))


def to_plain(window: WindowLevel) -> dict[str, float | str]:
    return {"center": window.center, "width": window.width, "name": window.name}


def from_plain(raw: object) -> WindowLevel | None:
    """The inverse of `to_plain`; None for anything else."""
    if not isinstance(raw, dict):
        return None
    try:
        return WindowLevel(float(raw["center"]), float(raw["width"]), str(raw.get("name", "")))
    except (KeyError, TypeError, ValueError):
        return None
