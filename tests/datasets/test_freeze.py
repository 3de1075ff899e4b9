"""Freezing data folders as training sets."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image, ImageDraw

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.datasets.dataset import TrainingSet, is_frozen, read_masks, read_pixels
from medsynth_app.datasets.freeze import check_layout, freeze_training_set

CELLS = {"layout": "labelled-cells", "class_names": {"ig": "immature cell"}, "captions": ["{a} {class} in a smear"],
         "background_class": "platelet", "background_captions": ["red cells"],
         "crops": [1.0, 0.5]}
PAIRS = {"layout": "image-mask-pairs", "captions": ["a polyp"], "background_captions": ["mucosa"], "crops": [0.5],
         "background_crops": 2, "background_share": 0.3}
VOLUMES = {"layout": "volume-slices", "captions": ["{plane} {content}"], "labels": {"1": "front", "2": "back"},
           "both": "all", "background_content": "beside", "every": 1}


def items_of(folder: Path) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads((folder / "manifest.json").read_text())["items"]
    return items


def picture(path: Path, size: tuple[int, int] = (40, 40), value: int = 200) -> None:
    """All but uniform, and unlike any other of another name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(crc32("/".join(path.parts[-3:]).encode()))
    grey = (value - rng.integers(0, 9, (size[1] // 8 + 1, size[0] // 8 + 1))).repeat(8, 0).repeat(8, 1)
    Image.fromarray(grey[:size[1], :size[0]].astype(np.uint8)).convert("RGB").save(path)


def test_labelled_cells_keep_the_split_of_the_data_set(tmp_path: Path) -> None:
    rows = [("ig/a.png", "ig", "train"), ("platelet/b.png", "platelet", "train"), ("ig/c.png", "ig", "test")]
    for name, _, _ in rows:
        picture(tmp_path / name)
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "class", "split"), *rows])
    items = items_of(freeze_training_set(tmp_path, CELLS, tmp_path / "out"))
    assert {(Path(item["file"]).name, item["split"]) for item in items} == {
        ("a.png", "train"), ("b.png", "train"), ("c.png", "test")}
    first = [item for item in items if item["file"].endswith("a.png")]
    assert [item["captions"] for item in first] == [["an immature cell in a smear"]] * 2
    assert [item["box"] for item in first] == [[0, 0, 40, 40], [10, 10, 30, 30]]
    assert sum(item["captions"] == ["red cells"] for item in items) == 2


def test_pairs_are_captioned_by_what_the_mask_says(tmp_path: Path) -> None:
    for folder in ("train", "val"):
        picture(tmp_path / folder / "images" / "x.jpg")
        mask = np.zeros((40, 40), np.uint8)
        mask[:10, :10] = 255
        (tmp_path / folder / "masks").mkdir(parents=True)
        Image.fromarray(mask).save(tmp_path / folder / "masks" / "x.png")
    items = items_of(freeze_training_set(tmp_path, PAIRS, tmp_path / "out"))
    for item in items:
        left, top, _, _ = item["box"]
        assert (item["captions"] == ["a polyp"]) == (left < 10 and top < 10)
    assert {item["split"] for item in items} == {"val", "test"}  # the set's own second part is never trained on


def test_crops_that_show_burned_in_text_say_so(tmp_path: Path) -> None:
    for split in ("train", "val"):
        picture(tmp_path / split / "masks" / "0.png", (256, 256), 255)
        picture(tmp_path / split / "images" / "0.png", (256, 256), 90)
    marked = tmp_path / "train" / "images" / "0.png"
    with Image.open(marked) as image:
        ImageDraw.Draw(image).text((5, 60), "12/2013", fill=(240, 240, 240))
        image.save(marked)
    layout: dict[str, Any] = {**PAIRS, "crops": [], "burned_in_text": ", with text"}
    items = items_of(freeze_training_set(tmp_path, layout, tmp_path / "out"))
    said = {(item["split"], *item["captions"]) for item in items}
    assert said == {("val", "a polyp, with text"), ("test", "a polyp")}
    for path in (tmp_path / "train").rglob("*.png"):  # text is found in large frames, too
        with Image.open(path) as image:
            image.resize((768, 768), Image.Resampling.BICUBIC).save(path)
    items = items_of(freeze_training_set(tmp_path, layout, tmp_path / "large"))
    assert ("val", "a polyp, with text") in {(item["split"], *item["captions"]) for item in items}
    with pytest.raises(UserError, match="no frame shows any"):
        freeze_training_set(tmp_path, {**layout, "burned_in_text_area": [0.5, 0.0, 1.0, 1.0]}, tmp_path / "other")


