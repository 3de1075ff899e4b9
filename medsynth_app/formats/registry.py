"""Opening whatever the person chose: the kind is found from the content, each format has its own file.

Nothing heavy is imported before a file of that kind is opened.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.core.image import FrameInfo, ImageSource
from medsynth_app.core.provenance import Provenance
from medsynth_app.formats.common import ALLOWED_BYTES, Progress, SeriesListing, Stop, TooLarge
from medsynth_app.formats.kinds import DICOM, EXTENSIONS, JPEG, NIFTI, PNG, TIFF, kind_of
from medsynth_app.formats.provenance import from_text

__all__ = ["EXTENSIONS", "SeriesListing", "TooLarge", "kind_of", "list_series", "open_image", "read_mask"]


def open_image(path: Path, *, progress: Progress | None = None, cancelled: Stop | None = None,
               allow_bytes: int = ALLOWED_BYTES, salt: bytes = b"", series: str = "") -> ImageSource:
    """Open a file, or a folder as a DICOM series sorted along its normal.

    Parameters
    ----------
    progress, cancelled
        Called with (files read, files) and asked between files while a folder is read.
    allow_bytes
        Largest size of the decoded pixels of one file.
    salt
        Secret of the workspace that pseudonyms and `ImageInfo.identity` are made with.
    series
        `identity.series` of the series to open, as `list_series` gives it; without it the largest of a folder.

    Raises `UserError` (`TooLarge` when `allow_bytes` does not suffice), or `Cancelled` when `cancelled` said so.
    """
    if path.is_dir():
        from medsynth_app.formats.dicom.source import open_folder

        return open_folder(path, progress=progress, cancelled=cancelled, allow_bytes=allow_bytes, salt=salt,
                           series=series)
    kind = kind_of(path)
    if kind == DICOM:
        from medsynth_app.formats.dicom.source import open_file

        return open_file(path, allow_bytes=allow_bytes, salt=salt)
    if kind in (PNG, JPEG):
        from medsynth_app.formats.raster import open_raster

        return open_raster(path, kind=kind, allow_bytes=allow_bytes)
    if kind == TIFF:
        from medsynth_app.formats.tiff import open_tiff

        return open_tiff(path, allow_bytes=allow_bytes)
    from medsynth_app.formats.nifti import open_nifti

    return open_nifti(path, allow_bytes=allow_bytes)


def list_series(folder: Path, *, progress: Progress | None = None, cancelled: Stop | None = None,
                salt: bytes = b"") -> list[SeriesListing]:
    """The DICOM series in a folder, largest first; `salt` as in `open_image`."""
    from medsynth_app.formats.dicom import source as dicom

    return dicom.list_series(folder, progress=progress, cancelled=cancelled, salt=salt)


def read_mask(path: Path, frame: int | None = None, like: FrameInfo | None = None,
              allow_bytes: int = ALLOWED_BYTES) -> npt.NDArray[np.uint8]:
    """A mask (rows, columns) uint8 from a PNG, JPEG, TIFF or NIfTI.

    Parameters
    ----------
    frame
        Chooses a slice of a volume that is not placed by `like`.
    like
        The frame that the mask is for: where its place in the patient is known, a NIfTI mask is read at its pixels.

    Raises
    ------
    UserError
        When it is no mask, holds several slices and none is chosen, or nothing of a NIfTI mask lies on the slice.
    """
    kind = kind_of(path)
    if kind == DICOM:
        raise UserError("A DICOM file cannot be read as a mask yet.", "Give a PNG, TIFF or NIfTI mask.")
    from medsynth_app.formats import raster

    if kind in (PNG, JPEG):
        return raster.read_mask(path, allow_bytes)
    if kind == NIFTI:
        from medsynth_app.formats import nifti

        return raster.mask_values(nifti.read_mask(path, frame, like, allow_bytes))
    source = open_image(path, allow_bytes=allow_bytes)
    count = len(source.info.frames)
    if count > 1 and (frame is None or not 0 <= frame < count):
        raise UserError(f"This mask has {count} planes.", "Say which one is meant, or save one plane alone.")
    return raster.mask_values(source.pixels(frame or 0))


def read_provenance(path: Path) -> Provenance | None:
    """The record inside one of our PNG, TIFF or DICOM exports; None where there is none.

    Raises
    ------
    UserError
        When the file cannot be read at all.
    """
    kind = kind_of(path)
    if kind in (PNG, JPEG):
        from medsynth_app.formats.raster import embedded_text
    elif kind == TIFF:
        from medsynth_app.formats.tiff import embedded_text
    elif kind == DICOM:
        from medsynth_app.formats.dicom.header import embedded_text
    else:
        return None
    return from_text(embedded_text(path))
