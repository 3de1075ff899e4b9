from __future__ import annotations

import gc
import tarfile
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.volume import Volume
from medsynth_app.formats.common import TooLarge
from medsynth_app.formats.dicom.source import DicomSource
from medsynth_app.formats.registry import list_series, open_image
from tests.formats.making import TILTED_AXES, save, save_series, slice_dataset


def test_one_file_keeps_its_stored_values_and_what_they_mean(tmp_path: Path) -> None:
    path = save(slice_dataset(), tmp_path / "a.dcm")
    source = open_image(path, salt=b"secret")
    frame = source.info.frames[0]
    assert np.array_equal(source.pixels(0), pydicom.dcmread(path).pixel_array)
    assert source.pixels(0).dtype == np.int16 and not source.pixels(0).flags.writeable
    assert frame.stored_range == (-2048, 2047)
    assert (frame.rescale.slope, frame.rescale.intercept, frame.rescale.unit) == (1.5, -1000, "HU")
    assert [(w.center, w.width) for w in frame.windows] == [(40, 80), (-600, 1500)]
    assert frame.key.source == "uid:1.2.3.9.3.1" and frame.key.frame == 0
    assert frame.geometry is not None and (frame.geometry.row_spacing, frame.geometry.column_spacing) == (0.7, 0.5)
    assert source.info.series == "CT, series 3" and source.info.modality == "CT"


def test_pseudonyms_depend_on_patient_and_secret_and_tell_neither(tmp_path: Path) -> None:
    first, second = (save(slice_dataset(k, series=f"1.2.{k}"), tmp_path / f"{k}.dcm") for k in (1, 2))
    names = [open_image(path, salt=salt).info.pseudonym for path in (first, second) for salt in (b"a", b"b")]
    assert names[0] == names[2] != names[1] == names[3]
    assert names[0].startswith("Subject-") and len(names[0]) == 14
    everything = repr(open_image(first).info)
    assert "Doe" not in everything and "4711" not in everything and str(tmp_path) not in everything


def test_a_folder_is_sorted_along_the_normal(tmp_path: Path) -> None:
    folder = save_series(tmp_path / "ct", [(0, 0, z) for z in (0.0, 2.5, 5.0, 7.5)])
    (folder / "notes.txt").write_text("not an image")
    steps: list[tuple[int, int]] = []
    source = open_image(folder, progress=lambda done, of: steps.append((done, of)))
    origins = [frame.geometry.origin for frame in source.info.frames if frame.geometry]
    assert [origin[2] for origin in origins if origin] == [0.0, 2.5, 5.0, 7.5]
    assert [int(source.pixels(k)[0, 0]) for k in range(4)] == [-996, -997, -998, -999]
    assert [frame.instance for frame in source.info.frames] == [4, 3, 2, 1]
    assert all(frame.geometry and frame.geometry.slice_spacing == 2.5 for frame in source.info.frames)
    assert source.info.notices == () and steps[-1] == (4, 4)


def test_sagittal_slices_are_sorted_along_their_own_normal(tmp_path: Path) -> None:
    folder = save_series(tmp_path, [(x, 0, 0) for x in (9.0, 3.0, 6.0)], axes=(0, 1, 0, 0, 0, -1))
    source = open_image(folder)
    normal = source.info.frames[0].geometry.normal  # type: ignore[union-attr]
    heights = [np.dot(frame.geometry.origin, normal) for frame in source.info.frames]  # type: ignore[union-attr]
    assert heights == sorted(heights) and len(set(heights)) == 3


@pytest.mark.parametrize(("heights", "words"), [
    ((0, 2, 4, 8, 10), "1 slice seems to be missing"),
    ((0, 2, 4, 7.3, 11), "varies from 2.00 to 3.70 mm"),
    ((0, 2, 2, 4, 4), "lie at 3 places"),
])
def test_odd_distances_are_told(tmp_path: Path, heights: tuple[float, ...], words: str) -> None:
    source = open_image(save_series(tmp_path, [(0, 0, z) for z in heights]))
    assert words in " ".join(source.info.notices) and len(source.info.frames) == 5
    assert source.info.frames[0].geometry and source.info.frames[0].geometry.slice_spacing is None


def test_gantry_tilt_is_told_with_its_angle(tmp_path: Path) -> None:
    source = open_image(save_series(tmp_path, [(0, 0, z) for z in (0, 5, 10)], axes=TILTED_AXES))
    assert any("tilted by 36.9 degrees" in notice for notice in source.info.notices)
    geometry = source.info.frames[0].geometry
    assert geometry is not None and geometry.slice_spacing == pytest.approx(4.0)


