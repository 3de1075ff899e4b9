"""Decoding one compressed frame, by codecs that answer a damaged stream with an error and never end the process.

All of imagecodecs: libjpeg-turbo (8, 12 and 16 bits, lossy and lossless), CharLS, OpenJPEG and PackBits. A stream's own
head is read first: one of another size than its DICOM header is refused before anything of its size is made.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from pydicom import uid

from medsynth_app.core.image import Pixels
from medsynth_app.formats.common import unreadable
from medsynth_app.formats.dicom import KIND
from medsynth_app.formats.dicom.codestream import Codestream, of_jpeg, of_jpeg2000
from medsynth_app.formats.dicom.layout import FULL, HALVED, Layout

JPEG = frozenset(uid.JPEGTransferSyntaxes)
JPEG_LS = frozenset(uid.JPEGLSTransferSyntaxes)
JPEG_2000 = frozenset(uid.JPEG2000TransferSyntaxes)
RLE = frozenset(uid.RLETransferSyntaxes)
ENCAPSULATED = JPEG | JPEG_LS | JPEG_2000 | RLE
_HEADER = 64  # bytes of the table of segments of a run-length frame: PS3.5 G.5
_END, _MORE = b"\xff\xd9", bytes(range(1, 255)) * 8
CUT_OFF = "This DICOM file is cut off: part of its pixels is missing."
_OTHER_SIZE = "This DICOM file's pixels are not of the size that it states."


@dataclass(frozen=True, eq=False)
class Decoded:
    """One frame as its codec returns it.

    Attributes
    ----------
    pixels
        (rows, columns) or (rows, columns, samples), of the codec's own integer type.
    ybr
        Whether three colours are brightness and two differences still.
    head
        What the stream says of itself; None for run lengths.
    """

    pixels: Pixels
    ybr: bool = False
    head: Codestream | None = None


def decode(data: bytes, syntax: str, layout: Layout) -> Decoded:
    """Decode one frame.

    Raises
    ------
    UserError
        When the stream is of another size than `layout` says; codecs raise errors of their own.
    """
    coded = layout.label in (FULL, HALVED)
    if syntax in RLE:
        return Decoded(_run_lengths(data, layout), coded)
    head = of_jpeg2000(data) if syntax in JPEG_2000 else of_jpeg(data)
    if head is None:
        raise unreadable(KIND)
    if (head.rows, head.columns, head.components) != (layout.rows, layout.columns, layout.samples):
        raise unreadable(KIND, happened=_OTHER_SIZE)
    if syntax in JPEG_2000:
        pixels = imagecodecs.jpeg2k_decode(data)
    elif syntax in JPEG_LS:
        # CharLS looks for the mark of the end far beyond a stream that is cut off: ten seconds of it at 40 x 56 pixels.
        pixels = imagecodecs.jpegls_decode(data if data.rstrip(b"\0").endswith(_END) else data + _END)
        coded = in_ybr(head, layout.label)
    elif layout.samples == 3:
        coded = in_ybr(head, layout.label)
        stored = "YCBCR" if coded else "RGB"
        pixels = _jpeg(data, colorspace=stored, outcolorspace=stored if head.lossless else "RGB")
        coded = coded and head.lossless
    else:
        pixels = _jpeg(data)
    if pixels.shape != (layout.rows, layout.columns, layout.samples)[:pixels.ndim]:
        raise unreadable(KIND, happened=_OTHER_SIZE)
    return Decoded(pixels, coded, head)


def _jpeg(data: bytes, **colours: Any) -> Pixels:
    """Decode a JPEG that is whole; libjpeg fills up one that is cut off and says nothing of it.

    Where the mark of the end is missing, more bytes are put behind: they change nothing but what was filled up.
    """
    pixels: Pixels = imagecodecs.jpeg8_decode(data, **colours)
    if not data[-4096:].rstrip(b"\0").endswith(_END):
        probe = imagecodecs.jpeg8_decode(data.rstrip(b"\0") + _MORE + _END, **colours)
        if not np.array_equal(pixels, probe):
            raise unreadable(KIND, happened=CUT_OFF)
    return pixels


def working_bytes(syntax: str, layout: Layout) -> int:
    """Memory that decoding one frame takes beside the file: OpenJPEG holds every value in four bytes."""
    if syntax not in JPEG_2000:
        return 0
    return layout.rows * layout.columns * layout.samples * (4 + layout.dtype.itemsize)


def in_ybr(head: Codestream, label: str) -> bool:
    """Whether a JPEG of three colours holds brightness and two differences: as its head tells, else as the header."""
    return head.colours == "YBR" if head.colours else label.startswith("YBR")


def _run_lengths(data: bytes, layout: Layout) -> Pixels:
    """Segments of bytes, the most significant first, one sample after the other; last runs may overshoot."""
    size, values = layout.dtype.itemsize, layout.rows * layout.columns
    count, *starts = struct.unpack("<16L", data[:_HEADER])
    if count != layout.samples * size:
        raise unreadable(KIND)
    words = np.empty((layout.samples, values, size), np.uint8)
    for k in range(count):
        end = starts[k + 1] if k + 1 < count else len(data)
        words[k // size, :, size - 1 - k % size] = _segment(memoryview(data)[starts[k]:end], values)
    pixels = words.view(f"<u{size}").reshape(layout.samples, layout.rows, layout.columns)
    return pixels[0] if layout.samples == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))


def _segment(packed: Any, values: int) -> Pixels:
    plane = np.frombuffer(imagecodecs.packbits_decode(packed), np.uint8)
    if len(plane) < values:
        raise unreadable(KIND)
    return plane[:values]
