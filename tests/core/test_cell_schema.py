"""Sets of classes: what they may be, and what a prompt asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from medsynth_app.core.cell_schema import CellClass, CellSchema
from medsynth_app.core.errors import UserError
from medsynth_app.formats.cell_schemas import read_schema, shipped_schemas, write_schema

TWO = [{"id": "a-cell", "name": "a cell"}, {"id": "b-cell", "name": "b cell", "parent": "a-cell"}]


def schema(*classes: dict[str, Any]) -> CellSchema:
    return CellSchema.from_plain({"id": "own", "name": "Own", "classes": list(classes or TWO)})


def test_keys_that_are_left_out_are_given_in_order_and_pass_over_those_that_are_taken() -> None:
    made = schema({"id": "x"}, {"id": "y", "key": "1"}, {"id": "z"})
    assert [each.key for each in made.classes] == ["2", "1", "3"]
    assert made.by_key("1") == CellClass("y", "y", "1") and made.by_key("9") is None


@pytest.mark.parametrize("classes", [
    [{"id": "x"}], [{"id": "x"}, {"id": "x"}], [{"id": "x"}, {"id": "not-sure"}], [{"id": "x"}, {"id": "Y y"}],
    [{"id": "x", "key": "1"}, {"id": "y", "key": "1"}], [{"id": "x"}, {"id": "y", "key": "g"}],
    [{"id": "x"}, {"id": "y", "parent": "z"}], [{"id": "x", "parent": "y"}, {"id": "y", "parent": "x"}],
    [{"id": "x"}, {"id": "y", "colour": "red"}], [{"id": "x"}, {"name": "y"}], ["x", "y"],
    [{"id": "x", "name": "same"}, {"id": "y", "name": "Same"}]])
def test_a_set_of_classes_that_cannot_be_is_refused_in_words(classes: list[Any]) -> None:
    with pytest.raises(UserError) as refused:
        schema(*classes)
    assert refused.value.happened and refused.value.remedy


@pytest.mark.parametrize(("prompt", "asked"), [
    ("microscopy of a band neutrophil", "band-neutrophil"), ("a neutrophil", "neutrophil"),
    ("two Platelets", "platelet"),
    ("an immature granulocyte", "ig"), ("a giraffe", ""), ("neutrophilia", "")])
def test_the_class_that_a_prompt_asks_for(prompt: str, asked: str) -> None:
    blood = next(each for each in shipped_schemas() if each.id == "blood")
    assert blood.named_in(prompt) == asked


def test_a_schema_is_written_and_read_again(tmp_path: Path) -> None:
    made = schema({"id": "x", "name": 'with "quotes" and \\', "code": "123"}, {"id": "y", "name": "Größe\n2"})
    write_schema(tmp_path / "own.toml", made)
    assert read_schema(tmp_path / "own.toml").classes[0] == made.classes[0]
    for shipped in shipped_schemas():
        write_schema(tmp_path / f"{shipped.id}.toml", shipped)
        assert read_schema(tmp_path / f"{shipped.id}.toml") == shipped


def test_a_file_that_is_no_schema_is_refused(tmp_path: Path) -> None:
    for text, complaint in (
            ("name = \n", "is no TOML: .*line 1"), ("", "lacks 'classes'"), ("classes = 3\nname = 'x'", "no set"),
            ("classes = []", "lacks 'name'"), ("classes = ['a', 'b']\nname = 'x'", "no tables"), ("\0", "is no TOML"),
            ("name = 'x'\n[[classes]]\nname = 'y'", "A class of the set has no id")):
        (tmp_path / "bad.toml").write_text(text)
        with pytest.raises(UserError, match=complaint):
            read_schema(tmp_path / "bad.toml")
    with pytest.raises(UserError):
        read_schema(tmp_path / "none.toml")
