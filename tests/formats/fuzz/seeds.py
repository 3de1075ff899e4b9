"""Small whole files of each family, to be mutated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from tests.formats.dicom.encoded import CODECS, compressed, grey_file, ramp, rgb_file, run_lengths, smooth_colours
from tests.formats.dicom.test_frames import _item, _region, _table
from tests.formats.dicom.test_source import _enhanced
from tests.formats.fuzz import rasters
from tests.formats.making import save, slice_dataset


def _dicom(folder: Path) -> list[Path]:
    grey, colours = ramp(0, 255), smooth_colours()
    made: dict[str, Dataset] = {
        "native": slice_dataset(), "enhanced": _enhanced(), "rgb": rgb_file(colours.tobytes()),
        "rle 16": compressed(grey_file(grey, 16, 16), uid.RLELossless, run_lengths(grey.astype(np.uint16))),
        "jpeg rgb": rgb_file(imagecodecs.jpeg8_encode(colours), "YBR_FULL_422", uid.JPEGBaseline8Bit),
        "jpeg 2000 rgb": rgb_file(imagecodecs.jpeg2k_encode(colours, codecformat="j2k"), "YBR_RCT", uid.JPEG2000),
        "us": slice_dataset(Modality="US", SequenceOfUltrasoundRegions=[_region(), _region()]),
        "table": _table(list(range(0, 4096, 64))),
        "dose": slice_dataset(SOPClassUID=uid.RTDoseStorage, Modality="RTDOSE", DoseGridScaling="0.5",
                              GridFrameOffsetVector=["0"], NumberOfFrames=1),
        "nm": slice_dataset(Modality="NM", SpacingBetweenSlices="2", SliceVector=[1], ImageType=["A", "B", "RECON"],
                            DetectorInformationSequence=[_item(ImagePositionPatient=[1, 2, 3],
                                                               ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]),
        "dx": slice_dataset(Modality="DX", ImagerPixelSpacing=["0.2", "0.2"], PixelPaddingValue=0,
                            PixelPaddingRangeLimit=3),
    }
    for name, (syntax, encode) in CODECS.items():
        made[name] = compressed(grey_file(grey, 16 if name == "jpeg 12" else 8, 8), syntax, encode(grey))
    frames = slice_dataset(NumberOfFrames=3, BitsAllocated=8, BitsStored=8, HighBit=7, PixelRepresentation=0)
    frames.file_meta.TransferSyntaxUID = uid.JPEGLSLossless
    frames.PixelData = encapsulate([imagecodecs.jpegls_encode(grey.astype(np.uint8))] * 3)
    made["frames"] = frames
    palette = grey_file(grey, 8, 8, PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(palette, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(palette, f"{colour}PaletteColorLookupTableData", np.arange(256, dtype="<u2").tobytes())
    made["palette"] = palette
    for syntax in (uid.ImplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian):
        made[f"plain {syntax}"] = slice_dataset(syntax=syntax)
    decimals: Any = slice_dataset(BitsAllocated=32)
    for name in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(decimals, name)
    decimals.FloatPixelData = np.linspace(0, 1, 40 * 56, dtype="<f4").tobytes()
    made["decimals"] = decimals
    return [save(dataset, folder / f"{k:02d}.dcm") for k, dataset in enumerate(made.values())]


FAMILIES: dict[str, Callable[[Path], list[Path]]] = {
    "dicom": _dicom, "png": rasters.png, "jpeg": rasters.jpeg, "tiff": rasters.tiffs, "nifti": rasters.nifti,
    "pack": rasters.packs,
}
