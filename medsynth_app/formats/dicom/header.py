"""One DICOM file: reading its header with care, what it says of its frames, decoding one of them."""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pydicom
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_color_lut, get_decoder, pixel_array
from pydicom.pixels.utils import get_expected_length

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import file_sha256
from medsynth_app.core.image import Pixels, Rescale
from medsynth_app.formats.common import check_size, reading, unreadable
from medsynth_app.formats.kinds import Kind, name_of
from medsynth_app.formats.libraries import prepare_pydicom
from medsynth_app.formats.pixels import as_integers, to_colour8

KIND = name_of(Kind.DICOM)
PRIVATE_GROUP, PRIVATE_CREATOR, PRIVATE_ELEMENT = 0x0011, "MEDSYNTH", 0x01  # where our record stands
BARE = "This file does not say how it is encoded: that was guessed. Check that the image looks right."
_PIXELS = {(0x7FE0, 0x0010): "PixelData", (0x7FE0, 0x0008): "FloatPixelData", (0x7FE0, 0x0009): "DoubleFloatPixelData"}
_UNDEFINED = 0xFFFFFFFF


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
        All elements before the pixels.
    whole
        The whole dataset, for the few files that cannot be read frame by frame (deflated, without signature).
    rescale
        Of pixels that are stored as decimal numbers and were made whole here; None for all others.
    """

    path: Path
    header: Dataset
    frames: int
    rows: int
    columns: int
    colour: bool
    whole: Dataset | None = None
    notices: tuple[str, ...] = ()
    key: str = ""
    decimals: tuple[Pixels, ...] = ()
    rescale: Rescale | None = None

    @property
    def inverted(self) -> bool:
        return str(self.header.get("PhotometricInterpretation", "")) == "MONOCHROME1"

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels that `decode` returns."""
        if self.colour:
            return np.dtype(np.uint8)
        if self.decimals:
            return self.decimals[0].dtype
        size = max(1, math.ceil(int(self.header.get("BitsAllocated", 16)) / 8))
        return np.dtype(f"{'i' if self.header.get('PixelRepresentation', 0) == 1 else 'u'}{size}")

    def trimmed(self) -> DicomFile:
        """The same file with no more of its header than decoding needs: no patient stays in memory."""
        return replace(self, header=self.header.group_dataset(0x0028))

    def decode(self, frame: int) -> Pixels:
        """Stored values of one frame: (rows, columns), or (rows, columns, 3) uint8.

        Raises
        ------
        UserError
            When the file is gone, damaged, or encoded in a way that no decoder knows.
        """
        if self.decimals:
            return self.decimals[frame]
        with reading(KIND):
            source: Any = self.whole if self.whole is not None else self.path
            raw: Pixels = pixel_array(source, index=frame)
            if raw.shape[:2] != (self.rows, self.columns):
                raise unreadable(KIND, happened="This DICOM file's pixels are not of the size that it states.")
            if not self.colour:
                return np.ascontiguousarray(raw, raw.dtype.newbyteorder("="))
            if self.header.PhotometricInterpretation == "PALETTE COLOR":
                table = apply_color_lut(raw, self.header)
                return to_colour8(table)
            return to_colour8(raw, int(self.header.get("BitsStored", 8)))


def read_file(path: Path, allow_bytes: int, *, hashed: bool = True) -> DicomFile:
    """Read the header, check that an image of allowed size follows and is complete; decodes nothing.

    Raises
    ------
    UserError
        Truncated, unknown transfer syntax; `NoPixels`; `TooLarge`.
    """
    prepare_pydicom()
    with reading(KIND):
        header, whole, notices = _read_header(path, allow_bytes)
        file = _checked(path, header, whole, notices, allow_bytes)
        sop = str(header.get("SOPInstanceUID", "") or "")
        if sop:
            return replace(file, key=f"uid:{sop}")
        return replace(file, key=f"sha256:{file_sha256(path)}") if hashed else file


