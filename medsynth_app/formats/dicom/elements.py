"""The elements of a header: read with care, once; what was there and could not be read is said, never passed over."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from pydicom.datadict import dictionary_description, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

# Numbers, and how many there must be.
_NUMBERS = {
    "Rows": 1, "Columns": 1, "NumberOfFrames": 1, "SamplesPerPixel": 1, "PlanarConfiguration": 1, "BitsAllocated": 1,
    "BitsStored": 1, "HighBit": 1, "PixelRepresentation": 1, "PixelPaddingValue": 1, "PixelPaddingRangeLimit": 1,
    "PixelSpacing": 2, "ImagerPixelSpacing": 2, "NominalScannedPixelSpacing": 2, "PixelAspectRatio": 2,
    "ImagePositionPatient": 3, "ImageOrientationPatient": 6, "SpacingBetweenSlices": 1, "SliceVector": 1,
    "DetectorVector": 1, "GridFrameOffsetVector": 1, "RescaleSlope": 1, "RescaleIntercept": 1, "DoseGridScaling": 1,
    "WindowCenter": 1, "WindowWidth": 1, "EstimatedRadiographicMagnificationFactor": 1, "SeriesNumber": 1,
    "InstanceNumber": 1, "AcquisitionNumber": 1, "TemporalPositionIdentifier": 1, "TemporalPositionIndex": 1,
    "TriggerTime": 1, "EchoNumbers": 1, "EchoTime": 1, "DiffusionBValue": 1, "RegionSpatialFormat": 1,
    "RegionLocationMinX0": 1, "RegionLocationMinY0": 1, "RegionLocationMaxX1": 1, "RegionLocationMaxY1": 1,
    "PhysicalUnitsXDirection": 1, "PhysicalUnitsYDirection": 1, "PhysicalDeltaX": 1, "PhysicalDeltaY": 1,
    "LUTDescriptor": 3,
}
_TEXTS = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "Modality",
    "PhotometricInterpretation", "RescaleType", "Units", "DoseUnits", "ImageType", "PatientID", "IssuerOfPatientID",
    "PatientName", "PatientBirthDate", "SeriesDescription", "SyntheticData", "VOILUTFunction", "AcquisitionTime",
    "PixelSpacingCalibrationType", "FrameIncrementPointer", "PaletteColorLookupTableUID",
)
_SEQUENCES = (
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "PixelMeasuresSequence",
    "PlaneOrientationSequence", "PlanePositionSequence", "PixelValueTransformationSequence", "FrameVOILUTSequence",
    "FrameContentSequence", "DetectorInformationSequence", "SequenceOfUltrasoundRegions", "ModalityLUTSequence",
    "VOILUTSequence",
)
_COUNT = {tag_for_keyword(keyword): count for keyword, count in _NUMBERS.items()}
_TEXT = {tag_for_keyword(keyword) for keyword in _TEXTS}
_SEQUENCE = {tag_for_keyword(keyword) for keyword in _SEQUENCES}


def clean(header: Dataset) -> tuple[str, ...]:
    """Take out of a header what cannot be read, of all that is used here, and mend decimal commas.

    Afterwards every element that this package asks for is absent, empty, or what it should be: finite numbers, text,
    a sequence.

    Returns
    -------
    Keywords of the elements that were there and could not be read, each once.
    """
    unread: dict[str, None] = {}
    for tag in list(header.keys()):
        try:
            if tag in _COUNT:
                readable = _mended(header, tag, _COUNT[tag])
            elif tag in _TEXT:
                readable = isinstance(str(header[tag].value), str)
            elif tag in _SEQUENCE:
                readable = header[tag].VR == "SQ"
                for item in header[tag].value or () if readable else ():
                    unread |= dict.fromkeys(clean(item))
            else:
                continue
        except Exception:  # pydicom raises many kinds, and one bad element must not hide the image
            readable = False
        if not readable:
            del header[tag]
            unread[_keyword(tag)] = None
    return tuple(unread)


def _keyword(tag: int) -> str:
    return next(keyword for keyword in (*_NUMBERS, *_TEXTS, *_SEQUENCES) if tag_for_keyword(keyword) == tag)


def _mended(header: Dataset, tag: int, count: int) -> bool:
    """Whether an element is empty or holds `count` numbers; those with a decimal comma are written anew."""
    element = header[tag]
    items = listed(element.value)
    if not items:
        return True
    if all(isinstance(item, int | float) for item in items):
        return len(items) >= count and all(math.isfinite(item) for item in items)
    texts = [str(item).strip(" \0").replace(",", ".") for item in items]
    if not any(texts):
        return True
    if len(texts) < count or not all(math.isfinite(float(text)) for text in texts):
        return False
    vr = element.VR if element.VR in ("DS", "IS") else "DS"
    header[tag] = DataElement(tag, vr, texts if len(texts) > 1 else texts[0])
    return True


def notice(unread: Iterable[str]) -> str:
    """One sentence on elements that could not be read; empty where there are none."""
    names = [f"“{dictionary_description(keyword)}”" for keyword in unread]
    if not names:
        return ""
    return (f"{', '.join(names)} could not be read in this file and {'is' if len(names) == 1 else 'are'} taken as "
            "absent.")


def numbers(dataset: Dataset | None, keyword: str, count: int = 1) -> tuple[float, ...] | None:
    """An element's first `count` finite numbers; None when it is absent, too short or no number."""
    return as_numbers(dataset.get(keyword), count) if dataset is not None else None


def number(dataset: Dataset | None, keyword: str) -> float | None:
    found = numbers(dataset, keyword)
    return found[0] if found else None


def as_numbers(value: Any, count: int = 1) -> tuple[float, ...] | None:
    try:
        found = tuple(float(item) for item in listed(value)[:count])
    except (TypeError, ValueError):
        return None
    return found if len(found) == count and all(math.isfinite(item) for item in found) else None


def listed(value: Any) -> list[Any]:
    """The values of an element as a list; empty where there is none."""
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str | bytes) else [value]


def text(dataset: Dataset, keyword: str) -> str:
    return str(dataset.get(keyword) or "").strip(" \0")


def functional_group(header: Dataset, frame: int, sequence: str) -> Dataset | None:
    """The item of a functional group for one frame: its own, else the shared one."""
    for name, place in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        groups = header.get(name)
        if groups and place < len(groups):
            items = groups[place].get(sequence)
            if items:
                item: Dataset = items[0]
                return item
    return None


def of_frame(header: Dataset, frame: int, sequence: str, keyword: str) -> Any:
    """An element's value for one frame: of its functional group, else of the header."""
    item = functional_group(header, frame, sequence)
    value = item.get(keyword) if item is not None else None
    return value if value is not None else header.get(keyword)
