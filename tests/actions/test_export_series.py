"""A whole series, exported and read again by other libraries: same order, place, spacing and values."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
import tifffile
from pydicom.data import get_testdata_file

from medsynth_app.actions.export import export_image, export_mask, record_path
from medsynth_app.actions.export_series import SeriesExported, export_series
from medsynth_app.actions.open_image import open_image
from medsynth_app.actions.trace import trace
from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.window_level import WindowLevel
from medsynth_app.formats.registry import read_provenance
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import png, volume
from tests.actions.test_export import fill
from tests.formats.dicom.test_source import _enhanced
from tests.formats.making import save, save_series, slice_dataset

HEIGHTS = (0.0, 2.5, 5.0, 7.5, 10.0)
PRIVATE = ("Doe", "Jane", "MRN-4711", "Elsewhere", "Doctor", "19600102", "1.2.3.9", "Axial")


def series(folder: Path, **changes: object) -> Path:
    return save_series(folder, [(0, 0, z) for z in HEIGHTS], **changes)


def read(folder: Path) -> list[pydicom.Dataset]:
    """What lies in an exported folder, in the order of the names."""
    return [pydicom.dcmread(path) for path in sorted(folder.iterdir())]


def stacked(folder: Path) -> sitk.Image:
    """The one series of a folder as ITK sorts and stacks it, in modality values."""
    (number,) = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), number))
    return reader.Execute()


def same_place(image: sitk.Image, other: sitk.Image) -> bool:
    return all(np.allclose(getattr(image, name)(), getattr(other, name)())
               for name in ("GetOrigin", "GetSpacing", "GetDirection"))


def check(document: Document, source: Path, out: SeriesExported, changed: tuple[int, ...]) -> None:
    """Everything that an exported DICOM series promises, held against its source."""
    written, frames = read(out.path), document.info.frames
    assert len(written) == len(frames) == out.slices and out.changed == len(changed)
    for name in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SeriesDescription"):
        assert len({str(dataset[name].value) for dataset in written}) == 1, name
    assert len({dataset.SOPInstanceUID for dataset in written}) == len(written)
    assert written[0].PatientID.startswith("SYN-")
    originals = {str(item.SOPInstanceUID): item for item in (pydicom.dcmread(path) for path in source.rglob("*")
                                                             if path.suffix == ".dcm")}
    for k, dataset in enumerate(written):
        original = originals[frames[k].key.source.removeprefix("uid:")]
        for name in ("SOPClassUID", "BitsAllocated", "BitsStored", "PixelRepresentation", "RescaleSlope",
                     "RescaleIntercept", "InstanceNumber", "ImagePositionPatient", "ImageOrientationPatient",
                     "PixelSpacing", "Modality"):
            assert dataset.get(name) == original.get(name), name
        assert dataset.SyntheticData == ("YES" if k in changed else "NO")
        assert np.array_equal(dataset.pixel_array, document.pixels(k))
        assert np.array_equal(dataset.pixel_array, original.pixel_array) is (k not in changed)
        assert dataset.StudyInstanceUID != original.StudyInstanceUID


def test_a_series_is_exported_whole_with_one_identity(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    source = series(tmp_path / "in")
    document = open_image(workspace, source)
    fill(workspace, queue, pack, document, 2)
    steps: list[tuple[int, int]] = []
    out = export_series(workspace, document, tmp_path / "out", progress=lambda at, of: steps.append((at, of)))
    check(document, source, out, (2,))
    (origin,) = trace(np.array(pydicom.dcmread(out.path / "3.dcm").pixel_array), workspace)
    assert origin.same and origin.record.seed == 7
    assert steps == [(k, 5) for k in range(6)] and out.notices == ()
    assert sorted(path.name for path in out.path.iterdir()) == [f"{k}.dcm" for k in range(1, 6)]
    assert [item.InstanceNumber for item in read(out.path)] == [5, 4, 3, 2, 1]  # the source's own
    for dataset, path in zip(read(out.path), sorted(out.path.iterdir()), strict=True):
        content = path.read_bytes()
        assert not any(word.encode() in content for word in PRIVATE)
        assert ("UNCHANGED" in dataset.ImageComments) is (dataset.SyntheticData == "NO")
        assert dataset.ImageType[:2] == ["DERIVED", "SECONDARY"]  # one kind, or some viewers take them apart
    image, original = stacked(out.path), stacked(source)
    assert same_place(image, original)
    values, before = sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(original)
    assert np.array_equal(np.flatnonzero((values != before).any(axis=(1, 2))), [2])
    assert np.array_equal(values[2], document.pixels(2) * 1.5 - 1000)


def test_the_record_says_of_each_slice_what_it_is(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, series(tmp_path / "in"))
    fill(workspace, queue, pack, document, 2)
    out = export_series(workspace, document, tmp_path / "out")
    assert out.record == record_path(out.path) and {out.record, out.path} == set((tmp_path / "out").iterdir())
    told = json.loads(out.record.read_text())
    assert told["synthetic"] and told["says"].startswith("1 of 5 slices")
    assert [item["synthetic"] for item in told["slices"]] == [False, False, True, False, False]
    assert [item["instance"] for item in told["slices"]] == [5, 4, 3, 2, 1]
    assert told["slices"][2]["provenance"]["seed"] == 7 and "provenance" not in told["slices"][0]
    assert not any(word in out.record.read_text() for word in PRIVATE) and str(tmp_path) not in out.record.read_text()


def test_an_untouched_series_is_exported_as_what_it_is(workspace: Workspace, tmp_path: Path) -> None:
    source = series(tmp_path / "in")
    document = open_image(workspace, source)
    out = export_series(workspace, document, tmp_path / "out")
    check(document, source, out, ())
    assert same_place(stacked(out.path), stacked(source)) and out.path.name.endswith("_unchanged")
    assert np.array_equal(sitk.GetArrayFromImage(stacked(out.path)), sitk.GetArrayFromImage(stacked(source)))
    for dataset in read(out.path):
        assert dataset.ImageType == ["ORIGINAL", "PRIMARY", "AXIAL"] and "no pixel" in dataset.ImageComments
        assert dataset.SeriesDescription.startswith("UNCHANGED") and "DerivationDescription" not in dataset
        assert dataset.ContributingEquipmentSequence[0].PurposeOfReferenceCodeSequence[0].CodeValue == "109104"
    told = json.loads(out.record.read_text())
    assert not told["synthetic"] and told["says"].startswith("No pixel is synthetic")
    assert not open_image(workspace, out.path).info.synthetic


def test_slices_exported_on_different_days_still_stack(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    source = series(tmp_path / "in")
    document = open_image(workspace, source)
    for k in (1, 3):
        fill(workspace, queue, pack, document, k)
    whole = export_series(workspace, document, tmp_path / "out")
    again = export_series(workspace, document, tmp_path / "out")
    assert again.path != whole.path
    by_place = {str(item.ImagePositionPatient): item for item in read(whole.path)}
    assert [item.SOPInstanceUID for item in read(again.path)] == [item.SOPInstanceUID for item in read(whole.path)]
    document.close()
    alone = open_image(workspace, source / "04.dcm")  # the same slice, opened as a file by itself
    out = export_image(workspace, alone, 0, tmp_path / "one.dcm", "dicom")
    one = pydicom.dcmread(out.path)
    twin = by_place[str(one.ImagePositionPatient)]
    for name in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "InstanceNumber",
                 "SOPInstanceUID", "SeriesDescription"):
        assert one[name].value == twin[name].value, name
    captures = [pydicom.dcmread(export_image(workspace, open_image(workspace, source), k, tmp_path / f"c{k}.dcm",
                                             "secondary-capture", window=WindowLevel(0, 2000)).path) for k in (1, 3)]
    for capture in captures:  # seen, not stacked: of the same study, in a series of their own
        assert (capture.PatientID, capture.StudyInstanceUID) == (one.PatientID, one.StudyInstanceUID)
        assert capture.SeriesInstanceUID == captures[0].SeriesInstanceUID != one.SeriesInstanceUID
    assert captures[0].SOPInstanceUID != captures[1].SOPInstanceUID
    with Workspace.temporary() as other:
        document = open_image(other, source)
        elsewhere = read(export_series(other, document, tmp_path / "out").path)
    assert {item.PatientID for item in elsewhere}.isdisjoint({one.PatientID})


def test_a_single_slice_says_that_it_is_one_of_many(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, series(tmp_path / "in"))
    fill(workspace, queue, pack, document, 3)
    out = export_image(workspace, document, 3, tmp_path / "one.dcm", "dicom")
    assert "Slice 4 of 5" in pydicom.dcmread(out.path).ImageComments


def test_an_exported_series_opens_here_and_its_unchanged_slices_stay_unchanged(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, series(tmp_path / "in"))
    fill(workspace, queue, pack, document, 2)
    out = export_series(workspace, document, tmp_path / "out")
    again = open_image(workspace, out.path)
    assert [k for k, about in enumerate(again.info.frames) if about.synthetic] == [2] and again.info.synthetic
    assert not again.info.notices
    second = export_series(workspace, again, tmp_path / "second")
    assert [item.SyntheticData for item in read(second.path)] == ["NO", "NO", "YES", "NO", "NO"]
    assert json.loads(second.record.read_text())["slices"][2]["provenance"]["seed"] == 7


def test_a_file_of_many_frames_stays_one_file(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    source = save(_enhanced(), tmp_path / "in" / "e.dcm")
    document = open_image(workspace, source)
    fill(workspace, queue, pack, document, 1)
    out = export_series(workspace, document, tmp_path / "out")
    (dataset,), original = read(out.path), pydicom.dcmread(source)
    assert dataset.NumberOfFrames == 3 and dataset.SOPClassUID == original.SOPClassUID and out.slices == 3
    assert dataset.SyntheticData == "YES" and "1 hold generated pixels: 2." in dataset.ImageComments
    again = open_image(workspace, out.path)
    for k, (before, after) in enumerate(zip(document.info.frames, again.info.frames, strict=True)):
        assert (before.rescale, before.windows, before.geometry) == (after.rescale, after.windows, after.geometry)
        assert np.array_equal(document.pixels(k), again.pixels(k))
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(next(out.path.iterdir())))).shape, (3, 40, 56))


def test_colour_and_cine_keep_their_frames(workspace: Workspace, tmp_path: Path) -> None:
    path = Path(str(get_testdata_file("examples_ybr_color.dcm", download=False)))
    document = open_image(workspace, path)
    out = export_series(workspace, document, tmp_path / "out")
    (dataset,), original = read(out.path), pydicom.dcmread(path)
    assert dataset.NumberOfFrames == original.NumberOfFrames == len(document.info.frames)
    assert dataset.pixel_array.shape[0] == original.NumberOfFrames and dataset.SyntheticData == "NO"
    assert all(np.array_equal(dataset.pixel_array[k], document.pixels(k)) for k in range(3))


def test_nothing_is_left_of_an_export_that_was_stopped(workspace: Workspace, tmp_path: Path) -> None:
    document = open_image(workspace, series(tmp_path / "in"))
    asked: list[int] = []

    def third() -> bool:
        asked.append(1)
        return len(asked) > 3

    with pytest.raises(Cancelled):
        export_series(workspace, document, tmp_path / "out", cancelled=third)
    assert not (tmp_path / "out").exists()


def test_a_slice_that_cannot_be_read_is_named_and_nothing_is_left(workspace: Workspace, tmp_path: Path) -> None:
    source = series(tmp_path / "in")
    document = open_image(workspace, source)
    (source / "02.dcm").unlink()
    with pytest.raises(UserError, match="Slice 4 cannot be read"):
        export_series(workspace, document, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_in_the_folder_is_neither_replaced_nor_mixed_with(workspace: Workspace, tmp_path: Path) -> None:
    document = open_image(workspace, series(tmp_path / "in"))
    first = export_series(workspace, document, tmp_path / "out")
    shutil.rmtree(first.path)  # its record alone is left
    kept = first.record.read_bytes()
    second = export_series(workspace, document, tmp_path / "out")
    assert second.path != first.path and first.record.read_bytes() == kept
    for inside in (tmp_path / "in", tmp_path / "in" / "deeper"):
        with pytest.raises(UserError, match="images that are open"):
            export_series(workspace, document, inside)
    assert len(list((tmp_path / "in").iterdir())) == 5


def strangers(place: Path) -> None:
    place.write_text("a stranger's")


def strangers_folder(place: Path) -> None:
    place.mkdir()
    strangers(place / "1.dcm")


@pytest.mark.parametrize(("format", "make", "of_record"), [
    ("dicom", strangers_folder, False), ("nifti", strangers, False), ("tiff", strangers, False),
    ("dicom", strangers, True), ("nifti", strangers_folder, True)])
def test_what_came_into_the_folder_while_it_was_written_stays(
        workspace: Workspace, tmp_path: Path, format: str, make: Callable[[Path], None], of_record: bool) -> None:
    document = open_image(workspace, series(tmp_path / "in"))
    first = export_series(workspace, document, tmp_path / "first", format)
    taken = tmp_path / "out" / (first.record if of_record else first.path).name

    def come(at: int, of: int) -> None:
        if at == of - 1:
            make(taken)

    out = export_series(workspace, document, tmp_path / "out", format, progress=come)
    kept = taken / "1.dcm" if taken.is_dir() else taken
    assert kept.read_text() == "a stranger's"
    assert out.path.name.startswith(first.path.name.split(".")[0] + "-2")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {taken.name, out.path.name, out.record.name}
    named = {item["file"] for item in json.loads(out.record.read_text())["slices"]}
    assert named == ({path.name for path in out.path.iterdir()} if out.path.is_dir() else {out.path.name})


@pytest.mark.parametrize("format", ["dicom", "nifti"])
def test_a_move_that_fails_leaves_neither_series_nor_record(
        workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str) -> None:
    document = open_image(workspace, series(tmp_path / "in"))

    move = Path.replace

    def full(path: Path, target: Path) -> Path:
        if path.parent == tmp_path / "out":
            raise OSError(28, "No space left on device")
        return move(path, target)  # a backup of the workspace

    (tmp_path / "out").mkdir()
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(UserError, match="Nothing was left of it"):
        export_series(workspace, document, tmp_path / "out", format)
    assert not list((tmp_path / "out").iterdir())


def test_what_was_left_out_is_told_and_recorded(workspace: Workspace, tmp_path: Path) -> None:
    folder = series(tmp_path / "in")
    (folder / "03.dcm").write_bytes((folder / "03.dcm").read_bytes()[:-2000])
    out = export_series(workspace, open_image(workspace, folder), tmp_path / "out")
    assert out.slices == 4 and any("1 file was left out" in text for text in out.notices), out.notices
    assert json.loads(out.record.read_text())["notices"] == list(out.notices)


def test_a_place_that_cannot_be_used_is_told_before_anything_is_written(
        workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = open_image(workspace, series(tmp_path / "in"))
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        export_series(workspace, document, tmp_path / "file")
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=1000))
    with pytest.raises(UserError, match="not enough room"):
        export_series(workspace, document, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def at_points(image: sitk.Image, other: sitk.Image) -> np.ndarray:
    """Values of `image` at the centres of the voxels of `other`, in its order."""
    return sitk.GetArrayFromImage(sitk.Resample(image, other, sitk.Transform(), sitk.sitkNearestNeighbor, -9999.0,
                                                sitk.sitkFloat64))


def test_a_nifti_volume_is_written_as_one_again(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    source = volume(tmp_path / "in.nii.gz", 4, 60, 50)
    document = open_image(workspace, source)
    fill(workspace, queue, pack, document, 2)
    out = export_series(workspace, document, tmp_path / "out")
    assert out.path.name.endswith("_synthetic.nii.gz") and (out.slices, out.changed) == (4, 1)
    written, original = sitk.ReadImage(str(out.path)), sitk.ReadImage(str(source))
    assert written.GetPixelID() == original.GetPixelID() == sitk.sitkInt16
    assert sorted(written.GetSpacing()) == pytest.approx(sorted(original.GetSpacing()))
    before = sitk.GetArrayFromImage(original)
    changed = at_points(written, original) != before
    assert changed.sum() == sum((document.pixels(k) != document.source.pixels(k)).sum() for k in range(4)) > 0
    again = open_image(workspace, out.path)
    assert all(np.array_equal(again.pixels(k), document.pixels(k)) for k in range(4))
    assert [frame.geometry for frame in again.info.frames] == [frame.geometry for frame in document.info.frames]
    assert b"SYNTHETIC: 1 of 4 slices" in gzip.decompress(out.path.read_bytes())[:348]
    assert [item["file"] for item in json.loads(out.record.read_text())["slices"]] == [out.path.name] * 4


@pytest.mark.parametrize("head_first", [False, True])
def test_a_dicom_series_can_be_written_as_nifti(workspace: Workspace, tmp_path: Path, head_first: bool) -> None:
    source = series(tmp_path / "in")
    document = open_image(workspace, source, head_first=head_first)
    out = export_series(workspace, document, tmp_path / "out", "nifti")
    written, original = sitk.ReadImage(str(out.path)), stacked(source)
    assert np.array_equal(at_points(written, original), sitk.GetArrayFromImage(original))  # HU where they were
    assert b"UNCHANGED copy" in gzip.decompress(out.path.read_bytes())[:348]
    assert b"Doe" not in gzip.decompress(out.path.read_bytes())


def test_slices_of_different_scales_become_one_in_the_unit(workspace: Workspace, tmp_path: Path) -> None:
    for k in range(3):
        save(slice_dataset(k + 1, (0, 0, 2.0 * k), RescaleSlope=str(k + 1)), tmp_path / "in" / f"{k}.dcm")
    document = open_image(workspace, tmp_path / "in")
    out = export_series(workspace, document, tmp_path / "out", "nifti")
    values = sitk.GetArrayFromImage(sitk.ReadImage(str(out.path)))
    assert "decimal numbers in HU" in out.notices[0] and values.dtype == np.float32
    assert all(np.array_equal(values[k], document.pixels(k) * (k + 1.0) - 1000) for k in range(3))


def test_a_tiff_of_pages_is_written_as_one_again(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    source = tmp_path / "in.tif"
    pages = np.random.default_rng(0).integers(0, 4000, (3, 60, 70), dtype=np.uint16)
    tifffile.imwrite(source, pages, photometric="minisblack", metadata=None, resolution=(100, 50),
                     resolutionunit="CENTIMETER")
    document = open_image(workspace, source)
    fill(workspace, queue, pack, document, 1)
    out = export_series(workspace, document, tmp_path / "out")
    with tifffile.TiffFile(out.path) as tiff:
        assert len(tiff.pages) == 3 and tiff.pages[0].tags["XResolution"].value == (100, 1)
        assert [np.array_equal(page.asarray(), pages[k]) for k, page in enumerate(tiff.pages)] == [True, False, True]
        assert "medsynth" in tiff.pages[1].description and not tiff.pages[2].description
    again = open_image(workspace, out.path)
    assert all(np.array_equal(again.pixels(k), document.pixels(k)) for k in range(3)) and again.info.synthetic
    record = read_provenance(out.path)
    assert record is not None and record.seed == 7 and "first page" in record.notices[-1]


def test_what_fits_no_file_says_why(workspace: Workspace, tmp_path: Path) -> None:
    uneven = save_series(tmp_path / "uneven", [(0, 0, z) for z in (0.0, 2.0, 7.0)])
    colour = Path(str(get_testdata_file("examples_ybr_color.dcm", download=False)))
    for path, words in ((uneven, "distance between the slices varies"), (colour, "colour image")):
        with pytest.raises(UserError, match=words):
            export_series(workspace, open_image(workspace, path), tmp_path / "out", "nifti")
    hyper = tmp_path / "h.ome.tif"
    tifffile.imwrite(hyper, np.zeros((2, 3, 20, 20), np.uint8), metadata={"axes": "CZYX"}, photometric="minisblack")
    with pytest.raises(UserError, match="cannot tell apart"):
        export_series(workspace, open_image(workspace, hyper), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_no_series_says_so(workspace: Workspace, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    with pytest.raises(UserError, match=r"no DICOM.* Write it as tiff"):
        export_series(workspace, document, tmp_path / "out", "dicom")
    with pytest.raises(UserError, match="unknown"):
        export_series(workspace, document, tmp_path / "out", "mpeg")


@pytest.mark.parametrize("name", ["ct-ge-head", "ct-chest"])
def test_real_series_are_read_alike_by_another_library(workspace: Workspace, queue: JobQueue, pack: InstalledPack,
                                                       tmp_path: Path, shared_data: Path, name: str) -> None:
    source = shared_data / "dicom-series/ct-ge-head"
    if name == "ct-chest":      # sixteen of its slices: all would teach the test nothing more
        source = tmp_path / "in"
        source.mkdir()
        for path in sorted((shared_data / "ct-chest/series").iterdir())[24:40]:
            (source / path.name).write_bytes(path.read_bytes())
    document = open_image(workspace, source)
    middle = len(document.info.frames) // 2
    fill(workspace, queue, pack, document, middle)
    out = export_series(workspace, document, tmp_path / "out")
    check(document, source, out, (middle,))
    folder = source if name == "ct-chest" else source / "GE"
    image, original = stacked(out.path), stacked(folder)
    assert same_place(image, original)
    values, before = sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(original)
    assert np.array_equal(np.flatnonzero((values != before).any(axis=(1, 2))), [middle])


def test_the_order_in_which_slices_are_shown_changes_nothing_for_others(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    source = series(tmp_path / "in")
    document = open_image(workspace, source, head_first=True)
    fill(workspace, queue, pack, document, 1)  # the fourth from the feet
    out = export_series(workspace, document, tmp_path / "out")
    values, before = (sitk.GetArrayFromImage(stacked(folder)) for folder in (out.path, source))
    assert same_place(stacked(out.path), stacked(source))
    assert np.array_equal(np.flatnonzero((values != before).any(axis=(1, 2))), [3])
    mask = sitk.ReadImage(str(export_mask(document, None, tmp_path / "m.nii.gz", "nifti").path))
    original = stacked(source)
    painted = np.argwhere(sitk.GetArrayFromImage(mask))
    points = [original.TransformPhysicalPointToIndex(mask.TransformIndexToPhysicalPoint([int(v) for v in at[::-1]]))
              for at in painted]
    assert {at[2] for at in points} == {3} and len(points) == int((document.mask(1) > 0).sum())
    assert all(document.mask(1)[row, column] for column, row, _ in points)


def test_slices_without_a_number_are_numbered_in_their_order(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    source = series(tmp_path / "in")
    for path in source.iterdir():
        dataset = pydicom.dcmread(path)
        del dataset.InstanceNumber
        dataset.save_as(path)
    document = open_image(workspace, source)
    fill(workspace, queue, pack, document, 2)
    out = export_series(workspace, document, tmp_path / "out")
    assert [int(item.InstanceNumber) for item in read(out.path)] == [1, 2, 3, 4, 5]
    alone = export_image(workspace, document, 2, tmp_path / "alone" / "c.dcm", "dicom")
    assert pydicom.dcmread(alone.path).InstanceNumber == 3


def test_what_stacks_badly_is_told(workspace: Workspace, tmp_path: Path) -> None:
    twice = series(tmp_path / "twice")
    shutil.copy(twice / "02.dcm", twice / "02 (1).dcm")
    document = open_image(workspace, twice)
    assert len(document.info.frames) == 5
    assert "1 file is the very same as another of this series: shown once." in document.info.notices
    sizes = series(tmp_path / "sizes", series="1.2.4")
    dataset = pydicom.dcmread(sizes / "03.dcm")
    dataset.Rows, dataset.PixelData = 20, dataset.PixelData[:20 * 56 * 2]
    dataset.save_as(sizes / "03.dcm")
    assert any("2 sizes" in text for text in open_image(workspace, sizes).info.notices)
    nowhere = series(tmp_path / "nowhere", series="1.2.5")
    for path in nowhere.iterdir():
        dataset = pydicom.dcmread(path)
        del dataset.ImagePositionPatient, dataset.ImageOrientationPatient
        dataset.InstanceNumber = 1
        dataset.save_as(path)
    assert any("files' names" in text for text in open_image(workspace, nowhere).info.notices)
