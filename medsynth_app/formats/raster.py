"""PNG and JPEG."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image, PngImagePlugin

from medsynth_app.core.errors import UserError
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
    no_mask,
    reading,
    unreadable,
)
from medsynth_app.formats.kinds import Kind, kind_of, name_of
from medsynth_app.formats.libraries import prepare_pillow
from medsynth_app.formats.mark import draw_mark
from medsynth_app.formats.pixels import (
    FROM_PALETTE,
    ON_WHITE,
    UPRIGHT,
    as_stored,
    bits_in_use,
    laid_on_white,
    packed,
    stored_range,
    to_colour8,
    upright,
)

_BAND = 256  # rows of a JPEG that are worked on at once
_CHUNKS, _ALL_CHUNKS = 10_000, 1_000_000  # of a PNG that are looked at: before its pixels, and in all
_ORIENTATION = 0x0112
_GREY, _TRUE, _TABLE, _GREY_ALPHA, _TRUE_ALPHA = 0, 2, 3, 4, 6  # colour types of a PNG
_SAMPLES = {_GREY: 1, _TRUE: 3, _TABLE: 3, _GREY_ALPHA: 2, _TRUE_ALPHA: 4}
_GREYISH, _BLACK, _BETWEEN = 24, 48, 0.25  # of a mask as JPEG: spread of colours, nearly black, share of what is grey
_FRAMES = {0xF7, *range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # markers of a JPEG that begin a frame
_DEEP = "This picture has 16 bits per colour; it is shown and edited with 8."


def open_image(path: Path, *, allow_bytes: int = ALLOWED_BYTES, salt: bytes = b"") -> ImageSource:
    """Open a PNG or JPEG as one frame: grey uint8 or uint16, or RGB uint8; turned as its EXIF orientation says.

    Raises
    ------
    UserError
        When it is damaged, or would need more than `allow_bytes` (`TooLarge`).
    """
    kind = kind_of(path)
    notices: list[str] = []
    with reading(name_of(kind)), _opened(path, kind, allow_bytes) as image:
        if getattr(image, "n_frames", 1) > 1:
            notices.append("This file holds a moving picture; its first image is shown.")
        text, turn = _text(image), _orientation(image)
        pixels = _png(path, image, turn, notices) if kind is Kind.PNG else _jpeg(image, turn, notices)
        if turn > 1:
            notices.append(UPRIGHT)
        sha256 = file_sha256(path)
        rows, columns = pixels.shape[:2]
        frame = FrameInfo(FrameKey(f"sha256:{sha256}"), rows, columns, stored_range=stored_range(pixels.dtype))
        info = ImageInfo(image_pseudonym(sha256), None, name_of(kind), "grey" if pixels.ndim == 2 else "rgb", (frame,),
                         synthetic=records.claims_synthetic(text), notices=tuple(notices))
        return ArraySource(info, [pixels])


@contextmanager
def _opened(path: Path, kind: Kind, allow_bytes: int) -> Iterator[Image.Image]:
    """A picture of which nothing but the header is read; its size is asked before any pixel is."""
    prepare_pillow()
    turned = b""
    if kind is Kind.PNG:
        columns, rows, bits, colours, turned = _png_header(path)
        check_size(columns * rows * _SAMPLES[colours] * (2 if bits == 16 else 1), allow_bytes)
    else:
        _check_jpeg(path)
    with Image.open(path, formats=("PNG",) if kind is Kind.PNG else ("JPEG", "MPO")) as image:
        if kind is Kind.JPEG:
            samples = 1 if image.mode == "L" else 3
            # Pillow keeps 4 bytes of a coloured pixel, libjpeg the coefficients of all where a picture comes in scans.
            held = (1 if image.mode == "L" else 4) + (2 * len(image.getbands()) if "progressive" in image.info else 0)
            check_size(image.width * image.height * samples, allow_bytes, image.width * image.height * held)
        if turned:
            image.info["exif"] = b"Exif\0\0" + turned
        yield image


def _png_header(path: Path) -> tuple[int, int, int, int, bytes]:
    """Columns, rows, bits per sample, colour type and EXIF of a PNG whose chunks lead to pixels."""
    with path.open("rb") as file:
        start = file.read(33)
        columns, rows, bits, colours = struct.unpack(">4xIIBB", start[12:26])
        if start[12:16] != b"IHDR" or not (columns and rows) or colours not in _SAMPLES:
            raise unreadable(name_of(Kind.PNG))
        pixels, exif = False, b""
        for number in range(_ALL_CHUNKS):
            if len(head := file.read(8)) < 8:
                break
            length, name = struct.unpack(">I4s", head)
            pixels = pixels or name == b"IDAT"
            if name == b"IEND" or (number > _CHUNKS and not pixels):
                break
            if name == b"eXIf" and length < 2**16:
                exif = file.read(length)
                length = 0
            file.seek(length + 4, 1)
    if not pixels:
        raise unreadable(name_of(Kind.PNG), happened="This PNG picture is damaged: no pixels follow its beginning.")
    return columns, rows, bits, colours, exif


def _png(path: Path, image: Image.Image, turn: int, notices: list[str]) -> Pixels:
    """Decode a PNG, turn it upright, lay what is transparent on white; what is changed is added to `notices`."""
    colours, share = _png_values(path)
    if image.mode == "P":
        notices.append(FROM_PALETTE)
    if colours.ndim == 3 and colours.dtype == np.uint16:
        bits = bits_in_use(colours)
        notices.append(_DEEP + (f" Only {bits} bits are in use; they are stretched." if bits < 16 else ""))
        colours = to_colour8(colours, bits)
        share = to_colour8(share[..., None])[..., 0] if share is not None else None
    white = int(np.iinfo(colours.dtype).max)
    if share is not None and int(share.min()) < white:
        notices.append(ON_WHITE)
        laid_on_white(colours, share, white)
    return packed(upright(colours, turn))


def _png_values(path: Path) -> tuple[Pixels, Pixels | None]:
    """Grey (rows, columns) or RGB (rows, columns, 3) of a PNG, uint8 or uint16; how opaque it is, where it says so."""
    values = imagecodecs.png_decode(path.read_bytes())
    if values.ndim == 2:
        return values, None
    share = values[..., -1] if values.shape[-1] in (2, 4) else None
    return values[..., 0] if values.shape[-1] < 3 else values[..., :3], share


def _jpeg(image: Image.Image, turn: int, notices: list[str]) -> Pixels:
    """Decode a JPEG, upright, in bands: no second copy of the whole is made."""
    if image.mode == "CMYK":
        notices.append("The colours of this picture are those of a printer (CMYK); it is shown and edited as RGB.")
    mode, shape = ("L", ()) if image.mode == "L" else ("RGB", (3,))
    rows, columns = (image.width, image.height) if turn >= 5 else (image.height, image.width)
    pixels = np.empty((rows, columns, *shape), np.uint8)
    stored = as_stored(pixels, turn)
    for top in range(0, image.height, _BAND):
        band = image.crop((0, top, image.width, min(top + _BAND, image.height)))
        stored[top:top + _BAND] = np.asarray(band if band.mode == mode else band.convert(mode))
    return pixels


def _check_jpeg(path: Path) -> None:
    """Raise `UserError` for a JPEG of a kind that Pillow calls damaged: deeper than 8 bits, lossless, JPEG-LS."""
    with path.open("rb") as file:
        file.seek(2)
        for _ in range(_CHUNKS):
            marker = file.read(2)
            while marker[1:] == b"\xff":  # fill bytes
                marker = marker[1:] + file.read(1)
            if len(marker) < 2 or marker[0] != 0xFF or marker[1] in (0xD9, 0xDA):
                return
            length, = struct.unpack(">H", file.read(2))
            if marker[1] in _FRAMES:
                bits = file.read(1)[0]
                why = ("JPEG-LS" if marker[1] == 0xF7 else "lossless JPEG" if marker[1] in (0xC3, 0xC7, 0xCB, 0xCF) else
                       "hierarchical JPEG" if marker[1] in (0xC5, 0xC6, 0xCD, 0xCE) else
                       f"{bits} bits per colour" if bits != 8 else "")
                if why:
                    raise UserError(f"This JPEG picture is of a kind that is not read here: {why}.",
                                    "Save it as PNG or TIFF, or as a usual JPEG of 8 bits.")
                return
            file.seek(length - 2, 1)


def _orientation(image: Image.Image) -> int:
    value = Image.Image.getexif(image).get(_ORIENTATION, 1)  # a PNG's own decodes all pixels
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _text(image: Image.Image) -> str:
    text = image.info.get(records.KEY, "")
    return text if isinstance(text, str) else ""


def embedded_text(path: Path) -> str:
    """The provenance text of a picture, or an empty string."""
    kind = kind_of(path)
    with reading(name_of(kind)), _opened(path, kind, sys.maxsize) as image:
        return _text(image)


def write_png(path: Path, pixels: Pixels, provenance: Provenance | None, mark: bool = True) -> None:
    """Write uint8 pixels, (rows, columns) or (rows, columns, 3), with the record as iTXt chunk "medsynth"."""
    if pixels.dtype != np.uint8:
        raise ValueError("a rendered PNG holds 8-bit pixels")
    _save_png(path, draw_mark(pixels) if mark else pixels, provenance)


def write_mask_png(path: Path, mask: Mask, provenance: Provenance | None = None, comment: str = "") -> None:
    """Write a mask (rows, columns), values 0..255, as 8-bit grey; with a record where a model drew it, as `write_png`.

    No mark is ever drawn into it: its values are what it is.
    """
    if mask.dtype != np.uint8 or mask.ndim != 2:
        raise ValueError("a mask is two-dimensional, uint8")
    _save_png(path, mask, provenance, comment)


def comment_of(path: Path) -> str:
    """The comment in a PNG; empty where there is none. Raises `UserError` where it cannot be read."""
    with reading(name_of(Kind.PNG)), _opened(path, Kind.PNG, sys.maxsize) as image:
        text = image.info.get("Comment", "")
        return text if isinstance(text, str) else ""


def _save_png(path: Path, pixels: Pixels, provenance: Provenance | None, comment: str = "") -> None:
    details = PngImagePlugin.PngInfo()
    if provenance is not None:
        details.add_itxt(records.KEY, records.to_text(provenance))
        comment = comment or "SYNTHETIC image; research use only, not for diagnosis."
    if comment:
        details.add_text("Comment", comment)
    with writing(path) as part:
        Image.fromarray(np.ascontiguousarray(pixels)).save(part, "PNG", pnginfo=details)


def _mask_of_jpeg(pixels: Pixels) -> Mask:
    """1 where it is brighter than half; what is neither black nor white for a good part is a picture and no mask."""
    if pixels.ndim == 3 and int(np.ptp(pixels, axis=2).max(initial=0)) > _GREYISH:
        return mask_values(pixels)  # flat colours, or a picture
    grey = pixels if pixels.ndim == 2 else pixels[..., 0]
    if ((grey > _BLACK) & (grey < 255 - _BLACK)).mean() > _BETWEEN:
        raise no_mask("a picture in shades of grey")
    return np.asarray(grey > 127, np.uint8)


def read_mask(path: Path, frame: int | None = None, like: FrameInfo | None = None,
              allow_bytes: int = ALLOWED_BYTES) -> Mask:
    """A mask from a PNG (grey or palette: its values) or JPEG (1 where it is brighter than half); it has one frame.

    What is transparent counts as 0, whatever colour lies under it.
    """
    kind = kind_of(path)
    with reading("mask"), _opened(path, kind, allow_bytes) as image:
        turn = _orientation(image)
        share: Pixels | None
        if kind is Kind.JPEG:
            return _mask_of_jpeg(_jpeg(image, turn, []))
        if image.mode == "P":
            values, share = np.array(image), np.asarray(image.convert("RGBA"))[..., 3]
        else:
            values, share = _png_values(path)
            if (bits := _png_header(path)[2]) < 8:
                values //= 255 // (2**bits - 1)  # the decoder spreads few bits over a byte
        if share is not None:
            values[share <= share.max(initial=0) // 2] = 0  # the middle of a soft brush's edge
        return mask_values(np.ascontiguousarray(upright(values, turn)))
