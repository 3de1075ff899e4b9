"""What of a source's header an export keeps: how its pixels are to be understood, and how they were acquired.

Nothing that names a person, a place, a time, a device's serial number or another file, and no free text.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

from pydicom import uid
from pydicom.dataset import Dataset

from medsynth_app.formats.dicom.elements import functional_group, listed, number, text

_KEPT = (
    "Modality", "PresentationIntentType", "BodyPartExamined", "Laterality", "ImageLaterality", "ViewPosition",
    "PatientOrientation", "PatientPosition", "SeriesNumber", "AcquisitionNumber", "InstanceNumber",
    "TemporalPositionIdentifier", "NumberOfTemporalPositions", "EchoNumbers", "TriggerTime", "DiffusionBValue",
    "SliceThickness", "SpacingBetweenSlices", "SliceLocation", "PixelSpacing", "ImagerPixelSpacing",
    "NominalScannedPixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "PixelAspectRatio",
    "KVP", "GantryDetectorTilt", "DataCollectionDiameter", "ReconstructionDiameter", "RotationDirection",
    "ExposureTime", "XRayTubeCurrent", "Exposure", "FilterType", "ConvolutionKernel", "FocalSpots",
    "ScanningSequence", "SequenceVariant", "ScanOptions", "MRAcquisitionType", "RepetitionTime", "EchoTime",
    "InversionTime", "EchoTrainLength", "FlipAngle", "MagneticFieldStrength", "NumberOfAverages", "ImagedNucleus",
    "RescaleIntercept", "RescaleSlope", "RescaleType", "Units", "DecayCorrection", "CountsSource", "SeriesType",
    "WindowCenter", "WindowWidth", "VOILUTFunction", "PresentationLUTShape", "PixelIntensityRelationship",
    "PixelIntensityRelationshipSign", "PixelPaddingValue", "PixelPaddingRangeLimit", "RecognizableVisualFeatures",
    "BurnedInAnnotation", "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod",
    "BreastImplantPresent", "PositionerType",
)
_OF_STACKS = ("NumberOfSlices", "FrameTime", "CineRate", "RecommendedDisplayFrameRate", "ActualFrameDuration")
_BY_FRAME = ("GridFrameOffsetVector", "SliceVector", "DetectorVector", "FrameTimeVector")  # one value each
_GROUPS = {  # functional groups of enhanced images
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PixelValueTransformationSequence": ("RescaleIntercept", "RescaleSlope", "RescaleType"),
    "FrameVOILUTSequence": ("WindowCenter", "WindowWidth", "VOILUTFunction"),
    "MREchoSequence": ("EffectiveEchoTime",),
    "MRDiffusionSequence": ("DiffusionBValue", "DiffusionDirectionality"),
    "MRImageFrameTypeSequence": ("PixelPresentation", "VolumetricProperties", "VolumeBasedCalculationTechnique",
                                 "ComplexImageComponent", "AcquisitionContrast"),
    "CTImageFrameTypeSequence": ("PixelPresentation", "VolumetricProperties", "VolumeBasedCalculationTechnique"),
}
_OWN = ("PlanePositionSequence",)  # what is each frame's own, equal or not
_ITEMS = {  # scales of ultrasound pictures, and where the slices of nuclear medicine lie
    "SequenceOfUltrasoundRegions": (
        "RegionSpatialFormat", "RegionDataType", "RegionFlags", "RegionLocationMinX0", "RegionLocationMinY0",
        "RegionLocationMaxX1", "RegionLocationMaxY1", "PhysicalUnitsXDirection", "PhysicalUnitsYDirection",
        "PhysicalDeltaX", "PhysicalDeltaY"),
    "DetectorInformationSequence": ("ImagePositionPatient", "ImageOrientationPatient"),
}
_TYPES = (("ORIGINAL", "DERIVED"), ("PRIMARY", "SECONDARY"))  # first and second value of Image Type
_THIRD_TYPES = ("AXIAL", "LOCALIZER", "MPR", "OTHER", "VOLUME", "ANGIO", "DIFFUSION", "FLUOROSCOPY")
_CLASSES = {  # SOP classes of a modality, classic and enhanced, for files that name none
    "CT": (uid.CTImageStorage, uid.EnhancedCTImageStorage), "MR": (uid.MRImageStorage, uid.EnhancedMRImageStorage),
    "PT": (uid.PositronEmissionTomographyImageStorage, uid.EnhancedPETImageStorage),
    "NM": (uid.NuclearMedicineImageStorage, ""), "US": (uid.UltrasoundImageStorage, ""),
    "CR": (uid.ComputedRadiographyImageStorage, ""), "DX": (uid.DigitalXRayImageStorageForPresentation, ""),
    "MG": (uid.DigitalMammographyXRayImageStorageForPresentation, ""),
}


def sop_class(header: Dataset) -> str:
    """The source's own SOP class; where an anonymiser took it out, that of its modality; empty where none is known."""
    stated = text(header, "SOPClassUID") or str(header.file_meta.get("MediaStorageSOPClassUID", "") or "")
    plain, enhanced = _CLASSES.get(text(header, "Modality"), ("", ""))
    return stated or (enhanced if is_enhanced(header) else plain)


