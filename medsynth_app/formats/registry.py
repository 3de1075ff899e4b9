"""The table of formats: who reads and who writes what. Nothing heavy is imported before a file of a kind is touched.

A new format is one module that offers what `Reader` names, a row here, and one in `kinds`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from medsynth_app.core.geometry import Geometry
from medsynth_app.core.image import FrameInfo, ImageSource
from medsynth_app.core.provenance import Provenance
from medsynth_app.core.render import Picture
from medsynth_app.formats.common import ALLOWED_BYTES, ExportFrame, ExportSeries, Mask, Progress, SeriesListing, Stop
from medsynth_app.formats.kinds import Kind, kind_of
from medsynth_app.formats.provenance import from_text


class Reader(Protocol):
    """What the module of a format offers; each raises `UserError` for files that it cannot read."""

    def open_image(self, path: Path, *, allow_bytes: int = ..., salt: bytes = ...) -> ImageSource:
        """As `open_image` here, of one file."""
        ...

    def read_mask(self, path: Path, frame: int | None = ..., like: FrameInfo | None = ...,
                  allow_bytes: int = ...) -> Mask:
        """As `read_mask` here."""
        ...

    def embedded_text(self, path: Path) -> str:
        """The text in which a provenance record may stand; empty where there is none."""
        ...


def _dicom() -> Reader:
    from medsynth_app.formats.dicom import source

    return source


def _raster() -> Reader:
    from medsynth_app.formats import raster

    return raster


def _tiff() -> Reader:
    from medsynth_app.formats import tiff

    return tiff


def _nifti() -> Reader:
    from medsynth_app.formats import nifti

    return nifti


READERS: dict[Kind, Callable[[], Reader]] = {
    Kind.DICOM: _dicom, Kind.PNG: _raster, Kind.JPEG: _raster, Kind.TIFF: _tiff, Kind.NIFTI: _nifti,
}


@dataclass(frozen=True)
class ImageWriter:
    """One way to write an image; it can do one or both.

    Attributes
    ----------
    extension
        Of the file's name.
    rendered
        Writes what is seen: uint8, (rows, columns) or (rows, columns, 3); its record; whether to draw the mark; the
        frame that is seen, None for a picture of no image.
    exact
        Writes a frame in its own depth, without a mark; returns notices for the person.
    synthetic_only
        Whether it refuses what holds nothing generated.
    """

    extension: str
    rendered: Callable[[Path, Picture, Provenance | None, bool, ExportFrame | None], None] | None = None
    exact: Callable[[Path, ExportFrame], tuple[str, ...]] | None = None
    synthetic_only: bool = False


def _png(path: Path, pixels: Picture, provenance: Provenance | None, mark: bool, _: ExportFrame | None) -> None:
    from medsynth_app.formats import raster

    raster.write_png(path, pixels, provenance, mark)


def _tiff_rendered(path: Path, pixels: Picture, provenance: Provenance | None, mark: bool,
                   frame: ExportFrame | None) -> None:
    from medsynth_app.formats import tiff

    tiff.write_tiff(path, pixels, provenance, mark, frame.about.geometry if frame is not None else None)


def _tiff_exact(path: Path, frame: ExportFrame) -> tuple[str, ...]:
    from medsynth_app.formats import tiff

    tiff.write_tiff(path, frame.pixels, frame.provenance, False, frame.about.geometry, frame.info.inverted)
    return ()


def _secondary_capture(path: Path, pixels: Picture, provenance: Provenance | None, mark: bool,
                       frame: ExportFrame | None) -> None:
    from medsynth_app.formats.dicom import synthetic

    if provenance is None:
        raise ValueError("only what is synthetic is written as secondary capture")
    synthetic.write_secondary_capture(path, pixels, provenance, mark,
                                      identity=frame.identity if frame is not None else None)


def _dicom_exact(path: Path, frame: ExportFrame) -> tuple[str, ...]:
    from medsynth_app.formats.dicom import synthetic

    return synthetic.write_derived(path, frame)


IMAGE_WRITERS: dict[str, ImageWriter] = {
    "png": ImageWriter(".png", _png),
    "tiff": ImageWriter(".tif", _tiff_rendered, _tiff_exact),
    "secondary-capture": ImageWriter(".dcm", _secondary_capture, synthetic_only=True),
    "dicom": ImageWriter(".dcm", exact=_dicom_exact, synthetic_only=True),
}


@dataclass(frozen=True)
class SeriesWriter:
    """One way to write all frames of an image.

    Attributes
    ----------
    extension
        Of the file's name; "" where it is a folder, which is there and empty.
    write
        Writes them in their own depth, and nothing else; returns the name of each frame's file (none where there is one
        file alone) and notices for the person.
    refusal
        Why an image cannot be written so, as a sentence; "" where it can.
    """

    extension: str
    write: Callable[[Path, ExportSeries], tuple[tuple[str, ...], tuple[str, ...]]]
    refusal: Callable[[ImageSource], str]


def _dicom_series(folder: Path, series: ExportSeries) -> tuple[tuple[str, ...], tuple[str, ...]]:
    from medsynth_app.formats.dicom import synthetic

    return synthetic.write_series(folder, series)


def _no_dicom(source: ImageSource) -> str:
    return "" if is_dicom(source) else "This image is no DICOM, so it cannot be exported as a DICOM series."


def _nifti_series(path: Path, series: ExportSeries) -> tuple[tuple[str, ...], tuple[str, ...]]:
    from medsynth_app.formats import stacks

    return (), stacks.write_nifti(path, series)


def _no_nifti(source: ImageSource) -> str:
    from medsynth_app.formats import stacks

    return stacks.nifti_refusal(source)


def _tiff_series(path: Path, series: ExportSeries) -> tuple[tuple[str, ...], tuple[str, ...]]:
    from medsynth_app.formats import stacks

    return (), stacks.write_tiff(path, series)


def _no_tiff(source: ImageSource) -> str:
    from medsynth_app.formats import stacks

    return stacks.tiff_refusal(source)


SERIES_WRITERS: dict[str, SeriesWriter] = {
    "dicom": SeriesWriter("", _dicom_series, _no_dicom),
    "nifti": SeriesWriter(".nii.gz", _nifti_series, _no_nifti),
    "tiff": SeriesWriter(".tif", _tiff_series, _no_tiff),
}


@dataclass(frozen=True)
class MaskWriter:
    """One way to write masks.

    Attributes
    ----------
    write
        Writes masks of frames, each (rows, columns) uint8, with what is known of where they lie.
    stack
        Whether one file can hold several frames.
    """

    extension: str
    write: Callable[[Path, Sequence[Mask], Sequence[Geometry | None]], None]
    stack: bool = False


def _png_mask(path: Path, masks: Sequence[Mask], _: Sequence[Geometry | None]) -> None:
    from medsynth_app.formats import raster

    mask, = masks
    raster.write_mask_png(path, np.array(mask))


def _nifti_mask(path: Path, masks: Sequence[Mask], places: Sequence[Geometry | None]) -> None:
    from medsynth_app.formats import nifti

    nifti.write_mask_nifti(path, np.stack(masks), places[0], places)


MASK_WRITERS: dict[str, MaskWriter] = {
    "png": MaskWriter(".png", _png_mask),
    "nifti": MaskWriter(".nii.gz", _nifti_mask, stack=True),
}


def open_image(path: Path, *, progress: Progress | None = None, cancelled: Stop | None = None,
               allow_bytes: int = ALLOWED_BYTES, salt: bytes = b"", series: str = "", head_first: bool = False
               ) -> ImageSource:
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
    head_first
        Axial slices of DICOM come from the head to the feet, not from the feet to the head.

    Raises `UserError` (`TooLarge` when `allow_bytes` does not suffice), or `Cancelled` when `cancelled` said so.
    """
    if path.is_dir():
        from medsynth_app.formats.dicom.source import open_folder

        source = open_folder(path, progress=progress, cancelled=cancelled, allow_bytes=allow_bytes, salt=salt,
                             series=series)
    else:
        source = READERS[kind_of(path)]().open_image(path, allow_bytes=allow_bytes, salt=salt)
    return _head_first(source) if head_first else source


