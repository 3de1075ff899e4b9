"""Fields of drawn discs with their boxes, and a tiny detector of them, for every test that finds cells with one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from medsynth_app.core.bounds import Bounds
from medsynth_app.datasets.freeze import freeze_training_set
from medsynth_app.engine.train.parts import train_part
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.engine.train.supervision import Run

RECIPE = """
[pack]
name = "tiny-detector"
version = "0.0.1"
domain = "discs"
title = "Discs"
modalities = ["OT"]
licence = "CC0"
[data]
layout = "smear-fields"
classes = { Red = "rbc", White = "wbc" }
[detector]
longer = 96
crop = 64
zoom = 1.2
widths = [8, 12, 16, 16, 16]
steps = STEPS
batch = 6
learning_rate = 5e-3
ema = 0.9
"""
COLOURS = {"Red": (190, 120, 120), "White": (90, 60, 150)}
RADII = {"Red": 9, "White": 14}
EDGE = 96


def drawn_field(seed: int, edge: int = EDGE, count: int = 5) -> tuple[np.ndarray, list[tuple[str, Bounds]]]:
    """Discs that do not touch, on a bright ground, and their boxes."""
    rng = np.random.default_rng(seed)
    pixels, (rows, columns) = np.empty((edge, edge, 3)), np.indices((edge, edge))
    pixels[...] = (225, 222, 216)
    found: list[tuple[str, Bounds]] = []
    for _try in range(20 * count):
        name = "Red" if rng.random() < 0.7 else "White"
        reach = RADII[name]
        y, x = (int(value) for value in rng.integers(reach, edge - reach, 2))
        box = Bounds(y - reach, x - reach, y + reach, x + reach)
        if len(found) < count and not any(box.padded(2).overlaps(other) for _name, other in found):
            pixels[np.hypot(rows - y + 0.5, columns - x + 0.5) <= reach] = COLOURS[name]
            found.append((name, box))
    return np.clip(pixels + rng.normal(0, 2, pixels.shape), 0, 255).astype(np.uint8), found


def annotation(boxes: list[tuple[str, Bounds]]) -> str:
    """As Pascal VOC."""
    items = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{box.left}</xmin><ymin>{box.top}</ymin><xmax>{box.right}</xmax>"
        f"<ymax>{box.bottom}</ymax></bndbox></object>" for name, box in boxes)
    return f"<annotation>{items}</annotation>"


def make_fields(folder: Path, count: int = 24) -> Path:
    """A data set of the layout ``smear-fields``."""
    for name in ("images", "annotations"):
        (folder / name).mkdir(parents=True)
    for k in range(count):
        pixels, boxes = drawn_field(k)
        Image.fromarray(pixels).save(folder / "images" / f"{k:02d}.png")
        (folder / "annotations" / f"{k:02d}.xml").write_text(annotation(boxes))
    return folder


def tiny_recipe(folder: Path, steps: int) -> Recipe:
    path = folder / f"tiny-detector-{steps}.toml"
    path.write_text(RECIPE.replace("STEPS", str(steps)))
    return Recipe.load(path)


def make_tiny_detector(folder: Path, steps: int = 100) -> Path:
    """The pack ``folder/tiny-detector``, trained on the data set ``folder/fields``."""
    recipe = tiny_recipe(folder, steps)
    frozen = freeze_training_set(make_fields(folder / "fields"), recipe.data, folder / "frozen")
    train_part("detector", Run(recipe, frozen, folder / "tiny-detector", folder / "checkpoints"))
    return folder / "tiny-detector"
