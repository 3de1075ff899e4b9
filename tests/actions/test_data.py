"""My data: what can be seen at once is said at once; the rest is a job."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medsynth_app.actions.data import freeze_request, inspect_request, look_at_data, preview_request, read_report
from medsynth_app.actions.train import begun_part, train_request
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import Lane
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.jobs.store import MemoryJobStore
from tests.actions.bench import two_cells


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return two_cells(tmp_path / "data")


def test_a_look_is_a_job_of_the_background(tmp_path: Path, data: Path) -> None:
    request = inspect_request(data, tmp_path / "report.json", tmp_path / "sheet.png")
    queue = JobQueue(MemoryJobStore(), lambda record, event: None)
    assert len(look_at_data(queue, request).jobs) == 1
    (record,) = queue.records()
    assert (record.lane, record.title, record.kind) == (Lane.BACKGROUND, "Look at data", "data")
    queue.close()


def test_what_cannot_be_looked_at_or_frozen_is_said_before_the_job(tmp_path: Path, data: Path) -> None:
    with pytest.raises(UserError, match="no layout 'cells'"):
        inspect_request(data, tmp_path / "r.json", layout="cells")
    with pytest.raises(UserError, match="no folder or file"):
        inspect_request(tmp_path / "none", tmp_path / "r.json")
    recipe = tmp_path / "r.toml"
    recipe.write_text('[data]\nlayout = "labelled-cells"\nset = "pbc-cells"\ncaptions = ["{class}"]\n')
    with pytest.raises(UserError, match="PBC dataset"):
        freeze_request(data, tmp_path / "out", recipe=recipe)
    (tmp_path / "volumes" / "images").mkdir(parents=True)
    (tmp_path / "volumes" / "labels").mkdir()
    (tmp_path / "volumes" / "images" / "a.nii.gz").write_bytes(b"")
    with pytest.raises(UserError, match="by a recipe"):
        freeze_request(tmp_path / "volumes", tmp_path / "out")


def test_nothing_is_written_among_the_data(tmp_path: Path, data: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text('[data]\nlayout = "labelled-cells"\ncaptions = ["{class}"]\n')
    for ask in (lambda: inspect_request(data, data / "look" / "report.json"),
                lambda: freeze_request(data, data / "set"), lambda: train_request(recipe, data, data / "pack")):
        with pytest.raises(UserError, match="lies among the data"):
            ask()
    assert sorted(path.name for path in data.iterdir()) == ["labels.csv", "one.png", "two.png"]


def test_pictures_without_classes_are_frozen_without_a_recipe_too(tmp_path: Path, data: Path) -> None:
    (data / "labels.csv").unlink()
    asked = freeze_request(data, tmp_path / "out")
    assert json.loads(asked.recipe) == {"layout": "pictures", "captions": ["a picture"]}
    with pytest.raises(UserError, match="no layout 'cells'"):
        freeze_request(data, tmp_path / "out", layout="cells")


def test_freezing_without_a_recipe_takes_whole_pictures_by_class(tmp_path: Path, data: Path) -> None:
    request = freeze_request(data, tmp_path / "out", include_synthetic=True)
    assert json.loads(request.recipe) == {
        "layout": "labelled-cells", "captions": ["{class}"], "include_synthetic": True}
    assert Path(request.frozen) == tmp_path / "out" and not (tmp_path / "out").exists()


def test_a_preview_freezes_what_the_run_would_and_begins_nothing(tmp_path: Path, data: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text('[data]\nlayout = "labelled-cells"\ncaptions = ["{class}"]\n')
    run = train_request(recipe, data, tmp_path / "pack")
    preview = preview_request(run)
    assert (preview.data, preview.frozen) == (run.data, run.frozen)
    assert json.loads(preview.recipe)["captions"] == ["{class}"]
    assert Path(preview.report).parent == tmp_path / "pack.training" and begun_part(tmp_path / "pack") == ""
    assert train_request(recipe, data, tmp_path / "pack").data == run.data


def test_a_report_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="report of the data"):
        read_report(tmp_path / "none.json")
