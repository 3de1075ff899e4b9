"""Which format a file is of, found from its content. Adding one: a member here with its row, and one in `registry`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from medsynth_app.core.errors import UserError
from medsynth_app.formats.common import reading

HEAD = 352  # bytes from which a format is told


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
        Whether a file with these first bytes, and with this name in small letters, is of it.
    bare
        As `begins`, for files of one of `extensions` or of none, once no format was told by its own signature.
    """

    name: str
    extensions: tuple[str, ...]
    begins: Callable[[bytes, str], bool]
    bare: Callable[[bytes], bool] | None = None


def _bare_dicom(head: bytes) -> bool:
    """Whether a file without DICOM's signature begins with a plausible first element."""
    return head[:2] in (b"\x02\0", b"\x08\0", b"\0\x08") and len(head) >= 16


LOOKS: dict[Kind, Looks] = {
    Kind.DICOM: Looks("DICOM file", (".dcm", ".dicom", ".ima"), lambda head, _: head[128:132] == b"DICM",
                      bare=_bare_dicom),
    Kind.PNG: Looks("PNG picture", (".png",), lambda head, _: head.startswith(b"\x89PNG\r\n\x1a\n")),
    Kind.JPEG: Looks("JPEG picture", (".jpg", ".jpeg"), lambda head, _: head.startswith(b"\xff\xd8\xff")),
    Kind.TIFF: Looks("TIFF picture", (".tif", ".tiff"),
                     lambda head, _: head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    Kind.NIFTI: Looks("NIfTI volume", (".nii", ".nii.gz"),
                      lambda head, name: head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] == b"n+2\0"
                      or name.endswith((".nii", ".nii.gz"))),
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
    with reading("file"), path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        raise UserError("This file is empty.", "Copy it again from where it came.")
    name, suffix = path.name.lower(), path.suffix.lower()
    for kind, looks in LOOKS.items():
        if looks.begins(head, name):
            return kind
    for kind, looks in LOOKS.items():
        if looks.bare is not None and (not suffix or suffix in looks.extensions) and looks.bare(head):
            return kind
    raise UserError("This is no kind of image that can be opened here.",
                    "Open DICOM, PNG, JPEG, TIFF or NIfTI.")
