"""All frames of an image as one file: NIfTI, where they fill a block of the patient, and TIFF, page by page."""

from __future__ import annotations

import gzip
import shutil
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from medsynth_app.core.image import ImageSource, Rescale
from medsynth_app.core.provenance import Provenance, joined
from medsynth_app.formats.common import ExportFrame, ExportSeries
from medsynth_app.formats.nifti import placed_image, volume_problem
from medsynth_app.formats.tiff import page_options

SCALES = "The slices are scaled differently: their values are written as decimal numbers in {unit}."
_SCALE, _DESCRIPTION = 112, 148  # where a NIfTI-1 header holds its slope and intercept, and its text of 80 bytes
_BIG = 3_900_000_000  # bytes above which a TIFF needs longer offsets
_TWO_AXES = "This image has channels or points of time, which one TIFF of pages cannot tell apart."


def nifti_refusal(source: ImageSource) -> str:
    """Why the frames of an image are no NIfTI volume, as a sentence; "" where they are one."""
    info = source.info
    if info.colour == "rgb":
        return "A colour image is not written as NIfTI."
    if len({(frame.rows, frame.columns) for frame in info.frames}) > 1:
        return "The slices have different sizes, so they are no NIfTI volume."
    if len({(frame.channel, frame.time) for frame in info.frames}) > 1:
        return "This image has channels or points of time, so it is not one NIfTI volume."
    problem = volume_problem([frame.geometry for frame in info.frames])
    return f"{problem} Together they are no NIfTI volume." if problem else ""


def write_nifti(path: Path, series: ExportSeries) -> tuple[str, ...]:
    """Write ``.nii.gz``: the stored values with the header's own scaling, each voxel where its pixel lies.

    Returns notices. What is generated is marked in the header's text; the record stands beside the file.
    """
    import SimpleITK as sitk

    info, frames = series.source.info, [series.frame(k) for k in range(series.count)]
    scales = {(about.rescale.slope, about.rescale.intercept) for about in info.frames}
    rescale = info.frames[0].rescale
    notices: tuple[str, ...] = ()
    values = np.stack([frame.pixels for frame in frames])
    if len(scales) > 1:
        values = np.stack([frame.about.rescale.to_modality(frame.pixels) for frame in frames])
        rescale, notices = Rescale(), (SCALES.format(unit=info.frames[0].rescale.unit or "the unit of the image"),)
    places = [about.geometry for about in info.frames]
    plain = path.with_name(path.name.removesuffix(".gz"))
    try:
        sitk.WriteImage(placed_image(values, places[0], places), str(plain), useCompression=False)
        with plain.open("r+b") as file:
            file.seek(_SCALE)
            file.write(struct.pack("<2f", rescale.slope, rescale.intercept))
            file.seek(_DESCRIPTION)
            file.write(_said(frames).encode("ascii").ljust(80, b"\0"))
        with plain.open("rb") as file, gzip.open(path, "wb", compresslevel=6) as packed:
            shutil.copyfileobj(file, packed)
    except RuntimeError as error:
        raise OSError("SimpleITK could not write") from error
    finally:
        plain.unlink(missing_ok=True)
    return notices


def _said(frames: list[ExportFrame]) -> str:
    changed = sum(frame.provenance is not None for frame in frames)
    return f"SYNTHETIC: {changed} of {len(frames)} slices hold generated pixels (MedSynth)" if changed \
        else "UNCHANGED copy, no synthetic pixels (MedSynth)"


def tiff_refusal(source: ImageSource) -> str:
    """Why the frames of an image are not written as pages of one TIFF, as a sentence; "" where they are."""
    if len(source.levels) > 1:
        return "This slide is stored in several resolutions, and is not written as a whole."
    axes = [{getattr(frame, name) for frame in source.info.frames} for name in ("channel", "z", "time")]
    return _TWO_AXES if sum(len(axis) > 1 for axis in axes) > 1 else ""


def write_tiff(path: Path, series: ExportSeries) -> tuple[str, ...]:
    """Write one page per frame, in its own depth and losslessly compressed; returns notices.

    The first page holds one record for all that is generated in the file, every changed page its own.
    """
    import tifffile

    frames: list[ExportFrame] = []
    size = 0
    for k in range(series.count):
        frames.append(series.frame(k))
        size += frames[-1].pixels.nbytes
    whole = joined([frame.provenance for frame in frames if frame.provenance is not None])
    with tifffile.TiffWriter(path, bigtiff=size > _BIG) as out:
        for k, frame in enumerate(frames):
            record = whole if k == 0 else frame.provenance
            options: dict[str, Any] = page_options(frame.pixels, _only(record, frame, k), frame.about.geometry,
                                                   frame.info.inverted)
            out.write(np.ascontiguousarray(frame.pixels), **options)
    return ()


def _only(record: Provenance | None, frame: ExportFrame, page: int) -> Provenance | None:
    """On the first page the record is of the file: it says so where that page itself is as it was."""
    if record is None or page or frame.provenance is not None:
        return record
    return replace(record, notices=(*record.notices, "Of the first page itself nothing is generated."))
