from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.train import TrainRequest
from medsynth_app.datasets.freeze import freeze_training_set
from medsynth_app.engine.diffusion.pipelines import checked_manifest
from medsynth_app.engine.train.parts import PARTS
from medsynth_app.engine.train_job import Clock, overall, run_train
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
    layout = {"layout": "labelled-cells", "name": "n", "licence": "CC0", "citation": "c", "captions": ["a {class}"]}
    data = freeze_training_set(cells, layout, tmp_path / "frozen")
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(RECIPE)
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


def test_time_left() -> None:
    now = [0.0]
    clock = Clock(None, lambda: now[0])
    assert clock.seconds_left(0) is None
    now[0] = 5  # five seconds of reading; half was done by an earlier run
    assert clock.seconds_left(0.5) is None
    now[0] = 15
    assert clock.seconds_left(0.6) == pytest.approx(40)
    with clock.paused():
        now[0] = 1000
    assert clock.seconds_left(0.6) == pytest.approx(40)
    limited = Clock(20, lambda: now[0])
    now[0] += 12
    assert limited.seconds_left(0) == pytest.approx(8)


def test_stages_follow_one_another() -> None:
    stages = PARTS["base"].stages
    marks = [overall(stages, name, step, steps) for name, step, steps in (
        ("freeze", 0, 1), ("data", 0, 1), ("autoencoder", 1, 2), ("autoencoder", 2, 2), ("latents", 0, 2),
        ("denoiser", 1, 2), ("denoiser", 2, 2), ("pack", 1, 1))]
    assert marks == sorted(marks) and marks[0] == 0 and marks[-1] == pytest.approx(1)
