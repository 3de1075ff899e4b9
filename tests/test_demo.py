"""The guided demo: the whole tour on the real window with a tiny pack, and how it is started."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medsynth_app import demo
from medsynth_app.actions.info import info
from medsynth_app.app import build_window
from medsynth_app.core.errors import UserError
from medsynth_app.settings.settings import SettingsStore
from medsynth_app.tour import walk
from medsynth_app.workspace.workspace import Workspace


@pytest.mark.gui
@pytest.mark.timeout(400)
def test_the_tour_from_start_to_end(qapp: Any, tmp_path: Path) -> None:
    from tests.engine.tiny import make_tiny_pack  # brings torch, which the tests of the window do without

    make_tiny_pack(tmp_path / "packs" / "tiny", native_size=32, with_control=True, with_masks=True)
    out = tmp_path / "out"
    out.mkdir()
    settings = SettingsStore(tmp_path / "settings")
    settings.change(first_run_done=True)
    desk = build_window(Workspace.open(tmp_path / "work"), settings, pack_folders=[tmp_path / "packs"])
    try:
        walk(desk, out)
    finally:
        desk.close()
    summary = json.loads((out / "summary.json").read_text())
    assert len(summary["scenes"]) == 2  # a DICOM slice, and a picture that the pack drew itself
    assert summary["steps"][-1] == "The tour is over."
    assert any("pairs of mask and picture" in step for step in summary["steps"])
    assert [scene["pack"] for scene in summary["scenes"]] == ["classical fill", "tiny"]
    for scene in summary["scenes"]:
        first = scene["seconds_to_first_preview"]
        if scene["pack"] == "classical fill":  # of a CT slice, which no pack knows: there is nothing to preview
            assert first is None and scene["mode"] == "remove"
        else:
            assert scene["seconds_to_candidates"] >= first > 0
        for name in scene["files"]:
            if "-mask" not in name:
                assert info(out / name)["synthetic"], name
                assert (out / f"{name}.provenance.json").exists()
    assert np.asarray(Image.open(out / summary["scenes"][0]["files"][1])).any()
    for name in summary["screenshots"]:
        picture = np.asarray(Image.open(out / name).convert("RGB"))
        assert picture.shape == (900, 1440, 3) and picture.std() > 10, name
        assert f"]({name})" in (out / "index.md").read_text()


def _tour(monkeypatch: pytest.MonkeyPatch, status: int, summary: str = "") -> list[Any]:
    calls: list[Any] = []

    def run(line: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        calls.append((line, options["env"]))
        if summary:
            (Path(line[3]) / demo.SUMMARY).write_text(summary)
        return subprocess.CompletedProcess(line, status)

    monkeypatch.setattr(demo, "has_display", lambda: True)
    monkeypatch.setattr(demo.subprocess, "run", run)
    return calls


def test_the_tour_has_settings_of_its_own_and_stays_offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls = _tour(monkeypatch, 0, '{"steps": ["one"]}')
    monkeypatch.setenv("MEDSYNTH_CONFIG", "mine")
    assert demo.run_demo(tmp_path / "out", workspace=tmp_path / "work") == {"steps": ["one"]}
    line, environment = calls[0]
    assert line[1:3] == ["-m", "medsynth_app.tour"] and line[4] == str((tmp_path / "work").resolve())
    assert environment["MEDSYNTH_CONFIG"] != "mine" and environment["HF_HUB_OFFLINE"] == "1"


def test_a_tour_that_fails_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _tour(monkeypatch, 2)
    with pytest.raises(UserError, match="lines above"):
        demo.run_demo(tmp_path)
    _tour(monkeypatch, 1)
    with pytest.raises(RuntimeError, match="status 1"):
        demo.run_demo(tmp_path)


def test_the_files_of_an_older_demo_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / demo.SUMMARY).write_text("{}")
    calls = _tour(monkeypatch, 0, '{"steps": ["one"]}')
    with pytest.raises(UserError, match="holds files already"):
        demo.run_demo(tmp_path)
    assert not calls and (tmp_path / demo.SUMMARY).read_text() == "{}"


def test_a_tour_without_a_summary_is_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _tour(monkeypatch, 0)
    with pytest.raises(RuntimeError):
        demo.run_demo(tmp_path)
