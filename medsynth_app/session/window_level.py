"""Which window/level a document starts with."""

from __future__ import annotations

from collections.abc import Callable

from medsynth_app.core.image import ImageInfo
from medsynth_app.core.intensity import VolumeSample, auto_window
from medsynth_app.core.window_level import WindowLevel, presets


def starting_window(info: ImageInfo, frame: int, sample: Callable[[], VolumeSample]) -> WindowLevel | None:
    """The file's own window, else the first preset that fits, else one from the volume's values; None for colour.

    `sample` gives the values; it is asked only where they are needed.
    """
    if info.colour == "rgb":
        return None
    about = info.frames[frame]
    if about.windows:
        return about.windows[0]
    fixed = presets(info.modality)
    if fixed:
        return next((preset for preset in fixed if preset.name == "Soft tissue"), fixed[0])
    return auto_window(info.modality, about, sample)


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
