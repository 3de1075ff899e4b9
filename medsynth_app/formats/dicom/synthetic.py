"""Writing images as DICOM that cannot be taken for real, in the source's own depth or as secondary capture.

New UIDs, a study of its own, a Patient ID that begins with SYN-; of the source only what stands in a whitelist. What is
not synthetic, the slices of a series that nobody changed, says that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.valuerep import format_number_as_ds

import medsynth_app
from medsynth_app.core.errors import UserError
from medsynth_app.core.files import file_sha256, short_code, writing
from medsynth_app.core.image import Pixels
from medsynth_app.core.provenance import Provenance, joined
from medsynth_app.formats import provenance as records
from medsynth_app.formats.common import ExportFrame, ExportSeries
from medsynth_app.formats.dicom.header import PRIVATE_CREATOR, PRIVATE_ELEMENT, PRIVATE_GROUP, DicomFile, read_file
from medsynth_app.formats.dicom.kept import keep, sop_class
from medsynth_app.formats.dicom.source import DicomSource
from medsynth_app.formats.export_identity import ExportIdentity
from medsynth_app.formats.libraries import prepare_pydicom
from medsynth_app.formats.mark import draw_mark

SOURCE_GONE = ("The source file is no longer there: the export is a pseudonymous secondary capture without the "
               "source's acquisition data.")
NOT_ITS_OWN = "The source's own kind of DICOM cannot hold a derived picture: it was written as a secondary capture."
NO_CLASS = ("The source does not say what kind of DICOM it is, which an anonymiser may have taken out: it was written "
            "as a secondary capture.")
NAME = "SYNTHETIC"
NO_LIMIT = 2**62  # the image is open already: its size was asked then
_RESEARCH = "Research use only, not for diagnosis."
_NOT_DERIVED = (uid.SegmentationStorage, "1.2.840.10008.5.1.4.1.1.66.7", uid.ParametricMapStorage,
                uid.VLWholeSlideMicroscopyImageStorage, uid.RTDoseStorage)


def write_derived(path: Path, frame: ExportFrame) -> tuple[str, ...]:
    """Write one frame in the source's own SOP class, depth and rescale; nothing is burned in.

    Returns notices for the person: what could not be kept. Raises `UserError` when the file cannot be written, or
    the pixels no longer fit the source; ValueError where nothing in the frame is generated.
    """
    if frame.provenance is None:
        raise ValueError("only what is synthetic is written as derived DICOM")
    ((dataset, notices),) = _instances([frame])
    count = len(frame.info.frames)
    if count > 1:
        dataset.ImageComments += f" Slice {frame.frame + 1} of {count}; the others are not part of this export."
    _write(path, dataset, frame.provenance)
    return notices


def write_series(folder: Path, series: ExportSeries) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write all frames of a DICOM image into an empty folder, file by file as the source holds them.

    Returns
    -------
    The name of the file of each frame, and notices as `write_derived`.
    """
    files: dict[Path, list[int]] = {}
    assert isinstance(series.source, DicomSource)
    for k in range(series.count):
        files.setdefault(series.source.file_of(k)[0], []).append(k)
    names, notices, digits = [""] * series.count, dict[str, None](), len(str(series.count))
    for numbers in files.values():
        frames = [series.frame(k) for k in numbers]
        written = list(_instances(frames))
        for k, (dataset, said) in enumerate(written):
            parts = frames if len(written) == 1 else frames[k:k + 1]
            name = f"{parts[0].frame + 1:0{digits}}.dcm"  # a list of names is in the order of the slices
            _write(folder / name, dataset, joined([part.provenance for part in parts if part.provenance is not None]))
            notices |= dict.fromkeys(said)
            for part in parts:
                names[part.frame] = name
    return tuple(names), tuple(notices)


def _instances(frames: Sequence[ExportFrame]) -> Iterator[tuple[Dataset, tuple[str, ...]]]:
    """Frames of one file as one object, or as many secondary captures where it cannot be, and notices."""
    found = _source_file(frames)
    notice = ""
    if found is None:
        if not frames[0].opened.exists() or isinstance(frames[0].source, DicomSource):
            notice = SOURCE_GONE
    elif not sop_class(found.header):
        notice = NO_CLASS
    elif sop_class(found.header) in _NOT_DERIVED or found.decimals \
            or (not found.colour and found.layout.allocated == 1):
        notice = NOT_ITS_OWN
    else:
        yield _derived(found, frames), ()
        return
    for frame in frames:
        yield _secondary(frame.pixels, frame.provenance, frame=frame), (notice,) if notice else ()


