"""A look at a base model while it trains."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medsynth_app.core.errors import Cancelled
from medsynth_app.engine.train.base import train_base
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.engine.train.supervision import Run, Supervisor
from tests.engine.train.test_base import frozen, recipe  # noqa: F401


def test_it_shows_pictures_and_the_nearest_learned_ones_and_both_losses(
        recipe: Recipe, frozen: Path, tmp_path: Path) -> None:  # noqa: F811
    measured: list[Any] = []
    shown: list[Any] = []
    said: list[str] = []
    supervisor = Supervisor(measured=lambda *point: measured.append(point), show=lambda *pair: shown.append(pair),
                            report=lambda stage, step, steps, words: said.append(f"{stage}: {words}"))
    train_base(Run(replace(recipe, curves_every=2), frozen, tmp_path / "out", tmp_path / "kept", supervisor))
    drawn, nearest = shown[-1]
    assert len(shown) == 2 and drawn.shape == nearest.shape == (6, 32, 32, 3) and drawn.dtype == np.uint8
    figures = [figures for stage, _step, _steps, figures in measured if stage == "denoiser"][-1]
    assert figures.keys() == {"loss", "loss on learned pictures", "loss on held-out pictures", "pictures compared"}
    assert all(0 < value < 10 for value in figures.values())
    own = "(measured in the latents of this model's own autoencoder, by no other encoder)"
    too_few = "distance to held-out pictures not measured: only 1 to compare, and 8 are needed"
    assert {words.partition(":")[0] for words in said if words.endswith(f"{own}; {too_few}")} == {"denoiser"}
    assert "not measured: only 1 to compare" in (tmp_path / "out" / "README.md").read_text()


def test_it_tells_the_distance_beside_one_floor_before_and_after_a_stop(
        recipe: Recipe, frozen: Path, tmp_path: Path) -> None:  # noqa: F811
    manifest = json.loads((frozen / "manifest.json").read_text())
    for k in range(10, 18):
        shutil.copy(frozen / "6.png", frozen / f"{k}.png")
        manifest["items"] += [{"file": f"{k}.png", "captions": ["a square"], "split": "val"},
                              {"file": f"{k % 6}.png", "captions": ["a square"], "split": "train"}]
    (frozen / "manifest.json").write_text(json.dumps(manifest))
    measured: list[dict[str, float]] = []
    looked: list[int] = []
    out, kept = tmp_path / "out", tmp_path / "kept"

    def supervisor(stop_after: int) -> Supervisor:
        return Supervisor(measured=lambda stage, step, steps, figures: measured.append(dict(figures)),
                          show=lambda *pair: looked.append(1), cancelled=lambda: len(looked) == stop_after)

    with pytest.raises(Cancelled):
        train_base(Run(replace(recipe, curves_every=2), frozen, out, kept, supervisor(1)))
    train_base(Run(replace(recipe, curves_every=2), frozen, out, kept, supervisor(0)))
    told = [figures for figures in measured if "distance to held-out pictures" in figures]
    floors = [{name: value for name, value in figures.items() if name.startswith("distance of real")
               or name == "distance through the autoencoder"} for figures in told]
    assert len(told) == 2 and floors[0] == floors[1] and len(floors[0]) == 4
    assert all(figures["pictures compared"] == 9 and figures["distance to held-out pictures"] > 0 for figures in told)
    fact = json.loads((out / "pack.json").read_text())["training"]["base"]["distance_to_held_out_pictures"]
    assert fact.startswith(f"{told[-1]['distance to held-out pictures']:.3f}; two real sets of that size: ")
    assert "n = 9" in fact and fact in (out / "README.md").read_text()
