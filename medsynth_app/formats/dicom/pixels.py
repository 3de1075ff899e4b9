"""From the bytes of one frame to stored values: found in the file, decoded, freed of unused bits, colours as RGB."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from pydicom.encaps import get_frame
from pydicom.pixels import convert_color_space

from medsynth_app.core.errors import UserError
from medsynth_app.core.image import Pixels
from medsynth_app.formats.common import unreadable
from medsynth_app.formats.dicom import KIND, codecs
from medsynth_app.formats.dicom.codestream import Codestream
from medsynth_app.formats.dicom.layout import FULL, HALVED, Layout
from medsynth_app.formats.pixels import to_colour8

_PART = 100_000  # pixels


@dataclass(frozen=True, eq=False)
class PixelData:
    """Where the pixels of a file lie, and how they are encoded.

    Attributes
    ----------
    held
        The unpacked file, of a deflated one; None where `path` is read.
    stamp
        Size and time of change of the file when its header was read.
    start
        Where in the file the value of the pixel element begins.
    swapped
        Whether the bytes of 8-bit values stand in words of the other order.
    offsets
        Extended Offset Table and its lengths, where the file has them.
    """

    path: Path
    stamp: tuple[int, int]
    start: int
    syntax: str
    little: bool = True
    swapped: bool = False
    held: bytes | None = None
    offsets: tuple[bytes, bytes] | None = None

    @property
    def compressed(self) -> bool:
        return self.syntax in codecs.ENCAPSULATED

    def frame(self, layout: Layout, frame: int) -> Pixels:
        """One frame: grey values or indices of a palette, (rows, columns) of ``layout.dtype``; or RGB as uint8.

        Raises
        ------
        UserError
            When the file has changed since its header was read, or is cut off; codecs raise errors of their own.
        """
        with self._open() as stream:
            if self.compressed:
                stream.seek(self.start)
                found = codecs.decode(get_frame(stream, frame, number_of_frames=layout.frames,
                                                extended_offsets=self.offsets), self.syntax, layout)
            else:
                found = codecs.Decoded(_native(stream, self, layout, frame), layout.label in (FULL, HALVED))
        if found.pixels.dtype.itemsize > layout.dtype.itemsize:
            raise unreadable(KIND, happened="This DICOM file's pixels are not of the depth that it states.")
        values = found.pixels if layout.samples == 3 else found.pixels.astype(layout.dtype, copy=False)
        values = _without_unused_bits(values, layout, found.head, self.syntax)
        if layout.samples == 1:
            return values
        eight = to_colour8(values, min(layout.stored, 8 * values.dtype.itemsize))
        return _as_rgb(eight) if found.ybr else eight

    def _open(self) -> BinaryIO:
        if self.held is not None:
            return io.BytesIO(self.held)
        stream = self.path.open("rb")
        if stamp_of(self.path) != self.stamp:
            stream.close()
            raise UserError("This DICOM file has changed since it was opened.", "Open it again.")
        return stream


def stamp_of(path: Path) -> tuple[int, int]:
    about = path.stat()
    return about.st_size, about.st_mtime_ns


def _native(stream: BinaryIO, data: PixelData, layout: Layout, frame: int) -> Pixels:
    first_bit = layout.frame_bits * frame
    first, last = first_bit // 8, -(-(first_bit + layout.frame_bits) // 8)
    odd = first % 2 if data.swapped else 0
    end = last + (last % 2 if data.swapped else 0)
    start = data.start + first - odd
    if data.held is not None:
        read: bytes | memoryview = memoryview(data.held)[start:data.start + end]  # a view: the file lies in memory once
    else:
        stream.seek(start)
        read = stream.read(end - first + odd)
    if len(read) < last - first + odd:
        raise unreadable(KIND, happened=codecs.CUT_OFF)
    if data.swapped:
        pairs = np.frombuffer(bytes(read) + b"\0" * (len(read) % 2), np.uint16).byteswap()
        read = pairs.tobytes()[odd:odd + last - first]
    if layout.allocated == 1:
        bits = np.unpackbits(np.frombuffer(read, np.uint8), bitorder="little")
        return bits[first_bit % 8:first_bit % 8 + layout.frame_bits].reshape(layout.rows, layout.columns)
    values: Pixels = np.frombuffer(read, layout.dtype.newbyteorder("<" if data.little else ">"))
    values = values.astype(layout.dtype, copy=False)
    if layout.label == HALVED:
        return _doubled(values).reshape(layout.rows, layout.columns, 3)
    if layout.samples == 1:
        return values.reshape(layout.rows, layout.columns)
    if layout.planar:
        return np.ascontiguousarray(values.reshape(3, layout.rows, layout.columns).transpose(1, 2, 0))
    return values.reshape(layout.rows, layout.columns, 3)


def _doubled(values: Pixels) -> Pixels:
    """Y1 Y2 B R as Y1 B R, Y2 B R: PS3.3 C.7.6.3.1.2."""
    pairs = values.reshape(-1, 4)
    return np.stack([pairs[:, [0, 2, 3]], pairs[:, [1, 2, 3]]], axis=1)


def _without_unused_bits(values: Pixels, layout: Layout, head: Codestream | None = None, syntax: str = "") -> Pixels:
    """Move the stored bits to the bottom of their words and fill the rest with nothing, or with the sign.

    Compressed values stand where an uncompressed file has them only if the stream is deep enough; else they lie at the
    bottom already. The sign of JPEG-LS and JPEG 2000 is that of the stream's own depth: neither tells a shorter word.
    """
    if layout.floating or layout.allocated == 1:
        return values
    high, stored = layout.high, layout.stored
    if head is not None and head.precision <= high:
        if syntax in codecs.JPEG_LS | codecs.JPEG_2000:
            stored = min(stored, head.precision)
        high = stored - 1
    width = 8 * values.dtype.itemsize
    up, down = max(0, width - 1 - high), max(0, width - stored)
    if not down:
        return values
    moved: Pixels = values << values.dtype.type(up)
    moved >>= moved.dtype.type(down)
    return moved


def _as_rgb(ybr: Pixels) -> Pixels:
    """YBR_FULL (rows, columns, 3) uint8 to RGB, some rows at a time: in between it is decimal numbers."""
    rgb = np.empty_like(ybr)
    step = max(1, _PART // ybr.shape[1])
    for top in range(0, ybr.shape[0], step):
        rgb[top:top + step] = convert_color_space(ybr[top:top + step], FULL, "RGB")
    return rgb