def write_secondary_capture(path: Path, pixels: Pixels, provenance: Provenance, mark: bool = True, *,
                            modality: str = "OT", patient_id: str = "", identity: ExportIdentity | None = None) -> None:
    """Write rendered pixels, uint8 (rows, columns) or (rows, columns, 3), as Secondary Capture.

    With `identity` it is of the study of all exports of its source, in a series of its own.
    """
    if pixels.dtype != np.uint8:
        raise ValueError("a secondary capture holds 8-bit pixels")
    whose = replace(identity, series=identity.instance("captures")) if identity is not None else None
    dataset = _secondary(draw_mark(pixels) if mark else pixels, provenance, patient_id, identity=whose)
    dataset.Modality = modality
    _write(path, dataset, provenance)


def _source_file(frames: Sequence[ExportFrame]) -> DicomFile | None:
    """The file that holds these frames, with its whole header; of a series no other is read.

    None when it is gone, is another one now, or the image is no DICOM.
    """
    source, first = frames[0].source, frames[0]
    if not isinstance(source, DicomSource):
        return None
    path, _ = source.file_of(first.frame)
    try:
        file = read_file(path, NO_LIMIT)
    except UserError:
        return None
    known = first.about.key.source
    same = file.key == known or known == f"sha256:{file_sha256(path)}"  # files of one UID are told apart by hash
    return file if same else None


def _base(kind: str, provenance: Provenance | None, patient_id: str = "", identity: ExportIdentity | None = None
          ) -> Dataset:
    """What every image states: who it is not, what made it, and whether it is synthetic."""
    prepare_pydicom()
    now = datetime.now().astimezone()
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = kind
    for name in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        setattr(dataset, name, uid.generate_uid(prefix=None))
    code = patient_id or f"SYN-{short_code(str(dataset.StudyInstanceUID).encode())}"
    if identity is not None:
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = identity.study, identity.series
        dataset.FrameOfReferenceUID, code = identity.frame_of_reference, identity.patient_id
    dataset.PatientID = code if code.startswith("SYN-") else f"SYN-{code}"
    dataset.PatientName = f"{NAME}^{dataset.PatientID}"
    dataset.PatientIdentityRemoved, dataset.DeidentificationMethod = "YES", "Attributes copied from a whitelist only"
    for name in ("PatientBirthDate", "PatientSex", "ReferringPhysicianName", "AccessionNumber", "StudyID", "StudyDate",
                 "StudyTime", "PositionReferenceIndicator", "AcquisitionNumber", "Laterality", "PatientOrientation"):
        setattr(dataset, name, None)
    for name in ("InstanceCreation", "Content", "Series", "Study")[:4 if identity is None else 1]:
        setattr(dataset, f"{name}Date", f"{now:%Y%m%d}")  # of a series that is exported day by day there is no date
        setattr(dataset, f"{name}Time", f"{now:%H%M%S}")
    dataset.Manufacturer, dataset.ManufacturerModelName = "MedSynth", "MedSynth"
    dataset.DeviceSerialNumber, dataset.SoftwareVersions = "0", medsynth_app.__version__
    dataset.SeriesNumber, dataset.InstanceNumber = "1", "1"
    dataset.StudyDescription = f"{NAME} study"
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    if provenance is None:
        dataset.SyntheticData = "NO"
        dataset.ContributingEquipmentSequence = [_equipment(now, codes.cid7005.DeIdentifyingEquipment,
                                                            "Removed the patient's identity; no pixel was changed")]
        dataset.ImageComments = f"UNCHANGED image: no pixel of it is synthetic. {_RESEARCH}"
        return dataset
    pack = _pack_name(provenance)
    dataset.SeriesDescription = f"{NAME} {provenance.action} ({pack})"[:64]
    dataset.SyntheticData = "YES"
    dataset.DerivationDescription = _derivation(provenance, pack)
    dataset.ContributingEquipmentSequence = [_equipment(now, codes.cid7005.SynthesizingEquipment,
                                                        f"Synthesized pixels with the model pack {pack}")]
    dataset.ImageComments = f"{NAME} image. {_RESEARCH}"
    return dataset


def _pack_name(provenance: Provenance) -> str:
    return provenance.pack.replace("\\", "/").rsplit("/", 1)[-1]


def _derivation(provenance: Provenance, pack: str) -> str:
    prompt = str(provenance.parameters.get("prompt", "")).replace("\\", "/")
    made = f"SYNTHETIC: {provenance.action} by MedSynth {medsynth_app.__version__}"
    if not provenance.pack_sha256:  # without a model
        return f"{made}; {pack}; seed {provenance.seed}"[:1024]
    return f"{made}; pack {pack}, sha256 {provenance.pack_sha256}; seed {provenance.seed}; prompt: {prompt}"[:1024]


def _equipment(now: datetime, code: Code, description: str) -> Dataset:
    purpose, item = Dataset(), Dataset()
    purpose.CodeValue, purpose.CodingSchemeDesignator = code.value, code.scheme_designator
    purpose.CodeMeaning = code.meaning
    item.PurposeOfReferenceCodeSequence = [purpose]
    item.Manufacturer, item.ManufacturerModelName = "MedSynth", "MedSynth"
    item.SoftwareVersions = medsynth_app.__version__
    item.ContributionDateTime = f"{now:%Y%m%d%H%M%S}"
    item.ContributionDescription = description[:1024]
    return item


