"""NIfTI: axial frames in DICOM's axes in, masks out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import file_sha256, writing
from medsynth_app.core.geometry import Geometry
from medsynth_app.core.image import FrameInfo, FrameKey, ImageInfo, ImageSource, Pixels, Rescale
from medsynth_app.core.volume import NoVolume, grid_of
from medsynth_app.formats.common import (
    ALLOWED_BYTES,
    ArraySource,
    Mask,
    check_size,
    image_pseudonym,
    mask_values,
    reading,
)
from medsynth_app.formats.kinds import Kind, name_of
from medsynth_app.formats.libraries import prepare_simpleitk
from medsynth_app.formats.nifti_header import Affine, NiftiHeader, read_header, turned
from medsynth_app.formats.pixels import (
    ON_WHITE,
    as_integers,
    laid_on_white,
    parts,
    stored_range,
)

KIND = name_of(Kind.NIFTI)
_SQUARE = 1e-3  # cosine between rows and columns above which they are no longer at right angles


def open_image(path: Path, *, allow_bytes: int = ALLOWED_BYTES, salt: bytes = b"") -> ImageSource:
    """Open a volume as frames along its most axial axis, turned to DICOM's axes (left, posterior, superior).

    Whole numbers keep their type and get the header's own scaling as their rescale; decimal values become integers
    with a rescale. A file that does not say how it lies in the patient is shown as it is stored.

    Raises
    ------
    UserError
        When it is damaged, or would need more than `allow_bytes` (`TooLarge`).
    """
    with reading(KIND):
        header, values = _read(path, allow_bytes)
        notices = list(header.notices)
        if header.volumes > 1:
            notices.append(f"This file holds {header.volumes} volumes; the first is open.")
        affine = header.affine
        if affine is not None:
            values, affine = turned(values, affine)
        scaled = header.rescale
        if header.samples > 1:
            stack, rescale = _colours(values, notices), scaled
        else:
            stack, steps, changed = as_integers(values)
            rescale = replace(scaled, slope=steps.slope * scaled.slope,
                              intercept=steps.intercept * scaled.slope + scaled.intercept)
            notices += changed
        del values
        source = f"sha256:{_sha256(path, header)}"
        rows, columns = stack[0].shape[:2]
        frames = tuple(
            FrameInfo(FrameKey(source, k), rows, columns, rescale=rescale, stored_range=stored_range(stack[0].dtype),
                      geometry=_geometry(header, affine, k), z=k, time=0 if header.volumes > 1 else None)
            for k in range(len(stack)))
        info = ImageInfo(image_pseudonym(source.removeprefix("sha256:")), None, f"{KIND}, {len(frames)} slices",
                         "rgb" if header.samples > 1 else "grey", frames, notices=tuple(notices))
        return ArraySource(info, stack)


def _read(path: Path, allow_bytes: int) -> tuple[NiftiHeader, Pixels]:
    """The header and the first volume as it is stored, (k, j, i[, samples]); the size is asked before decoding."""
    header = read_header(path)
    check_size(header.bytes, allow_bytes)
    return header, header.read(allow_bytes)


def _sha256(path: Path, header: NiftiHeader) -> str:
    """Of the file; of a pair one of both halves, whichever was opened: other voxels are another image."""
    if header.voxels == header.path:
        return file_sha256(path)
    return hashlib.sha256(f"{file_sha256(header.path)} {file_sha256(header.voxels)}".encode()).hexdigest()


def _colours(values: Pixels, notices: list[str]) -> list[Pixels]:
    """Slices (rows, columns, 3) uint8 of RGB24 or RGBA32."""
    stack = [np.array(plane[..., :3]) for plane in values]
    if values.shape[-1] == 4 and int(values[..., 3].min(initial=255)) < 255:
        notices.append(ON_WHITE)
        for plane, share in zip(stack, values[..., 3], strict=True):
            laid_on_white(plane, share)
    return stack


def _geometry(header: NiftiHeader, affine: Affine | None, k: int) -> Geometry:
    """Of frame `k`; `affine` is that of the turned volume, None where it lies nowhere."""
    if affine is None:
        across, down, between = header.spacing
        return Geometry(down, across, between)
    across, down, between = (float(edge) for edge in np.linalg.norm(affine[:3, :3], axis=0))
    x, y, z = (affine[:3, 3] + affine[:3, 2] * k).tolist()
    return Geometry(down, across, between, (x, y, z), _vector(affine[:3, 0] / across), _vector(affine[:3, 1] / down))


def _vector(values: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (values + 0.0).tolist()  # no -0.0
    return x, y, z


def read_volume(path: Path) -> npt.NDArray[Any]:
    """Values of a volume in the order (slices from the feet, rows from the front, columns from the right): LPS.

    They are those that the header's scaling gives, in the stored type where it does not scale.

    Raises
    ------
    UserError
        When it is damaged.
    """
    with reading(KIND):
        header = read_header(path)
        stored = header.read(0)
        values = stored if header.affine is None else turned(stored, header.affine)[0]
        return np.ascontiguousarray(values if header.rescale == Rescale() else header.rescale.to_modality(values))


def embedded_text(path: Path) -> str:
    """Nothing: no record of ours stands in a volume."""
    return ""


_PROBLEMS = {
    NoVolume.UNPLACED: "The slices do not share one direction and pixel size.",
    NoVolume.UNLIKE: "The slices do not share one direction and pixel size.",
    NoVolume.UNEVEN: "The distance between the slices varies.",
    NoVolume.TILTED: "The slices are shifted against each other (gantry tilt).",
    NoVolume.REPEATED: "Several slices lie at the same place.",
}


def volume_problem(stack: Sequence[Geometry | None]) -> str:
    """Why frames cannot be ONE NIfTI volume, as a sentence; empty when they can, or when none says where it lies."""
    known = [item for item in stack if item is not None and item.origin and item.normal]
    if any(abs(float(np.dot(item.row_direction, item.column_direction))) > _SQUARE
           for item in known if item.row_direction and item.column_direction):
        return "Rows and columns do not stand at right angles."
    if not known:
        return ""
    found = grid_of(stack, 1, 1)
    return _PROBLEMS.get(found, "") if isinstance(found, NoVolume) else ""


def write_mask_nifti(path: Path, mask: npt.NDArray[np.uint8], geometry: Geometry | None,
                     stack: Sequence[Geometry | None] = ()) -> None:
    """Write a mask as ``.nii`` or ``.nii.gz``: every voxel at the physical point of its pixel.

    Parameters
    ----------
    mask
        (frames, rows, columns) or (rows, columns), uint8.
    geometry
        Of the first frame; without it voxels are 1 mm and the place means nothing.
    stack
        Of all frames, where there are several: gives direction and distance of the slices.

    Raises `UserError` when the slices do not fit one volume; see `volume_problem`.
    """
    if problem := volume_problem(stack):
        raise UserError(f"{problem} Together they do not fit one NIfTI volume.",
                        "Export the mask slice by slice, or as PNG.")
    import SimpleITK as sitk

    image = placed_image(np.ascontiguousarray(mask if mask.ndim == 3 else mask[None]).astype(np.uint8), geometry, stack)
    with writing(path) as part:
        try:
            sitk.WriteImage(image, str(part), useCompression=True)
        except RuntimeError as error:
            raise OSError("SimpleITK could not write") from error


def placed_image(values: Pixels, geometry: Geometry | None, stack: Sequence[Geometry | None]) -> Any:
    """(frames, rows, columns) as an image of SimpleITK, every voxel at the physical point of its pixel."""
    import SimpleITK as sitk

    prepare_simpleitk()
    image = sitk.GetImageFromArray(values)
    if geometry is not None:
        thickness = geometry.slice_spacing or 1.0
        image.SetSpacing((geometry.column_spacing, geometry.row_spacing, thickness))
        if geometry.origin and geometry.row_direction and geometry.column_direction and geometry.normal:
            normal = np.array(geometry.normal)
            ends = [item.origin for item in stack if item is not None and item.origin]
            if len(ends) > 1:
                step = (np.array(ends[-1]) - np.array(ends[0])) / (len(ends) - 1)
                image.SetSpacing((geometry.column_spacing, geometry.row_spacing, float(np.linalg.norm(step))))
                normal = normal * np.sign(float(step @ normal))
            axes = np.array([geometry.row_direction, geometry.column_direction, normal]).T
            image.SetDirection(_orthonormal(axes).reshape(-1).tolist())
            image.SetOrigin(geometry.origin)
    return image


def _orthonormal(axes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The nearest exact rotation: file directions are rounded to a few digits, which ITK would refuse."""
    left, _, right = np.linalg.svd(axes)
    nearest: npt.NDArray[np.float64] = left @ right
    return nearest


