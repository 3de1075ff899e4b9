"""A look at a base model while it trains."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

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
    assert figures.keys() == {"loss", "loss on learned pictures", "loss on held-out pictures"}
    assert all(0 < value < 10 for value in figures.values())
    own = "(measured in the latents of this model's own autoencoder, by no other encoder)"
    assert {words.partition(":")[0] for words in said if words.endswith(own)} == {"denoiser"}