def _file_as(dataset: Dataset, frames: Sequence[ExportFrame]) -> None:
    """State what all exports of one series share, and an identity that equal content has again."""
    identity = frames[0].identity
    if identity is None:
        return
    modality = str(dataset.get("Modality") or "DICOM")
    dataset.SeriesDescription = f"{NAME} {modality}: holds generated pixels" if identity.synthetic \
        else f"UNCHANGED {modality}: a copy, no synthetic pixels"
    content = hashlib.sha256()
    for frame in frames:
        record = records.to_text(frame.provenance) if frame.provenance is not None else ""
        content.update(f"{frame.about.key} {frame.pixels.dtype.str} {record}".encode())
        content.update(np.ascontiguousarray(frame.pixels).data)
    dataset.SOPInstanceUID = identity.instance(content.hexdigest())


def _set_pixels(dataset: Dataset, frames: Sequence[Pixels], bits_stored: int, photometric: str) -> None:
    """Frames of one size and type."""
    first = frames[0]
    dataset.Rows, dataset.Columns = first.shape[:2]
    dataset.SamplesPerPixel = 3 if first.ndim == 3 else 1
    if first.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = photometric
    dataset.BitsAllocated = first.dtype.itemsize * 8
    dataset.BitsStored, dataset.HighBit = bits_stored, bits_stored - 1
    dataset.PixelRepresentation = 1 if first.dtype.kind == "i" else 0
    little = first.dtype.newbyteorder("<")
    data = b"".join(np.ascontiguousarray(pixels, little).tobytes() for pixels in frames)
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OB" if dataset.BitsAllocated == 8 else "OW"


def _derived(file: DicomFile, frames: Sequence[ExportFrame]) -> Dataset:
    """Frames of a file as one object of its own kind."""
    pixels = [_fitting(file, frame.pixels) for frame in frames]
    changed = [frame.provenance for frame in frames if frame.provenance is not None]
    identity = frames[0].identity
    dataset = _base(sop_class(file.header), joined(changed), identity=identity)
    keep(file.header, [frame.about.key.frame for frame in frames], dataset,
         derived=bool(changed) or (identity is not None and identity.synthetic), place=frames[0].frame + 1)
    if 0 < len(changed) < len(frames):
        dataset.ImageComments += (f" Of its {len(frames)} frames {len(changed)} hold generated pixels: " + ", ".join(
            str(k) for k, frame in enumerate(frames, 1) if frame.provenance is not None) + ".")
    if file.colour:
        _set_pixels(dataset, pixels, 8, "RGB")
    else:
        _set_pixels(dataset, pixels, file.layout.stored, file.layout.label)
    _file_as(dataset, frames)
    return dataset


def _fitting(file: DicomFile, pixels: Pixels) -> Pixels:
    """Pixels in the type of the file's own."""
    if pixels.shape[:2] != (file.rows, file.columns) or (pixels.ndim == 3) != file.colour:
        raise UserError("The source file has changed since it was opened: its size is another one.",
                        "Open it again.", "Your result is saved.")
    if file.colour or pixels.dtype == file.dtype:
        return pixels
    if not np.array_equal(pixels.astype(file.dtype), pixels):
        raise ValueError("the pixels do not fit the source's type")
    return pixels.astype(file.dtype)


def _secondary(pixels: Pixels, provenance: Provenance | None, patient_id: str = "", frame: ExportFrame | None = None,
               identity: ExportIdentity | None = None) -> Dataset:
    """Pixels as Secondary Capture; with `frame` in its own depth, with its rescale, windows and place."""
    dataset = _base(uid.SecondaryCaptureImageStorage, provenance, patient_id, frame.identity if frame else identity)
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
    _set_pixels(dataset, [pixels], bits, photometric)
    if frame is not None:
        if frame.about.instance is not None:
            dataset.InstanceNumber = str(frame.about.instance)
        _file_as(dataset, [frame])
    return dataset


def _ds(value: float) -> str:
    return str(format_number_as_ds(float(value)))


def _write(path: Path, dataset: Dataset, provenance: Provenance | None) -> None:
    if provenance is not None:
        block = dataset.private_block(PRIVATE_GROUP, PRIVATE_CREATOR, create=True)
        block.add_new(PRIVATE_ELEMENT, "UT", records.to_text(provenance))
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID, meta.ImplementationVersionName = uid.ExplicitVRLittleEndian, "MEDSYNTH"
    with writing(path) as part:
        file = FileDataset(str(part), dataset, preamble=b"\0" * 128, file_meta=meta)
        file.save_as(part, enforce_file_format=True)
