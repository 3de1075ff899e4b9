"""Elements that cannot be read never end in a traceback, and never pass for absent without a word."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.datadict import dictionary_description
from pydicom.dataset import Dataset

from medsynth_app.core.errors import UserError
from medsynth_app.core.image import Rescale
from medsynth_app.formats.dicom.elements import clean
from medsynth_app.formats.registry import list_series, open_image
from tests.formats.dicom.test_source import _enhanced
from tests.formats.making import save, save_series, slice_dataset


def _raw(path: Path, changes: dict[tuple[int, int], bytes], vr: bytes = b"") -> Path:
    """Write elements of a file anew, byte for byte (padded), as no library would write them; or with another VR."""
    data = path.read_bytes()
    for (group, element), value in changes.items():
        found = re.search(re.escape(struct.pack("<HH", group, element)) + b"[A-Z]{2}", data)
        assert found is not None
        start = found.start()
        length, = struct.unpack_from("<H", data, start + 6)
        value = value + b" " * (len(value) % 2) if not vr else data[start + 8:start + 8 + length]
        data = (data[:start + 4] + (vr or data[start + 4:start + 6]) + struct.pack("<H", len(value)) + value
                + data[start + 8 + length:])
    path.write_bytes(data)
    return path


SLOPE, INTERCEPT, SPACING = (0x0028, 0x1053), (0x0028, 0x1052), (0x0028, 0x0030)


def test_decimal_commas_are_understood(tmp_path: Path) -> None:
    path = _raw(save(slice_dataset(), tmp_path / "a.dcm"), {
        SLOPE: b"1,5", INTERCEPT: b"-1024,0", SPACING: b"0,143\\0,2", (0x0020, 0x0032): b"1,5\\-2,5\\3",
        (0x0028, 0x1050): b"40,5", (0x0028, 0x1051): b"80"})
    info = open_image(path).info
    frame = info.frames[0]
    assert frame.rescale == Rescale(1.5, -1024, "HU") and info.notices == ()
    assert frame.geometry is not None and frame.geometry.origin == (1.5, -2.5, 3)
    assert (frame.geometry.row_spacing, frame.geometry.column_spacing) == (0.143, 0.2)
    assert (frame.windows[0].center, frame.windows[0].width) == (40.5, 80)


@pytest.mark.parametrize("text", [b"abc", b"1.024,5", b"nan", b"inf", b"1e999", b"--5", b"\xff\xfe"])
def test_a_rescale_that_cannot_be_read_is_told_and_names_no_unit(tmp_path: Path, text: bytes) -> None:
    path = _raw(save(slice_dataset(), tmp_path / "a.dcm"), {INTERCEPT: text})
    info = open_image(path).info
    assert info.frames[0].rescale == Rescale()
    assert "“Rescale Intercept” could not be read" in info.notices[0]


def test_a_slope_of_nothing_is_told(tmp_path: Path) -> None:
    info = open_image(save(slice_dataset(RescaleSlope="0"), tmp_path / "a.dcm")).info
    assert info.frames[0].rescale.slope == 1 and any("slope is 0" in notice for notice in info.notices)


@pytest.mark.parametrize(("element", "name"), [
    (SPACING, "Pixel Spacing"), ((0x0020, 0x0032), "Image Position (Patient)"),
    ((0x0020, 0x0037), "Image Orientation (Patient)"), ((0x0028, 0x1050), "Window Center")])
def test_places_and_windows_that_cannot_be_read_are_told(tmp_path: Path, element: tuple[int, int], name: str) -> None:
    info = open_image(_raw(save(slice_dataset(), tmp_path / "a.dcm"), {element: b"1.0\\x"})).info
    assert f"“{name}” could not be read" in " ".join(info.notices)


def test_groups_of_single_frames_are_read_with_the_same_care(tmp_path: Path) -> None:
    dataset = _enhanced()
    path = save(dataset, tmp_path / "a.dcm")
    data, slope = path.read_bytes(), b"\x28\0\x53\x10DS\x04\0"
    broken = data.replace(slope + b"2.0 ", slope + b"two ")
    assert broken != data
    path.write_bytes(broken)
    info = open_image(path).info
    assert any("Rescale Slope" in notice for notice in info.notices)
    assert {frame.rescale for frame in info.frames} == {Rescale()}


def test_offsets_of_a_dose_that_are_text_are_told(tmp_path: Path) -> None:
    dataset = slice_dataset(SOPClassUID=uid.RTDoseStorage, Modality="RTDOSE", NumberOfFrames=2, PixelRepresentation=0,
                            DoseGridScaling="0.5", FrameIncrementPointer=0x3004000C, GridFrameOffsetVector=["0", "3"])
    dataset.PixelData = dataset.PixelData * 2
    path = save(dataset, tmp_path / "a.dcm")
    heights = [frame.geometry.origin[2]  # type: ignore[union-attr,index]
               for frame in open_image(path).info.frames]
    assert heights == [0, 3]
    info = open_image(_raw(path, {(0x3004, 0x000C): b"0A\\3"})).info
    assert len(info.frames) == 2 and any("Grid Frame Offset Vector" in notice for notice in info.notices)
    assert all(frame.geometry is not None and frame.geometry.origin is None for frame in info.frames)


@pytest.mark.parametrize("vr", [b"C[", b"\0\0", b"ZZ", b"XX", b"us"])
@pytest.mark.parametrize("element", [
    (0x0008, 0x0060), (0x0010, 0x0020), (0x0020, 0x0011), (0x0020, 0x0013), (0x0028, 0x0101), (0x0028, 0x0004),
    (0x0028, 0x1053), (0x0020, 0x000E), (0x0008, 0x0018), (0x0028, 0x0010), (0x0010, 0x0010), (0x0008, 0x0008)])
def test_an_unknown_kind_of_value_is_told_or_refused(tmp_path: Path, element: tuple[int, int], vr: bytes) -> None:
    path = _raw(save(slice_dataset(), tmp_path / "a.dcm"), {element: b""}, vr)
    try:
        info = open_image(path).info
        name = dictionary_description(element)
        assert any(f"“{name}”" in notice for notice in info.notices), name
    except UserError as error:
        assert error.remedy
    try:
        list_series(tmp_path)
        open_image(tmp_path)
    except UserError as error:
        assert error.remedy


def test_text_in_every_element_that_is_asked_for_ends_in_no_traceback(tmp_path: Path) -> None:
    dataset = slice_dataset()
    path = save(dataset, tmp_path / "a.dcm")
    for element in pydicom.dcmread(path, stop_before_pixels=True):
        for vr in (b"", b"LO", b"US", b"SQ", b"OB", b"AT"):
            if element.tag.group < 8:
                continue
            broken = _raw(save(dataset, tmp_path / "b.dcm"), {(element.tag.group, element.tag.element): b"Jane, 7"}, vr)
            try:
                open_image(broken).pixels(0)
            except UserError as error:
                assert error.remedy


def test_a_series_tells_what_could_not_be_read_in_one_of_its_files(tmp_path: Path) -> None:
    folder = save_series(tmp_path, [(0, 0, z) for z in range(3)])
    _raw(folder / "02.dcm", {SLOPE: b"one"})
    info = open_image(folder).info
    assert len(info.frames) == 3 and any("“Rescale Slope” could not be read" in notice for notice in info.notices)
    assert sorted(frame.rescale.unit for frame in info.frames) == ["", "HU", "HU"]


def test_what_is_clean_stays_as_it_is() -> None:
    dataset: Any = Dataset()
    dataset.RescaleSlope, dataset.PixelSpacing, dataset.WindowCenter, dataset.PatientID = "1.5", [1, 2], None, ""
    before = dataset.to_json()
    assert clean(dataset) == () and dataset.to_json() == before
    assert np.isclose(float(dataset.RescaleSlope), 1.5)
