"""Which format a file is of, found from its content. Adding one: a member here with its row, and one in `registry`."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from medsynth_app.core.errors import UserError
from medsynth_app.formats.common import reading

HEAD = 1024  # bytes from which a format is told
GZIP = b"\x1f\x8b"
_NIFTI_HEAD = 352
_LONG = (b"OB", b"OW", b"SQ", b"UN", b"UT", b"UC", b"UR")  # of DICOM's kinds of value, those with a length of 4 bytes


class Kind(StrEnum):
    DICOM = "dicom"
    PNG = "png"
    JPEG = "jpeg"
    TIFF = "tiff"
    NIFTI = "nifti"


@dataclass(frozen=True)
class Looks:
    """How a format is known.

    Attributes
    ----------
    name
        What people call a file of it.
    extensions
        Of names, in small letters.
    begins
        Whether a file with these first bytes, at this path, is of it.
    bare
        As `begins`, whatever the file is called, once no format was told by its own signature.
    """

    name: str
    extensions: tuple[str, ...]
    begins: Callable[[bytes, Path], bool]
    bare: Callable[[bytes], bool] | None = None


def _bare_dicom(head: bytes) -> bool:
    """Whether a file without DICOM's signature begins with two elements, in any of DICOM's encodings."""
    order = ">" if head[:1] == b"\0" else "<"
    place, tags = 0, [(0, 0)]
    while len(tags) < 3:
        if place + 8 > len(head):
            return False
        group, element, length = struct.unpack_from(f"{order}HHL", head, place)
        vr, used = head[place + 4:place + 6], 8
        if vr in _LONG and place + 12 <= len(head):
            length, used = struct.unpack_from(f"{order}L", head, place + 8)[0], 12
        elif vr.isalpha() and vr.isupper():
            length, = struct.unpack_from(f"{order}H", head, place + 6)
        if (group, element) <= tags[-1] or group not in (0x0002, 0x0008) or length % 2:
            return False
        tags.append((group, element))
        place += used + length
    return True


def _nifti(head: bytes, path: Path) -> bool:
    """Whether a file is NIfTI, packed or not, or half of a pair of NIfTI or Analyze."""
    inside = unpacked_head(head, _NIFTI_HEAD)
    if is_single_nifti(inside) or path.name.lower().endswith((".nii", ".nii.gz")):
        return True
    half = half_of(path)
    return (half == ".hdr" and is_nifti_header(inside)) or (half == ".img" and other_half(path) is not None)


def unpacked_head(head: bytes, length: int) -> bytes:
    """The first bytes of what a file holds, where it is packed with gzip; else of the file."""
    if not head.startswith(GZIP):
        return head
    try:
        return zlib.decompressobj(wbits=31).decompress(head, length)
    except zlib.error:
        return b""


def is_single_nifti(head: bytes) -> bool:
    """Whether a header and its voxels are in one file."""
    return head[344:347] == b"n+1" or head[4:7] == b"n+2"


def is_nifti_header(head: bytes) -> bool:
    """Whether bytes begin as the headers of NIfTI-1, NIfTI-2 and Analyze do: with their own length."""
    return head[:4] in (b"\x5c\1\0\0", b"\0\0\1\x5c", b"\x1c\2\0\0", b"\0\0\2\x1c")


def half_of(path: Path) -> str | None:
    """``.hdr`` or ``.img`` where a name says that the file is half of a pair."""
    name = path.name.lower().removesuffix(".gz")
    return next((half for half in (".hdr", ".img") if name.endswith(half)), None)


def other_half(path: Path) -> Path | None:
    """The other file of such a pair, where it is beside it: of a header what bears its name, of voxels a header."""
    half = half_of(path)
    if half is None:
        return None
    stem, wanted = path.name[:path.name.lower().rindex(half)], ".img" if half == ".hdr" else ".hdr"
    for ending in (wanted, wanted.upper(), f"{wanted}.gz"):
        there = path.with_name(stem + ending)
        if there.is_file() and (half == ".hdr" or is_nifti_header(unpacked_head(_head(there), _NIFTI_HEAD))):
            return there
    return None


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


LOOKS: dict[Kind, Looks] = {
    Kind.DICOM: Looks("DICOM file", (".dcm", ".dicom", ".ima"), lambda head, _: head[128:132] == b"DICM",
                      bare=_bare_dicom),
    Kind.PNG: Looks("PNG picture", (".png",), lambda head, _: head.startswith(b"\x89PNG\r\n\x1a\n")),
    Kind.JPEG: Looks("JPEG picture", (".jpg", ".jpeg"), lambda head, _: head.startswith(b"\xff\xd8\xff")),
    Kind.TIFF: Looks("TIFF picture", (".tif", ".tiff"),
                     lambda head, _: head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    Kind.NIFTI: Looks("NIfTI volume", (".nii", ".nii.gz", ".hdr", ".img"), _nifti),
}
EXTENSIONS = tuple(extension for looks in LOOKS.values() for extension in looks.extensions)


def name_of(kind: Kind) -> str:
    """What people call a file of this format."""
    return LOOKS[kind].name


def kind_of(path: Path) -> Kind:
    """What a file is, from its first bytes; raises `UserError` when it is missing, empty or of no known kind."""
    if not path.exists():
        raise UserError("There is no such file.", "Check the name, or whether the disk is connected.")
    if not path.is_file():
        raise UserError("This is not a file that can be opened.", "Choose an image file or a folder of DICOM files.")
    with reading("file"):
        head = _head(path)
        told = next((kind for kind, looks in LOOKS.items() if head and looks.begins(head, path)), None)
    if not head:
        raise UserError("This file is empty.", "Copy it again from where it came.")
    if told is not None:
        return told
    for kind, looks in LOOKS.items():
        if looks.bare is not None and looks.bare(head):
            return kind
    if half_of(path) == ".img":
        raise UserError("This may be half of a pair (.hdr and .img), but no header is beside it.",
                        "Put both files into one folder, with the same name.")
    raise UserError("This is no kind of image that can be opened here.",
                    "Open DICOM, PNG, JPEG, TIFF or NIfTI.")