def is_enhanced(header: Dataset) -> bool:
    return "SharedFunctionalGroupsSequence" in header or "PerFrameFunctionalGroupsSequence" in header


def keep(header: Dataset, frames: Sequence[int], target: Dataset, derived: bool, place: int = 1) -> None:
    """Write into `target` what is kept of a source's header, for these of its frames in this order.

    `derived` says whether the pixels are no longer the source's; `place`, from 1, is the instance number of one that
    has none: viewers that sort by it would else show the slices of a series in any order.
    """
    for keyword in _KEPT:
        _copy(header, keyword, target)
    if number(header, "InstanceNumber") is None:
        target.InstanceNumber = str(place)
    if number(header, "SeriesNumber") is None:
        target.SeriesNumber = "1"
    target.ImageType = _image_type(header, derived)
    for sequence, keywords in _ITEMS.items():
        if items := header.get(sequence):
            setattr(target, sequence, [_part(item, keywords) for item in items])
    if "NumberOfFrames" in header:
        _keep_stack(header, frames, target)
    if is_enhanced(header):
        _keep_groups(header, frames, target)


def _copy(source: Dataset, keyword: str, target: Dataset) -> None:
    """Copy an element where it is there and can be read: a damaged one is of no use in the export either."""
    try:
        if keyword in source:
            target[keyword] = deepcopy(source[keyword])
    except Exception:  # pydicom raises many kinds
        return


def _image_type(header: Dataset, derived: bool) -> list[str]:
    values = [str(value) for value in listed(header.get("ImageType"))]
    first = [values[k] if not derived and len(values) > k and values[k] in known else known[1]
             for k, known in enumerate(_TYPES)]
    third = [values[2]] if len(values) > 2 and values[2] in _THIRD_TYPES else []
    if is_enhanced(header):
        return [*first, *(third or ["VOLUME"]), "NONE"]
    if header.get("Modality") in ("CT", "MR"):
        third = third or ["AXIAL" if header.get("Modality") == "CT" else "OTHER"]
    return [*first, *third]


def _part(source: Dataset, keywords: Sequence[str]) -> Dataset:
    """These elements of an item."""
    item = Dataset()
    for keyword in keywords:
        _copy(source, keyword, item)
    return item


def _keep_stack(header: Dataset, frames: Sequence[int], target: Dataset) -> None:
    """What a file of several frames says of their order, for those that are kept."""
    target.NumberOfFrames = len(frames)
    for keyword in _BY_FRAME:
        values = listed(header.get(keyword))
        if values and max(frames) < len(values):
            setattr(target, keyword, [values[k] for k in frames])
    if len(frames) == 1:
        return
    for keyword in _OF_STACKS:
        _copy(header, keyword, target)
    pointers = listed(header.get("FrameIncrementPointer"))
    if pointers and all(pointer in target for pointer in pointers):
        _copy(header, "FrameIncrementPointer", target)


def _keep_groups(header: Dataset, frames: Sequence[int], target: Dataset) -> None:
    """Shared and per-frame groups, of whitelisted elements alone."""
    shared, own = Dataset(), [Dataset() for _ in frames]
    for sequence, keywords in _GROUPS.items():
        items = [_group(header, frame, sequence, keywords, target.ImageType) for frame in frames]
        if sequence not in _OWN and all(item == items[0] for item in items):
            if items[0] is not None:
                setattr(shared, sequence, [items[0]])
            continue
        for group, item in zip(own, items, strict=True):
            if item is not None:
                setattr(group, sequence, [item])
    for place, group in enumerate(own, 1):
        content = Dataset()
        content.StackID, content.InStackPositionNumber, content.DimensionIndexValues = "1", place, [place]
        group.FrameContentSequence = [content]
    target.SharedFunctionalGroupsSequence, target.PerFrameFunctionalGroupsSequence = [shared], own
    organization, pointer = Dataset(), Dataset()
    organization.DimensionOrganizationUID = pointer.DimensionOrganizationUID = uid.generate_uid(prefix=None)
    pointer.DimensionIndexPointer, pointer.FunctionalGroupPointer = 0x00209057, 0x00209111
    target.DimensionOrganizationSequence, target.DimensionIndexSequence = [organization], [pointer]


def _group(header: Dataset, frame: int, sequence: str, keywords: Sequence[str], image_type: list[str]
           ) -> Dataset | None:
    group = functional_group(header, frame, sequence)
    if group is None:
        return None
    item = _part(group, keywords)
    if "FrameType" in sequence:
        item.FrameType = image_type
    return item
