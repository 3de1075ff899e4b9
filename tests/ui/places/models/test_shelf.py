"""Models are added from a folder and deleted after a question."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack
from tests.ui.desk import TestDesk, a_desk

pytestmark = pytest.mark.gui


@pytest.fixture
def desk(qapp: object, tmp_path: Path) -> Iterator[TestDesk]:
    with a_desk(tmp_path / "desk", Workspace.temporary()) as found:
        found.window.navigator.go("models")
        yield found


def names(desk: TestDesk) -> set[str]:
    return {pack.manifest.name for pack in desk.session.models.installed}


def test_a_model_is_added_shown_and_deleted(desk: TestDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_pack(tmp_path / "stick", "skin", title="Skin lesions")
    monkeypatch.setattr(desk.window.dialogs, "open_folder", lambda title: tmp_path / "stick" / "skin")
    panel = desk.window.place("models").panel
    QTest.mouseClick(panel.add, Qt.MouseButton.LeftButton)
    desk.until(lambda: "skin" in names(desk))
    assert panel.chosen.manifest.name == "skin" and panel.chosen.folder.parent == desk.session.models.shelf
    assert panel.remove.isEnabled()
    QTest.mouseClick(panel.remove, Qt.MouseButton.LeftButton)
    banner = desk.window.banners.all()[-1]
    assert "Skin lesions" in banner.text and "skin" in names(desk)
    QTest.mouseClick(banner.buttons[0], Qt.MouseButton.LeftButton)
    assert "skin" not in names(desk) and not list(desk.session.models.shelf.glob(".*"))


def test_a_folder_without_a_model_is_told(desk: TestDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(desk.window.dialogs, "open_folder", lambda title: tmp_path / "empty")
    desk.window.commands["models.add"].trigger()
    desk.until(lambda: any("holds no model pack" in banner.text for banner in desk.window.banners.all()))
