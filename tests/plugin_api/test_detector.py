"""Detectors that plug-ins offer, found by the entry points of an installed package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from medsynth_app.core.errors import UserError
from medsynth_app.plugin_api.detector import detector_names, made_detector
from tests.plugin_api.installed import install


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    yield install(tmp_path, monkeypatch)


def test_a_detector_is_found_and_made(plugin: str) -> None:
    assert plugin in detector_names()
    said: list[tuple[int, int]] = []
    cell, = made_detector(plugin).find(np.zeros((40, 60, 3), np.uint8), lambda done, total: said.append((done, total)))
    assert cell.kind == "yeast" and said == [(1, 1)]


def test_what_is_not_there_or_cannot_be_loaded_is_told(plugin: str) -> None:
    with pytest.raises(UserError, match="No plug-in offers"):
        made_detector("nobody's")
    with pytest.raises(UserError, match="cannot be loaded"):
        made_detector("broken")
