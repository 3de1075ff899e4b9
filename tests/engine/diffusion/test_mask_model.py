"""Drawing masks with a tiny model, and masks at another size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.engine.diffusion.mask_maps import maps_to_masks
from medsynth_app.engine.diffusion.mask_model import MaskModel, enlarge
from medsynth_app.engine.train.mask_model import train_masks
from medsynth_app.engine.train.supervision import Run
from tests.engine.tiny import make_tiny_pack
from tests.engine.train.test_mask_model import RECIPE, disc_mask, make_set

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> MaskModel:
    folder = tmp_path_factory.mktemp("masks")
    out = folder / "out"
    base = make_tiny_pack(folder / "base", domain="discs")
    train_masks(Run(RECIPE, make_set(folder / "set"), out, folder / "kept", pack=base))
    return MaskModel.load(out, CPU)


def test_masks_hold_the_labels_of_the_pack(model: MaskModel) -> None:
    masks = model.sample(3, seed=5, steps=3)
    assert masks.shape == (3, 16, 16) and masks.dtype == np.uint8
    assert set(np.unique(masks)) <= {0, 1, 2} and masks.any()
    assert model.labels == ("ring", "core") and model.classes == ("a", "b") and model.size == 16


def test_the_same_seed_draws_the_same_mask_whatever_else_is_drawn(model: MaskModel) -> None:
    torch.manual_seed(1)
    many = model.sample(4, seed=7, steps=3)
    torch.manual_seed(2)
    assert np.array_equal(model.sample(1, seed=9, steps=3)[0], many[2])
    assert not np.array_equal(many[0], many[1])


def test_classes_are_asked_for_by_name(model: MaskModel) -> None:
    drawn = [model.sample(4, 0, name, steps=3) for name in ("a", "b", None)]
    assert not np.array_equal(drawn[0], drawn[1])
    with pytest.raises(UserError, match="'c'"):
        model.sample(1, 0, "c")


def test_progress_is_told_and_cancel_is_heard(model: MaskModel) -> None:
    told: list[tuple[int, int]] = []
    model.sample(2, 0, steps=3, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (6, 6) and [done for done, _ in told] == sorted(done for done, _ in told)
    asked = iter(range(100))
    with pytest.raises(Cancelled):
        model.sample(2, 0, steps=3, cancelled=lambda: next(asked) >= 4)
    assert next(asked) == 5


def test_an_empty_mask_is_drawn_again(model: MaskModel, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[np.ndarray] = []

    def empty_at_first(maps: np.ndarray, thinnest: float) -> np.ndarray:
        drawn.append(maps_to_masks(maps, thinnest) * (len(drawn) > 1))
        return drawn[-1]

    monkeypatch.setattr("medsynth_app.engine.diffusion.mask_model.maps_to_masks", empty_at_first)
    told: list[int] = []
    masks = model.sample(1, 0, "a", steps=3, progress=lambda done, total: told.append(done))
    assert len(drawn) == 3 and masks.any() and np.array_equal(masks, drawn[-1])
    assert told == sorted(told) and told[-1] == 3


def test_a_pack_without_or_with_a_broken_model_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot draw masks"):
        MaskModel.load(tmp_path, CPU)
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "labels.json").write_text("{}")
    with pytest.raises(UserError, match="cannot be loaded"):
        MaskModel.load(tmp_path, CPU)


@pytest.mark.parametrize("size", [64, 100, 128, 256])
def test_another_size_keeps_shapes_and_what_lies_within(size: int) -> None:
    masks = np.stack([disc_mask(64, 30, 34, 20, 9), disc_mask(64, 40, 20, 12, 11), disc_mask(64, 32, 32, 7, 0)])
    larger = enlarge(masks, size)
    assert larger.shape == (3, size, size) and larger.dtype == np.uint8
    for label in (1, 2):
        before, after = (masks >= label).mean(axis=(1, 2)), (larger >= label).mean(axis=(1, 2))
        assert np.allclose(after, before, rtol=0.05, atol=1e-9)
    if size > 64:  # the outline is round, not a staircase of the small mask's pixels
        true = disc_mask(size, 30 * size / 64, 34 * size / 64, 20 * size / 64, 9 * size / 64)
        at = (np.arange(size) + 0.5) * 64 / size
        steps = masks[0][at.astype(int)][:, at.astype(int)]
        assert (larger[0] != true).sum() < 0.7 * (steps != true).sum()


def test_empty_masks_stay_empty() -> None:
    assert not enlarge(np.zeros((2, 16, 16), np.uint8), 64).any()


def test_the_class_is_the_longest_that_the_prompt_names(model: MaskModel) -> None:
    model = replace(model, classes=("granulocyte", "immature granulocyte", "ig", "platelet"))
    assert model.class_in("An Immature Granulocyte, high power") == "immature granulocyte"
    assert model.class_in("two platelets") == "platelet" and model.class_in("a high ridge") is None
    assert replace(model, classes=()).class_in("anything") is None