def _read_header(path: Path, allow_bytes: int) -> tuple[Dataset, Dataset | None, tuple[str, ...]]:
    with path.open("rb") as stream:
        signed = stream.read(132)[128:] == b"DICM"
        stream.seek(0)
        deflated = _deflated(stream, signed, allow_bytes)
        header = None if deflated else pydicom.dcmread(stream, stop_before_pixels=True, force=not signed)
        if header is not None and signed and header.file_meta.get("TransferSyntaxUID"):
            _check_kind(header)
            if _check_pixels(stream, header):
                return header, None, ()
    whole = pydicom.dcmread(path, force=not signed)
    if header is None or (signed and whole.file_meta.get("TransferSyntaxUID")):
        _check_kind(whole)
        return whole, whole, ()
    _guess_syntax(whole)
    _check_kind(whole)
    return whole, whole, (BARE,)


def _deflated(stream: BinaryIO, signed: bool, allow_bytes: int) -> bool:
    """Whether the dataset is deflated; its size is counted in pieces before anything unpacks it as a whole."""
    if not signed:
        return False
    from pydicom.filereader import _read_file_meta_info, read_preamble

    read_preamble(stream, False)
    meta = _read_file_meta_info(stream)
    found = bool(meta.get("TransferSyntaxUID") == uid.DeflatedExplicitVRLittleEndian)
    if found:
        inflater, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
        while (piece := stream.read(65_536)) and not inflater.eof:
            while piece:
                size += len(inflater.decompress(piece, 16 * 2**20))
                check_size(size, allow_bytes)
                piece = inflater.unconsumed_tail
        if not inflater.eof:
            raise unreadable(KIND)
    stream.seek(0)
    return found


def _guess_syntax(dataset: Dataset) -> None:
    """Give a file without transfer syntax the one its elements were read with, if its pixels fit that."""
    implicit, little = dataset.original_encoding
    if not hasattr(dataset, "file_meta") or dataset.file_meta is None:
        dataset.file_meta = FileMetaDataset()
    if dataset.file_meta.get("TransferSyntaxUID"):
        return
    if "PixelData" in dataset and len(dataset.PixelData) < _expected_bytes(dataset):
        raise UserError("This DICOM file does not say how its pixels are encoded.",
                        "Export it again from where it came, with its file header.")
    dataset.file_meta.TransferSyntaxUID = (
        uid.ImplicitVRLittleEndian if implicit else
        uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian)


def _check_kind(header: Dataset) -> None:
    sop_class = str(header.get("SOPClassUID", "") or header.file_meta.get("MediaStorageSOPClassUID", ""))
    if sop_class == uid.MediaStorageDirectoryStorage:
        raise NoPixels("This is a DICOM directory (DICOMDIR), not an image.", "Open the folder that holds it.")
    if not header.get("Rows") or not header.get("Columns"):
        raise NoPixels("This DICOM file holds no image.")
    if header.file_meta.get("TransferSyntaxUID"):
        _check_syntax(header)


def _check_syntax(header: Dataset) -> None:
    syntax = uid.UID(header.file_meta.TransferSyntaxUID)
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError as error:
        name = f"“{syntax.name}”" if syntax.name != str(syntax) else "unknown"
        raise UserError(f"The pixels of this DICOM file are encoded in a way that cannot be read here: {name}.",
                        "Convert it to an uncompressed or JPEG transfer syntax.", details=str(syntax)) from error
    if syntax.is_encapsulated and not decoder.is_available:
        raise UserError("The decoder for the pixels of this DICOM file is not installed.",
                        "Run the set-up again.", details=str(syntax.name))


def _expected_bytes(header: Dataset) -> int:
    return int(get_expected_length(header)) if header.get("SamplesPerPixel") else 0


