"""The distance of what a model draws from held-out pictures, and its floor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from medsynth_app.core.jobs.train import AUTOENCODER, COMPARED, DISTANCE, FLOOR, HIGHEST, LOWEST
from medsynth_app.datasets.dataset import Sample, TrainingSet, read_pixels
from medsynth_app.engine.train.autoencoder import new_autoencoder
from medsynth_app.engine.train.held_out import HeldOut
from medsynth_app.engine.train.recipe import Recipe
from tests.engine.train.test_base import recipe  # noqa: F401

CPU = torch.device("cpu")
SHADES = {"dark": 60, "light": 190}
Draws = Callable[[Sequence[str]], npt.NDArray[np.uint8]]


def picture(label: str, seed: int) -> npt.NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    return np.clip(SHADES[label] + rng.normal(0, 8) + rng.normal(0, 12, (32, 32, 3)), 0, 255).astype(np.uint8)


def samples(folder: Path, begin: int, labels: Sequence[str], crops: int = 1) -> tuple[Sample, ...]:
    found = []
    for k, label in enumerate(labels, begin):
        Image.fromarray(picture(label, k)).save(folder / f"{k}-{label}.png")
        found += [Sample(folder / f"{k}-{label}.png", (f"a {label} field", label), label=label)] * crops
    return tuple(found)


def held_out(vae: Any, folder: Path, train: Sequence[str], validation: Sequence[str], crops: int = 1) -> HeldOut:
    learned, kept = samples(folder, 0, train, crops), samples(folder, 1000, validation, crops)
    return HeldOut(vae, TrainingSet(learned, kept, {}), read_pixels(learned, 32), CPU)


def drawing(draws: Draws, asked: list[str] | None = None) -> Any:
    """What stands for a pipeline."""
    def pipeline(prompts: list[str], *, generator: list[torch.Generator], **_: Any) -> Any:
        if asked is not None:
            asked.extend(f"{prompt} {each.initial_seed()}" for prompt, each in zip(prompts, generator, strict=True))
        return SimpleNamespace(images=draws([f"{prompt} {each.initial_seed()}" for prompt, each
                                             in zip(prompts, generator, strict=True)]) / 255)

    return pipeline


def rightly(prompts: Sequence[str]) -> npt.NDArray[np.uint8]:
    """Pictures of the class that the prompt names, none of them real."""
    return np.stack([picture("dark" if "dark" in prompt else "light", 5000 + int(prompt.split()[-1]))
                     for prompt in prompts])


MIXED = ["dark", "light", "light"] * 10


@pytest.fixture
def vae(recipe: Recipe) -> Any:  # noqa: F811
    torch.manual_seed(0)
    return new_autoencoder(recipe).eval()


def test_what_is_drawn_rightly_is_at_the_floor_and_what_is_not_lies_above(vae: Any, tmp_path: Path) -> None:
    real = held_out(vae, tmp_path, MIXED * 4, MIXED)
    good = real.measured(drawing(rightly))
    assert good[COMPARED] == 24 and good[LOWEST] <= good[FLOOR] <= good[HIGHEST]
    assert good[DISTANCE] < 1.5 * good[HIGHEST]
    assert good[AUTOENCODER] > 2 * good[HIGHEST]  # it has learned nothing
    one = real.measured(drawing(lambda prompts: np.stack([picture("dark", k) for k, _ in enumerate(prompts)])))
    grey = real.measured(drawing(lambda prompts: np.full((len(prompts), 32, 32, 3), 127, np.uint8)))
    assert one[DISTANCE] > 3 * good[DISTANCE] and grey[DISTANCE] > 3 * good[DISTANCE]
    assert {**one, DISTANCE: 0} == {**grey, DISTANCE: 0} == {**good, DISTANCE: 0}  # once for all looks


def test_it_draws_from_the_captions_of_the_held_out_pictures_with_fixed_seeds(vae: Any, tmp_path: Path) -> None:
    asked: list[str] = []
    held_out(vae, tmp_path, MIXED, ["dark"] * 3 + ["light"] * 9).measured(drawing(rightly, asked))
    assert [int(each.split()[-1]) for each in asked] == list(range(12))
    assert sum("dark" in each for each in asked) == 3 and sum("field" in each for each in asked) == 6


def test_the_floor_has_the_classes_of_the_held_out_pictures(vae: Any, tmp_path: Path) -> None:
    """Without that the shares of the classes alone would be a distance: half of the training pictures are dark."""
    few_dark = held_out(vae, tmp_path, ["dark", "light"] * 40, ["dark"] * 2 + ["light"] * 18)
    many = held_out(vae, tmp_path, ["dark", "light"] * 40, ["dark", "light"] * 10)
    one, other = few_dark.measured(drawing(rightly)), many.measured(drawing(rightly))
    assert one[COMPARED] == other[COMPARED] == 20 and one[FLOOR] == pytest.approx(other[FLOOR], rel=0.5)


def test_a_class_that_was_not_learned_still_has_a_floor(vae: Any, tmp_path: Path) -> None:
    strange = held_out(vae, tmp_path, ["light"] * 30, ["dark"] * 10 + ["light"] * 10).measured(drawing(rightly))
    known = held_out(vae, tmp_path, MIXED, ["dark"] * 10 + ["light"] * 10).measured(drawing(rightly))
    assert strange[FLOOR] > 3 * known[FLOOR]


def test_crops_of_one_picture_are_not_taken_for_several(vae: Any, tmp_path: Path) -> None:
    asked: list[str] = []
    learned, kept = samples(tmp_path, 0, MIXED, crops=3), samples(tmp_path, 1000, ["dark"] * 30, crops=3)
    kept = tuple(replace(each, captions=(f"dark {each.file.stem}",)) for each in kept)
    found = HeldOut(vae, TrainingSet(learned, kept, {}), read_pixels(learned, 32), CPU).measured(
        drawing(rightly, asked))
    assert found[COMPARED] == 24 == len({each.rpartition(" ")[0] for each in asked})


@pytest.mark.parametrize("learned, kept", [(30, 7), (30, 0), (5, 30)])
def test_too_few_pictures_are_said_and_nothing_is_drawn(vae: Any, tmp_path: Path, learned: int, kept: int) -> None:
    asked: list[str] = []
    found = held_out(vae, tmp_path, ["dark"] * learned, ["dark"] * kept).measured(drawing(rightly, asked))
    assert found == {COMPARED: min(learned, kept)} and not asked


def test_another_run_on_the_same_data_finds_the_same(vae: Any, tmp_path: Path) -> None:
    first, second = (held_out(vae, tmp_path, MIXED, MIXED).measured(drawing(rightly)) for _ in range(2))
    assert first == second


def test_samples_without_a_class_are_compared_too(vae: Any, tmp_path: Path) -> None:
    learned, kept = (tuple(replace(each, label="", captions=("a field",)) for each in samples(tmp_path, begin, MIXED))
                     for begin in (0, 1000))
    real = HeldOut(vae, TrainingSet(learned, kept, {}), read_pixels(learned, 32), CPU)
    found = real.measured(drawing(lambda prompts: np.stack([picture(MIXED[k], 9000 + k) for k in range(len(prompts))])))
    assert found[DISTANCE] < 3 * found[FLOOR]
