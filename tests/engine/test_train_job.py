from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.files import alone
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.train import TrainRequest
from medsynth_app.datasets.dataset import is_frozen
from medsynth_app.datasets.freeze import freeze_training_set
from medsynth_app.engine.diffusion.pipelines import checked_manifest
from medsynth_app.engine.job import Job
from medsynth_app.engine.train.parts import PARTS
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.engine.train_job import overall, run, run_train
from tests.engine.train.test_base import RECIPE


@pytest.fixture
def request_(tmp_path: Path) -> TrainRequest:
    rng = np.random.default_rng(0)
    cells = tmp_path / "cells"
    cells.mkdir()
    rows = ["file,class,split"]
    for k in range(6):
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)).save(cells / f"{k}.png")
        rows.append(f"{k}.png,square,train")
    (cells / "labels.csv").write_text("\n".join(rows))
    layout = {"layout": "labelled-cells", "captions": ["a {class}"]}
    data = freeze_training_set(cells, layout, tmp_path / "frozen")
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(RECIPE.replace('"labelled-cells"', '"labelled-cells"\ncaptions = ["a {class}"]'))
    return TrainRequest(str(recipe), str(data), str(tmp_path / "out"))


def test_a_trained_pack_can_be_used(request_: TrainRequest) -> None:
    events: list[JobEvent] = []
    waits: list[int] = []
    run_train(request_, events.append, lambda: False, lambda: waits.append(1), "job")
    assert events[-1].kind is EventKind.RESULT
    manifest = checked_manifest(Path(request_.out))  # no checkpoint among its files
    assert events[-1].data == {"pack": request_.out, "sha256": manifest.sha256, "name": "tiny"}
    steps = [event.step for event in events]
    assert steps == sorted(steps) and steps[-1] == 1000
    assert len(waits) >= 7  # at every step of both stages


@pytest.fixture
def raw(request_: TrainRequest, tmp_path: Path) -> TrainRequest:
    """Of the data folder itself, which nobody has frozen."""
    return replace(request_, data=str(tmp_path / "cells"), frozen=str(tmp_path / "own" / "set"))


