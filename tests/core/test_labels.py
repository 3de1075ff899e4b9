"""Whether a painted class is what a model means."""

from __future__ import annotations

import pytest

from medsynth_app.core.labels import SCHEMAS, LabelSchema, names, schema_for, schema_of


@pytest.mark.parametrize(("schema", "value", "label", "same"), [
    ("parts of blood cells", 1, "Cytoplasm", True), ("blood cells", 1, "cytoplasm", False),
    ("blood cells", 3, "red blood cell", True), ("blood cells", 3, "white blood cell", False),
    ("hippocampus MRI", 1, "anterior hippocampus", True), ("hippocampus MRI", 1, "posterior hippocampus", False),
    ("region", 1, "polyp", False), ("region", 9, "region", False)])
def test_classes_are_compared_by_what_they_mean(schema: str, value: int, label: str, same: bool) -> None:
    assert SCHEMAS[schema].means(value, label) is same


@pytest.mark.parametrize(("schema", "labels", "values"), [
    ("blood cells", ("cytoplasm", "nucleus"), {1: 2, 2: 1, 3: 0}), ("region", ("nodule",), {1: 1, 2: 0}),
    ("region", ("nodule", "vessel"), {1: 0}), ("colonoscopy", ("polyp",), {1: 1, 2: 0, 9: 0}),
    ("blood cells", ("white blood cell",), {1: 0}), ("hippocampus MRI", ("posterior hippocampus", "anterior"),
                                                     {1: 2, 2: 1})])
def test_a_class_is_found_among_the_labels_of_a_model(schema: str, labels: tuple[str, ...], values: dict[int, int]
                                                      ) -> None:
    assert {value: SCHEMAS[schema].value_in(value, labels) for value in values} == values


def test_the_name_that_is_the_same_is_meant_first() -> None:
    assert LabelSchema.from_names("lung", ("nodule",)).value_in(1, ("lung nodule", "nodule")) == 2


def test_a_model_brings_its_own_classes_where_the_built_in_ones_lack_them() -> None:
    lung = schema_of("lung CT", ("nodule",))
    assert lung == LabelSchema.from_names("lung CT", ("nodule",))
    assert schema_of("colonoscopy", ("polyp",)) is SCHEMAS["colonoscopy"]
    assert [item.name for item in schema_of("colonoscopy", ("polyp", "water")).classes] == ["polyp", "water"]
    assert schema_of("lung CT") is SCHEMAS["region"] is schema_for("lung CT", ("nodule",), lambda: True)
    assert schema_for("blood cells", ("nucleus",), lambda: True) is SCHEMAS["blood cells"]
    for schema in (lung, SCHEMAS["colonoscopy"], schema_of("colonoscopy", ("water",))):
        assert LabelSchema.from_plain(schema.to_plain()) == schema
    assert LabelSchema.from_plain(None) is LabelSchema.from_plain("lung CT") is None


@pytest.mark.parametrize(("prompt", "label", "asked"), [
    ("a colonoscopy image of a polyp", "polyp", True), ("two Polyps on a fold", "polyp", True),
    ("polypoid mucosa", "polyp", False), ("mucosa without a polyp", "polyp", False), ("no polyps", "polyp", False),
    ("free of any polyp", "polyp", False), ("no polyp on the fold, a polyp below", "polyp", True),
    ("not far from a polyp", "polyp", True), ("a lesion (flat)", "lesion (flat)", True), ("a polyp", "", False)])
def test_a_prompt_asks_for_a_label_by_its_name(prompt: str, label: str, asked: bool) -> None:
    assert names(prompt, label) is asked
