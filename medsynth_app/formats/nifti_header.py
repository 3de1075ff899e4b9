"""The header of NIfTI-1, NIfTI-2 and Analyze 7.5, read from its own bytes, and the voxels that it describes.

Field offsets and the meaning of codes are those of nifti1.h (R. W. Cox et al., 2004), nifti2.h (2011) and the header
of Analyze 7.5.
"""

from __future__ import annotations

import gzip
import io
import math
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.core.image import Pixels, Rescale
from medsynth_app.formats.common import unreadable
from medsynth_app.formats.kinds import GZIP, Kind, half_of, is_nifti_header, is_single_nifti, name_of, other_half

KIND = name_of(Kind.NIFTI)
Order = Literal["<", ">"]
Affine = npt.NDArray[np.float64]  # (4, 4): (i, j, k, 1) of a voxel as stored to (x, y, z, 1) in mm, LPS

_PIECE = 2**22
_SPARE = 2**24  # bytes behind the voxels of a packed file that are looked at, for its check sum follows them
_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 128: "u1", 256: "i1", 512: "u2", 768: "u4", 1024: "i8",
          1280: "u8", 2304: "u1"}
_SAMPLES = {128: 3, 2304: 4}  # RGB24, RGBA32
_NO_IMAGE = {1004: "matrices", 1005: "matrices", 1006: "vectors", 1007: "vectors", 1008: "points", 1009: "triangles",
             1010: "quaternions"}  # by intent
_MILLIMETRES = {1: 1e3, 2: 1.0, 3: 1e-3}  # by the lowest three bits of xyzt_units; where they are unknown, mm
_CONFLICT = 0.1  # of a voxel's smallest edge, by which the corners of two forms may differ
_SHEAR = math.sin(math.radians(0.1))


@dataclass(frozen=True, eq=False)
class NiftiHeader:
    """What a header says.

    Attributes
    ----------
    shape
        Voxels along the three stored axes, the fastest first.
    volumes
        How many such blocks follow each other.
    dtype
        Of one number as it is stored.
    samples
        Numbers of one voxel: 1, or 3 or 4 of a colour.
    offset
        Byte of `voxels` where the first block begins.
    rescale
        scl_slope and scl_inter as they stand in the header; none where the slope is 0 or no number.
    spacing
        Edges of a voxel along the stored axes, mm.
    affine
        None where the file does not say how it lies in the patient.
    path, voxels
        The files of the header and of what it describes; two where they are a pair.
    notices
        Sentences that the person should read.
    """

    shape: tuple[int, int, int]
    volumes: int
    dtype: np.dtype[Any]
    samples: int
    offset: int
    rescale: Rescale
    spacing: tuple[float, float, float]
    affine: Affine | None
    path: Path
    voxels: Path
    notices: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """Of one block."""
        return math.prod(self.shape) * self.samples * self.dtype.itemsize

    def read(self, spent: int) -> Pixels:
        """The first block, (k, j, i) or (k, j, i, samples), in the byte order of this computer.

        Parameters
        ----------
        spent
            How many bytes of the blocks behind it may be looked at, to know that the file is whole.

        Raises
        ------
        UserError
            When a part is missing, or a packed file does not fit its own check sum.
        """
        values = np.empty((*self.shape[::-1], *((self.samples,) if self.samples > 1 else ())), self.dtype)
        view = memoryview(values.reshape(-1).view(np.uint8).data)
        rest = (self.volumes - 1) * self.bytes
        with _unpacked(self.voxels) as file:
            _skip(file, self.offset)
            done = 0
            while done < len(view):
                read = file.readinto(view[done:done + _PIECE])
                if not read:
                    raise _cut()
                done += read
            if isinstance(file, gzip.GzipFile):
                _skip(file, min(rest, spent))
                _check_end(file)
            elif os.fstat(file.fileno()).st_size < self.offset + self.bytes + rest:
                raise _cut()
        return values.astype(values.dtype.newbyteorder("="), copy=False)


def read_header(path: Path) -> NiftiHeader:
    """The header of a ``.nii``, or of a pair of ``.hdr`` and ``.img`` by either name; each may be packed with gzip.

    Raises
    ------
    UserError
        When it is damaged, half of a pair is missing, or it holds something else than an image.
    """
    about, voxels = _files_of(path)
    with _unpacked(about) as file:
        head = file.read(540)
    if len(head) < 348 or not is_nifti_header(head):
        raise unreadable(KIND)
    order: Order = ">" if head[:2] == b"\0\0" else "<"
    second, analyze = head[4:7] in (b"n+2", b"ni2"), head[344:347] not in (b"n+1", b"ni1")
    if second and len(head) < 540:
        raise _cut()
    if analyze and not second and about == voxels:
        raise unreadable(KIND)
    return _parsed(_Fields(head, order, second), analyze and not second, about, voxels)


