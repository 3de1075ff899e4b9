"""The section [data] of a recipe: what it may hold, and what is said of the rest."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from medsynth_app.core.errors import UserError
from medsynth_app.datasets.schema import OF_LAYOUT, check_section

RECIPES = Path(__file__).resolve().parents[2] / "resources" / "recipes"
CELLS: dict[str, Any] = {"layout": "labelled-cells", "captions": ["{a} {class}"]}
PAIRS: dict[str, Any] = {"layout": "image-mask-pairs", "captions": ["a polyp"], "background_captions": ["mucosa"]}
VOLUMES: dict[str, Any] = {"layout": "volume-slices", "captions": ["{plane} {content}"], "labels": {"1": "a"},
                           "both": "all", "background_content": "beside"}


@pytest.mark.parametrize("section", [CELLS, PAIRS, VOLUMES, {"layout": "pictures", "captions": ["a field"]}])
def test_what_is_enough_passes(section: dict[str, Any]) -> None:
    check_section(section)
    for name in [name for name, key in OF_LAYOUT[section["layout"]].items() if not key.default and name != "layout"]:
        with pytest.raises(UserError, match=f"lacks the key '{name}'"):
            check_section({key: value for key, value in section.items() if key != name})


@pytest.mark.parametrize(("section", "complaint"), [
    ({**CELLS, "captions": ["a {klass}"]}, r"unknown placeholder \{klass\}"),
    ({**CELLS, "captions": ["a {class"]}, "a brace without its fellow"),
    ({**PAIRS, "captions": ["a {class}"]}, r"unknown placeholder \{class\}"),
    ({**PAIRS, "background_captions": ["no {class}"]}, "background caption of the recipe has a placeholder"),
    ({"layout": "pictures", "captions": ["a {class}"]}, r"unknown placeholder \{class\}"),
    ({**CELLS, "captions": []}, "captions is of the wrong kind"), ({**CELLS, "captions": "a"}, "wrong kind"),
    ({**CELLS, "crops": [1.5]}, "crops is of the wrong kind"), ({**CELLS, "crop": [1.0]}, "unknown key 'crop'"),
    ({**CELLS, "class_names": {"a": 1}}, "class_names is of the wrong kind"),
    ({**CELLS, "include_synthetic": 1}, "include_synthetic is of the wrong kind"),
    ({**CELLS, "background_class": "x"}, "names a background_class, and not what it shows"),
    ({**PAIRS, "background_crops": -1}, "background_crops is of the wrong kind"),
    ({**VOLUMES, "labels": {"one": "a"}}, "labels is of the wrong kind"),
    ({**VOLUMES, "every": 0}, "every is of the wrong kind"), ({"layout": "cells"}, "unknown data layout 'cells'"),
    ({"layout": ["pictures"]}, r"unknown data layout \['pictures'\]"), ({}, "lacks the key 'layout'"),
    ({**PAIRS, "burned_in_text": 7}, "burned_in_text is of the wrong kind: 7"),
    *(({**PAIRS, "burned_in_text": ", text", "burned_in_text_area": area}, "burned_in_text_area is of the wrong kind")
      for area in ("left", [0, 0, 1], [0.5, 0, 0.1, 1], [0, 0, 1.4, 1], [0, 0, float("nan"), 1])),
    ({**PAIRS, "burned_in_text_area": [0, 0, 1, 1]}, "stands without burned_in_text"),
    ({**CELLS, "masks": "parts"}, "masks is of the wrong kind: 'parts'"),
    ({**CELLS, "without_nucleus": "platelet"}, "without_nucleus is of the wrong kind")])
def test_what_cannot_be_is_told_in_words(section: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as told:
        check_section(section)
    assert told.value.remedy.endswith(".")


def test_the_recipes_of_the_program_pass() -> None:
    recipes = sorted(RECIPES.glob("*.toml"))
    assert len(recipes) >= 4
    for path in recipes:
        check_section(tomllib.loads(path.read_text())["data"])
