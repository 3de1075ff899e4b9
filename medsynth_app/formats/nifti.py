"""NIfTI through SimpleITK: axial frames in DICOM's axes in, masks out."""

from __future__ import annotations

import gzip
import math
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import file_sha256, writing
from medsynth_app.core.geometry import Geometry
from medsynth_app.core.image import FrameInfo, FrameKey, ImageInfo, ImageSource, Pixels, Rescale
from medsynth_app.core.volume import NoVolume, grid_of
from medsynth_app.formats.common import (
    ALLOWED_BYTES,
    LOSSY_DECIMALS,
    ArraySource,
    Mask,
    as_integers,
    check_size,
    image_pseudonym,
    mask_values,
    reading,
    stored_range,
    to_colour8,
    unreadable,
)
from medsynth_app.formats.kinds import Kind, name_of
from medsynth_app.formats.libraries import prepare_simpleitk

KIND = name_of(Kind.NIFTI)
_BYTES = {sitk.sitkInt16: 2, sitk.sitkUInt16: 2, sitk.sitkInt32: 4, sitk.sitkUInt32: 4, sitk.sitkFloat32: 4,
          sitk.sitkInt64: 8, sitk.sitkUInt64: 8, sitk.sitkFloat64: 8}


def open_image(path: Path, *, allow_bytes: int = ALLOWED_BYTES, salt: bytes = b"") -> ImageSource:
    """Open a volume as frames along its most axial axis, turned to DICOM's axes (left, posterior, superior).

    Whole numbers keep their type; scaled or decimal values become integers with a rescale.

    Raises
    ------
    UserError
        When it is damaged, or would need more than `allow_bytes` (`TooLarge`).
    """
    with reading(KIND):
        volume, count = _read(path, allow_bytes)
        values = sitk.GetArrayViewFromImage(volume)
        notices = []
        if count > 1:
            notices.append(f"This file holds {count} volumes; the first is open.")
        rescale, lossy = Rescale(), False
        if values.ndim == 4:
            if values.shape[-1] < 3:
                raise UserError("This volume holds vectors, not an image.", "Open another file.")
            stack = to_colour8(values)
        else:
            stack, rescale, lossy = _unscaled(volume, values)
        if lossy:
            notices.append(LOSSY_DECIMALS)
        sha256 = file_sha256(path)
    rows, columns = stack.shape[1:3]
    frames = tuple(
        FrameInfo(FrameKey(f"sha256:{sha256}", k), rows, columns, rescale=rescale,
                  stored_range=stored_range(stack.dtype), geometry=_geometry(volume, k),
                  z=k, time=0 if count > 1 else None) for k in range(len(stack)))
    info = ImageInfo(image_pseudonym(sha256), None, f"{KIND}, {len(frames)} slices",
                     "rgb" if stack.ndim == 4 else "grey", frames, notices=tuple(notices))
    return ArraySource(info, [np.array(plane) for plane in stack])


def _read(path: Path, allow_bytes: int, turned: bool = True) -> tuple[Any, int]:
    """The first volume of a file, `turned` to LPS order, and how many there are; the size is asked before decoding."""
    prepare_simpleitk()
    reader = sitk.ImageFileReader()
    reader.SetImageIO("NiftiImageIO")
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    size = reader.GetSize()
    check_size(math.prod(size) * _BYTES.get(reader.GetPixelID(), 1) * reader.GetNumberOfComponents(), allow_bytes)
    _check_complete(path)
    count = math.prod(size[3:])
    if len(size) > 3:
        reader.SetExtractSize([*size[:3], *(0 for _ in size[3:])])
    volume = reader.Execute()
    for key in ("scl_slope", "scl_inter"):
        if reader.HasMetaDataKey(key):
            volume.SetMetaData(key, reader.GetMetaData(key))
    if volume.GetDimension() == 2:
        volume = sitk.JoinSeries(volume)
    keep = {key: volume.GetMetaData(key) for key in volume.GetMetaDataKeys() if key.startswith("scl_")}
    if turned:
        volume = sitk.DICOMOrient(volume, "LPS")
    for key, value in keep.items():
        volume.SetMetaData(key, value)
    return volume, count


def read_volume(path: Path) -> npt.NDArray[Any]:
    """Values of a volume in the order (slices from the feet, rows from the front, columns from the right): LPS."""
    prepare_simpleitk()
    values: npt.NDArray[Any] = sitk.GetArrayFromImage(sitk.DICOMOrient(sitk.ReadImage(str(path)), "LPS"))
    return values


def embedded_text(path: Path) -> str:
    """Nothing: no record of ours stands in a volume."""
    return ""