class _Fields:
    """The numbers of a header, by their offsets in NIfTI-1 and NIfTI-2."""

    def __init__(self, head: bytes, order: Order, second: bool) -> None:
        self._head, self.order, self.second = head, order, second

    def __call__(self, first: tuple[str, int], second: tuple[str, int]) -> tuple[Any, ...]:
        form, offset = second if self.second else first
        return struct.unpack_from(f"{self.order}{form}", self._head, offset)


def _parsed(get: _Fields, analyze: bool, about: Path, voxels: Path) -> NiftiHeader:
    dim = get(("8h", 40), ("8q", 16))
    kind, = get(("h", 70), ("h", 12))
    if dim[0] not in range(1, 8) or dim[1] < 1 or any(size < 0 for size in dim[1:1 + dim[0]]):
        raise unreadable(KIND, happened="This NIfTI volume is damaged: its size is none.")
    across, down, between, *further = (*(max(1, size) for size in dim[1:1 + dim[0]]), 1, 1)
    shape = across, down, between
    intent = 0 if analyze else get(("h", 68), ("i", 504))[0]
    if intent in _NO_IMAGE:
        raise UserError(f"This NIfTI file holds {_NO_IMAGE[intent]}, not an image.", "Open another file.")
    if kind not in _TYPES:
        raise UserError("This NIfTI volume holds values of a kind that cannot be shown.",
                        "Convert it to whole or decimal numbers.", details=f"datatype {kind}")
    samples = _SAMPLES.get(kind, 1)
    offset, = get(("f", 108), ("q", 168))
    lowest = (544 if get.second else 352) if about == voxels else 0
    if not math.isfinite(offset) or offset < 0 or offset > 2**62:
        raise unreadable(KIND, happened="This NIfTI volume is damaged: it does not say where its values begin.")
    spacing, affine, notices = ((_spacing(get, 1.0), None, (_UNPLACED,)) if analyze else
                                _place(get, shape))
    return NiftiHeader(
        shape, math.prod(further), np.dtype(_TYPES[kind]).newbyteorder(get.order), samples,
        max(lowest, int(offset)), Rescale() if analyze or samples > 1 else _rescale(*get(("2f", 112), ("2d", 176))),
        spacing, affine, about, voxels, notices)


def _rescale(slope: float, intercept: float) -> Rescale:
    """A slope of 0, or one that is no number, says that values are not scaled, whatever the intercept is."""
    if not math.isfinite(slope) or not slope:
        return Rescale()
    return Rescale(slope, intercept if math.isfinite(intercept) else 0.0)


_UNPLACED = "This file does not say how it lies in the patient: its sides are not known."
_CONFLICTING = ("This file says in two ways how it lies in the patient, and they disagree (qform and sform); the sform "
                "is used.")
_MIRRORED = " The other one has left and right, front and back or head and feet exchanged."
_SHEARED = "The axes of this volume do not stand at right angles: lengths across them are not exact."


def _place(get: _Fields, shape: tuple[int, int, int]) -> tuple[tuple[float, float, float], Affine | None,
                                                                  tuple[str, ...]]:
    """Spacing, affine and notices: the sform where its code is set, else the qform, else nothing, as nibabel has it."""
    units, = get(("B", 123), ("i", 500))
    scale = _MILLIMETRES.get(units & 7, 1.0)
    spacing = _spacing(get, scale)
    codes = get(("2h", 252), ("2i", 344))
    forms = [_usable(form) if code > 0 else None for code, form in
             zip(codes, (_qform(get, spacing, scale), _sform(get, scale)), strict=True)]
    qform, sform = forms
    affine = sform if sform is not None else qform
    if affine is None:
        return spacing, None, (_UNPLACED,)
    across, down, between = (float(edge) for edge in np.linalg.norm(affine[:3, :3], axis=0))
    notices = []
    if qform is not None and sform is not None:
        corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(shape) - 1)
        apart = np.linalg.norm(corners @ (qform - sform)[:3, :3].T + (qform - sform)[:3, 3], axis=1).max()
        if apart > _CONFLICT * min(across, down, between):
            mirrored = orientation(qform) != orientation(sform)
            notices.append(_CONFLICTING + (_MIRRORED if mirrored else ""))
    unit = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    if float(np.abs(unit.T @ unit - np.eye(3)).max()) > _SHEAR:
        notices.append(_SHEARED)
    return (across, down, between), affine, tuple(notices)


def _spacing(get: _Fields, scale: float) -> tuple[float, float, float]:
    edges = [abs(edge) * scale for edge in get(("8f", 76), ("8d", 104))[1:4]]
    across, down, between = (edge if math.isfinite(edge) and edge > 0 else 1.0 for edge in edges)
    return across, down, between