def _check_pixels(stream: BinaryIO, header: Dataset) -> bool:
    """The stream stands before the pixel element: check that it is there and complete, without reading it.

    False where elements are not encoded as the transfer syntax says: only the whole dataset can be read then.
    """
    syntax = header.file_meta.TransferSyntaxUID
    order = "<" if syntax.is_little_endian else ">"
    head = stream.read(8)
    if len(head) < 8:
        raise NoPixels("This DICOM file holds no image: it ends before its pixels.")
    group, element = struct.unpack(f"{order}HH", head[:4])
    if (group, element) not in _PIXELS:
        raise NoPixels("This DICOM file holds no image.")
    if not syntax.is_implicit_VR and not head[4:6].isalpha():
        return False
    length = struct.unpack(f"{order}L", head[4:] if syntax.is_implicit_VR else stream.read(4))[0]
    start = stream.tell()
    size = stream.seek(0, 2)
    stream.seek(start)
    if length == _UNDEFINED:
        if not _fragments_complete(stream, size):
            raise unreadable(KIND, happened="This DICOM file is cut off: part of its pixels is missing.")
    elif start + length > size or (not syntax.is_encapsulated and length < _expected_bytes(header)):
        raise unreadable(KIND, happened="This DICOM file is cut off: part of its pixels is missing.")
    return True


def _fragments_complete(stream: BinaryIO, size: int) -> bool:
    while len(head := stream.read(8)) == 8:
        group, element, length = struct.unpack("<HHL", head)
        if (group, element) == (0xFFFE, 0xE0DD):
            return True
        if (group, element) != (0xFFFE, 0xE000) or stream.tell() + length > size:
            return False
        stream.seek(length, 1)
    return not head  # no end marker, but every fragment is whole


def _checked(path: Path, header: Dataset, whole: Dataset | None, notices: tuple[str, ...],
             allow_bytes: int) -> DicomFile:
    rows, columns, frames = int(header.Rows), int(header.Columns), number_of_frames(header)
    samples = int(header.get("SamplesPerPixel", 1) or 1)
    photometric = str(header.get("PhotometricInterpretation", "MONOCHROME2"))
    if samples not in (1, 3):
        raise UserError(f"This DICOM file has {samples} values per pixel, which is not known here.",
                        "Convert it to grey or RGB.")
    bits = max(8, int(header.get("BitsAllocated", 16) or 16))
    colour = samples == 3 or photometric == "PALETTE COLOR"
    check_size(rows * columns * frames * max(samples * math.ceil(bits / 8), 3 if colour else 1), allow_bytes)
    file = DicomFile(path, header, frames, rows, columns, colour, whole, notices)
    if whole is not None and not any(keyword in whole for keyword in _PIXELS.values()):
        raise NoPixels("This DICOM file holds no image.")
    if colour and photometric != "PALETTE COLOR" and int(header.get("BitsStored", 8)) > 8:
        notice = "This picture has more than 8 bits per colour; it is shown and edited with 8."
        file = replace(file, notices=(*notices, notice))
    return file


def with_decimals(file: DicomFile) -> DicomFile:
    """Decode a file of float pixels at once and make them whole numbers with a rescale; others come back as is."""
    if file.colour or "BitsStored" in file.header or int(file.header.get("BitsAllocated", 0)) < 32:
        return file
    with reading(KIND):
        values = np.stack([pixel_array(file.whole if file.whole is not None else file.path, index=k)
                           for k in range(file.frames)])
        if values.dtype.kind != "f":
            return file
        stack, rescale, changed = as_integers(values)
    return replace(file, decimals=tuple(stack), rescale=rescale, notices=(*file.notices, *changed))


def number_of_frames(header: Dataset) -> int:
    try:
        return max(1, int(header.get("NumberOfFrames", 1) or 1))
    except (TypeError, ValueError):
        return 1


def text_of(header: Dataset) -> str:
    """The provenance text in our private block, or an empty string."""
    try:
        block = header.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)
        value = block[PRIVATE_ELEMENT].value
    except KeyError:
        return ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
