"""What a DICOM header says of each frame: geometry, rescale, windows; classic and enhanced images alike."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset

from medsynth_app.core.geometry import Geometry, Vector
from medsynth_app.core.image import FrameInfo, FrameKey, Rescale
from medsynth_app.core.window_level import WindowLevel
from medsynth_app.formats.dicom.header import DicomFile

AT_DETECTOR = "Distances are measured at the detector, not in the patient."
VALUE_TABLE = "This image has a table for its values; the stored values are shown."
TILES = "This is a whole-slide image; its tiles are shown one by one."
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")


def frame_infos(file: DicomFile) -> tuple[FrameInfo, ...]:
    """One `FrameInfo` per frame, in the file's order."""
    header, span = file.header, _stored_range(file)
    return tuple(
        FrameInfo(FrameKey(file.key, k), file.rows, file.columns,
                  rescale=file.rescale or (Rescale() if file.colour else _rescale(header, k)), stored_range=span,
                  geometry=_geometry(header, k), windows=() if file.colour else _windows(header, k))
        for k in range(file.frames))


def frame_notices(header: Dataset) -> tuple[str, ...]:
    """Sentences about one file that hold for all its frames."""
    notices = []
    if header.get("SOPClassUID") == uid.VLWholeSlideMicroscopyImageStorage:
        notices.append(TILES)
    if "ModalityLUTSequence" in header and "RescaleSlope" not in header:
        notices.append(VALUE_TABLE)
    measured = _per_frame(header, 0, "PixelMeasuresSequence", "PixelSpacing")
    if measured is None and numbers(header, "ImagerPixelSpacing", 2):
        notices.append(AT_DETECTOR)
    return tuple(notices)


def numbers(dataset: Dataset | None, keyword: str, count: int = 1) -> tuple[float, ...] | None:
    """An element's first `count` finite numbers; None when it is absent, too short or no number."""
    if dataset is None:
        return None
    return _numbers(_get(dataset, keyword), count)


def _numbers(value: Any, count: int) -> tuple[float, ...] | None:
    if value is None or value == "":
        return None
    items = value if isinstance(value, Iterable) and not isinstance(value, str | bytes) else [value]
    try:
        found = tuple(float(item) for item in items)[:count]
    except (TypeError, ValueError):
        return None
    return found if len(found) == count and all(math.isfinite(item) for item in found) else None


def _get(dataset: Dataset, keyword: str) -> Any:
    try:
        return dataset.get(keyword)
    except Exception:  # a damaged element: pydicom raises many kinds, and one bad element must not hide the image
        return None


def functional_group(header: Dataset, frame: int, sequence: str) -> Dataset | None:
    """The item of a functional group for one frame: its own, else the shared one."""
    for name, place in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        groups = _get(header, name)
        if groups and place < len(groups):
            items = _get(groups[place], sequence)
            if items:
                item: Dataset = items[0]
                return item
    return None


def _per_frame(header: Dataset, frame: int, sequence: str, keyword: str) -> Any:
    item = functional_group(header, frame, sequence)
    value = _get(item, keyword) if item is not None else None
    return value if value is not None else _get(header, keyword)


def _stored_range(file: DicomFile) -> tuple[int, int]:
    if file.colour:
        return 0, 255
    limits = np.iinfo(file.dtype)
    if file.decimals:
        return int(limits.min), int(limits.max)
    allocated = int(file.header.get("BitsAllocated", 16))
    bits = int(file.header.get("BitsStored", 0) or 0)
    bits = bits if 0 < bits <= allocated else allocated
    return (-2 ** (bits - 1), 2 ** (bits - 1) - 1) if limits.min < 0 else (0, 2**bits - 1)


def _rescale(header: Dataset, frame: int) -> Rescale:
    group = "PixelValueTransformationSequence"
    if dose := numbers(header, "DoseGridScaling"):
        return Rescale(dose[0], 0.0, "Gy" if header.get("DoseUnits") == "GY" else "")
    slope = _numbers(_per_frame(header, frame, group, "RescaleSlope"), 1)
    intercept = _numbers(_per_frame(header, frame, group, "RescaleIntercept"), 1)
    unit = str(_per_frame(header, frame, group, "RescaleType") or "")
    modality = header.get("Modality")
    if modality == "CT" and not unit:
        unit = "HU" if slope or intercept else ""
    elif modality == "PT":
        unit = str(_get(header, "Units") or unit)
    return Rescale(slope[0] if slope and slope[0] else 1.0, intercept[0] if intercept else 0.0,
                   "" if unit in ("US", "UNSPECIFIED") else unit[:16])


def _windows(header: Dataset, frame: int) -> tuple[WindowLevel, ...]:
    group = "FrameVOILUTSequence"
    centers, widths = (_list(_per_frame(header, frame, group, name)) for name in ("WindowCenter", "WindowWidth"))
    windows: list[WindowLevel] = []
    for center, width in zip(centers, widths, strict=False):
        c, w = _numbers(center, 1), _numbers(width, 1)
        if c and w and w[0] > 0:
            # not the file's own explanation: it is free text, and may name a person
            name = f"From the file {len(windows) + 1}" if windows else "From the file"
            windows.append(WindowLevel(c[0], w[0], name))
    return tuple(windows)


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str | bytes) else [value]


def _geometry(header: Dataset, frame: int) -> Geometry | None:
    spacing = _numbers(_per_frame(header, frame, "PixelMeasuresSequence", "PixelSpacing"), 2)
    for name in _SPACINGS:
        spacing = spacing or numbers(header, name, 2)
    if spacing is None or min(spacing) <= 0:
        return None
    plain = Geometry(spacing[0], spacing[1])
    cosines = _numbers(_per_frame(header, frame, "PlaneOrientationSequence", "ImageOrientationPatient"), 6)
    origin = _numbers(_per_frame(header, frame, "PlanePositionSequence", "ImagePositionPatient"), 3)
    if cosines is None or origin is None:
        return plain
    row, column = np.array(cosines[:3]), np.array(cosines[3:])
    lengths = float(np.linalg.norm(row)), float(np.linalg.norm(column))
    if min(lengths) < 0.5 or abs(float(row @ column)) > 0.05:
        return plain
    row, column = row / lengths[0], column / lengths[1]
    place = np.array(origin)
    offsets = _list(_get(header, "GridFrameOffsetVector"))
    if frame < len(offsets) and (offset := _numbers(offsets[frame], 1)):
        place = place + np.cross(row, column) * (offset[0] - (offsets[0] or 0))
    return Geometry(spacing[0], spacing[1], None, _vector(place), _vector(row), _vector(column))


def _vector(values: np.ndarray[Any, Any]) -> Vector:
    x, y, z = (float(value) for value in values)
    return x, y, z
