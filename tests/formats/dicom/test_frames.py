"""What a header says of its frames: places, sizes of pixels, windows, padding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import uid
from pydicom.dataset import Dataset

from medsynth_app.core.image import FrameInfo, ImageInfo
from medsynth_app.formats.dicom import ultrasound
from medsynth_app.formats.dicom.frames import AT_DETECTOR, MOSAIC, NO_WINDOW_TABLE, SIGMOID, WINDOW_TABLE
from medsynth_app.formats.registry import open_image
from tests.formats.making import save, slice_dataset

PLACE = ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient")


def _item(**values: Any) -> Dataset:
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    return item


def _opened(dataset: Dataset, path: Path, *without: str) -> ImageInfo:
    for name in without:
        delattr(dataset, name)
    return open_image(save(dataset, path / "a.dcm")).info


# ------------------------------------------------------------------------------------------------------------ windows

def _table(entries: list[int], first: int = 0, **changes: Any) -> Dataset:
    table = _item(LUTDescriptor=[len(entries), first, 12], LUTData=entries)
    table["LUTDescriptor"].VR = "SS" if first < 0 else "US"
    table["LUTData"].VR = "US"
    dataset = slice_dataset(VOILUTSequence=[table], RescaleSlope="1", RescaleIntercept="0", **changes)
    return dataset


def test_a_table_for_the_screen_is_told_and_gives_a_window(tmp_path: Path) -> None:
    rising = [0] * 100 + list(range(0, 4096, 8)) + [4095] * 100
    info = _opened(_table(rising, -50), tmp_path, "WindowCenter", "WindowWidth")
    window = info.frames[0].windows[0]
    assert WINDOW_TABLE in info.notices
    assert (window.low, window.high) == (pytest.approx(50, abs=8), pytest.approx(562, abs=8))
    info = _opened(_table(rising[::-1]), tmp_path, "WindowCenter", "WindowWidth")
    assert NO_WINDOW_TABLE in info.notices and info.frames[0].windows == ()
    assert _opened(_table(rising), tmp_path).frames[0].windows[0].center == 40  # the file's own window comes first


def test_a_curve_for_the_screen_is_told(tmp_path: Path) -> None:
    assert SIGMOID in _opened(slice_dataset(VOILUTFunction="SIGMOID"), tmp_path).notices
    assert _opened(slice_dataset(VOILUTFunction="LINEAR"), tmp_path).notices == ()


# ------------------------------------------------------------------------------------------------------------ padding

@pytest.mark.parametrize(("value", "limit", "stored", "signed", "expected"), [
    (-2000, None, 16, 1, (-2000, -2000)), (63536, None, 16, 1, (-2000, -2000)), (-2000, -1990, 16, 1, (-2000, -1990)),
    (4095, None, 12, 0, (4095, 4095)), (16383, 16000, 16, 0, (16000, 16383)), (63488, None, 12, 1, (-2048, -2048)),
    (None, None, 16, 0, None)])
def test_values_that_are_no_picture_are_named(tmp_path: Path, value: int | None, limit: int | None, stored: int,
                                              signed: int, expected: tuple[int, int] | None) -> None:
    dataset = slice_dataset(BitsStored=stored, HighBit=stored - 1, PixelRepresentation=signed)
    for keyword, number in (("PixelPaddingValue", value), ("PixelPaddingRangeLimit", limit)):
        if number is not None:
            setattr(dataset, keyword, number)
            dataset[keyword].VR = "SS" if number < 0 else "US"
    assert _opened(dataset, tmp_path).frames[0].padding == expected


# ------------------------------------------------------------------------------------------------------ sizes of pixels

def test_pixels_that_are_not_square_say_so_without_millimetres(tmp_path: Path) -> None:
    frame = _opened(slice_dataset(PixelAspectRatio=["2", "1"]), tmp_path, *PLACE).frames[0]
    assert frame.geometry is None and frame.aspect == 2
    assert _opened(slice_dataset(PixelAspectRatio=["0", "1"]), tmp_path, *PLACE).frames[0].aspect == 1


def _region(**changes: Any) -> Dataset:
    return _item(**{"RegionSpatialFormat": 1, "RegionDataType": 1, "RegionLocationMinX0": 3, "RegionLocationMinY0": 4,
                    "RegionLocationMaxX1": 50, "RegionLocationMaxY1": 30, "PhysicalUnitsXDirection": 3,
                    "PhysicalUnitsYDirection": 3, "PhysicalDeltaX": 0.02, "PhysicalDeltaY": -0.03, **changes})


def _spacing(frame: FrameInfo) -> tuple[float, float] | None:
    found = frame.geometry
    return (round(found.row_spacing, 9), round(found.column_spacing, 9)) if found else None


def test_ultrasound_regions_give_millimetres(tmp_path: Path) -> None:
    trace = _region(RegionSpatialFormat=3, PhysicalUnitsXDirection=4, PhysicalDeltaX=0.005)
    info = _opened(slice_dataset(Modality="US", SequenceOfUltrasoundRegions=[_region(), trace]), tmp_path, *PLACE)
    assert _spacing(info.frames[0]) == (0.3, 0.2)
    assert ultrasound.IN_REGION.format(top=4, bottom=30, left=3, right=50) in info.notices
    two = [_region(), _region(PhysicalDeltaX=0.05)]
    info = _opened(slice_dataset(Modality="US", SequenceOfUltrasoundRegions=two), tmp_path, *PLACE)
    assert info.frames[0].geometry is None and ultrasound.SEVERAL in info.notices
    info = _opened(slice_dataset(Modality="US", SequenceOfUltrasoundRegions=[trace]), tmp_path, *PLACE)
    assert info.frames[0].geometry is None and info.notices == ()


@pytest.mark.parametrize(("spacing", "calibration", "told"), [
    (None, "", True), ([0.2, 0.2], "", True), ([0.2, 0.2], "FIDUCIAL", False), ([0.16, 0.16], "", False)])
def test_distances_at_the_detector_are_told(tmp_path: Path, spacing: list[float] | None, calibration: str,
                                            told: bool) -> None:
    dataset = slice_dataset(Modality="DX", ImagerPixelSpacing=[0.2, 0.2], PixelSpacingCalibrationType=calibration,
                            EstimatedRadiographicMagnificationFactor="1.25")
    dataset.PixelSpacing = spacing
    info = _opened(dataset, tmp_path)
    assert (AT_DETECTOR in info.notices) is told
    assert any("1.25 times" in notice for notice in info.notices) is told
    assert _spacing(info.frames[0]) == tuple(spacing or (0.2, 0.2))


# ------------------------------------------------------------------------------------------------------------- places

@pytest.mark.parametrize(("step", "vector"), [(-4.0, True), (4.0, True), (-4.0, False)])
def test_slices_of_nuclear_medicine_lie_where_their_detector_says(tmp_path: Path, step: float, vector: bool) -> None:
    detector = _item(ImagePositionPatient=[-10, -20, 100], ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    dataset = slice_dataset(SOPClassUID=uid.NuclearMedicineImageStorage, Modality="NM", NumberOfFrames=5,
                            ImageType=["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"], SpacingBetweenSlices=step,
                            DetectorInformationSequence=[detector])
    if vector:
        dataset.SliceVector = [1, 2, 3, 4, 5]
    dataset.PixelData = dataset.PixelData * 5
    info = _opened(dataset, tmp_path, "ImagePositionPatient", "ImageOrientationPatient")
    heights = {frame.key.frame: frame.geometry.origin[2]  # type: ignore[union-attr,index]
               for frame in info.frames}
    assert heights == {k: 100 + step * k for k in range(5)}
    assert all(frame.geometry and frame.geometry.slice_spacing == 4 for frame in info.frames) and info.notices == ()


def test_moments_of_nuclear_medicine_have_no_place(tmp_path: Path) -> None:
    detector = _item(ImagePositionPatient=[-10, -20, 100], ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    dataset = slice_dataset(Modality="NM", NumberOfFrames=3, ImageType=["ORIGINAL", "PRIMARY", "DYNAMIC", "EMISSION"],
                            DetectorInformationSequence=[detector])
    dataset.PixelData = dataset.PixelData * 3
    info = _opened(dataset, tmp_path, "ImagePositionPatient", "ImageOrientationPatient")
    assert [frame.key.frame for frame in info.frames] == [0, 1, 2]
    assert all(frame.geometry is not None and frame.geometry.origin is None for frame in info.frames[1:])


def test_a_mosaic_has_no_place_and_says_why(tmp_path: Path) -> None:
    info = _opened(slice_dataset(Modality="MR", ImageType=["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]), tmp_path)
    assert MOSAIC in info.notices and _spacing(info.frames[0]) == (0.7, 0.5)
    assert info.frames[0].geometry is not None and info.frames[0].geometry.origin is None
    assert np.isclose(info.frames[0].rescale.slope, 1.5)
