"""Whether a painted class is what a model means."""

from __future__ import annotations

import pytest

from medsynth_app.core.labels import SCHEMAS


@pytest.mark.parametrize(("schema", "value", "label", "same"), [
    ("parts of blood cells", 1, "Cytoplasm", True), ("blood cells", 1, "cytoplasm", False),
    ("blood cells", 3, "red blood cell", True), ("blood cells", 3, "white blood cell", False),
    ("hippocampus MRI", 1, "anterior hippocampus", True), ("hippocampus MRI", 1, "posterior hippocampus", False),
    ("region", 1, "polyp", False), ("region", 9, "region", False)])
def test_classes_are_compared_by_what_they_mean(schema: str, value: int, label: str, same: bool) -> None:
    assert SCHEMAS[schema].means(value, label) is same