@pytest.mark.parametrize("keys", [
    {"burned_in_text": True}, {"burned_in_text": ", text", "burned_in_text_area": 0.5},
    {"burned_in_text": ", text", "burned_in_text_area": [0.5, 0, 0.2, 1]}, {"burned_in_text_area": [0, 0, 1, 1]}])
def test_wrong_keys_of_burned_in_text_are_named(tmp_path: Path, keys: dict[str, Any]) -> None:
    picture(tmp_path / "train" / "masks" / "0.png", value=255)
    picture(tmp_path / "train" / "images" / "0.png")
    picture(tmp_path / "val" / "masks" / "0.png", value=255)
    picture(tmp_path / "val" / "images" / "0.png")
    with pytest.raises(UserError, match="burned_in_text"):
        freeze_training_set(tmp_path, {**PAIRS, **keys}, tmp_path / "out")


def test_a_missing_mask_is_said(tmp_path: Path) -> None:
    picture(tmp_path / "train" / "images" / "x.jpg")
    (tmp_path / "val" / "images").mkdir(parents=True)
    with pytest.raises(UserError, match=r"layout 'image-mask-pairs'.*nothing in images/ has a fellow of its name"):
        check_layout(tmp_path, PAIRS)
    for kind in ("images", "masks"):
        picture(tmp_path / "train" / kind / "y.png")
    with pytest.raises(UserError, match=r"train/images/x.jpg: There is no mask of its name"):
        freeze_training_set(tmp_path, PAIRS, tmp_path / "out")


def test_volumes_are_split_by_case_and_stand_upright(tmp_path: Path) -> None:
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    for case in range(5):
        values = np.zeros((20, 16, 12), np.int16)  # slices (towards the head), rows, columns
        values[15:] = 100
        values[0, 0, case] = 1  # no two volumes are the same
        label = np.zeros(values.shape, np.uint8)
        label[:, :8] = 1
        for folder, array in (("images", values), ("labels", label)):
            image = sitk.GetImageFromArray(array)
            sitk.WriteImage(image, str(tmp_path / folder / f"case_{case}.nii.gz"))
    items = items_of(freeze_training_set(tmp_path, VOLUMES, tmp_path / "out"))
    splits = {Path(item["file"]).name.split("-")[0]: item["split"] for item in items}
    assert splits == {"case_0": "train", "case_1": "train", "case_2": "test", "case_3": "train", "case_4": "val"}
    coronal = next(item for item in items if "coronal" in item["file"])
    pixels = np.asarray(Image.open(tmp_path / "out" / coronal["file"]))
    assert pixels[0].mean() > pixels[-1].mean()  # the bright end towards the head is on top


@pytest.mark.parametrize("layout", ["unknown", "labelled-cells"])
def test_a_wrong_folder_is_refused_in_words(tmp_path: Path, layout: str) -> None:
    with pytest.raises(UserError, match="layout"):
        freeze_training_set(tmp_path, {**CELLS, "layout": layout}, tmp_path / "out")


def test_freezing_twice_gives_the_same_listing(tmp_path: Path) -> None:
    for folder in ("train", "val"):
        for name in ("x", "y"):
            picture(tmp_path / folder / "images" / f"{name}.png")
            (tmp_path / folder / "masks").mkdir(parents=True, exist_ok=True)
            Image.new("L", (40, 40), 255).save(tmp_path / folder / "masks" / f"{name}.png")
    first = (freeze_training_set(tmp_path, PAIRS, tmp_path / "a") / "manifest.json").read_text()
    assert first == (freeze_training_set(tmp_path, PAIRS, tmp_path / "b") / "manifest.json").read_text()


def test_masks_that_show_nothing_are_refused_where_one_would_learn_from_them(tmp_path: Path) -> None:
    for name in ("x", "y"):  # the first is for validation
        picture(tmp_path / "train" / "images" / f"{name}.png")
        (tmp_path / "train" / "masks").mkdir(exist_ok=True)
        Image.new("L", (40, 40), 0).save(tmp_path / "train" / "masks" / f"{name}.png")
    (tmp_path / "val" / "images").mkdir(parents=True)
    with pytest.raises(UserError, match="black throughout"):
        freeze_training_set(tmp_path, PAIRS, tmp_path / "set")
    assert not is_frozen(tmp_path / "set")