def test_of_several_series_the_largest_is_open_and_each_can_be_chosen(tmp_path: Path) -> None:
    save_series(tmp_path / "a", [(0, 0, z) for z in (0, 1)], series="1.2.50")
    save_series(tmp_path / "b", [(0, 0, z) for z in (0, 1, 2)], series="1.2.60")
    listing = list_series(tmp_path, salt=b"secret")
    assert [(item.files, item.frames, item.modality) for item in listing] == [(3, 3, "CT"), (2, 2, "CT")]
    assert "1.2.60" not in repr(listing)
    source = open_image(tmp_path, salt=b"secret")
    assert len(source.info.frames) == 3 and "2 series" in source.info.notices[0]
    assert source.info.identity == listing[0].identity
    chosen = open_image(tmp_path, salt=b"secret", series=listing[1].identity.series)
    assert len(chosen.info.frames) == 2 and chosen.info.identity == listing[1].identity
    for salt, series in ((b"another", listing[1].identity.series), (b"secret", "1.2.50")):
        with pytest.raises(UserError, match="no longer"):
            open_image(tmp_path, salt=salt, series=series)


def test_broken_files_of_a_series_are_left_out_and_told(tmp_path: Path) -> None:
    folder = save_series(tmp_path, [(0, 0, z) for z in (0, 1, 2)])
    data = (folder / "02.dcm").read_bytes()
    (folder / "02.dcm").write_bytes(data[:-2000])
    (folder / "04.dcm").write_bytes(data[:200])
    source = open_image(folder)
    assert len(source.info.frames) == 2 and any("left out" in notice for notice in source.info.notices)
    for path in folder.glob("*.dcm"):
        path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(UserError, match="No DICOM image in this folder can be read"):
        open_image(folder)


def test_copies_of_one_image_are_opened_once(tmp_path: Path) -> None:
    folder = save_series(tmp_path, [(0, 0, z) for z in (0, 1, 2)])
    (folder / "copy.dcm").write_bytes((folder / "01.dcm").read_bytes())
    assert len(open_image(folder).info.frames) == 3


def test_reading_a_folder_can_be_stopped(tmp_path: Path) -> None:
    folder = save_series(tmp_path, [(0, 0, z) for z in (0, 1, 2)])
    with pytest.raises(Cancelled):
        open_image(folder, cancelled=lambda: True)


def test_monochrome1_is_inverted_not_changed(tmp_path: Path) -> None:
    path = save(slice_dataset(PhotometricInterpretation="MONOCHROME1"), tmp_path / "a.dcm")
    source = open_image(path)
    assert source.info.inverted and np.array_equal(source.pixels(0), pydicom.dcmread(path).pixel_array)


def test_palette_and_ybr_become_rgb() -> None:
    for name in ("examples_palette.dcm", "examples_ybr_color.dcm", "SC_rgb_rle_16bit.dcm"):
        path = get_testdata_file(name, download=False)
        source = open_image(Path(str(path)))
        assert source.info.colour == "rgb"
        assert source.pixels(0).dtype == np.uint8 and source.pixels(0).shape[2] == 3
    grey = pydicom.dcmread(str(get_testdata_file("SC_rgb_rle_16bit.dcm", download=False)))
    assert np.array_equal(source.pixels(0), np.rint(grey.pixel_array / 257).astype(np.uint8))


def _enhanced(frames: int = 3) -> Dataset:
    dataset = slice_dataset(SOPClassUID=uid.EnhancedCTImageStorage, NumberOfFrames=frames)
    for name in ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "RescaleSlope",
                 "RescaleIntercept", "WindowCenter", "WindowWidth", "SliceThickness"):
        delattr(dataset, name)

    def group(**values: Any) -> Dataset:
        item = Dataset()
        for name, value in values.items():
            setattr(item, name, value)
        return item

    shared = group(PixelMeasuresSequence=[group(PixelSpacing=[0.9, 0.6], SliceThickness=3)],
                   PlaneOrientationSequence=[group(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])])
    own = [group(PlanePositionSequence=[group(ImagePositionPatient=[0, 0, -3.0 * k])],
                 PixelValueTransformationSequence=[group(RescaleSlope=k + 1, RescaleIntercept=-k, RescaleType="HU")],
                 FrameVOILUTSequence=[group(WindowCenter=10 * k, WindowWidth=100)]) for k in range(frames)]
    dataset.SharedFunctionalGroupsSequence, dataset.PerFrameFunctionalGroupsSequence = [shared], own
    dataset.PixelData = b"".join(np.full((40, 56), k, "<i2").tobytes() for k in range(frames))
    return dataset