def _head_first(source: ImageSource) -> ImageSource:
    from medsynth_app.formats.dicom.source import DicomSource

    return source.head_first() if isinstance(source, DicomSource) else source


def dicom_files(folder: Path) -> Iterator[Path]:
    """Files of a folder and its sub-folders that look like DICOM, one by one as they are found."""
    from medsynth_app.formats.dicom.folder import dicom_paths

    return dicom_paths(folder)


def is_dicom(source: ImageSource) -> bool:
    """Whether an image is DICOM, so that ``"dicom"`` writes a frame of it as its own kind, whatever UIDs it names."""
    from medsynth_app.formats.dicom.source import DicomSource

    return isinstance(source, DicomSource)


def file_of(source: ImageSource, frame: int, opened: Path) -> Path:
    """The file that holds a frame of an image that was opened from `opened`, a file or a folder."""
    from medsynth_app.formats.dicom.source import DicomSource

    return source.file_of(frame)[0] if isinstance(source, DicomSource) else opened


def list_series(folder: Path, *, progress: Progress | None = None, cancelled: Stop | None = None,
                salt: bytes = b"") -> list[SeriesListing]:
    """The DICOM series in a folder, largest first; `salt` as in `open_image`."""
    from medsynth_app.formats.dicom import source

    return source.list_series(folder, progress=progress, cancelled=cancelled, salt=salt)


def read_mask(path: Path, frame: int | None = None, like: FrameInfo | None = None,
              allow_bytes: int = ALLOWED_BYTES) -> Mask:
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
    return READERS[kind_of(path)]().read_mask(path, frame, like, allow_bytes)


def read_provenance(path: Path) -> Provenance | None:
    """The record inside one of our PNG, TIFF or DICOM exports; None where there is none.

    Raises
    ------
    UserError
        When the file cannot be read at all.
    """
    return from_text(embedded_text(path))


def embedded_text(path: Path) -> str:
    """The text in which a record may stand; empty where there is none. Raises `UserError` as `read_provenance`."""
    return READERS[kind_of(path)]().embedded_text(path)
