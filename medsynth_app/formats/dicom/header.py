"""One DICOM file: reading its header with care, what it says of its frames, decoding one of them."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pydicom
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_file_meta_info

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import file_sha256
from medsynth_app.core.image import Pixels, Rescale
from medsynth_app.formats.common import check_size, reading, unreadable
from medsynth_app.formats.dicom import KIND, codecs, elements
from medsynth_app.formats.dicom.codestream import of_jpeg
from medsynth_app.formats.dicom.layout import PALETTE, Layout, layout_of
from medsynth_app.formats.dicom.palette import Palette, palette_of
from medsynth_app.formats.dicom.pixels import PixelData, stamp_of
from medsynth_app.formats.libraries import prepare_pydicom
from medsynth_app.formats.pixels import FROM_PALETTE, as_integers

PRIVATE_GROUP, PRIVATE_CREATOR, PRIVATE_ELEMENT = 0x0011, "MEDSYNTH", 0x01  # where our record stands
BARE = "This file does not say how it is encoded: that was guessed. Check that the image looks right."
NOT_COMPRESSED = "This file calls its pixels compressed, but they are not: they are read as they are."
MORE_THAN_8 = "This picture has more than 8 bits per colour; it is shown and edited with 8."
OTHER_COLOURS = "This file calls its colours {label}, but its picture is coded as {coded}: it is shown as the latter."
_PIXELS = {(0x7FE0, 0x0010): "PixelData", (0x7FE0, 0x0008): "FloatPixelData", (0x7FE0, 0x0009): "DoubleFloatPixelData"}
_NATIVE = frozenset((uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian,
                     uid.DeflatedExplicitVRLittleEndian))
_UNDEFINED = 0xFFFFFFFF
_LONG = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN")  # VRs whose length has four bytes
_SHORT = (b"US", b"SS", b"AT")
_PIECE = 16 * 2**20
_META = 1024  # bytes in which a file names its transfer syntax: but for short elements it is the first of all


class NoPixels(UserError):
    """A DICOM file without an image: a report, a plan, a directory."""

    def __init__(self, happened: str, remedy: str = "Choose a file that holds an image.") -> None:
        super().__init__(happened, remedy)


@dataclass(frozen=True, eq=False)
class DicomFile:
    """A file with an image in it.

    Attributes
    ----------
    header
        All elements before the pixels, without those that could not be read.
    unread
        Keywords of these.
    key
        Identity of the file: ``uid:<SOPInstanceUID>``, else ``sha256:<hash of the file>``.
    decimals, rescale
        Pixels that are stored as decimal numbers, or with 64 bits, and were made whole numbers of at most 32 bits here;
        empty and None for all others.
    """

    path: Path
    header: Dataset
    layout: Layout
    data: PixelData
    unread: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    key: str = ""
    palette: Palette | None = None
    decimals: tuple[Pixels, ...] = ()
    rescale: Rescale | None = None

    @property
    def frames(self) -> int:
        return self.layout.frames

    @property
    def rows(self) -> int:
        return self.layout.rows

    @property
    def columns(self) -> int:
        return self.layout.columns

    @property
    def colour(self) -> bool:
        return self.layout.colour

    @property
    def inverted(self) -> bool:
        return self.layout.label == "MONOCHROME1"

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels that `decode` returns."""
        if self.colour:
            return np.dtype(np.uint8)
        return self.decimals[0].dtype if self.decimals else self.layout.dtype

    def trimmed(self) -> DicomFile:
        """The same file with no more of its header than decoding needs: no patient stays in memory."""
        return replace(self, header=Dataset())

    def decode(self, frame: int) -> Pixels:
        """Stored values of one frame: (rows, columns), or (rows, columns, 3) uint8.

        Raises
        ------
        UserError
            When the file is gone, damaged, or has changed since its header was read.
        """
        if self.decimals:
            return self.decimals[frame]
        with reading(KIND):
            values = self.data.frame(self.layout, frame)
            return values if self.palette is None else self.palette(values)