def test_enhanced_frames_have_their_own_rescale_window_and_place(tmp_path: Path) -> None:
    source = open_image(save(_enhanced(), tmp_path / "e.dcm"))
    frames = source.info.frames
    assert [frame.key.frame for frame in frames] == [2, 1, 0]  # upwards along the normal
    assert {frame.instance for frame in frames} == {None}  # the number is that of the file
    assert [frame.rescale.slope for frame in frames] == [3, 2, 1]
    assert [frame.windows[0].center for frame in frames] == [20, 10, 0]
    assert [int(source.pixels(k)[0, 0]) for k in range(3)] == [2, 1, 0]
    assert frames[0].geometry and frames[0].geometry.slice_spacing == 3 and frames[0].geometry.row_spacing == 0.9
    assert isinstance(source, DicomSource) and source.file_of(0)[1] == 2


def test_frames_are_decoded_from_any_thread_and_few_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medsynth_app.formats.dicom.source.KEPT_BYTES", 3 * 40 * 56 * 2)
    source = open_image(save_series(tmp_path, [(0, 0, z) for z in range(8)]))
    wrong: list[int] = []

    def read() -> None:
        wrong.extend(k for k in [*range(8), *range(8)] if source.pixels(k)[0, 0] != -1000 + 8 - k)

    threads = [Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    gc.collect()
    assert isinstance(source, DicomSource) and len(source._kept) <= 3
    source.close()
    assert source.pixels(3)[0, 0] == -995


def test_a_file_that_vanished_is_told(tmp_path: Path) -> None:
    folder = save_series(tmp_path, [(0, 0, z) for z in range(3)])
    source = open_image(folder)
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(UserError, match="no longer where it was"):
        source.pixels(2)


@pytest.mark.parametrize(("name", "words"), [
    ("rtplan.dcm", "holds no image"), ("test-SR.dcm", "holds no image"), ("DICOMDIR", "Open the folder"),
    ("MR_truncated.dcm", "cut off")])
def test_files_that_cannot_be_opened_say_why(name: str, words: str) -> None:
    path = Path(str(get_testdata_file("rtplan.dcm", download=False))).parent
    with pytest.raises(UserError, match=words) as caught:
        open_image(path / "dicomdirtests" / name if name == "DICOMDIR" else path / name)
    assert caught.value.remedy


def test_an_unknown_transfer_syntax_is_named(tmp_path: Path) -> None:
    path = save(slice_dataset(syntax=uid.JPEG2000Lossless, PixelData=pydicom.encaps.encapsulate([b"abcd"])),
                tmp_path / "a.dcm")
    for syntax, words in (("1.2.840.10008.1.2.4.100", "MPEG2"), ("1.2.3.4.5.6.7.8.9.10.99", "unknown")):
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = syntax
        other = tmp_path / f"{words}.dcm"
        pydicom.dcmwrite(other, dataset, implicit_vr=False, little_endian=True, enforce_file_format=False)
        with pytest.raises(UserError, match=words):
            open_image(other)


def test_bombs_are_refused_before_anything_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("medsynth_app.formats.dicom.codecs.decode", never)
    frames = pydicom.encaps.encapsulate([b"\1" + b"\0" * 99] * 2)
    path = save(slice_dataset(syntax=uid.RLELossless, Rows=60000, Columns=60000, PixelData=frames), tmp_path / "a.dcm")
    with pytest.raises(TooLarge) as caught:
        open_image(path)
    assert caught.value.bytes == 60000 * 60000 * 2
    with pytest.raises(TooLarge):
        open_image(save_series(tmp_path / "series", [(0, 0, 0)]), allow_bytes=1000)


def test_a_deflated_bomb_is_not_unpacked_as_a_whole(tmp_path: Path) -> None:
    dataset = slice_dataset(syntax=uid.DeflatedExplicitVRLittleEndian, Rows=2000, Columns=2000,
                            PixelData=bytes(8_000_000))
    path = save(dataset, tmp_path / "a.dcm")
    assert path.stat().st_size < 100_000
    with pytest.raises(TooLarge):
        open_image(path, allow_bytes=2_000_000)
    assert open_image(path).pixels(0).shape == (2000, 2000)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match="damaged"):
        open_image(path)