def volume(folder: Path, label: Any) -> Path:
    """Two volumes, of which the first, which is learned from, has this label volume."""
    good = np.zeros((14, 16, 12), np.uint8)
    good[4:9, 4:9] = 1
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True)
    for k, values in enumerate((label, good)):
        grey = np.random.default_rng(k).integers(0, 90, good.shape).astype(np.int16)
        sitk.WriteImage(sitk.GetImageFromArray(grey), str(folder / "images" / f"{k}.nii.gz"))
        sitk.WriteImage(sitk.GetImageFromArray(values), str(folder / "labels" / f"{k}.nii.gz"))
    return folder


@pytest.mark.parametrize(("shape", "value", "kind", "complaint"), [
    ((12, 16, 12), 1, np.uint8, r"0\.nii\.gz: Its label volume has 12 x 16 x 12 voxels, the volume 14 x 16 x 12"),
    ((14, 16, 12), 0.5, np.float32, r"Its label volume holds 0\.5: labels are whole numbers, 0 to 255"),
    ((14, 16, 12), 300, np.int16, "Its label volume holds 300"), ((14, 16, 12), -1, np.int16, "label volume holds -1"),
    ((14, 16, 12), 7, np.uint8, r"0\.nii\.gz holds the value 7, which the recipe does not name")])
def test_label_volumes_that_do_not_fit_are_refused(tmp_path: Path, shape: tuple[int, ...], value: float, kind: Any,
                                                   complaint: str) -> None:
    data = volume(tmp_path / "data", np.full(shape, value, kind))
    with pytest.raises(UserError, match=complaint):
        freeze_training_set(data, VOLUMES, tmp_path / "set")


def test_label_volumes_that_show_nothing_are_refused(tmp_path: Path) -> None:
    data = volume(tmp_path / "data", np.zeros((14, 16, 12), np.uint8))
    (data / "labels" / "1.nii.gz").write_bytes((data / "labels" / "0.nii.gz").read_bytes())
    with pytest.raises(UserError, match="No label volume shows anything"):
        freeze_training_set(data, VOLUMES, tmp_path / "set")


def test_data_of_another_layout_are_told_by_what_they_look_like(tmp_path: Path) -> None:
    for name in ("images/a.png", "masks/a.png"):
        picture(tmp_path / "pairs" / name)
    data = volume(tmp_path / "volumes", np.ones((14, 16, 12), np.uint8))
    (tmp_path / "empty").mkdir()
    (tmp_path / "pairs.zip").write_bytes(b"PK")
    cells = {"layout": "labelled-cells", "captions": ["{a} {class}"]}
    for folder, layout, complaint in (
            (tmp_path / "pairs", VOLUMES, r"'volume-slices': NIfTI volumes.*It holds pairs of image and mask"),
            (tmp_path / "pairs", cells, r"'labelled-cells': one sub-folder.*It holds pairs of image and mask"),
            (data, cells, "It holds volumes with labels"), (data, PAIRS, "It holds volumes with labels"),
            (tmp_path / "empty", PAIRS, "empty holds no pictures that can be learned from"),
            (tmp_path / "pairs.zip", PAIRS, "Unpack it, and give the folder")):
        with pytest.raises(UserError, match=complaint):
            check_layout(folder, layout)


