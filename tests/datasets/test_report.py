"""What a person is told of a data set before anything is learned from it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image, ImageDraw

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.datasets.freeze import freeze_training_set
from medsynth_app.datasets.recognised import Form, recognise
from medsynth_app.datasets.report import inspected, learned
from medsynth_app.datasets.sheet import sheet_of_frozen, sheet_of_listing
from medsynth_app.formats.raster import write_png
from tests.datasets.test_inputs import as_dicom, noise, table
from tests.formats.making import record


def grey(seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 256, (40, 56)).astype(np.uint8)


def slices(folder: Path, patients: list[str]) -> Path:
    for k, patient in enumerate(patients):
        as_dicom(folder / f"{k}.dcm", grey(k), PatientID=patient, SOPInstanceUID=f"1.2.9.{len(str(folder))}.{k}")
    return folder


def test_every_layout_is_recognised(tmp_path: Path) -> None:
    noise(tmp_path / "classes" / "cat" / "deep" / "a.png", 1)
    noise(tmp_path / "flat" / "a.png", 1)
    noise(tmp_path / "fields" / "images" / "a.png", 1)
    noise(tmp_path / "listed" / "x" / "a.png", 1)
    table(tmp_path / "listed", ("x/a.png", "cat", "train"))
    for place in (tmp_path / "pairs", tmp_path / "parted" / "train"):
        noise(place / "images" / "a.png", 1)
        noise(place / "masks" / "a.png", 1)
    for kind in ("images", "labels"):
        (tmp_path / "volumes" / kind).mkdir(parents=True)
        sitk.WriteImage(sitk.GetImageFromArray(np.zeros((4, 5, 6), np.int16)),
                        str(tmp_path / "volumes" / kind / "case.nii.gz"))
    shutil.copytree(tmp_path / "volumes" / "images", tmp_path / "nifti")
    slices(tmp_path / "dicom" / "series", ["one", "one"])
    slices(tmp_path / "wards" / "p1", ["one", "one"])
    slices(tmp_path / "wards" / "p2", ["two", "two"])
    slices(tmp_path / "sorted" / "ill", ["one", "two"])
    slices(tmp_path / "sorted" / "well", ["three", "four"])
    forms = {folder.name: recognise(folder).form for folder in sorted(tmp_path.iterdir())}
    assert forms == {
        "classes": Form.CLASSES, "flat": Form.PICTURES, "fields": Form.PICTURES, "listed": Form.LIST,
        "pairs": Form.PAIRS, "parted": Form.PAIRS, "volumes": Form.VOLUMES, "nifti": Form.NIFTI, "dicom": Form.DICOM,
        "wards": Form.DICOM, "sorted": Form.CLASSES}
    assert recognise(tmp_path / "listed" / "labels.csv").form is Form.LIST


def test_what_is_no_data_set_is_told_with_what_would_be(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("x")
    for path, complaint in ((tmp_path / "empty", "holds no pictures"), (tmp_path / "none", "no folder or file"),
                            (tmp_path / "a.txt", "no list of pictures")):
        with pytest.raises(UserError, match=complaint) as told:
            recognise(path)
        assert str(tmp_path) not in str(told.value)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Two classes with a broken file, a copy, a picture in both classes, a drawn one, a mask and one of 16 bits."""
    for k in range(8):
        noise(tmp_path / "mine" / "cat" / f"{k}.png", k)
    for k in range(3):
        noise(tmp_path / "mine" / "dog" / f"{k}.png", 20 + k, size=64)
    shutil.copy(tmp_path / "mine" / "cat" / "0.png", tmp_path / "mine" / "cat" / "copy.png")
    with Image.open(tmp_path / "mine" / "cat" / "1.png") as image:
        image.save(tmp_path / "mine" / "dog" / "again.jpg", quality=85)
    (tmp_path / "mine" / "dog" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "mine" / "dog" / "empty.jpg").write_bytes(b"")
    Image.fromarray((grey(3) > 128).astype(np.uint8) * 255).save(tmp_path / "mine" / "dog" / "mask.png")
    Image.fromarray(grey(4).astype(np.uint16) * 16).save(tmp_path / "mine" / "dog" / "deep.png")
    write_png(tmp_path / "mine" / "cat" / "drawn.png", np.repeat(grey(9)[..., None], 3, axis=2), record(), True)
    (tmp_path / "mine" / "dog" / "notes.txt").write_text("not a picture")
    for name in ("late.webp", "._late.webp", "Thumbs.db"):
        (tmp_path / "mine" / "cat" / name).write_bytes(b"RIFF")
    return tmp_path / "mine"


