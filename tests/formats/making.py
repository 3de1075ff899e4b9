"""Small files that the format tests make themselves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import dcmread, uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

from medsynth_app.core.image import ImageSource
from medsynth_app.core.intensity import VolumeSample, auto_window
from medsynth_app.core.provenance import Provenance
from medsynth_app.core.window_level import WindowLevel

TILTED_AXES = (1.0, 0.0, 0.0, 0.0, 0.8, -0.6)


KEYED = f"keyed:{'cd' * 32}"  # a source as a record names it that leaves the workspace


def record(**changes: Any) -> Provenance:
    values: dict[str, Any] = {
        "action": "inpaint", "pack": "blood-cells", "pack_sha256": "ab" * 32, "seed": 7,
        "created": "2026-01-01T00:00:00Z", "source": KEYED,
        "parameters": {"prompt": "a lesion (größer)", "steps": 4},
        "largest_change_outside_mask": 0, "earlier": (json.loads(Provenance(
            "generate", "blood-cells", "ab" * 32, 3, "2025-12-31T00:00:00Z", source=KEYED).to_json()),)}
    return Provenance(**{**values, **changes})


def asymmetric_mask(rows: int = 40, columns: int = 56) -> np.ndarray[Any, Any]:
    """Two values, no symmetry: any flip or turn shows."""
    mask = np.zeros((rows, columns), np.uint8)
    mask[4:9, 6:30] = 1
    mask[4:30, 6:10] = 1
    mask[rows - 7, columns - 3] = 2
    return mask


def seen_through(source: ImageSource) -> WindowLevel:
    """The window that the first frame of an image is shown through when it is opened."""
    return auto_window(source.info.modality, source.info.frames[0], lambda: VolumeSample.of_volume(source, 0))


def slice_dataset(number: int = 1, position: Sequence[float] = (0.0, 0.0, 0.0),
                  axes: Sequence[float] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), shape: tuple[int, int] = (40, 56),
                  series: str = "1.2.3", syntax: str = uid.ExplicitVRLittleEndian, **changes: Any) -> Dataset:
    """A signed 16-bit CT slice of 12 stored bits, whose pixels tell its number."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID, dataset.SOPInstanceUID = uid.CTImageStorage, f"1.2.3.9.{series.split('.')[-1]}.{number}"
    dataset.SeriesInstanceUID, dataset.StudyInstanceUID = series, "1.2.1"
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Doe^Jane", "MRN-4711", "19600102"
    dataset.InstitutionName, dataset.ReferringPhysicianName = "St Elsewhere", "Who^Doctor"
    dataset.StudyDescription, dataset.SeriesDescription = "Head of Jane Doe", "Axial Doe"
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "CT", 3, number
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", "DOE"]
    dataset.PixelSpacing, dataset.SliceThickness = [0.7, 0.5], 4
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = list(position), list(axes)
    dataset.RescaleSlope, dataset.RescaleIntercept = "1.5", "-1000"
    dataset.WindowCenter, dataset.WindowWidth = [40, -600], [80, 1500]
    dataset.Rows, dataset.Columns = shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 1
    pixels = np.arange(shape[0] * shape[1], dtype=np.int16).reshape(shape) % 2000 - 1000 + number
    dataset.PixelData = pixels.astype("<i2").tobytes()
    for name, value in changes.items():
        setattr(dataset, name, value)
    return dataset


def save(dataset: Dataset, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def save_series(folder: Path, positions: Sequence[Sequence[float]], **changes: Any) -> Path:
    """Slices whose file names run against their order in space."""
    for k, position in enumerate(positions):
        save(slice_dataset(len(positions) - k, position, **changes), folder / f"{len(positions) - k:02d}.dcm")
    return folder


def spoil(path: Path) -> None:
    """Make a DICOM file one whose header is good, and whose compressed pixels cannot be decoded."""
    dataset = dcmread(path)
    dataset.file_meta.TransferSyntaxUID = uid.RLELossless
    dataset.PixelData = encapsulate([b"\1" * 64])
    dataset["PixelData"].VR = "OB"
    save(dataset, path)
