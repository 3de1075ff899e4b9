"""Freezing data folders as training sets."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from medsynth_app.core.errors import UserError
from medsynth_app.formats.training_set import freeze_training_set

CELLS = {"layout": "labelled-cells", "name": "n", "licence": "CC0", "citation": "c",
         "class_names": {"ig": "immature cell"}, "captions": ["{a} {class} in a smear"],
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
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value, value)).save(path)


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


def test_a_missing_mask_is_said(tmp_path: Path) -> None:
    picture(tmp_path / "train" / "images" / "x.jpg")
    (tmp_path / "val" / "images").mkdir(parents=True)
    with pytest.raises(UserError, match="layout"):
        freeze_training_set(tmp_path, PAIRS, tmp_path / "out")


def test_volumes_are_split_by_case_and_stand_upright(tmp_path: Path) -> None:
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    for case in range(5):
        values = np.zeros((20, 16, 12), np.int16)  # slices (towards the head), rows, columns
        values[15:] = 100
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
            Image.new("L", (40, 40), 0).save(tmp_path / folder / "masks" / f"{name}.png")
    first = (freeze_training_set(tmp_path, PAIRS, tmp_path / "a") / "manifest.json").read_text()
    assert first == (freeze_training_set(tmp_path, PAIRS, tmp_path / "b") / "manifest.json").read_text()