def test_a_report_tells_everything_that_is_wrong_at_once(mixed: Path) -> None:
    told: list[tuple[int, int]] = []
    Image.new("L", (40, 40)).save(mixed / "cat" / "0_mask.png")
    found, _ = inspected(mixed, progress=lambda done, total: told.append((done, total)))
    assert found["masks_beside"] == 1 and found["unread"] == ["cat/late.webp"]
    assert (found["form"], found["layout"]) == ("class folders", "labelled-cells")
    assert found["counts"] == {"cat": 10, "dog": 8} and (found["files"], found["pictures"]) == (18, 16)
    assert [broken["file"] for broken in found["broken"]] == ["dog/empty.jpg", "dog/torn.png"]
    assert all(broken["problem"].endswith(".") for broken in found["broken"])
    assert found["duplicates"] == [["cat/0.png", "cat/copy.png"]]
    assert found["near_duplicates"] == [["cat/1.png", "dog/again.jpg"]] == found["in_two_classes"]
    assert found["synthetic"] == ["cat/drawn.png"] and found["like_masks"] == ["dog/mask.png"]
    assert found["depths"] == {"8 bits, colour": 14, "16 bits, grey": 1, "8 bits, grey": 1}
    assert found["sizes"] == ["40 x 40", "64 x 64"] and found["patients"] == 0
    assert found["split_by"] == "near-duplicates" and sum(found["parts"].values()) == 15
    assert told[0] == (1, 18) and told[-1] == (18, 18)
    assert json.loads(json.dumps(found)) == found and str(mixed.parent) not in json.dumps(found)


def test_what_the_report_says_of_the_split_is_what_freezing_does(mixed: Path, tmp_path: Path) -> None:
    for name in ("torn.png", "empty.jpg"):
        (mixed / "dog" / name).unlink()
    found, _ = inspected(mixed)
    frozen = freeze_training_set(mixed, {"layout": "labelled-cells", "captions": ["a {class}"]}, tmp_path / "set")
    about = learned(frozen)
    parts = {part: sum(of_class[part] for of_class in about["classes"].values()) for part in found["parts"]}
    assert parts == found["parts"] and about["split_by"] == found["split_by"]
    assert about["classes"]["cat"]["captions"] == ["a cat"] and about["left_out"]["synthetic"] == ["cat/drawn.png"]


def test_a_patient_in_two_parts_is_told_and_ends_no_look(tmp_path: Path) -> None:
    noise(tmp_path / "a.png", 1)
    noise(tmp_path / "b.png", 2)
    table(tmp_path, ("a.png", "x", "train", "p"), ("b.png", "x", "test", "p"), columns="file class split patient")
    found, _ = inspected(tmp_path)
    assert "in two parts of the split" in found["split_problem"] and found["counts"] == {"x": 2}


def test_a_look_can_be_ended_and_a_wrong_layout_is_told(mixed: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        inspected(mixed, progress=stop)
    with pytest.raises(UserError, match="does not have the layout 'image-mask-pairs'"):
        inspected(mixed, "image-mask-pairs")


def test_contact_sheets_show_a_row_for_each_class_and_what_is_learned(mixed: Path, tmp_path: Path) -> None:
    found, listing = inspected(mixed)
    sheet_of_listing(listing, tmp_path / "lies.png", (broken["file"] for broken in found["broken"]), found["synthetic"])
    with Image.open(tmp_path / "lies.png") as sheet:
        violet = (np.asarray(sheet.convert("RGB")) == (0x6D, 0x43, 0xC9)).all(axis=2)
    assert violet[:120].sum() > 100 and not violet[120:].any()  # the drawn cat is marked, and nothing else
    for name in ("torn.png", "empty.jpg"):
        (mixed / "dog" / name).unlink()
    layout = {"layout": "labelled-cells", "captions": ["a {class}"]}
    sheet_of_frozen(freeze_training_set(mixed, layout, tmp_path / "set"), tmp_path / "learned.png")
    for name in ("lies.png", "learned.png"):
        with Image.open(tmp_path / name) as sheet:
            assert sheet.size == (804, 244)
            pixels = np.asarray(sheet.convert("RGB")).astype(int)
        assert (pixels[30:110] < 200).any() and (pixels[150:230] < 200).any()  # both rows hold pictures
        assert (pixels[4:20] < 100).any()  # and a title


def test_a_folder_that_is_no_frozen_set_has_not_been_learned_from(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no frozen training set"):
        learned(tmp_path)


def test_pictures_with_burned_in_text_are_named(tmp_path: Path) -> None:
    for name, text, size in (("plain", "", 1), ("dated", "12/2013", 1), ("large", "12/2013", 4)):
        picture = Image.new("RGB", (256, 256), (150, 80, 60))
        ImageDraw.Draw(picture).text((4, 100), text, fill=(240, 240, 240))
        picture.resize((256 * size, 256 * size)).save(tmp_path / f"{name}.png")
    assert inspected(tmp_path)[0]["with_text"] == ["dated.png", "large.png"]
