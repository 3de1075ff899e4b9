"""Writing synthetic images as DICOM that cannot be taken for real, in the source's own depth or as secondary capture.

New UIDs, a study of its own, a Patient ID that begins with SYN-; of the source only what stands in a whitelist.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime
from pathlib import Path

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.valuerep import format_number_as_ds

import medsynth_app
from medsynth_app.core.errors import UserError
from medsynth_app.core.files import file_sha256, short_code, writing
from medsynth_app.core.image import Pixels
from medsynth_app.core.provenance import Provenance
from medsynth_app.formats import provenance as records
from medsynth_app.formats.common import ExportFrame
from medsynth_app.formats.dicom.elements import functional_group, numbers, text
from medsynth_app.formats.dicom.header import PRIVATE_CREATOR, PRIVATE_ELEMENT, PRIVATE_GROUP, DicomFile, read_file
from medsynth_app.formats.dicom.source import DicomSource
from medsynth_app.formats.libraries import prepare_pydicom
from medsynth_app.formats.mark import draw_mark

SOURCE_GONE = ("The source file is no longer there: the export is a pseudonymous secondary capture without the "
               "source's acquisition data.")
NOT_ITS_OWN = "The source's own kind of DICOM cannot hold a derived picture: it was written as a secondary capture."
NO_CLASS = ("The source does not say what kind of DICOM it is, which an anonymiser may have taken out: it was written "
            "as a secondary capture.")
NAME = "SYNTHETIC"
NO_LIMIT = 2**62  # the image is open already: its size was asked then

# Of the source: how pixels are to be understood and how they were acquired; nothing that names a person, a place,
# a time, a device's serial number or another file, and no free text.
WHITELIST = (
    "Modality", "PresentationIntentType", "BodyPartExamined", "Laterality", "ImageLaterality", "ViewPosition",
    "PatientOrientation", "PatientPosition",
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
_GROUPS = {  # functional groups of enhanced images, and what of them is copied
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PixelValueTransformationSequence": ("RescaleIntercept", "RescaleSlope", "RescaleType"),
    "FrameVOILUTSequence": ("WindowCenter", "WindowWidth", "VOILUTFunction"),
    "MRImageFrameTypeSequence": ("PixelPresentation", "VolumetricProperties", "VolumeBasedCalculationTechnique",
                                 "ComplexImageComponent", "AcquisitionContrast"),
    "CTImageFrameTypeSequence": ("PixelPresentation", "VolumetricProperties", "VolumeBasedCalculationTechnique"),
}
_THIRD_TYPES = ("AXIAL", "LOCALIZER", "MPR", "OTHER", "VOLUME", "ANGIO", "DIFFUSION", "FLUOROSCOPY")
_CLASSES = {  # SOP classes of a modality, classic and enhanced, for files that name none
    "CT": (uid.CTImageStorage, uid.EnhancedCTImageStorage), "MR": (uid.MRImageStorage, uid.EnhancedMRImageStorage),
    "PT": (uid.PositronEmissionTomographyImageStorage, uid.EnhancedPETImageStorage),
    "NM": (uid.NuclearMedicineImageStorage, ""), "US": (uid.UltrasoundImageStorage, ""),
    "CR": (uid.ComputedRadiographyImageStorage, ""), "DX": (uid.DigitalXRayImageStorageForPresentation, ""),
    "MG": (uid.DigitalMammographyXRayImageStorageForPresentation, ""),
}
_NOT_DERIVED = (uid.SegmentationStorage, "1.2.840.10008.5.1.4.1.1.66.7", uid.ParametricMapStorage,
                uid.VLWholeSlideMicroscopyImageStorage, uid.RTDoseStorage)


def write_derived(path: Path, frame: ExportFrame, *, patient_id: str = "") -> tuple[str, ...]:
    """Write one frame in the source's own SOP class, depth and rescale; nothing is burned in.

    Returns notices for the person: what could not be kept. Raises `UserError` when the file cannot be written, or
    the pixels no longer fit the source; ValueError where nothing in the frame is generated.
    """
    provenance, pixels = frame.provenance, frame.pixels
    if provenance is None:
        raise ValueError("only what is synthetic is written as derived DICOM")
    found = _source_file(frame)
    if found is None:
        _write(path, _secondary(pixels, provenance, patient_id, frame), provenance)
        return (SOURCE_GONE,) if not frame.opened.exists() or isinstance(frame.source, DicomSource) else ()
    file, index = found
    sop_class = _sop_class(file.header)
    if not sop_class:
        _write(path, _secondary(pixels, provenance, patient_id, frame), provenance)
        return (NO_CLASS,)
    if sop_class in _NOT_DERIVED or file.decimals or (not file.colour and file.layout.allocated == 1):
        _write(path, _secondary(pixels, provenance, patient_id, frame), provenance)
        return (NOT_ITS_OWN,)
    if pixels.shape[:2] != (file.rows, file.columns) or (pixels.ndim == 3) != file.colour:
        raise UserError("The source file has changed since it was opened: its size is another one.",
                        "Open it again.", "Your result is saved.")
    _write(path, _derived(file, index, pixels, provenance, patient_id), provenance)
    return ()


def write_secondary_capture(path: Path, pixels: Pixels, provenance: Provenance, mark: bool = True, *,
                            modality: str = "OT", patient_id: str = "") -> None:
    """Write rendered pixels, uint8 (rows, columns) or (rows, columns, 3), as Secondary Capture."""
    if pixels.dtype != np.uint8:
        raise ValueError("a secondary capture holds 8-bit pixels")
    dataset = _secondary(draw_mark(pixels) if mark else pixels, provenance, patient_id)
    dataset.Modality = modality
    _write(path, dataset, provenance)


def _source_file(frame: ExportFrame) -> tuple[DicomFile, int] | None:
    """The file that holds the frame, with its whole header, and the frame's place in it; of a series no other is read.

    None when it is gone, is another one now, or the image is no DICOM.
    """
    if not isinstance(frame.source, DicomSource):
        return None
    path, index = frame.source.file_of(frame.frame)
    try:
        file = read_file(path, NO_LIMIT)
    except UserError:
        return None
    source = frame.about.key.source
    same = file.key == source or source == f"sha256:{file_sha256(path)}"  # files of one UID are told apart by hash
    return (file, index) if same else None


def _sop_class(header: Dataset) -> str:
    """The source's own SOP class; where an anonymiser took it out, that of its modality; empty where none is known."""
    stated = text(header, "SOPClassUID") or str(header.file_meta.get("MediaStorageSOPClassUID", "") or "")
    plain, enhanced = _CLASSES.get(text(header, "Modality"), ("", ""))
    return stated or (enhanced if _enhanced(header) else plain)


