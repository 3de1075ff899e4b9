"""A small picture of a document, kept with it in the workspace: it goes when the document is removed."""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import ImageSource, Pixels
from medsynth_app.core.intensity import VolumeSample
from medsynth_app.core.render import to_rgb
from medsynth_app.session.window_level import starting_window
from medsynth_app.workspace.documents import Document

NOTE = "thumbnail"  # its name among what is remembered of a document
EDGE = 96  # pixels, the longer one


@dataclass(frozen=True)
class Thumbnail:
    """An image as PNG; `synthetic` where its file says that it holds generated pixels."""

    png: bytes
    synthetic: bool


def thumbnail_of(document: Document) -> Thumbnail | None:
    """The middle frame as the canvas would first show it; None where it cannot be read."""
    info = document.info
    frame = len(info.frames) // 2
    about, place = info.frames[frame], info.frames[frame].geometry
    try:
        pixels = _few(document.source, frame)
    except UserError:
        return None
    window = starting_window(info, frame, lambda: VolumeSample.of([(pixels, about)]))
    seen = Image.fromarray(to_rgb(pixels, about.rescale, window, info.inverted))
    height, width = (about.rows * place.row_spacing, about.columns * place.column_spacing) if place else \
        (about.rows * about.aspect, about.columns)
    across, down = (max(1, round(edge * EDGE / max(height, width))) for edge in (width, height))
    written = io.BytesIO()
    seen.resize((across, down), Image.Resampling.BOX).save(written, "PNG")
    return Thumbnail(written.getvalue(), info.synthetic)


def _few(source: ImageSource, frame: int) -> Pixels:
    """The frame with few pixels more than the picture will have: of a slide no more is read."""
    levels = source.levels
    level = max((k for k, size in enumerate(levels) if min(size.rows, size.columns) >= EDGE), default=0)
    if level:
        size = levels[level]
        pixels = source.region(frame, Bounds(0, 0, size.rows, size.columns), level)
    else:
        pixels = source.pixels(frame)
    step = max(1, min(pixels.shape[:2]) // (2 * EDGE))
    return np.ascontiguousarray(pixels[::step, ::step])


def to_plain(thumbnail: Thumbnail) -> dict[str, str | bool]:
    return {"png": base64.b64encode(thumbnail.png).decode(), "synthetic": thumbnail.synthetic}


def from_plain(raw: object) -> Thumbnail | None:
    """The inverse of `to_plain`; None for anything else."""
    try:
        return Thumbnail(base64.b64decode(raw["png"]), bool(raw["synthetic"])) if isinstance(raw, dict) else None
    except (KeyError, TypeError, ValueError, binascii.Error):
        return None
