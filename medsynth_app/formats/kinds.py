"""Which format a file is of, found from its content."""

from __future__ import annotations

from pathlib import Path

from medsynth_app.core.errors import UserError
from medsynth_app.formats.common import reading

EXTENSIONS = (".dcm", ".dicom", ".ima", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".nii", ".nii.gz")
DICOM, PNG, JPEG, TIFF, NIFTI = "DICOM file", "PNG picture", "JPEG picture", "TIFF picture", "NIfTI volume"
_BARE_DICOM = (".dcm", ".dicom", ".ima", "")  # may lack DICOM's own signature


def kind_of(path: Path) -> str:
    """What a file is, from its first bytes; raises `UserError` when it is missing, empty or of no known kind."""
    if not path.exists():
        raise UserError("There is no such file.", "Check the name, or whether the disk is connected.")
    if not path.is_file():
        raise UserError("This is not a file that can be opened.", "Choose an image file or a folder of DICOM files.")
    with reading("file"), path.open("rb") as file:
        head = file.read(352)
    if not head:
        raise UserError("This file is empty.", "Copy it again from where it came.")
    name = path.name.lower()
    if head[128:132] == b"DICM":
        return DICOM
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return TIFF
    if head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] == b"n+2\0" or name.endswith((".nii", ".nii.gz")):
        return NIFTI
    if path.suffix.lower() in _BARE_DICOM and looks_like_bare_dicom(head):
        return DICOM
    raise UserError("This is no kind of image that can be opened here.",
                    "Open DICOM, PNG, JPEG, TIFF or NIfTI.")


def looks_like_bare_dicom(head: bytes) -> bool:
    """Whether a file without DICOM's signature begins with a plausible first element."""
    return head[:2] in (b"\x02\0", b"\x08\0", b"\0\x08") and len(head) >= 16
