"""Training: what can be seen at once is said before the run, and an earlier run is never overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from medsynth_app.actions.train import begun_part, branch_run, train, train_request
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.train import TrainRequest
from medsynth_app.datasets.freeze import freeze_training_set
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.jobs.store import MemoryJobStore
from tests.actions.bench import make_pack, two_cells

RECIPE = """
[data]
layout = "labelled-cells"
captions = ["{a} {class}"]
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return two_cells(tmp_path / "data")


def begun(recipe: Path, data: Path, out: Path) -> TrainRequest:
    """A run that was queued and has kept a checkpoint."""
    request = train_request(recipe, data, out)
    queue = JobQueue(MemoryJobStore(), lambda record, event: None)
    train(queue, request)
    queue.close()
    Path(request.checkpoints).mkdir()
    (Path(request.checkpoints) / "autoencoder.pt").write_bytes(b"learned")
    return request


def test_the_job_waits_in_the_background_and_freezes_the_data_itself(tmp_path: Path, recipe: Path, data: Path) -> None:
    store = MemoryJobStore()
    queue = JobQueue(store, lambda record, event: None)
    (job,) = train(queue, train_request(recipe, data, tmp_path / "pack", max_minutes=3)).jobs
    (record,) = queue.records()
    assert (record.lane, record.title) == (Lane.BACKGROUND, "Train: recipe")
    plain, _ = store.load(job)
    assert (plain["data"], plain["frozen"]) == (str(data), str(tmp_path / "pack.training" / "set"))
    assert plain["max_minutes"] == 3
    assert not Path(plain["frozen"]).exists() and begun_part(tmp_path / "pack") == "base"
    assert not (tmp_path / "pack").exists()  # nothing but the pack itself shall ever stand there
    queue.close()


def test_an_earlier_run_is_resumed_on_its_own_data_or_refused(tmp_path: Path, recipe: Path, data: Path) -> None:
    first = begun(recipe, data, tmp_path / "pack")
    with pytest.raises(UserError, match="begun before"):
        train_request(recipe, data, tmp_path / "pack")
    again = train_request(recipe, None, tmp_path / "pack", resume=True)
    assert (again.data, again.frozen, again.checkpoints) == (first.data, first.frozen, first.checkpoints)
    with pytest.raises(UserError, match="trains the part 'base', not 'encoder'"):
        train_request(recipe, None, tmp_path / "pack", part="encoder", resume=True)


def test_a_run_that_has_made_its_pack_can_go_further_and_no_other(tmp_path: Path, recipe: Path, data: Path) -> None:
    first = begun(recipe, data, tmp_path / "pack")
    make_pack(tmp_path, "pack")
    with pytest.raises(UserError, match="holds a pack already") as refused:
        train_request(recipe, data, tmp_path / "pack")
    assert "more steps" in refused.value.remedy
    assert train_request(recipe, None, tmp_path / "pack", resume=True).out == first.out
    make_pack(tmp_path, "other")
    with pytest.raises(UserError, match="holds a pack already"):
        train_request(recipe, data, tmp_path / "other", resume=True)


def test_what_was_learned_from_is_enough_where_the_data_have_gone(tmp_path: Path, recipe: Path, data: Path) -> None:
    first = begun(recipe, data, tmp_path / "pack")
    freeze_training_set(data, {"layout": "labelled-cells", "captions": ["{class}"]}, Path(first.frozen))
    (data / "labels.csv").unlink()
    assert train_request(recipe, None, tmp_path / "pack", resume=True).frozen == first.frozen


def test_a_run_goes_on_as_another_from_a_copy_of_what_it_learned(tmp_path: Path, recipe: Path, data: Path) -> None:
    first = begun(recipe, data, tmp_path / "pack")
    branch_run(tmp_path / "pack", tmp_path / "branch", recipe)
    other = train_request(recipe, None, tmp_path / "branch", resume=True)
    assert (other.data, Path(other.checkpoints).parent.name) == (first.data, "branch.training")
    kept = Path(other.checkpoints) / "autoencoder.pt"
    assert kept.read_bytes() == b"learned"
    kept.write_bytes(b"more")
    assert (Path(first.checkpoints) / "autoencoder.pt").read_bytes() == b"learned"
    for source, out, complaint in (("none", "new", "no training run for none"), ("pack", "branch", "already")):
        with pytest.raises(UserError, match=complaint):
            branch_run(tmp_path / source, tmp_path / out, recipe)
    (tmp_path / "torn.toml").write_text("[pack")
    with pytest.raises(UserError, match="torn"):
        branch_run(tmp_path / "pack", tmp_path / "new", tmp_path / "torn.toml")
    assert not (tmp_path / "new.training").exists()


def test_a_run_that_was_not_queued_was_not_begun(tmp_path: Path, recipe: Path, data: Path) -> None:
    first = train_request(recipe, data, tmp_path / "pack")
    assert begun_part(tmp_path / "pack") == ""
    assert train_request(recipe, data, tmp_path / "pack").data == first.data


def test_a_pack_inside_a_pack_is_refused(tmp_path: Path, recipe: Path, data: Path) -> None:
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "pack.json").write_text("{}")
    with pytest.raises(UserError, match="inside a pack"):
        train_request(recipe, data, tmp_path / "done" / "sub")


def test_a_frozen_set_is_taken_as_it_is(tmp_path: Path, recipe: Path, data: Path) -> None:
    layout = {"layout": "labelled-cells", "captions": ["{class}"]}
    frozen = freeze_training_set(data, layout, tmp_path / "frozen")
    assert Path(train_request(recipe, frozen, tmp_path / "other").data) == frozen


def test_a_set_that_was_frozen_from_other_data_is_refused(tmp_path: Path, recipe: Path, data: Path) -> None:
    frozen = freeze_training_set(data, {"layout": "labelled-cells", "captions": ["{class}"]}, tmp_path / "frozen")
    recipe.write_text(RECIPE + 'set = "pbc-cells"\n')
    with pytest.raises(UserError, match="data set 'pbc-cells', and frozen was frozen from 'data without a name"):
        train_request(recipe, frozen, tmp_path / "other")
    with pytest.raises(UserError, match="PBC dataset"):
        train_request(recipe, data, tmp_path / "other")


def test_a_place_that_cannot_be_written_is_said_before_the_run(tmp_path: Path, recipe: Path, data: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="The folder pack cannot be written") as told:
        train_request(recipe, data, tmp_path / "file" / "pack")
    assert str(tmp_path) not in str(told.value)


def test_what_cannot_be_trained_is_said_in_words(tmp_path: Path, recipe: Path, data: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        train_request(tmp_path / "none.toml", data, tmp_path / "pack")
    (tmp_path / "empty.toml").write_text("")
    with pytest.raises(UserError, match=r"no \[data\] section"):
        train_request(tmp_path / "empty.toml", data, tmp_path / "pack")
    with pytest.raises(UserError, match="no frozen training set"):
        train_request(recipe, None, tmp_path / "pack", resume=True)
    with pytest.raises(UserError, match="There is no folder or file nowhere"):
        train_request(recipe, tmp_path / "nowhere", tmp_path / "pack")
    (tmp_path / "torn.toml").write_text("[data]\nlayout = \nx = 1\n")
    with pytest.raises(UserError, match=r"torn\.toml is no TOML: .*line 2"):
        train_request(tmp_path / "torn.toml", data, tmp_path / "pack")
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "pack.json").write_text("{}")
    with pytest.raises(UserError, match="holds a pack already"):
        train_request(recipe, data, tmp_path / "done")
