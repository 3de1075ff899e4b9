"""``export``: what a workspace holds, as series that others read."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from medsynth_app.actions.open_image import open_image
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.database import FILE
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack, png
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


def test_another_picture_at_its_place_is_not_exported_in_its_stead(work: Path, tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "more")
    with Workspace.open(work) as workspace:
        queue = JobQueue(workspace.jobs, lambda record, event: None)
        document = open_image(workspace, png(tmp_path / "smear.png"))
        fill(workspace, queue, pack, document, 0)
        document.close()
        queue.close()
    png(tmp_path / "smear.png", seed=1)
    result = run("export", work, "--out", tmp_path / "out", "--json")
    data = json.loads(result.stdout)
    assert result.exit_code == 2 and [item["slices"] for item in data["series"]] == [5]
    assert "Another image" in data["left_out"][0]["happened"] and "left out" in result.stderr


def test_a_larger_series_beside_one_without_a_key_is_not_exported_in_its_stead(work: Path, tmp_path: Path) -> None:
    save_series(tmp_path / "a" / "other", [(0, 0, 2.0 * k) for k in range(7)], series="1.2.77", PatientID="C")
    with closing(sqlite3.connect(work / FILE)) as database, database:  # as earlier versions left it
        database.execute("UPDATE series SET key = NULL")
    result = run("export", work, "--out", tmp_path / "out", "--json")
    assert result.exit_code == 2 and "Another image" in result.stderr, result.stderr
    assert not (tmp_path / "out").exists()


def test_what_was_left_out_of_a_folder_is_told(work: Path, tmp_path: Path) -> None:
    save_series(tmp_path / "a" / "other", [(0, 0, 2.0 * k) for k in range(3)], series="1.2.77", PatientID="C")
    damaged = tmp_path / "a" / "02.dcm"
    damaged.write_bytes(damaged.read_bytes()[:-2000])
    result = run("export", work, "--out", tmp_path / "out", "--image", tmp_path / "a", "--json")
    data = json.loads(result.stdout)
    (item,) = data["series"]
    assert item["slices"] == 4 and item["notices"] and len(data["notices"]) == len(item["notices"])
    told = " ".join(data["notices"])
    assert "1 file was left out" in told and "series" in told and item["pseudonym"] in told
    assert told[:40] in result.stderr
    assert json.loads(Path(item["record"]).read_text())["notices"] == item["notices"]


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
