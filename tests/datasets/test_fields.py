"""Fields with the boxes of their cells: read, split, refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.datasets.dataset import TrainingSet
from medsynth_app.datasets.fields import read_boxes
from medsynth_app.datasets.freeze import freeze_training_set
from medsynth_app.datasets.report import inspected
from tests.engine.tiny_detector import annotation, make_fields

LAYOUT = {"layout": "smear-fields", "classes": {"Red": "rbc", "White": "wbc"}}


def test_a_frozen_set_holds_the_boxes_and_its_split(tmp_path: Path) -> None:
    fields = make_fields(tmp_path / "fields")
    frozen = TrainingSet.load(freeze_training_set(fields, LAYOUT, tmp_path / "frozen"))
    assert (len(frozen.samples), len(frozen.validation)) == (15, 3)
    assert {sample.file.name for sample in frozen.validation} == {"00.png", "08.png", "16.png"}
    one = frozen.samples[0]
    assert {name for name, *_box in one.objects} <= {"rbc", "wbc"}
    known = read_boxes(fields / "annotations" / f"{one.file.stem}.xml")
    assert [box for _name, *box in one.objects] == [box for _name, *box in known]
    report, _listing = inspected(fields, "smear-fields")
    assert report["parts"] == {"train": 15, "val": 3, "test": 6} and report["form"] == "fields with boxes"


@pytest.mark.parametrize("text", ["", "<annotation>", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
                                  "<a><object><name>Red</name><bndbox><xmin>x</xmin></bndbox></object></a>",
                                  "<a><object><name>Red</name></object></a>"])
def test_what_is_no_annotation_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.xml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"a\.xml cannot be read"):
        read_boxes(path)


def test_a_box_without_area_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(annotation([("Red", Bounds(1, 2, 1, 9)), ("Red", Bounds(1, 2, 8, 9))]))
    assert read_boxes(path) == (("Red", 2, 1, 9, 8),)


def test_fields_that_cannot_be_learned_from_are_named(tmp_path: Path) -> None:
    fields = make_fields(tmp_path / "fields", 10)
    (fields / "annotations" / "03.xml").unlink()
    (fields / "annotations" / "04.xml").write_text(annotation([("Red", Bounds(90, 2, 120, 9))]))
    with pytest.raises(UserError, match=r"2 files of the data.*03\.png: It has no annotation.*04\.png: A box"):
        freeze_training_set(fields, LAYOUT, tmp_path / "frozen")
    with pytest.raises(UserError, match="does not have the layout"):
        freeze_training_set(tmp_path, LAYOUT, tmp_path / "frozen")


def test_fields_without_any_box_teach_nothing(tmp_path: Path) -> None:
    fields = make_fields(tmp_path / "fields", 10)
    for path in (fields / "annotations").iterdir():
        path.write_text(annotation([]))
    with pytest.raises(UserError, match="No field of the training part has a box"):
        freeze_training_set(fields, LAYOUT, tmp_path / "frozen")


def test_a_name_that_the_recipe_does_not_know_is_told(tmp_path: Path) -> None:
    fields = make_fields(tmp_path / "fields", 10)
    with pytest.raises(UserError, match="'White', which the recipe does not know"):
        freeze_training_set(fields, {**LAYOUT, "classes": {"Red": "rbc"}}, tmp_path / "frozen")
    for wrong in ({}, {"Red": ""}, ["Red"]):
        with pytest.raises(UserError, match="classes"):
            freeze_training_set(fields, {**LAYOUT, "classes": wrong}, tmp_path / "frozen")
