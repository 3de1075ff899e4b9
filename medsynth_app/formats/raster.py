"""PNG and JPEG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

from medsynth_app.core.files import file_sha256, writing
from medsynth_app.core.image import FrameInfo, FrameKey, ImageInfo, ImageSource, Pixels
from medsynth_app.core.provenance import Provenance
from medsynth_app.formats import provenance as records
from medsynth_app.formats.common import (
    ALLOWED_BYTES,
    ArraySource,
    Mask,
    check_size,
    image_pseudonym,
    mask_values,
    reading,
)
from medsynth_app.formats.kinds import kind_of, name_of
from medsynth_app.formats.libraries import prepare_pillow
from medsynth_app.formats.mark import draw_mark
from medsynth_app.formats.pixels import stored_range

_BYTES = {"1": 1, "L": 1, "P": 3, "I;16": 2, "I;16B": 2, "I": 4, "F": 4}


def open_image(path: Path, *, allow_bytes: int = ALLOWED_BYTES, salt: bytes = b"") -> ImageSource:
    """Open a PNG or JPEG as one frame: grey uint8 or uint16, or RGB uint8; turned as its EXIF orientation says.

    Raises
    ------
    UserError
        When it is damaged, or would need more than `allow_bytes` (`TooLarge`).
    """
    notices: list[str] = []
    kind = name_of(kind_of(path))
    prepare_pillow()
    with reading(kind), Image.open(path) as image:
        check_size(image.width * image.height * _BYTES.get(image.mode, 4), allow_bytes)
        if getattr(image, "n_frames", 1) > 1:
            notices.append("This file holds a moving picture; its first image is shown.")
        if _deep_colour(path):
            notices.append("This picture has 16 bits per colour; it is shown and edited with 8.")
        text = _text(image)
        pixels = _pixels(image)
        sha256 = file_sha256(path)
    rows, columns = pixels.shape[:2]
    frame = FrameInfo(FrameKey(f"sha256:{sha256}"), rows, columns, stored_range=stored_range(pixels.dtype))
    info = ImageInfo(image_pseudonym(sha256), None, kind, "grey" if pixels.ndim == 2 else "rgb", (frame,),
                     synthetic=records.claims_synthetic(text), notices=tuple(notices))
    return ArraySource(info, [pixels])


def _pixels(image: Image.Image) -> Pixels:
    """Decode, turn upright, lay what is transparent on white."""
    grey = image.mode in ("1", "L", "LA", "I;16", "I;16B", "I", "F")
    upright = ImageOps.exif_transpose(image)
    if _see_through(upright):
        ground = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(ground, upright.convert("RGBA")).convert("L" if grey else "RGB")
    if upright.mode == "1":
        upright = upright.convert("L")
    if upright.mode == "I":
        values = np.array(upright)
        return values.astype(np.uint16) if values.min() >= 0 and values.max() <= 65_535 else values
    if upright.mode.startswith("I;16"):
        return np.array(upright).astype(np.uint16)
    return np.array(upright if upright.mode == "L" else upright.convert("RGB"))


def _deep_colour(path: Path) -> bool:
    """Whether a PNG has 16 bits per colour, of which Pillow reads 8 without a word."""
    with path.open("rb") as file:
        head = file.read(26)
    return head[:4] == b"\x89PNG" and head[24] == 16 and head[25] in (2, 6)


def _text(image: Image.Image) -> str:
    text = image.info.get(records.KEY, "")
    return text if isinstance(text, str) else ""


def embedded_text(path: Path) -> str:
    """The provenance text of a picture, or an empty string."""
    prepare_pillow()
    with reading("picture"), Image.open(path) as image:
        return _text(image)


def write_png(path: Path, pixels: Pixels, provenance: Provenance | None, mark: bool = True) -> None:
    """Write uint8 pixels, (rows, columns) or (rows, columns, 3), with the record as iTXt chunk "medsynth"."""
    if pixels.dtype != np.uint8:
        raise ValueError("a rendered PNG holds 8-bit pixels")
    _save_png(path, draw_mark(pixels) if mark else pixels, provenance)


def write_mask_png(path: Path, mask: Mask, provenance: Provenance | None = None) -> None:
    """Write a mask (rows, columns), values 0..255, as 8-bit grey; with a record where a model drew it, as `write_png`.

    No mark is ever drawn into it: its values are what it is.
    """
    if mask.dtype != np.uint8 or mask.ndim != 2:
        raise ValueError("a mask is two-dimensional, uint8")
    _save_png(path, mask, provenance)


def _save_png(path: Path, pixels: Pixels, provenance: Provenance | None) -> None:
    details = PngImagePlugin.PngInfo()
    if provenance is not None:
        details.add_itxt(records.KEY, records.to_text(provenance))
        details.add_text("Comment", "SYNTHETIC image; research use only, not for diagnosis.")
    with writing(path) as part:
        Image.fromarray(np.ascontiguousarray(pixels)).save(part, "PNG", pnginfo=details)


def read_mask(path: Path, frame: int | None = None, like: FrameInfo | None = None,
              allow_bytes: int = ALLOWED_BYTES) -> Mask:
    """A mask from a PNG (grey or palette: its values) or JPEG (1 where it is brighter than half); it has one frame.

    What is transparent counts as 0, whatever colour lies under it.
    """
    prepare_pillow()
    with reading("mask"), Image.open(path) as image:
        check_size(image.width * image.height * _BYTES.get(image.mode, 4), allow_bytes)
        lossy = image.format == "JPEG"
        upright = ImageOps.exif_transpose(image)
        if upright.mode in ("P", "1"):
            pixels = np.array(upright).astype(np.uint8)
        elif _see_through(upright):
            pixels = np.array(upright.convert("RGBA"))[..., :3]
        else:
            pixels = _pixels(image)
        if _see_through(upright):
            share = np.array(upright.convert("RGBA"))[..., 3]
            pixels[share <= share.max(initial=0) // 2] = 0  # the middle of a soft brush's edge
    return mask_values(pixels > 127 if lossy and pixels.ndim == 2 else pixels)


def _see_through(image: Image.Image) -> bool:
    return image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info