def _enhanced(header: Dataset) -> bool:
    return "SharedFunctionalGroupsSequence" in header or "PerFrameFunctionalGroupsSequence" in header


def _base(sop_class: str, provenance: Provenance, patient_id: str) -> Dataset:
    """What every synthetic image states: who it is not, what made it, and that it is synthetic."""
    prepare_pydicom()
    now = datetime.now().astimezone()
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = sop_class
    for name in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        setattr(dataset, name, uid.generate_uid(prefix=None))
    code = patient_id or f"SYN-{short_code(str(dataset.StudyInstanceUID).encode())}"
    dataset.PatientID = code if code.startswith("SYN-") else f"SYN-{code}"
    dataset.PatientName = f"{NAME}^{dataset.PatientID}"
    dataset.PatientIdentityRemoved, dataset.DeidentificationMethod = "YES", "Attributes copied from a whitelist only"
    for name in ("PatientBirthDate", "PatientSex", "ReferringPhysicianName", "AccessionNumber", "StudyID",
                 "PositionReferenceIndicator", "AcquisitionNumber", "Laterality", "PatientOrientation"):
        setattr(dataset, name, None)
    for name in ("Study", "Series", "Content", "InstanceCreation"):
        setattr(dataset, f"{name}Date", f"{now:%Y%m%d}")
        setattr(dataset, f"{name}Time", f"{now:%H%M%S}")
    dataset.Manufacturer, dataset.ManufacturerModelName = "MedSynth", "MedSynth"
    dataset.DeviceSerialNumber, dataset.SoftwareVersions = "0", medsynth_app.__version__
    dataset.SeriesNumber, dataset.InstanceNumber = "1", "1"
    pack = provenance.pack.replace("\\", "/").rsplit("/", 1)[-1]
    dataset.StudyDescription = f"{NAME} study"
    dataset.SeriesDescription = f"{NAME} {provenance.action} ({pack})"[:64]
    dataset.SyntheticData = "YES"
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.DerivationDescription = _derivation(provenance, pack)
    dataset.ContributingEquipmentSequence = [_equipment(now, pack)]
    dataset.ImageComments = "SYNTHETIC image. Research use only, not for diagnosis."
    return dataset