def _check_complete(path: Path) -> None:
    """Raise when fewer bytes follow the header than the pixels need: ITK fills up what is missing without a word."""
    with path.open("rb") as start:
        packed = start.read(2) == b"\x1f\x8b"
    with gzip.open(path) if packed else path.open("rb") as file:
        head = file.read(352)
        order = "<" if head[:4] in (b"\x5c\x01\0\0", b"\x1c\x02\0\0") else ">"
        if head[4:7] == b"n+2":
            bits, = struct.unpack(f"{order}h", head[14:16])
            dims, offset = struct.unpack(f"{order}8q", head[16:80]), struct.unpack(f"{order}q", head[168:176])[0]
        elif head[344:347] == b"n+1":
            bits, = struct.unpack(f"{order}h", head[72:74])
            dims, offset = struct.unpack(f"{order}8h", head[40:56]), int(struct.unpack(f"{order}f", head[108:112])[0])
        else:
            return
        needed = offset + math.prod(max(1, size) for size in dims[1:1 + dims[0]]) * bits // 8
        have = len(head)
        while have < needed and (piece := file.read(min(2**20, needed - have))):
            have += len(piece)
        if have < needed:
            raise unreadable(KIND, happened="This NIfTI volume is damaged: part of it is missing.")


def _unscaled(volume: Any, values: Pixels) -> tuple[Pixels, Rescale, bool]:
    """Undo the header's own scaling where that leads back to the stored whole numbers."""
    if values.dtype.kind == "f" and volume.HasMetaDataKey("scl_slope"):
        slope = float(volume.GetMetaData("scl_slope"))
        offset = float(volume.GetMetaData("scl_inter")) if volume.HasMetaDataKey("scl_inter") else 0.0
        if math.isfinite(slope) and math.isfinite(offset) and (slope, offset) not in ((1.0, 0.0), (0.0, 0.0)) and slope:
            raw = (values.astype(np.float64) - offset) / slope
            whole = np.rint(raw)
            if np.isfinite(raw).all() and float(np.abs(raw - whole).max(initial=0)) < 0.01:
                stored, _, lossy = as_integers(whole)
                if not lossy:
                    return stored, Rescale(slope, offset), False
    return as_integers(np.asarray(values))


def _geometry(volume: Any, k: int) -> Geometry:
    direction = np.reshape(volume.GetDirection(), (3, 3))
    column_spacing, row_spacing, slice_spacing = volume.GetSpacing()
    x, y, z = volume.TransformContinuousIndexToPhysicalPoint((0.0, 0.0, float(k)))
    return Geometry(row_spacing, column_spacing, slice_spacing, (x, y, z),
                    tuple(direction[:, 0].tolist()), tuple(direction[:, 1].tolist()))


_PROBLEMS = {
    NoVolume.UNPLACED: "The slices do not share one direction and pixel size.",
    NoVolume.UNLIKE: "The slices do not share one direction and pixel size.",
    NoVolume.UNEVEN: "The distance between the slices varies.",
    NoVolume.TILTED: "The slices are shifted against each other (gantry tilt).",
    NoVolume.REPEATED: "Several slices lie at the same place.",
}


def volume_problem(stack: Sequence[Geometry | None]) -> str:
    """Why frames cannot be ONE NIfTI volume, as a sentence; empty when they can, or when none says where it lies."""
    if not any(item is not None and item.origin and item.normal for item in stack):
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
    image = sitk.GetImageFromArray(np.ascontiguousarray(mask if mask.ndim == 3 else mask[None]).astype(np.uint8))
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
    prepare_simpleitk()
    with writing(path) as part:
        try:
            sitk.WriteImage(image, str(part), useCompression=True)
        except RuntimeError as error:
            raise OSError("SimpleITK could not write") from error


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
        volume, _ = _read(path, allow_bytes, turned=False)
        if like is not None and (plane := _plane(like)) is not None:
            values = sitk.GetArrayFromImage(
                sitk.Resample(volume, plane, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0, volume.GetPixelID()))[0]
        elif volume.GetDepth() == 1:
            values = sitk.GetArrayFromImage(volume)[0]
        else:
            values = _chosen(sitk.GetArrayFromImage(sitk.DICOMOrient(volume, "LPS")), frame)
        if not values.any():
            raise UserError("The mask holds nothing on this slice.",
                            "Check that it was drawn for this image, or choose another slice.")
    return mask_values(np.ascontiguousarray(values))


def _plane(like: FrameInfo) -> Any | None:
    """An image of one slice whose pixels lie where the frame's do; None when that is not known."""
    place = like.geometry
    if place is None or not (place.origin and place.row_direction and place.column_direction):
        return None
    plane = sitk.Image(like.columns, like.rows, 1, sitk.sitkUInt8)
    plane.SetSpacing((place.column_spacing, place.row_spacing, 1.0))
    axes = np.array([place.row_direction, place.column_direction, place.normal], np.float64).T
    plane.SetDirection(_orthonormal(axes).reshape(-1).tolist())
    plane.SetOrigin(place.origin)
    return plane


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
