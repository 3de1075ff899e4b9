"""What a DICOM header says of each frame: geometry, rescale, windows; classic and enhanced images alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset

from medsynth_app.core.geometry import Geometry, Vector
from medsynth_app.core.image import FrameInfo, FrameKey, Rescale
from medsynth_app.core.window_level import WindowLevel
from medsynth_app.formats import provenance as records
from medsynth_app.formats.dicom import ultrasound
from medsynth_app.formats.dicom.elements import as_numbers, listed, number, numbers, of_frame, text
from medsynth_app.formats.dicom.header import DicomFile, text_of

AT_DETECTOR = "Distances are measured at the detector, not in the patient."
MAGNIFIED = "The file estimates that the patient is shown {factor:.3g} times as large as that."
VALUE_TABLE = "This image has a table for its values; the stored values are shown."
WINDOW_TABLE = "This image is meant to be shown through a table (VOI LUT); a straight window over its range is used."
NO_WINDOW_TABLE = "This image is meant to be shown through a table (VOI LUT); it is shown without."
SIGMOID = "This image is meant to be shown through a curve (SIGMOID); a straight window of the same width is used."
TILES = "This is a whole-slide image; its tiles are shown one by one."
MOSAIC = "This is a mosaic: one sheet of many slices. It is shown as it is, without a place in the patient."
NO_SLOPE = "This file's rescale slope is 0, which cannot be: 1 is taken."
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_RESCALE = frozenset(("RescaleSlope", "RescaleIntercept", "DoseGridScaling", "PixelValueTransformationSequence"))
_TRANSFORMATION = "PixelValueTransformationSequence"
_EDGE = 0.01  # of a table's range: below is black, above all but 0.01 is white


def frame_infos(file: DicomFile) -> tuple[FrameInfo, ...]:
    """One `FrameInfo` per frame, in the file's order."""
    header, span, padding = file.header, _stored_range(file), _padding(file)
    aspect, numbered = _aspect(header), number(header, "InstanceNumber") if file.frames == 1 else None
    synthetic = text(header, "SyntheticData") == "YES" or records.claims_synthetic(text_of(header))
    return tuple(
        FrameInfo(FrameKey(file.key, k), file.rows, file.columns, rescale=_rescale(file, k), stored_range=span,
                  geometry=_geometry(file, k), windows=() if file.colour else _windows(file, k), padding=padding,
                  aspect=aspect, instance=None if numbered is None else int(numbered), synthetic=synthetic)
        for k in range(file.frames))


def frame_notices(file: DicomFile) -> tuple[str, ...]:
    """Sentences about one file that hold for all its frames."""
    header, notices = file.header, []
    if text(header, "SOPClassUID") == uid.VLWholeSlideMicroscopyImageStorage:
        notices.append(TILES)
    if _mosaic(header):
        notices.append(MOSAIC)
    if not file.colour:
        notices += _value_notices(file)
    spacing = as_numbers(of_frame(header, 0, "PixelMeasuresSequence", "PixelSpacing"), 2)
    at_detector = numbers(header, "ImagerPixelSpacing", 2)
    if at_detector and (spacing is None or (np.allclose(spacing, at_detector, rtol=1e-4)
                                            and not text(header, "PixelSpacingCalibrationType"))):
        notices.append(AT_DETECTOR)
        factor = number(header, "EstimatedRadiographicMagnificationFactor")
        if factor and factor > 0 and factor != 1:
            notices.append(MAGNIFIED.format(factor=factor))
    if spacing is None and at_detector is None:
        notices += ultrasound.notices(header)
    return tuple(notices)


def _value_notices(file: DicomFile) -> list[str]:
    header, notices = file.header, []
    if "ModalityLUTSequence" in header and "RescaleSlope" not in header:
        notices.append(VALUE_TABLE)
    if header.get("VOILUTSequence"):
        notices.append(WINDOW_TABLE if _table_window(file) else NO_WINDOW_TABLE)
    if "SIGMOID" in str(of_frame(header, 0, "FrameVOILUTSequence", "VOILUTFunction") or ""):
        notices.append(SIGMOID)
    if as_numbers(of_frame(header, 0, _TRANSFORMATION, "RescaleSlope")) == (0.0,):
        notices.append(NO_SLOPE)
    return notices