def _derivation(provenance: Provenance, pack: str) -> str:
    prompt = str(provenance.parameters.get("prompt", "")).replace("\\", "/")
    made = f"SYNTHETIC: {provenance.action} by MedSynth {medsynth_app.__version__}"
    if not provenance.pack_sha256:  # without a model
        return f"{made}; {pack}; seed {provenance.seed}"[:1024]
    return f"{made}; pack {pack}, sha256 {provenance.pack_sha256}; seed {provenance.seed}; prompt: {prompt}"[:1024]


def _equipment(now: datetime, pack: str) -> Dataset:
    code, purpose, item = codes.cid7005.SynthesizingEquipment, Dataset(), Dataset()
    purpose.CodeValue, purpose.CodingSchemeDesignator = code.value, code.scheme_designator
    purpose.CodeMeaning = code.meaning
    item.PurposeOfReferenceCodeSequence = [purpose]
    item.Manufacturer, item.ManufacturerModelName = "MedSynth", "MedSynth"
    item.SoftwareVersions = medsynth_app.__version__
    item.ContributionDateTime = f"{now:%Y%m%d%H%M%S}"
    item.ContributionDescription = f"Synthesized pixels with the model pack {pack}"[:1024]
    return item


def _set_pixels(dataset: Dataset, pixels: Pixels, bits_stored: int, photometric: str) -> None:
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    if pixels.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = photometric
    dataset.BitsAllocated = pixels.dtype.itemsize * 8
    dataset.BitsStored, dataset.HighBit = bits_stored, bits_stored - 1
    dataset.PixelRepresentation = 1 if pixels.dtype.kind == "i" else 0
    data = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<")).tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OB" if dataset.BitsAllocated == 8 else "OW"


def _derived(file: DicomFile, index: int, pixels: Pixels, provenance: Provenance, patient_id: str) -> Dataset:
    header = file.header
    if not file.colour and pixels.dtype != file.dtype:
        if not np.array_equal(pixels.astype(file.dtype), pixels):
            raise ValueError("the pixels do not fit the source's type")
        pixels = pixels.astype(file.dtype)
    dataset = _base(_sop_class(header), provenance, patient_id)
    enhanced = _enhanced(header)
    for keyword in WHITELIST:
        _copy(header, keyword, dataset)
    dataset.ImageType = _image_type(header, enhanced)
    if file.colour:
        _set_pixels(dataset, pixels, 8, "RGB")
    else:
        _set_pixels(dataset, pixels, file.layout.stored, file.layout.label)
    if "NumberOfFrames" in header:
        dataset.NumberOfFrames = 1
    if offsets := numbers(header, "GridFrameOffsetVector"):
        dataset.GridFrameOffsetVector = [offsets[0]]
    if enhanced:
        _functional_groups(dataset, header, index)
    return dataset


def _copy(source: Dataset, keyword: str, target: Dataset) -> None:
    """Copy an element where it is there and can be read: a damaged one is of no use in the export either."""
    try:
        if keyword in source:
            target[keyword] = deepcopy(source[keyword])
    except Exception:  # pydicom raises many kinds
        return