def read_file(path: Path, allow_bytes: int) -> DicomFile:
    """Read the header, check that an image of allowed size follows and is complete; decodes nothing.

    Raises
    ------
    UserError
        Truncated, unknown transfer syntax; `NoPixels`; `TooLarge`.
    """
    prepare_pydicom()
    with reading(KIND), path.open("rb") as stream:
        file = _read(path, stream, allow_bytes)
        if sop := elements.text(file.header, "SOPInstanceUID"):
            return replace(file, key=f"uid:{sop}")
        return replace(file, key=f"sha256:{file_sha256(path)}")


def _read(path: Path, file: BinaryIO, allow_bytes: int) -> DicomFile:
    stamp = stamp_of(path)
    head = file.read(_META)
    file.seek(0)
    signed = head[128:132] == b"DICM"
    held = _inflated(file, allow_bytes) if signed and uid.DeflatedExplicitVRLittleEndian.encode() in head else None
    stream = io.BytesIO(held) if held else file
    header = pydicom.dcmread(stream, stop_before_pixels=True, force=not signed)
    unread = elements.clean(header)
    _check_kind(header, unread)
    element = _pixel_element(stream)
    syntax, notices = _syntax(header, element)
    compressed = syntax in codecs.ENCAPSULATED
    layout, said = layout_of(header, element.keyword, compressed, element.length)
    check_size(max(layout.decoded_bytes, codecs.working_bytes(syntax, layout)), allow_bytes)
    _check_complete(stream, layout, compressed, element)
    offsets = (header.get("ExtendedOffsetTable"), header.get("ExtendedOffsetTableLengths"))
    data = PixelData(path, stamp, element.start, syntax, element.little,
                     not element.little and element.vr == b"OW" and layout.allocated == 8, held,
                     offsets if all(offsets) else None)
    told = [elements.notice(unread), *notices, *said]
    if layout.samples == 3 and layout.stored > 8:
        told.append(MORE_THAN_8)
    if layout.label == PALETTE:
        told.append(FROM_PALETTE)
    if layout.samples == 3 and syntax in codecs.JPEG:
        told.append(_other_colours(stream, element.start, layout))
    return DicomFile(path, header, layout, data, unread, tuple(filter(None, told)),
                     palette=palette_of(header) if layout.label == PALETTE else None)


def _inflated(stream: BinaryIO, allow_bytes: int) -> bytes | None:
    """A deflated file as the plain one that it stands for, with its size counted while it is unpacked; None for others.

    The stream is left at its start.
    """
    from pydicom.filereader import _read_file_meta_info, read_preamble

    read_preamble(stream, False)
    meta = _read_file_meta_info(stream)
    if meta.get("TransferSyntaxUID") != uid.DeflatedExplicitVRLittleEndian:
        stream.seek(0)
        return None
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    plain = io.BytesIO(b"\0" * 128 + b"DICM")
    plain.seek(0, io.SEEK_END)
    write_file_meta_info(DicomFileLike(plain), meta, enforce_standard=False)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    while not inflater.eof and (piece := stream.read(65_536)):
        while piece:
            plain.write(inflater.decompress(piece, _PIECE))
            check_size(plain.tell(), allow_bytes)
            piece = inflater.unconsumed_tail
    if not inflater.eof:
        raise unreadable(KIND)
    stream.seek(0)
    return plain.getvalue()


def _check_kind(header: Dataset, unread: tuple[str, ...]) -> None:
    sop_class = elements.text(header, "SOPClassUID") or str(header.file_meta.get("MediaStorageSOPClassUID", ""))
    if sop_class == uid.MediaStorageDirectoryStorage:
        raise NoPixels("This is a DICOM directory (DICOMDIR), not an image.", "Open the folder that holds it.")
    if "Rows" in unread or "Columns" in unread:
        raise unreadable(KIND, happened="This DICOM file is damaged: the size of its image could not be read.")
    if not header.get("Rows") or not header.get("Columns"):
        raise NoPixels("This DICOM file holds no image.")


@dataclass(frozen=True)
class _Element:
    """The head of the element that holds the pixels, and where its value begins."""

    keyword: str
    vr: bytes
    length: int
    start: int
    little: bool