def _stored_range(file: DicomFile) -> tuple[int, int]:
    if file.colour:
        return 0, 255
    if file.decimals:
        limits = np.iinfo(file.dtype)
        return int(limits.min), int(limits.max)
    bits = file.layout.stored
    return (-2 ** (bits - 1), 2 ** (bits - 1) - 1) if file.layout.signed else (0, 2**bits - 1)


def _padding(file: DicomFile) -> tuple[int, int] | None:
    """Stored values that mark what is no part of the image: PS3.3 C.7.5.1.1.2."""
    value = number(file.header, "PixelPaddingValue")
    if value is None or file.colour or file.decimals:
        return None
    limit = number(file.header, "PixelPaddingRangeLimit")
    low, high = sorted(_as_stored(file, int(item)) for item in (value, value if limit is None else limit))
    return low, high


def _as_stored(file: DicomFile, value: int) -> int:
    """A value of the file as `decode` returns it: written with or without a sign, cut to the bits that are in use."""
    bits = file.layout.stored
    value &= 2**bits - 1
    return value - 2**bits if file.layout.signed and value >= 2 ** (bits - 1) else value


def _rescale(file: DicomFile, frame: int) -> Rescale:
    header = file.header
    if file.colour:
        return Rescale()
    if file.layout.floating:  # decimal numbers are in their unit already: PS3.3 C.7.6.24 knows no rescale
        return file.rescale or Rescale()
    found = Rescale() if _RESCALE & set(file.unread) else _stated(header, frame)
    inner = file.rescale
    if inner is None:
        return found
    return Rescale(inner.slope * found.slope, inner.intercept * found.slope + found.intercept, found.unit)


def _stated(header: Dataset, frame: int) -> Rescale:
    if dose := number(header, "DoseGridScaling"):
        return Rescale(dose, 0.0, "Gy" if text(header, "DoseUnits") == "GY" else "")
    slope = as_numbers(of_frame(header, frame, _TRANSFORMATION, "RescaleSlope"))
    intercept = as_numbers(of_frame(header, frame, _TRANSFORMATION, "RescaleIntercept"))
    unit = str(of_frame(header, frame, _TRANSFORMATION, "RescaleType") or "")
    modality = text(header, "Modality")
    if modality == "CT" and not unit:
        unit = "HU" if slope or intercept else ""
    elif modality == "PT":
        unit = text(header, "Units") or unit
    return Rescale(slope[0] if slope and slope[0] else 1.0, intercept[0] if intercept else 0.0,
                   "" if unit in ("US", "UNSPECIFIED") else unit[:16])


def _windows(file: DicomFile, frame: int) -> tuple[WindowLevel, ...]:
    header, group = file.header, "FrameVOILUTSequence"
    centers, widths = (listed(of_frame(header, frame, group, name)) for name in ("WindowCenter", "WindowWidth"))
    windows: list[WindowLevel] = []
    for center, width in zip(centers, widths, strict=False):
        c, w = as_numbers(center), as_numbers(width)
        if c and w and w[0] > 0:
            # not the file's own explanation: it is free text, and may name a person
            name = f"From the file {len(windows) + 1}" if windows else "From the file"
            windows.append(WindowLevel(c[0], w[0], name))
    return tuple(windows) or tuple(_table_window(file))