def read_mask(path: Path, frame: int | None = None, like: FrameInfo | None = None,
              allow_bytes: int = ALLOWED_BYTES) -> Mask:
    """One slice (rows, columns) of a mask.

    Parameters
    ----------
    frame
        Slice in the order of `open_image`, where `like` has no place in the patient. A file of one slice is taken as
        it is stored, a volume that is painted on one slice only needs no number.
    like
        The frame that the mask is for. Where its place is known the mask is read at the frame's own pixels.

    Raises
    ------
    UserError
        When nothing of the mask lies on the slice, or several slices are painted and none is chosen.
    """
    with reading("mask"):
        header, stored = _read(path, allow_bytes)
        if header.volumes > 1:
            raise UserError(f"This mask holds {header.volumes} volumes.", "Save the one that is meant alone.")
        if header.rescale != Rescale():
            stored = header.rescale.to_modality(stored)
        placed = _plane(like)
        if placed is not None and header.affine is not None:
            values = _sampled(stored, header.affine, placed, like.rows, like.columns)  # type: ignore[union-attr]
        elif len(stored) == 1:
            values = stored[0]
        elif placed is not None:
            raise UserError("This mask does not say how it lies in the patient.",
                            "Save it with the position of the image, or one slice alone.")
        else:
            values = _chosen(stored if header.affine is None else turned(stored, header.affine)[0], frame)
        if not values.any():
            raise UserError("The mask holds nothing on this slice.",
                            "Check that it was drawn for this image, or choose another slice.")
        return mask_values(np.ascontiguousarray(values))