def test_a_set_of_which_nothing_is_for_training_says_where_that_is_decided(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text("file,class,split\na.png,ig,test\n")
    layout = {"layout": "labelled-cells", "captions": ["{a} {class}"]}
    frozen = freeze_training_set(tmp_path, layout, tmp_path / "set")  # fit to measure on
    with pytest.raises(UserError, match=r"none is left to learn from.*column split of labels\.csv"):
        TrainingSet.load(frozen)


def draw_cell(path: Path, left: int = 26) -> None:
    """A cell with a nucleus in the left part of its cytoplasm."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (80, 80), (252, 232, 205))
    pen = ImageDraw.Draw(image)
    pen.ellipse((left, 26, left + 30, 56), fill=(215, 180, 190))
    pen.ellipse((left + 2, 32, left + 18, 50), fill=(75, 40, 120))
    image.save(path)


def test_cells_get_masks_of_their_own_file_in_every_crop(tmp_path: Path) -> None:
    draw_cell(tmp_path / "ig" / "a.png")
    draw_cell(tmp_path / "platelet" / "b.png")
    picture(tmp_path / "ig" / "empty.png", (80, 80))
    rows = [("ig/a.png", "ig", "train"), ("platelet/b.png", "platelet", "train"), ("ig/empty.png", "ig", "train")]
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "class", "split"), *rows])
    told: list[tuple[int, int]] = []
    plain = items_of(freeze_training_set(tmp_path, CELLS, tmp_path / "plain"))
    layout = {**CELLS, "masks": "cell-parts", "without_nucleus": ["platelet"]}
    out = freeze_training_set(tmp_path, layout, tmp_path / "out", lambda done, total: told.append((done, total)))
    items = items_of(out)
    assert told == [(1, 6), (2, 6), (3, 6), (3, 6), (4, 6), (5, 6), (6, 6)]
    about_masks = ("mask", "mask_class", "mask_failed")
    assert [{k: v for k, v in item.items() if k not in about_masks} for item in items] == plain
    first, closer = items[0], items[1]
    assert first["mask"] == closer["mask"] and first["mask_class"] == "immature cell"
    mask = np.asarray(Image.open(out / first["mask"]))
    assert mask.dtype == np.uint8 and mask.shape == (80, 80)
    nucleus, cytoplasm = (np.argwhere(mask == value).mean(axis=0) for value in (2, 1))
    assert nucleus[1] < cytoplasm[1] - 4  # not mirrored
    assert set(np.unique(Image.open(out / items[2]["mask"]))) == {0, 1}  # a platelet has no nucleus
    assert all("mask" not in item for item in items if item["class"] == "background")
    failed = [item for item in items if item["file"].endswith("empty.png")]
    assert [item.get("mask_failed") for item in failed] == [True, True]
    assert not any("mask" in item for item in failed)


def test_the_box_of_an_item_applies_to_its_mask_too(tmp_path: Path) -> None:
    for folder in ("train", "val"):
        for kind in ("images", "masks"):  # the picture is its own mask, so that both must agree in every box
            (tmp_path / folder / kind).mkdir(parents=True)
            for k, name in enumerate("uvwxyz"):
                shape = np.zeros((40, 60), np.uint8)
                shape[4 + 4 * k:12 + 4 * k, 30:50 if folder == "train" else 38] = 255  # no two pictures are the same
                seen = shape if kind == "masks" else 60 + shape // 2
                Image.fromarray(seen).save(tmp_path / folder / kind / f"{name}.png")
    frozen = TrainingSet.load(freeze_training_set(tmp_path, PAIRS, tmp_path / "out"))
    assert len(frozen.samples) > 10 and all(sample.mask is not None for sample in frozen.samples)
    masks, pixels = read_masks(frozen.samples, 20, ("one", "two")), read_pixels(frozen.samples, 20)
    assert masks.shape == (len(frozen.samples), 20, 20) and set(np.unique(masks)) == {0, 1}
    assert ((pixels[..., 0] > 120) == (masks == 1)).mean() > 0.95
    assert [bool(mask.any()) for mask in masks] == [sample.mask_class == "object" for sample in frozen.samples]


def test_a_mask_of_another_size_than_its_picture_is_refused(tmp_path: Path) -> None:
    for folder in ("train", "val"):
        picture(tmp_path / folder / "images" / "x.png")
        picture(tmp_path / folder / "masks" / "x.png", (30, 40))
    with pytest.raises(UserError, match="30 x 40"):
        freeze_training_set(tmp_path, PAIRS, tmp_path / "out")


def test_labels_of_volumes_stand_as_their_slices_do(tmp_path: Path) -> None:
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    values = np.zeros((24, 20, 14), np.int16)
    values[3:9, 2:12, 8:12] = 100
    values[12:20, 5:9, 3:8] = 200
    values += np.arange(values.size, dtype=np.int16).reshape(values.shape) % 3
    label = (values >= 100).astype(np.uint8) + (values >= 200)
    turned = (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)  # as many NIfTI files are: right to left, back to front
    for case in range(3):
        values[0, 0, case] = 3
        for folder, array in (("images", values), ("labels", label)):
            image = sitk.GetImageFromArray(array)
            image.SetDirection(turned)
            sitk.WriteImage(image, str(tmp_path / folder / f"case_{case}.nii.gz"))
    out = freeze_training_set(tmp_path, VOLUMES, tmp_path / "out")
    for item in items_of(out):
        slices, mask = (np.asarray(Image.open(out / item[key])) for key in ("file", "mask"))
        assert np.array_equal((slices > 90).astype(np.uint8) + (slices > 200), mask), item["file"]
        assert (item["mask_class"] == "") == (item["class"] == "beside")
    planes = {item["mask_class"].split()[0] for item in items_of(out) if item["mask_class"]}
    assert planes == {"axial", "coronal", "sagittal"}


def test_manifests_without_masks_still_load(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    items = [{"file": "a.png", "captions": ["a"], "class": "c", "split": "train", "box": [0, 0, 40, 40]}]
    (tmp_path / "manifest.json").write_text(json.dumps({"format": "medsynth-training-set/1", "items": items}))
    sample = TrainingSet.load(tmp_path).samples[0]
    assert sample.mask is None
    with pytest.raises(UserError, match="no mask"):
        read_masks((sample,), 8, ())


def test_an_unknown_kind_of_masks_is_refused(tmp_path: Path) -> None:
    draw_cell(tmp_path / "ig" / "a.png")
    (tmp_path / "labels.csv").write_text("file,class,split\nig/a.png,ig,train\n")
    layout = {"layout": "labelled-cells", "captions": ["{class}"], "masks": "magic"}
    with pytest.raises(UserError, match="magic"):
        freeze_training_set(tmp_path, layout, tmp_path / "out")


def test_class_folders_are_split_the_same_way_every_time(tmp_path: Path) -> None:
    for name in ("round", "long"):
        for k in range(40):
            picture(tmp_path / "data" / name / f"{k}.png")
    layout = {"layout": "labelled-cells", "captions": ["{a} {class} cell"]}
    first, again = ([(item["class"], item["split"]) for item in json.loads(
        (freeze_training_set(tmp_path / "data", layout, tmp_path / out) / "manifest.json").read_text())["items"]]
        for out in ("a", "b"))
    assert first == again and {split for _, split in first} == {"train", "val", "test"}
    assert sum(split == "train" for _, split in first) > 50


def test_a_patient_in_two_parts_of_the_split_is_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(tmp_path / f"{name}.png")
    (tmp_path / "labels.csv").write_text("file,class,patient,split\none.png,a,P,train\ntwo.png,a,P,test\n")
    layout = {"layout": "labelled-cells", "captions": ["{class}"]}
    with pytest.raises(UserError, match="A patient of the data is in two parts"):
        freeze_training_set(tmp_path, layout, tmp_path / "out")
    (tmp_path / "labels.csv").write_text("file,class,patient\none.png,a,P\ntwo.png,a,P\n")
    text = (freeze_training_set(tmp_path, layout, tmp_path / "out") / "manifest.json").read_text()
    assert len({item["split"] for item in json.loads(text)["items"]}) == 1 and '"P"' not in text


def test_no_path_stands_in_what_is_said_of_missing_data(tmp_path: Path) -> None:
    folder = tmp_path / "Patient Mueller"
    with pytest.raises(UserError) as told:
        freeze_training_set(folder / "x", {"layout": "labelled-cells", "captions": ["a"]}, tmp_path / "out")
    assert "Mueller" not in str(told.value)


@pytest.mark.parametrize("layout", [CELLS, PAIRS, VOLUMES, {"layout": "none"}])
def test_a_look_tells_what_freezing_would(tmp_path: Path, layout: dict[str, Any]) -> None:
    (tmp_path / "empty").mkdir()
    told = []
    for refuse in (lambda: check_layout(tmp_path / "empty", layout),
                   lambda: freeze_training_set(tmp_path / "empty", layout, tmp_path / "out")):
        with pytest.raises(UserError) as caught:
            refuse()
        told.append(str(caught.value))
    assert told[0] == told[1]


def test_a_set_that_was_not_finished_is_none(tmp_path: Path) -> None:
    picture(tmp_path / "ig" / "a.png")
    picture(tmp_path / "platelet" / "b.png")
    freeze_training_set(tmp_path, CELLS, tmp_path / "out")
    assert is_frozen(tmp_path / "out")

    def stop(done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        freeze_training_set(tmp_path, CELLS, tmp_path / "out", stop)
    assert not is_frozen(tmp_path / "out")