def _table_window(file: DicomFile) -> list[WindowLevel]:
    """A window over the values between which the first VOI LUT rises: PS3.3 C.11.2.1.1."""
    items = file.header.get("VOILUTSequence")
    described = numbers(items[0], "LUTDescriptor", 3) if items else None
    data = items[0].get("LUTData") if items else None
    if described is None or not data:
        return []
    entries, first = int(described[0]) or 65_536, int(described[1])
    if first >= 2**15 and file.layout.signed:
        first -= 2**16
    if isinstance(data, bytes):
        little = file.header.original_encoding[1] is not False
        size = 2 if len(data) >= 2 * entries else 1
        data = np.frombuffer(data[:len(data) // size * size], f"{'<' if little else '>'}u{size}")
    table = np.asarray(data, np.float64)[:entries]
    rise = table[-1] - table[0]
    if len(table) < 2 or rise <= 0:
        return []
    unit = (table - table[0]) / rise
    low, high = int(np.argmax(unit > _EDGE)) - 1, int(np.argmax(unit >= 1 - _EDGE))
    return [WindowLevel.from_limits(first + low, first + max(high, low + 1), "From the file")]


def _geometry(file: DicomFile, frame: int) -> Geometry | None:
    header = file.header
    spacing = as_numbers(of_frame(header, frame, "PixelMeasuresSequence", "PixelSpacing"), 2)
    for name in _SPACINGS:
        spacing = spacing or numbers(header, name, 2)
    spacing = spacing or ultrasound.spacing(header)
    if spacing is None or min(spacing) <= 0:
        return None
    plain = Geometry(spacing[0], spacing[1])
    cosines, origin = _place(header, frame)
    lost = file.frames > 1 and "GridFrameOffsetVector" in file.unread  # all frames would lie where the first does
    if cosines is None or origin is None or lost or _mosaic(header):
        return plain
    row, column = np.array(cosines[:3]), np.array(cosines[3:])
    lengths = float(np.linalg.norm(row)), float(np.linalg.norm(column))
    if min(lengths) < 0.5 or abs(float(row @ column)) > 0.05:
        return plain
    row, column = row / lengths[0], column / lengths[1]
    place = np.array(origin) + np.cross(row, column) * _along_normal(header, frame)
    return Geometry(spacing[0], spacing[1], None, _vector(place), _vector(row), _vector(column))


def _place(header: Dataset, frame: int) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Direction cosines and position of a frame; nuclear medicine states those of its first slice by detector."""
    cosines = as_numbers(of_frame(header, frame, "PlaneOrientationSequence", "ImageOrientationPatient"), 6)
    origin = as_numbers(of_frame(header, frame, "PlanePositionSequence", "ImagePositionPatient"), 3)
    if cosines is not None and origin is not None:
        return cosines, origin
    detectors = header.get("DetectorInformationSequence")
    if not detectors or (frame and _slice_number(header, frame) is None):
        return cosines, origin
    numbered = listed(header.get("DetectorVector"))
    which = int(numbered[frame]) - 1 if frame < len(numbered) else 0
    detector = detectors[which if 0 <= which < len(detectors) else 0]
    return (cosines or numbers(detector, "ImageOrientationPatient", 6),
            origin or numbers(detector, "ImagePositionPatient", 3))


def _along_normal(header: Dataset, frame: int) -> float:
    """Distance in mm of a frame from its file's position, where frames are a stack: dose grids, tomographic NM."""
    offsets = listed(header.get("GridFrameOffsetVector"))
    if frame < len(offsets):
        return float(offsets[frame]) - float(offsets[0])
    step, place = number(header, "SpacingBetweenSlices"), _slice_number(header, frame)
    return step * place if step is not None and place is not None else 0.0


def _slice_number(header: Dataset, frame: int) -> int | None:
    """Which slice, from 0, of a reconstructed tomographic NM image a frame is; None for all other images."""
    if text(header, "Modality") != "NM" or number(header, "SpacingBetweenSlices") is None:
        return None
    slices = listed(header.get("SliceVector"))
    if frame < len(slices):
        return int(slices[frame]) - 1
    return frame if "RECON TOMO" in _image_type(header) else None


def _image_type(header: Dataset) -> list[str]:
    return [str(value) for value in listed(header.get("ImageType"))]


def _mosaic(header: Dataset) -> bool:
    return "MOSAIC" in _image_type(header)


def _aspect(header: Dataset) -> float:
    """Height of a pixel in its widths, where no spacing in mm is known: PS3.3 C.7.6.3.1.7."""
    found = numbers(header, "PixelAspectRatio", 2)
    return found[0] / found[1] if found and min(found) > 0 else 1.0


def _vector(values: np.ndarray[Any, Any]) -> Vector:
    x, y, z = (float(value) for value in values)
    return x, y, z