def test_points_say_by_what_held_out_pictures_are_measured(
        raw: TrainRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, load = tmp_path / "cells" / "labels.csv", Recipe.load
    table.write_text(table.read_text().replace("5.png,square,train", "5.png,square,val").replace(
        "4.png,square,train", "4.png,square,test"))
    monkeypatch.setattr(Recipe, "load", lambda path: replace(load(path), curves_every=2))  # so few are the steps
    events: list[JobEvent] = []
    run_train(raw, events.append, lambda: False, lambda: None, "job")
    own = "measured in the latents of this model's own autoencoder, by no other encoder"
    told = {("loss on held-out pictures" in event.data, event.data.get("measured", "") == own, own in event.message)
            for event in events if "loss" in event.data}
    assert told == {(True, True, True), (False, False, False)}


def test_the_data_are_frozen_first_and_told_of(raw: TrainRequest) -> None:
    events: list[JobEvent] = []
    run_train(raw, events.append, lambda: False, lambda: None, "job")
    assert events[-1].kind is EventKind.RESULT
    freezing = [event for event in events if event.message.startswith("freeze")]
    assert freezing[-1].message.startswith("freeze 12 of 12") and 0 < freezing[-1].step <= 50
    items = json.loads((Path(raw.frozen) / "manifest.json").read_text())["items"]
    assert [(item["captions"], item["split"]) for item in items] == [(["a square"], "train")] * 6


def test_a_cancel_while_freezing_keeps_nothing_and_the_next_run_freezes_anew(raw: TrainRequest) -> None:
    asked = iter(range(1000))
    with pytest.raises(Cancelled):
        run_train(raw, lambda event: None, lambda: next(asked) >= 2, lambda: None, "job")
    assert not is_frozen(Path(raw.frozen)) and not Path(raw.out).exists()
    run_train(raw, lambda event: None, lambda: False, lambda: None, "job")
    assert is_frozen(Path(raw.frozen)) and (Path(raw.out) / "pack.json").exists()


def test_a_run_that_has_learned_goes_on_with_its_own_set(raw: TrainRequest, tmp_path: Path) -> None:
    asked = iter(range(1000))
    with pytest.raises(Cancelled):
        run_train(raw, lambda event: None, lambda: next(asked) >= 15, lambda: None, "job")
    frozen = (Path(raw.frozen) / "manifest.json").read_text()
    (tmp_path / "cells" / "labels.csv").write_text("file,class,split\n0.png,changed,train\n")
    recipe = Path(raw.recipe).read_text()
    Path(raw.recipe).write_text(recipe.replace("captions = [", 'captions = ["another", '))
    with pytest.raises(UserError, match="has changed since the data of this run were frozen: captions"):
        run_train(raw, lambda event: None, lambda: False, lambda: None, "job")
    Path(raw.recipe).write_text(recipe)
    run_train(raw, lambda event: None, lambda: False, lambda: None, "job")
    assert (Path(raw.frozen) / "manifest.json").read_text() == frozen
    other = replace(raw, out=str(tmp_path / "other"))  # nothing was learned for that one: the data that are given count
    run_train(other, lambda event: None, lambda: False, lambda: None, "job")
    assert "changed" in (Path(raw.frozen) / "manifest.json").read_text()


def test_data_that_cannot_be_frozen_are_told_in_words(raw: TrainRequest, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for data, complaint in ((str(tmp_path / "empty"), "does not have the layout"), ("", "no frozen training set")):
        with pytest.raises(UserError, match=complaint):
            run_train(replace(raw, data=data), lambda event: None, lambda: False, lambda: None, "job")


def test_cancel_leaves_a_checkpoint(request_: TrainRequest) -> None:
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 2

    with pytest.raises(Cancelled):
        run_train(request_, lambda event: None, cancelled, lambda: None, "job")
    assert (Path(request_.out).with_name("out.checkpoints") / "autoencoder.pt").exists()


def test_a_recipe_that_is_none(request_: TrainRequest, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        run_train(TrainRequest(str(tmp_path / "no.toml"), request_.data, request_.out), lambda event: None,
                  lambda: False, lambda: None, "job")


def test_stages_follow_one_another() -> None:
    stages = PARTS["base"].stages
    marks = [overall(stages, name, step, steps) for name, step, steps in (
        ("freeze", 0, 1), ("data", 0, 1), ("autoencoder", 1, 2), ("autoencoder", 2, 2), ("latents", 0, 2),
        ("denoiser", 1, 2), ("denoiser", 2, 2), ("pack", 1, 1))]
    assert marks == sorted(marks) and marks[0] == 0 and marks[-1] == pytest.approx(1)


def test_half_a_frozen_set_is_not_left_behind(raw: TrainRequest, tmp_path: Path) -> None:
    request = replace(raw, checkpoints=str(Path(raw.frozen).parent / "checkpoints"))
    (Path(raw.frozen) / "slices").mkdir(parents=True)
    (Path(raw.frozen) / "slices" / "half.png").write_bytes(b"")
    (tmp_path / "cells" / "5.png").write_bytes(b"torn")
    with pytest.raises(UserError, match=r"5\.png"):
        run(request, Job("job", lambda event: None))
    assert not Path(raw.frozen).parent.exists()


def test_a_run_that_fails_before_it_has_learned_anything_is_in_nobodys_way(raw: TrainRequest, tmp_path: Path) -> None:
    (tmp_path / "torn.toml").write_text("[pack")
    work = tmp_path / "new.training"
    work.mkdir()
    asked = replace(raw, recipe=str(tmp_path / "torn.toml"), checkpoints=str(work / "checkpoints"))
    for learned in (True, False):
        (work / "run.json").write_text("{}")
        if learned:
            (work / "checkpoints" / "tokenizer").mkdir(parents=True)
        with pytest.raises(UserError, match="cannot be read"):
            run(asked, Job("job", lambda event: None))
        assert (work / "run.json").exists() is learned and work.exists() is learned  # an empty folder goes too
        shutil.rmtree(work / "checkpoints", ignore_errors=True)


def test_a_run_that_is_refused_takes_nothing_from_the_one_that_goes_on(raw: TrainRequest, tmp_path: Path) -> None:
    work = tmp_path / "new.training"
    (work / "checkpoints").mkdir(parents=True)
    (work / "run.json").write_text("{}")
    asked = replace(raw, checkpoints=str(work / "checkpoints"))
    with alone(work), pytest.raises(UserError, match="Another run writes"):
        run(asked, Job("job", lambda event: None))
    assert (work / "run.json").exists() and (work / "checkpoints").is_dir()