def _qform(get: _Fields, spacing: tuple[float, float, float], scale: float) -> Affine:
    """From the quaternion (b, c, d) and the shift, METHOD 2 of nifti1.h; in LPS."""
    b, c, d, *shift = get(("6f", 256), ("6d", 352))
    handed = -1.0 if get(("f", 76), ("d", 104))[0] < 0 else 1.0
    rest = 1 - (b * b + c * c + d * d)
    if rest < 1e-7:  # a half turn, in which rounding may have left a little more than 1
        length = math.sqrt(b * b + c * c + d * d)
        a, b, c, d = 0.0, b / length, c / length, d / length
    else:
        a = math.sqrt(rest)
    turn = np.array([[a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
                     [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
                     [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b]])
    affine = np.eye(4)
    affine[:3, :3] = turn * np.array([spacing[0], spacing[1], spacing[2] * handed])
    affine[:3, 3] = np.array(shift) * scale
    return _TO_LPS @ affine


def _sform(get: _Fields, scale: float) -> Affine:
    """The three rows of the header, METHOD 3 of nifti1.h; in LPS."""
    affine = np.eye(4)
    affine[:3] = np.array(get(("12f", 280), ("12d", 400))).reshape(3, 4) * scale
    return _TO_LPS @ affine


_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])  # NIfTI counts towards right, front and head


def _usable(affine: Affine) -> Affine | None:
    """None for a form that maps voxels nowhere, or onto each other."""
    if not np.isfinite(affine).all():
        return None
    edges = np.linalg.norm(affine[:3, :3], axis=0)
    flat = edges.min() <= 0 or abs(float(np.linalg.det(affine[:3, :3] / edges))) < 1e-6
    return None if flat else affine


def orientation(affine: Affine) -> tuple[tuple[int, int], ...]:
    """For each stored axis the axis of the patient (0, 1, 2: L, P, S) that it runs along most nearly, and +1 or -1.

    Method: the rotation nearest to the affine (its polar part), whose largest entries are taken first, as nibabel's
    ``io_orientation`` does.
    """
    left, _, right = np.linalg.svd(affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0))
    nearest = left @ right
    found = {}
    for axis in np.argsort(-(nearest**2).max(axis=0), kind="stable"):
        to = int(np.argmax(np.abs(nearest[:, axis])))
        found[int(axis)] = (to, 1 if nearest[to, axis] > 0 else -1)
        nearest[to] = 0
    return tuple(found[axis] for axis in range(3))


def turned(values: Pixels, affine: Affine) -> tuple[Pixels, Affine]:
    """Values (k, j, i[, samples]) as a view (slices, rows, columns[, samples]) towards head, back and left; its affine.

    The affine maps (column, row, slice, 1) to mm, LPS.
    """
    axes = orientation(affine)
    stored = {to: axis for axis, (to, _) in enumerate(axes)}
    moved = values.transpose([2 - stored[2], 2 - stored[1], 2 - stored[0], *range(3, values.ndim)])
    place = affine.copy()
    for to in range(3):
        step = affine[:, stored[to]]
        size = values.shape[2 - stored[to]]
        if axes[stored[to]][1] < 0:
            moved = np.flip(moved, 2 - to)
            place[:, 3] += step * (size - 1)
            step = -step
        place[:, to] = step
    return moved, place


def _files_of(path: Path) -> tuple[Path, Path]:
    """The files of a header and of its voxels: the same one twice, or both halves of a pair."""
    with _unpacked(path) as file:
        single = is_single_nifti(file.read(348))
    half = None if single else half_of(path)
    if half is None:
        return path, path
    other = other_half(path)
    if other is None:
        raise UserError("This is one half of a pair of files (.hdr and .img), and the other is not beside it.",
                        "Put both into one folder, with the same name.")
    return (path, other) if half == ".hdr" else (other, path)


@contextmanager
def _unpacked(path: Path) -> Iterator[io.BufferedReader | gzip.GzipFile]:
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
        file.seek(0)
        if not packed:
            yield file
            return
        try:
            with gzip.GzipFile(fileobj=file) as inside:
                yield inside
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise _cut() from error


def _skip(file: io.BufferedReader | gzip.GzipFile, count: int) -> None:
    if not isinstance(file, gzip.GzipFile):
        file.seek(count, io.SEEK_CUR)
        return
    while count > 0:
        piece = file.read(min(count, _PIECE))
        if not piece:
            raise _cut()
        count -= len(piece)


def _check_end(file: gzip.GzipFile) -> None:
    """Read on to the check sum, where it is not far."""
    try:
        left = _SPARE
        while left > 0 and (piece := file.read(min(left, _PIECE))):
            left -= len(piece)
    except gzip.BadGzipFile as error:
        if not str(error).startswith("Not a gzipped file"):  # something else behind a whole file does no harm
            raise


def _cut() -> UserError:
    return unreadable(KIND, happened="This NIfTI volume is damaged: part of it is missing.")