def _plane(like: FrameInfo | None) -> Affine | None:
    """Where the pixels of a frame lie: (column, row, 0, 1) to mm, LPS; None when that is not known."""
    place = like.geometry if like is not None else None
    if place is None or not (place.origin and place.row_direction and place.column_direction and place.normal):
        return None
    affine = np.eye(4)
    affine[:3, 0] = np.array(place.row_direction) * place.column_spacing
    affine[:3, 1] = np.array(place.column_direction) * place.row_spacing
    affine[:3, 2], affine[:3, 3] = place.normal, place.origin
    return affine


def _sampled(stored: Pixels, affine: Affine, plane: Affine, rows: int, columns: int) -> Pixels:
    """Values (k, j, i[, samples]) nearest to the pixels of a plane, (rows, columns[, samples]); 0 outside."""
    to_index = np.linalg.inv(affine) @ plane
    values = np.zeros((rows, columns, *stored.shape[3:]), stored.dtype)
    across = to_index[:3, 0, None] * np.arange(columns)
    for part, in parts((rows, columns)):
        down = to_index[:3, 1, None] * np.arange(rows)[part] + to_index[:3, 3, None]
        index = np.floor(down[:, :, None] + across[:, None] + 0.5).astype(np.int64)
        inside = ((index >= 0) & (index < np.array(stored.shape[2::-1])[:, None, None])).all(axis=0)
        i, j, k = index[:, inside]
        values[part][inside] = stored[k, j, i]
    return values


def _chosen(values: Pixels, frame: int | None) -> Pixels:
    """Slice `frame` of (slices, rows, columns), or the only one that is painted."""
    if frame is None:
        painted = [k for k, plane in enumerate(values) if plane.any()]
        if len(painted) > 1:
            raise UserError(f"This mask is painted on {len(painted)} slices.", "Say which slice is meant.")
        frame = painted[0] if painted else 0
    if not 0 <= frame < len(values):
        raise UserError(f"This mask has {len(values)} slices.", "Say which slice is meant, or save one slice alone.")
    plane: Pixels = values[frame]
    return plane