def test_a_file_without_signature_is_opened_with_a_warning(tmp_path: Path) -> None:
    path = save(slice_dataset(syntax=uid.ImplicitVRLittleEndian), tmp_path / "a.dcm")
    whole = path.read_bytes()
    bare = tmp_path / "bare.dcm"
    start = whole.index(b"\x08\0\x08\0")
    bare.write_bytes(whole[start:])
    source = open_image(bare)
    assert np.array_equal(source.pixels(0), open_image(path).pixels(0))
    assert any("guessed" in notice for notice in source.info.notices)


def test_decimal_pixels_become_steps_with_a_rescale(tmp_path: Path) -> None:
    dataset = slice_dataset(SOPClassUID=uid.ParametricMapStorage, BitsAllocated=32)
    for name in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(dataset, name)
    values = np.linspace(-1, 3, 40 * 56, dtype="<f4").reshape(40, 56)
    dataset.FloatPixelData = values.tobytes()
    source = open_image(save(dataset, tmp_path / "f.dcm"))
    frame = source.info.frames[0]
    assert source.pixels(0).dtype == np.uint16 and any("decimal" in notice for notice in source.info.notices)
    assert np.abs(frame.rescale.to_modality(source.pixels(0)) - values).max() <= frame.rescale.slope


def test_the_tilted_ct_head_opens_whole(shared_data: Path) -> None:
    source = open_image(shared_data / "dicom-series" / "ct-ge-head")
    origins = [frame.geometry.origin[2] for frame in source.info.frames]  # type: ignore[union-attr, index]
    assert len(origins) == 28 and origins == sorted(origins)
    words = " ".join(source.info.notices)
    assert "varies from 1.08 to 7.00 mm" in words and "tilted by 18.5 degrees" in words
    assert source.pixels(13).shape == (512, 512) and source.pixels(13).max() > 1000
    assert source.info.frames[0].rescale.unit == "HU"


def test_the_mr_head_opens_with_even_slices(shared_data: Path, tmp_path: Path) -> None:
    with tarfile.open(shared_data / "dicom-series" / "mr-t1-head.tar.gz") as archive:
        wanted = tuple(f"_{k:04d}.dcm" for k in range(120, 124))
        members = [member for member in archive if member.name.endswith(wanted)]
        archive.extractall(tmp_path, members=members, filter="data")
    source = open_image(tmp_path)
    assert len(source.info.frames) == 4 and source.info.modality == "MR"
    geometry = source.info.frames[0].geometry
    assert geometry is not None and geometry.slice_spacing == pytest.approx(0.6667, abs=1e-3)
    assert source.info.notices == ()


def test_windows_are_named_here_and_not_by_the_file(tmp_path: Path) -> None:
    explained = slice_dataset(WindowCenterWidthExplanation=["for Dr Doe", "Jane"])
    for dataset in (explained, slice_dataset()):
        windows = open_image(save(dataset, tmp_path / "a.dcm")).info.frames[0].windows
        assert [(item.name, item.center) for item in windows] == [("From the file", 40), ("From the file 2", -600)]
    broken = slice_dataset(WindowCenter=[1, 2, 3], WindowWidth=[0, 10, 20])
    windows = open_image(save(broken, tmp_path / "a.dcm")).info.frames[0].windows
    assert [(item.name, item.center) for item in windows] == [("From the file", 2), ("From the file 2", 3)]


def test_axial_slices_come_from_the_head_where_that_is_asked_for(tmp_path: Path) -> None:
    axial = save_series(tmp_path / "a", [(0, 0, z) for z in (0.0, 2.5, 5.0, 7.5)])
    up, down = open_image(axial), open_image(axial, head_first=True)
    assert [frame.key for frame in down.info.frames] == [frame.key for frame in up.info.frames][::-1]
    assert [int(down.pixels(k)[0, 0]) for k in range(4)] == [-999, -998, -997, -996]
    assert isinstance(down, DicomSource) and down.file_of(0)[0].name == "01.dcm"
    volume, upright = down.volume(), up.volume()
    assert isinstance(volume, Volume) and isinstance(upright, Volume)
    assert np.allclose(volume.grid.to_mm((0, 3, 5)), upright.grid.to_mm((3, 3, 5)))
    sagittal = save_series(tmp_path / "s", [(x, 0, 0) for x in (0.0, 2.5, 5.0)], axes=(0, 1, 0, 0, 0, -1))
    assert open_image(sagittal, head_first=True).info.frames == open_image(sagittal).info.frames
    again = save_series(tmp_path / "p", [(0, 0, z) for z in (0.0, 2.5, 0.0, 2.5)])  # two phases: no one order
    assert open_image(again, head_first=True).info.frames == open_image(again).info.frames