def _image_type(header: Dataset, enhanced: bool) -> list[str]:
    values = [str(value) for value in header.get("ImageType", None) or []]
    third = [values[2]] if len(values) > 2 and values[2] in _THIRD_TYPES else []
    if enhanced:
        return ["DERIVED", "SECONDARY", *(third or ["VOLUME"]), "NONE"]
    if header.get("Modality") in ("CT", "MR"):
        third = third or ["AXIAL" if header.get("Modality") == "CT" else "OTHER"]
    return ["DERIVED", "SECONDARY", *third]


def _functional_groups(dataset: Dataset, header: Dataset, index: int) -> None:
    """Shared and per-frame groups of one frame, of whitelisted elements alone."""
    shared, own = Dataset(), Dataset()
    for sequence, keywords in _GROUPS.items():
        group = functional_group(header, index, sequence)
        if group is None:
            continue
        item = Dataset()
        for keyword in keywords:
            _copy(group, keyword, item)
        if "FrameType" in sequence:
            item.FrameType = dataset.ImageType
        setattr(own if sequence == "PlanePositionSequence" else shared, sequence, [item])
    content = Dataset()
    content.StackID, content.InStackPositionNumber, content.DimensionIndexValues = "1", 1, [1]
    own.FrameContentSequence = [content]
    dataset.SharedFunctionalGroupsSequence, dataset.PerFrameFunctionalGroupsSequence = [shared], [own]
    organization, pointer = Dataset(), Dataset()
    organization.DimensionOrganizationUID = pointer.DimensionOrganizationUID = uid.generate_uid(prefix=None)
    pointer.DimensionIndexPointer, pointer.FunctionalGroupPointer = 0x00209057, 0x00209111
    dataset.DimensionOrganizationSequence, dataset.DimensionIndexSequence = [organization], [pointer]


def _secondary(pixels: Pixels, provenance: Provenance, patient_id: str, frame: ExportFrame | None = None) -> Dataset:
    """Pixels as Secondary Capture; with `frame` in its own depth, with its rescale, windows and place."""
    dataset = _base(uid.SecondaryCaptureImageStorage, provenance, patient_id)
    dataset.Modality, dataset.ConversionType = (frame.info.modality if frame else None) or "OT", "SYN"
    bits, photometric = pixels.dtype.itemsize * 8, "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if frame is not None and pixels.ndim == 2:
        about = frame.about
        photometric = "MONOCHROME1" if frame.info.inverted else photometric
        low, high = about.stored_range
        sign = 1 if low < 0 else 0
        bits = min(bits, max(1, high.bit_length()) + sign)
        dataset.RescaleSlope, dataset.RescaleIntercept = _ds(about.rescale.slope), _ds(about.rescale.intercept)
        dataset.RescaleType = about.rescale.unit or "US"
        if about.windows:
            dataset.WindowCenter, dataset.WindowWidth = _ds(about.windows[0].center), _ds(about.windows[0].width)
    if frame is not None and (geometry := frame.about.geometry) is not None:
        dataset.PixelSpacing = [_ds(geometry.row_spacing), _ds(geometry.column_spacing)]
        if geometry.origin and geometry.row_direction and geometry.column_direction:
            dataset.ImagePositionPatient = [_ds(value) for value in geometry.origin]
            dataset.ImageOrientationPatient = [
                _ds(value) for value in (*geometry.row_direction, *geometry.column_direction)]
    _set_pixels(dataset, pixels, bits, photometric)
    return dataset


def _ds(value: float) -> str:
    return str(format_number_as_ds(float(value)))


def _write(path: Path, dataset: Dataset, provenance: Provenance) -> None:
    block = dataset.private_block(PRIVATE_GROUP, PRIVATE_CREATOR, create=True)
    block.add_new(PRIVATE_ELEMENT, "UT", records.to_text(provenance))
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID, meta.ImplementationVersionName = uid.ExplicitVRLittleEndian, "MEDSYNTH"
    with writing(path) as part:
        file = FileDataset(str(part), dataset, preamble=b"\0" * 128, file_meta=meta)
        file.save_as(part, enforce_file_format=True)
