"""``export``: what a workspace holds, as series that others read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from medsynth_app.actions.open_image import open_image
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack
from tests.actions.test_export import fill
from tests.actions.test_export_series import stacked
from tests.cli.test_cli import run
from tests.formats.making import save_series


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A workspace with a series that was changed in one slice, and one that was looked at."""
    folder, pack = tmp_path / "work", make_pack(tmp_path / "packs")
    with Workspace.open(folder) as workspace:
        queue = JobQueue(workspace.jobs, lambda record, event: None)
        changed = open_image(workspace, save_series(tmp_path / "a", [(0, 0, 2.0 * k) for k in range(5)]))
        fill(workspace, queue, pack, changed, 3)
        changed.close()
        seen = save_series(tmp_path / "b", [(0, 0, 2.0 * k) for k in range(3)], series="1.2.9", PatientID="B")
        open_image(workspace, seen).close()
        queue.close()
    return folder


def test_series_with_accepted_results_are_written_whole(work: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("export", work, "--out", out, "--json")
    assert result.exit_code == 0, result.stderr
    (item,) = json.loads(result.stdout)["series"]
    assert (item["slices"], item["changed"]) == (5, 1) and Path(item["path"]).parent == out
    assert [pydicom.dcmread(path).SyntheticData for path in sorted(Path(item["path"]).iterdir())] == [
        "NO", "NO", "NO", "YES", "NO"]
    values, before = (sitk.GetArrayFromImage(stacked(folder)) for folder in (Path(item["path"]), tmp_path / "a"))
    assert np.array_equal(np.flatnonzero((values != before).any(axis=(1, 2))), [3])
    assert json.loads(Path(item["record"]).read_text())["synthetic"]


def test_untouched_series_are_written_on_demand_while_a_window_is_open(work: Path, tmp_path: Path) -> None:
    with Workspace.open(work) as window:
        result = run("export", work, "--out", tmp_path / "out", "--all", "--format", "dicom")
        assert not window.read_only
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("slices, ") == 2 and "0 with generated pixels" in result.stdout
    again = run("export", work, "--out", tmp_path / "out")
    assert again.exit_code == 2 and "holds files already" in again.stderr
    one = run("export", work, "--out", tmp_path / "one", "--image", tmp_path / "b", "--json")
    assert [item["slices"] for item in json.loads(one.stdout)["series"]] == [3]
    volume = run("export", work, "--out", tmp_path / "volume", "--format", "nifti", "--json")
    (item,) = json.loads(volume.stdout)["series"]
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(item["path"])).shape, (5, 40, 56))
    with Workspace.open(work, writable=False) as workspace:
        assert len(workspace.documents.recent()) == 2  # it was read, not added to


def test_a_series_whose_files_are_gone_leaves_the_others_alone(work: Path, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "b")
    result = run("export", work, "--out", tmp_path / "out", "--all", "--json")
    data = json.loads(result.stdout)
    assert result.exit_code == 2 and [item["slices"] for item in data["series"]] == [5]
    assert "no longer where they were" in data["left_out"][0]["happened"] and "left out" in result.stderr
    shutil.rmtree(tmp_path / "a")
    assert run("export", work, "--out", tmp_path / "none").exit_code == 2
    assert not (tmp_path / "none").exists()


def test_what_cannot_be_exported_says_why(work: Path, tmp_path: Path) -> None:
    for arguments, words in (((work, "--format", "mpeg"), "unknown"), ((tmp_path / "nowhere",), "workspace"),
                             ((work, "--image", tmp_path / "nothing"), "no such file")):
        result = run("export", *arguments, "--out", tmp_path / "out")
        assert result.exit_code == 2 and words in result.stderr, result.stderr
        assert not (tmp_path / "out").exists()
    with Workspace.open(tmp_path / "empty"):
        pass
    result = run("export", tmp_path / "empty", "--out", tmp_path / "out")
    assert result.exit_code == 2 and "--all" in result.stderr