def _pixel_element(stream: BinaryIO) -> _Element:
    """The element that the stream stands before, as it is encoded, whatever the transfer syntax says of that."""
    head = stream.read(12)
    if len(head) < 8:
        raise NoPixels("This DICOM file holds no image: it ends before its pixels.")
    little = head[:2] == b"\xe0\x7f"
    order = "<" if little else ">"
    keyword = _PIXELS.get(struct.unpack(f"{order}HH", head[:4]))
    if keyword is None:
        raise NoPixels("This DICOM file holds no image.")
    vr, used = head[4:6], 12
    if vr in _LONG and len(head) == 12:
        length, = struct.unpack(f"{order}L", head[8:])
    elif vr in _SHORT:
        length, used = struct.unpack(f"{order}H", head[6:8])[0], 8
    else:
        vr, (length,), used = b"", struct.unpack(f"{order}L", head[4:8]), 8
    start = stream.tell() - len(head) + used
    stream.seek(start)
    return _Element(keyword, vr, length, start, little)


def _syntax(header: Dataset, element: _Element) -> tuple[str, tuple[str, ...]]:
    """Transfer syntax, guessed where the file does not name it, and a notice if so."""
    named = str(header.file_meta.get("TransferSyntaxUID", "") or "")
    if not named:
        if element.length == _UNDEFINED:
            raise UserError("This DICOM file does not say how its pixels are encoded.",
                            "Export it again from where it came, with its file header.")
        return uid.ExplicitVRLittleEndian, (BARE,)
    if named not in _NATIVE | codecs.ENCAPSULATED:
        name = uid.UID(named).name
        raise UserError("The pixels of this DICOM file are encoded in a way that cannot be read here: "
                        f"{f'“{name}”' if name != named else 'unknown'}.",
                        "Convert it to an uncompressed or JPEG transfer syntax.", details=named)
    if named in codecs.ENCAPSULATED and element.length != _UNDEFINED:  # compressed pixels come in pieces, always
        return uid.ExplicitVRLittleEndian, (NOT_COMPRESSED,)
    return named, ()


def _check_complete(stream: BinaryIO, layout: Layout, compressed: bool, element: _Element) -> None:
    """Raise `UserError` unless all frames are there; nothing of them is read."""
    size = stream.seek(0, io.SEEK_END)
    if compressed:
        stream.seek(element.start)
        complete = _fragments(stream, size) >= layout.frames
    else:
        complete = -(-layout.frame_bits * layout.frames // 8) <= element.length <= size - element.start
    if not complete:
        raise unreadable(KIND, happened=codecs.CUT_OFF)


def _fragments(stream: BinaryIO, size: int) -> int:
    """How many pieces compressed pixels are in, without the table of offsets; -1 where one is cut off."""
    count = -1
    while len(head := stream.read(8)) == 8:
        group, element, length = struct.unpack("<HHL", head)
        if (group, element) == (0xFFFE, 0xE0DD):
            return count
        if (group, element) != (0xFFFE, 0xE000) or stream.tell() + length > size:
            return -1
        count += 1
        stream.seek(length, io.SEEK_CUR)
    return -1 if head else count  # without an end marker every fragment may still be whole


def _other_colours(stream: BinaryIO, start: int, layout: Layout) -> str:
    """A notice where a JPEG's own head and the header name different colours; empty otherwise."""
    stream.seek(start)
    table, = struct.unpack("<4xL", stream.read(8))
    stream.seek(table + 8, io.SEEK_CUR)
    head = of_jpeg(stream.read(65_536))
    coded = codecs.in_ybr(head, layout.label) if head is not None else layout.label.startswith("YBR")
    if coded is layout.label.startswith("YBR"):
        return ""
    return OTHER_COLOURS.format(label=layout.label, coded="YBR" if coded else "RGB")


def with_decimals(file: DicomFile) -> DicomFile:
    """Decode a file of decimal numbers, or of 64 bits, at once and make them whole numbers of at most 32 bits.

    All others come back as they are.
    """
    if file.colour or not (file.layout.floating or file.layout.allocated == 64):
        return file
    with reading(KIND):
        stack, rescale, changed = as_integers(np.stack([file.decode(k) for k in range(file.frames)]))
    return replace(file, decimals=tuple(stack), rescale=rescale, notices=(*file.notices, *changed))


def text_of(header: Dataset) -> str:
    """The provenance text in our private block, or an empty string."""
    try:
        value = header.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)[PRIVATE_ELEMENT].value
    except Exception:  # there is none, or somebody else's private elements cannot be read: then it is not ours
        return ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
