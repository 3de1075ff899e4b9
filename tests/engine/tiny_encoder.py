"""Blobs of two classes and a tiny encoder of them, for every test that embeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from medsynth_app.datasets.freeze import freeze_training_set
from medsynth_app.engine.train.encoder import train_encoder
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.engine.train.supervision import Run

RECIPE = """
[pack]
name = "tiny-encoder"
version = "0.0.1"
domain = "blobs"
title = "Blobs"
modalities = ["OT"]
licence = "CC0"
[data]
layout = "labelled-cells"
captions = ["{a} {class}"]
crops = [0.8]
[encoder]
size = 32
widths = [16, 32]
depths = [1, 1]
steps = STEPS
batch = 16
learning_rate = 3e-3
ema = 0.9
"""


def make_blobs(folder: Path, train: int = 24, val: int = 16) -> Path:
    """A data set of red discs and blue rings on noise; per class `train` and `val` pictures, and one for testing."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows, y, x = ["file,class,split"], *np.mgrid[:40, :40]
    for name in ("disc", "ring"):
        for k in range(train + val + 1):
            pixels = rng.integers(90, 160, (40, 40, 3))
            far = np.hypot(y - 20 + rng.normal(), x - 20 + rng.normal())
            pixels[(far < 12) & ((name == "disc") | (far > 6))] += (80, 0, 0) if name == "disc" else (0, 0, 80)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{name}{k}.png")
            part = "train" if k < train else "val" if k < train + val else "test"
            rows.append(f"{name}{k}.png,{name},{part}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder


def tiny_recipe(folder: Path, steps: int) -> Recipe:
    path = folder / f"tiny-encoder-{steps}.toml"
    path.write_text(RECIPE.replace("STEPS", str(steps)))
    return Recipe.load(path)


def make_tiny_encoder(folder: Path, steps: int = 2) -> Path:
    """The pack ``folder/tiny-encoder``, trained for a few steps on the data set ``folder/blobs``."""
    blobs = make_blobs(folder / "blobs")
    recipe = tiny_recipe(folder, steps)
    frozen = freeze_training_set(blobs, recipe.data, folder / "frozen")
    train_encoder(Run(recipe, frozen, folder / "tiny-encoder", folder / "checkpoints"))
    return folder / "tiny-encoder"
