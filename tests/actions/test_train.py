"""Training: what can be seen at once is said before the run, and an earlier run is never overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from medsynth_app.actions.train import begun_part, branch, branch_recipe, read_layout, train, train_request
from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.files import alone
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


def test_a_run_that_has_learned_takes_no_other_data(tmp_path: Path, recipe: Path, data: Path) -> None:
    begun(recipe, data, tmp_path / "pack")
    other = two_cells(tmp_path / "other")
    with pytest.raises(UserError, match="has learned from data, and goes on with what was frozen of it"):
        train_request(recipe, other, tmp_path / "pack", resume=True)
    assert train_request(recipe, data, tmp_path / "pack", resume=True).data == str(data)


def test_a_run_does_not_go_on_with_captions_that_its_recipe_no_longer_names(
        tmp_path: Path, recipe: Path, data: Path) -> None:
    first = begun(recipe, data, tmp_path / "pack")
    freeze_training_set(data, read_layout(recipe), Path(first.frozen))
    recipe.write_text(f"{RECIPE}crops = [0.5]\n".replace("{a} {class}", "a cell: {class}"))
    with pytest.raises(UserError, match="has changed since the data of this run were frozen: captions, crops"):
        train_request(recipe, None, tmp_path / "pack", resume=True)
    with pytest.raises(UserError, match="captions, crops"):
        branch(tmp_path / "pack", tmp_path / "new", recipe, part="base")
    assert not (tmp_path / "new.training").exists()
    recipe.write_text(f"# again\n{RECIPE}[denoiser]\nsteps = 9\n")
    assert train_request(recipe, None, tmp_path / "pack", resume=True).frozen == first.frozen


def test_what_was_learned_from_is_enough_where_the_data_have_gone(tmp_path: Path, recipe: Path, data: Path) -> None:
    first = begun(recipe, data, tmp_path / "pack")
    freeze_training_set(data, {"layout": "labelled-cells", "captions": ["{a} {class}"]}, Path(first.frozen))
    (data / "labels.csv").unlink()
    assert train_request(recipe, None, tmp_path / "pack", resume=True).frozen == first.frozen


def test_a_run_goes_on_as_another_from_a_copy_of_what_it_learned(tmp_path: Path, recipe: Path, data: Path) -> None:
    first = begun(recipe, data, tmp_path / "pack")
    told: list[tuple[int, int]] = []
    freeze_training_set(data, {"layout": "labelled-cells", "captions": ["{a} {class}"]}, Path(first.frozen))
    other = branch(tmp_path / "pack", tmp_path / "branch", recipe, part="base", max_minutes=3,
                   progress=lambda at, of: told.append((at, of)))
    assert (other.data, Path(other.checkpoints).parent.name) == (first.data, "branch.training")
    assert other.max_minutes == 3 and told[-1][0] == told[-1][1] > 0
    kept = Path(other.checkpoints) / "autoencoder.pt"
    assert kept.read_bytes() == b"learned"
    kept.write_bytes(b"more")
    assert (Path(first.checkpoints) / "autoencoder.pt").read_bytes() == b"learned"


def test_what_speaks_against_a_branch_is_told_and_nothing_is_copied(
        tmp_path: Path, recipe: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = begun(recipe, data, tmp_path / "pack")
    (tmp_path / "torn.toml").write_text("[pack")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    for source, out, used, part, complaint in (
            ("none", "new", recipe, "base", "no training run for none"), ("pack", "pack", recipe, "base", "already"),
            ("pack", "new", tmp_path / "torn.toml", "base", "torn"), ("pack", "full", recipe, "base", "holds files"),
            ("pack", "new", recipe, "encoder", "trains the part 'base', not 'encoder'")):
        with pytest.raises(UserError, match=complaint):
            branch(tmp_path / source, tmp_path / out, used, part=part)
    with alone(Path(first.checkpoints).parent), pytest.raises(UserError, match="is being trained") as refused:
        branch(tmp_path / "pack", tmp_path / "new", recipe, part="base")
    assert "Stop it first" in refused.value.remedy
    with pytest.raises(Cancelled):
        branch(tmp_path / "pack", tmp_path / "new", recipe, part="base", cancelled=lambda: True)
    def stop(*_: object, **_named: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        branch(tmp_path / "pack", tmp_path / "new", recipe, part="base", progress=stop)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("medsynth_app.actions.train.train_request", stop)  # when all is copied
        branch(tmp_path / "pack", tmp_path / "new", recipe, part="base")
    (tmp_path / "pack.training" / "run.json").write_text('{"part": "base", "data": "/gone"}')  # its set was not frozen
    with pytest.raises(UserError, match="gone"):
        branch(tmp_path / "pack", tmp_path / "new", recipe, part="base")
    assert {path.name for path in tmp_path.iterdir()} == {"pack.training", "recipe.toml", "torn.toml", "full", "data"}


def test_the_recipe_of_a_branch_has_its_own_name_and_all_else_as_it_was_written(tmp_path: Path) -> None:
    text = '# mine\n[pack]  # about\nname = "old"\ntitle = "Cells"\n[data]\nname = "stays"\n'
    path = branch_recipe(text, "new", tmp_path / "recipes")
    assert path.read_text() == text.replace('"old"', '"new"').replace('"Cells"', '"Cells (new)"')
    inline, long = 'pack = { name = "old" }\n[data]\n', '[pack]\nname = "old"\ntitle = """\nCells"""\n[data]\n'
    for name, wrong, complaint in (("new", text, "a recipe new.toml already"), ("other", "[data]", r"no \[pack\]"),
                                   ("other", "[pack]", r"no \[data\]"), ("other", "[", "no TOML"),
                                   ("other", inline, "cannot be given the name"),
                                   ("other", long, "cannot be given the name")):
        with pytest.raises(UserError, match=complaint):
            branch_recipe(wrong, name, tmp_path / "recipes")
    assert [each.name for each in (tmp_path / "recipes").iterdir()] == ["new.toml"]


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
    layout = {"layout": "labelled-cells", "captions": ["{a} {class}"]}
    frozen = freeze_training_set(data, layout, tmp_path / "frozen")
    assert Path(train_request(recipe, frozen, tmp_path / "other").data) == frozen


def test_a_set_that_was_frozen_from_other_data_is_refused(tmp_path: Path, recipe: Path, data: Path) -> None:
    frozen = freeze_training_set(data, {"layout": "labelled-cells", "captions": ["{a} {class}"]}, tmp_path / "frozen")
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


def test_the_recipe_of_another_part_is_refused_before_the_run(tmp_path: Path, data: Path) -> None:
    fields = '[data]\nlayout = "smear-fields"\nclasses = { WBC = "wbc" }\n'
    for text, part, complaint in (
            (f"{RECIPE}[denoiser]\n[masks]\n", "encoder", "tells how to train base and masks, and nothing of the part"),
            (f"{RECIPE}[encoder]\n", "base", "tells how to train encoder"),
            (RECIPE, "detector", "cannot learn from data of the layout 'labelled-cells'"),
            (fields, "base", "cannot learn from data of the layout 'smear-fields'")):
        (tmp_path / "r.toml").write_text(text)
        with pytest.raises(UserError, match=complaint):
            train_request(tmp_path / "r.toml", data, tmp_path / "new", part=part)
    (tmp_path / "r.toml").write_text(f"{RECIPE}[denoiser]\n")  # how masks are learned has defaults
    assert train_request(tmp_path / "r.toml", data, tmp_path / "new", part="masks").part == "masks"


def test_a_recipe_that_cannot_be_read_says_why(tmp_path: Path, data: Path) -> None:
    (tmp_path / "wide.toml").write_text(RECIPE, encoding="utf-16")
    for name, why in (("gone.toml", "No such file"), ("data", "directory"), ("wide.toml", "no text in UTF-8")):
        with pytest.raises(UserError, match=rf"The recipe {name} cannot be read: .*{why}"):
            train_request(tmp_path / name, data, tmp_path / "new")


def test_what_cannot_be_trained_is_said_in_words(tmp_path: Path, recipe: Path, data: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        train_request(tmp_path / "none.toml", data, tmp_path / "pack")
    (tmp_path / "empty.toml").write_text("")
    with pytest.raises(UserError, match=r"no \[data\] section"):
        train_request(tmp_path / "empty.toml", data, tmp_path / "pack")
    with pytest.raises(UserError, match="no frozen training set"):
        train_request(recipe, None, tmp_path / "pack")
    for given in (None, data):
        with pytest.raises(UserError, match="none to resume"):
            train_request(recipe, given, tmp_path / "pack", resume=True)
    with pytest.raises(UserError, match="There is no folder or file nowhere"):
        train_request(recipe, tmp_path / "nowhere", tmp_path / "pack")
    (tmp_path / "torn.toml").write_text("[data]\nlayout = \nx = 1\n")
    with pytest.raises(UserError, match=r"torn\.toml is no TOML: .*line 2"):
        train_request(tmp_path / "torn.toml", data, tmp_path / "pack")
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "pack.json").write_text("{}")
    with pytest.raises(UserError, match="holds a pack already"):
        train_request(recipe, data, tmp_path / "done")
