from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
import tifffile
from pydicom import uid
from pydicom.data import get_testdata_file

from medsynth_app.core.errors import UserError
from medsynth_app.core.image import ImageSource
from medsynth_app.formats.common import ExportFrame
from medsynth_app.formats.dicom.synthetic import (
    NO_CLASS,
    NOT_ITS_OWN,
    SOURCE_GONE,
    write_derived,
    write_secondary_capture,
)
from medsynth_app.formats.registry import is_dicom, open_image, read_provenance
from tests.formats.dicom.test_source import _enhanced
from tests.formats.making import asymmetric_mask, record, save, save_series, slice_dataset

PRIVATE = ("Doe", "Jane", "MRN-4711", "Elsewhere", "Doctor", "19600102", "1.2.3.9", "Axial", "1.2.3.4")


def _edited(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    edited = pixels.copy()
    edited[5:9, 7:20] = 33
    edited[30, 3] = -9 if pixels.dtype.kind == "i" else 250
    return edited


def _derive(out: Path, source: ImageSource, opened: Path, frame: int, pixels: np.ndarray[Any, Any]) -> tuple[str, ...]:
    return write_derived(out, ExportFrame(source, frame, opened, pixels, record()))


def _states_that_it_is_synthetic(path: Path) -> pydicom.Dataset:
    dataset = pydicom.dcmread(path)
    assert dataset.SyntheticData == "YES" and dataset.ImageType[:2] == ["DERIVED", "SECONDARY"]
    assert dataset.PatientID.startswith("SYN-") and dataset.SeriesDescription.startswith("SYNTHETIC")
    equipment = dataset.ContributingEquipmentSequence[0]
    code = equipment.PurposeOfReferenceCodeSequence[0]
    assert (code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning) == (
        "109100", "DCM", "Synthesizing Equipment")
    text = dataset.DerivationDescription
    assert "ab" * 32 in text and "seed 7" in text and "a lesion (größer)" in text
    assert dataset.file_meta.TransferSyntaxUID == uid.ExplicitVRLittleEndian
    assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
    found = read_provenance(path)
    assert found is not None and found.seed == 7
    assert open_image(path).info.synthetic
    content = path.read_bytes()
    assert not any(word.encode() in content for word in PRIVATE)
    return dataset


def test_derived_ct_keeps_depth_and_meaning_and_loses_the_patient(tmp_path: Path) -> None:
    path = save(slice_dataset(PixelPaddingValue=-2000), tmp_path / "in.dcm")
    source, original = open_image(path), pydicom.dcmread(path)
    pixels = _edited(source.pixels(0))
    assert _derive(tmp_path / "out.dcm", source, path, 0, pixels) == ()
    derived = _states_that_it_is_synthetic(tmp_path / "out.dcm")
    assert np.array_equal(derived.pixel_array, pixels) and derived.pixel_array.dtype == np.int16
    for name in ("SOPClassUID", "Modality", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "Rows",
                 "Columns", "PhotometricInterpretation", "SamplesPerPixel", "RescaleSlope", "RescaleIntercept",
                 "WindowCenter", "WindowWidth", "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient",
                 "SliceThickness", "PixelPaddingValue"):
        assert derived[name].value == original[name].value, name
    assert derived.ImageType == ["DERIVED", "SECONDARY", "AXIAL"]
    for name in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        assert derived[name].value != original[name].value and len(derived[name].value) <= 64
    image = sitk.ReadImage(str(tmp_path / "out.dcm"))
    assert np.array_equal(sitk.GetArrayFromImage(image)[0], pixels * 1.5 - 1000)
    other = sitk.ReadImage(str(path))
    assert (image.GetOrigin(), image.GetSpacing()) == (other.GetOrigin(), other.GetSpacing())


@pytest.mark.parametrize("name", [
    "CT_small.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm", "JPEG2000.dcm", "examples_overlay.dcm",
    "examples_rgb_color.dcm", "examples_palette.dcm", "examples_ybr_color.dcm", "JPGExtended.dcm"])
def test_derived_files_of_many_kinds_reopen_equal(name: str, tmp_path: Path) -> None:
    path = Path(str(get_testdata_file(name, download=False)))
    source, out = open_image(path), tmp_path / "out.dcm"
    frame = len(source.info.frames) - 1
    pixels = _edited(source.pixels(frame))
    assert _derive(out, source, path, frame, pixels) == ()
    again, original = open_image(out), pydicom.dcmread(path, stop_before_pixels=True)
    assert np.array_equal(again.pixels(0), pixels) and again.pixels(0).dtype == pixels.dtype
    before, after = source.info.frames[frame], again.info.frames[0]
    assert (before.rescale, before.stored_range) == (after.rescale, after.stored_range)
    assert [(w.center, w.width) for w in before.windows] == [(w.center, w.width) for w in after.windows]
    assert again.info.colour == source.info.colour and again.info.inverted == source.info.inverted
    dataset = _states_that_it_is_synthetic(out)
    assert dataset.SOPClassUID == original.SOPClassUID
    assert str(original.get("PatientID") or "?") not in (dataset.PatientID, str(dataset.PatientName))
    assert np.asarray(sitk.GetArrayFromImage(sitk.ReadImage(str(out)))).size == pixels.size


def test_a_frame_of_a_folder_comes_from_its_own_file(tmp_path: Path) -> None:
    folder = save_series(tmp_path / "ct", [(0, 0, z) for z in (0.0, 2.0, 4.0)])
    source = open_image(folder)
    pixels = _edited(source.pixels(2))
    assert _derive(tmp_path / "out.dcm", source, folder, 2, pixels) == ()
    derived = _states_that_it_is_synthetic(tmp_path / "out.dcm")
    assert derived.ImagePositionPatient == [0, 0, 4] and np.array_equal(derived.pixel_array, pixels)


def test_of_a_series_only_the_file_of_the_frame_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_series(tmp_path / "ct", [(0, 0, z) for z in (0.0, 2.0, 4.0)])
    source = open_image(folder)
    read: list[str] = []
    dcmread = pydicom.dcmread

    def counted(file: Any, *args: Any, **options: Any) -> pydicom.Dataset:
        read.append(Path(getattr(file, "name", file)).name)
        return dcmread(file, *args, **options)

    pixels = _edited(source.pixels(1))
    monkeypatch.setattr(pydicom, "dcmread", counted)
    assert _derive(tmp_path / "out.dcm", source, folder, 1, pixels) == ()
    assert read == ["02.dcm"]


def test_a_frame_of_an_enhanced_file_keeps_its_own_groups(tmp_path: Path) -> None:
    path = save(_enhanced(), tmp_path / "e.dcm")
    source = open_image(path)
    pixels = _edited(source.pixels(0))
    assert _derive(tmp_path / "out.dcm", source, path, 0, pixels) == ()
    derived = _states_that_it_is_synthetic(tmp_path / "out.dcm")
    assert derived.SOPClassUID == uid.EnhancedCTImageStorage and derived.NumberOfFrames == 1
    before, after = source.info.frames[0], open_image(tmp_path / "out.dcm").info.frames[0]
    assert (before.rescale, before.windows) == (after.rescale, after.windows) and after.geometry is not None
    assert before.geometry is not None and after.geometry.origin == before.geometry.origin
    image = sitk.ReadImage(str(tmp_path / "out.dcm"))
    assert np.array_equal(sitk.GetArrayFromImage(image)[0], pixels * 3.0 - 2)


def test_without_its_source_the_export_is_pseudonymous_and_says_so(tmp_path: Path) -> None:
    path = save(slice_dataset(PhotometricInterpretation="MONOCHROME1"), tmp_path / "in.dcm")
    source = open_image(path)
    pixels = _edited(source.pixels(0))
    path.unlink()
    assert _derive(tmp_path / "out.dcm", source, path, 0, pixels) == (SOURCE_GONE,)
    dataset = _states_that_it_is_synthetic(tmp_path / "out.dcm")
    assert dataset.SOPClassUID == uid.SecondaryCaptureImageStorage and dataset.Modality == "CT"
    again = open_image(tmp_path / "out.dcm")
    assert np.array_equal(again.pixels(0), pixels) and again.info.inverted
    before, after = source.info.frames[0], again.info.frames[0]
    assert (before.rescale, before.stored_range, before.geometry) == (after.rescale, after.stored_range, after.geometry)
    picture = tmp_path / "two.tif"
    tifffile.imwrite(picture, pixels)
    source = open_image(picture)
    picture.unlink()
    assert _derive(tmp_path / "two.dcm", source, picture, 0, pixels) == (SOURCE_GONE,)
    assert np.array_equal(open_image(tmp_path / "two.dcm").pixels(0), pixels)


def test_a_file_that_was_replaced_is_not_taken_for_the_source(tmp_path: Path) -> None:
    path = save(slice_dataset(), tmp_path / "in.dcm")
    source, pixels = open_image(path), open_image(path).pixels(0)
    save(slice_dataset(2), path)
    assert _derive(tmp_path / "out.dcm", source, path, 0, pixels) == (SOURCE_GONE,)


@pytest.mark.parametrize("left", ["", None])
@pytest.mark.parametrize("uids", [("SOPClassUID",), ("SOPInstanceUID",), ("StudyInstanceUID", "SeriesInstanceUID"), (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")])
def test_uids_that_an_anonymiser_took_out_are_not_missed(tmp_path: Path, uids: tuple[str, ...], left: str | None
                                                         ) -> None:
    dataset = slice_dataset(FrameOfReferenceUID="1.2.7")
    for keyword in uids:
        if left is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, left)
    path = tmp_path / "in.dcm"
    dataset.save_as(path, enforce_file_format=False, implicit_vr=False, little_endian=True)
    source = open_image(path)
    pixels = _edited(source.pixels(0))
    assert is_dicom(source) and _derive(tmp_path / "out.dcm", source, path, 0, pixels) == ()
    derived = _states_that_it_is_synthetic(tmp_path / "out.dcm")
    assert derived.SOPClassUID == uid.CTImageStorage and np.array_equal(derived.pixel_array, pixels)
    dataset.Modality = "ZZ"
    dataset.save_as(path, enforce_file_format=False, implicit_vr=False, little_endian=True)
    source = open_image(path)
    told = _derive(tmp_path / "out.dcm", source, path, 0, pixels)
    assert told == ((NO_CLASS,) if "SOPClassUID" in uids else ())
    assert np.array_equal(open_image(tmp_path / "out.dcm").pixels(0), pixels)


def test_slices_with_one_identifier_are_each_derived_from_their_own_file(tmp_path: Path) -> None:
    folder = save_series(tmp_path / "ct", [(0, 0, z) for z in (0.0, 2.0, 4.0)], SOPInstanceUID="1.2.3.777")
    source = open_image(folder)
    for k in range(3):
        pixels = _edited(source.pixels(k))
        assert _derive(tmp_path / "out.dcm", source, folder, k, pixels) == ()
        derived = _states_that_it_is_synthetic(tmp_path / "out.dcm")
        assert derived.ImagePositionPatient == [0, 0, 2 * k] and np.array_equal(derived.pixel_array, pixels)


def test_values_at_another_high_bit_are_written_at_the_usual_one(tmp_path: Path) -> None:
    dataset = slice_dataset(HighBit=15, PixelRepresentation=0)
    path = save(dataset, tmp_path / "in.dcm")
    source = open_image(path)
    assert _derive(tmp_path / "out.dcm", source, path, 0, source.pixels(0)) == ()
    derived = pydicom.dcmread(tmp_path / "out.dcm")
    assert (derived.BitsStored, derived.HighBit) == (12, 11) and np.array_equal(derived.pixel_array, source.pixels(0))


def test_kinds_that_cannot_be_derived_become_secondary_captures(tmp_path: Path) -> None:
    path = Path(str(get_testdata_file("liver_1frame.dcm", download=False)))
    source = open_image(path)
    assert _derive(tmp_path / "out.dcm", source, path, 0, source.pixels(0)) == (NOT_ITS_OWN,)
    assert np.array_equal(open_image(tmp_path / "out.dcm").pixels(0), source.pixels(0))


@pytest.mark.parametrize("mark", [True, False])
@pytest.mark.parametrize("colour", [True, False])
def test_secondary_capture(tmp_path: Path, mark: bool, colour: bool) -> None:
    pixels = np.full((61, 83, 3), 140, np.uint8)  # odd sizes: pixel data must be padded
    pixels[:40, :56, 0] = asymmetric_mask() * 90
    pixels = pixels if colour else pixels[..., 0]
    path = tmp_path / "out.dcm"
    write_secondary_capture(path, pixels, record(), mark)
    dataset = _states_that_it_is_synthetic(path)
    assert dataset.SOPClassUID == uid.SecondaryCaptureImageStorage and dataset.ConversionType == "SYN"
    assert np.array_equal(dataset.pixel_array, pixels) is not mark
    assert np.array_equal(dataset.pixel_array[:30], pixels[:30])
    other = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0]
    assert np.array_equal(other, dataset.pixel_array)


def test_each_export_is_a_study_of_its_own_unless_a_patient_is_given(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8), np.uint8)
    for k, patient in enumerate(("", "", "SYN-COHORT1", "COHORT1")):
        write_secondary_capture(tmp_path / f"{k}.dcm", pixels, record(), patient_id=patient)
    read = [pydicom.dcmread(tmp_path / f"{k}.dcm") for k in range(4)]
    assert len({dataset.StudyInstanceUID for dataset in read}) == 4 and read[0].PatientID != read[1].PatientID
    assert read[2].PatientID == read[3].PatientID == "SYN-COHORT1"


def test_a_long_prompt_and_a_pack_path_do_no_harm(tmp_path: Path) -> None:
    provenance = record(pack="/home/doe/packs/blood", parameters={"prompt": "x\\y" * 1000})
    write_secondary_capture(tmp_path / "a.dcm", np.zeros((8, 8), np.uint8), provenance)
    dataset = pydicom.dcmread(tmp_path / "a.dcm")
    assert len(dataset.DerivationDescription) <= 1024 and len(dataset.SeriesDescription) <= 64
    assert "/home" not in f"{dataset.DerivationDescription}{dataset.SeriesDescription}"


def test_pixels_of_another_size_are_refused(tmp_path: Path) -> None:
    path = save(slice_dataset(), tmp_path / "in.dcm")
    with pytest.raises(UserError, match="size"):
        _derive(tmp_path / "out.dcm", open_image(path), path, 0, np.zeros((3, 3), np.int16))
    assert not (tmp_path / "out.dcm").exists()


def test_the_real_ct_derives_at_full_depth(tmp_path: Path, shared_data: Path) -> None:
    folder = shared_data / "dicom-series" / "ct-ge-head"
    source = open_image(folder)
    pixels = _edited(source.pixels(13))
    assert _derive(tmp_path / "out.dcm", source, folder, 13, pixels) == ()
    derived = _states_that_it_is_synthetic(tmp_path / "out.dcm")
    assert np.array_equal(derived.pixel_array, pixels) and derived.PixelPaddingValue == -1500
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out.dcm")))[0], pixels)
    assert not any("GEMS" in str(element.value) for element in derived if element.tag.is_private)
