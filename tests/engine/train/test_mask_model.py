"""``train masks`` end to end on a handful of discs, and the maps that it learns."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from diffusers import UNet2DModel
from PIL import Image
from scipy import ndimage

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.datasets.dataset import TrainingSet
from medsynth_app.engine.diffusion.mask_maps import maps_to_masks, masks_to_maps
from medsynth_app.engine.diffusion.pipelines import checked_manifest
from medsynth_app.engine.train.mask_model import chosen_masks
from medsynth_app.engine.train.parts import train_part
from medsynth_app.engine.train.recipe import MasksSection, PackSection, Recipe
from medsynth_app.engine.train.supervision import Run, Supervisor
from tests.engine.tiny import make_tiny_pack

RECIPE = Recipe(
    PackSection("tiny", "0.0.2", "discs", "Discs", ("SM",), "CC0", native_size=32, mask_labels=("ring", "core")), {},
    masks=MasksSection(size=16, widths=(16, 32), steps=4, batch=4), augment=("hflip", "rot90"), curves_every=2)


def disc_mask(size: int, y: float, x: float, outer: float, inner: float) -> npt.NDArray[np.uint8]:
    rows, columns = np.indices((size, size)) + 0.5
    distance = np.hypot(rows - y, columns - x)
    return (distance < outer).astype(np.uint8) + (distance < inner)


def make_set(folder: Path, **changes: Any) -> Path:
    """Six discs of two classes, each in a whole and a tight box, one empty mask and one item of the test part."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    items = []
    for k in range(8):
        mask = disc_mask(40, 20, 20, rng.uniform(8, 16), rng.uniform(3, 7)) * (k != 6)
        if k < 7:  # the test part does not even exist: it must never be read
            Image.fromarray(mask.astype(np.uint8)).save(folder / f"{k}-mask.png")
        for box in ([10, 10, 30, 30], [0, 0, 40, 40]):
            items.append({"file": f"{k}.png", "captions": ["a disc"], "box": box, "class": "ab"[k % 2],
                          "mask": f"{k}-mask.png", "split": "test" if k == 7 else "train", **changes})
    (folder / "manifest.json").write_text(json.dumps(
        {"format": "medsynth-training-set/1", "name": "n", "licence": "CC0", "citation": "c", "items": items}))
    return folder


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return make_tiny_pack(tmp_path / "base", domain="discs")


def test_a_run_ends_in_a_pack_with_a_model_of_masks(pack: Path, tmp_path: Path) -> None:
    said: list[str] = []
    out = tmp_path / "out"
    manifest = train_part("masks", Run(RECIPE, make_set(tmp_path / "set"), out, tmp_path / "kept",
                                       Supervisor(report=lambda stage, *_: said.append(stage)), pack))
    assert checked_manifest(out) == manifest and manifest.draws_masks
    assert manifest.mask_labels == ("ring", "core") and manifest.version == "0.0.2"
    assert manifest.training["masks"]["masks"] == 6 and manifest.training["masks"]["steps"] == 4
    unet = UNet2DModel.from_pretrained(out / "masks", local_files_only=True)
    assert unet.config.num_class_embeds == 3  # a, b, and any
    assert json.loads((out / "masks" / "labels.json").read_text())["classes"] == ["a", "b"]
    assert {"data", "masks", "pack"} <= set(said)
    assert not any(path.suffix in (".bin", ".pt") for path in out.rglob("*"))
    assert not checked_manifest(pack).draws_masks  # the base itself stays as it was


def test_a_cancelled_run_resumes_from_its_checkpoint(pack: Path, tmp_path: Path) -> None:
    data, kept = make_set(tmp_path / "set"), tmp_path / "kept"
    asked = iter(range(1000))
    with pytest.raises(Cancelled):
        train_part("masks", Run(RECIPE, data, tmp_path / "out", kept, Supervisor(cancelled=lambda: next(asked) >= 2),
                                pack))
    (checkpoint,) = kept.rglob("masks.pt")
    assert torch.load(checkpoint, weights_only=True)["state"]["step"] == 2
    assert not (tmp_path / "out" / "pack.json").exists()
    asked = iter(range(1000))
    manifest = train_part("masks", Run(RECIPE, data, tmp_path / "out", kept, Supervisor(
        cancelled=lambda: next(asked) >= 3), pack))  # two steps are left: it is not asked more than twice
    assert manifest.training["masks"]["steps"] == 4
    few = replace(RECIPE, masks=replace(RECIPE.masks, limit=2))  # other masks: nothing of that run is taken over
    with pytest.raises(Cancelled):
        train_part("masks", Run(few, data, tmp_path / "few", kept, Supervisor(cancelled=lambda: True), pack))


def test_it_learns_from_whole_pictures_of_the_training_part(tmp_path: Path) -> None:
    frozen = TrainingSet.load(make_set(tmp_path / "set"))
    masks, names = chosen_masks(RECIPE, frozen)
    assert masks.shape == (6, 16, 16) and names == ["a", "b"] * 3
    assert not masks[:, :2].any()  # the tight box would be full up to its edge
    few = replace(RECIPE, masks=replace(RECIPE.masks, limit=3))
    first = chosen_masks(few, frozen)[0]
    assert len(first) == 3 and np.array_equal(first, chosen_masks(few, frozen)[0])
    other = chosen_masks(replace(few, seed=5), frozen)[0]
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("changes, recipe, complaint", [
    ({"mask": None}, RECIPE, "holds no masks"),
    ({"mask_class": ""}, RECIPE, "holds no masks"),
    ({}, replace(RECIPE, pack=replace(RECIPE.pack, mask_labels=())), "labels of a mask mean"),
    ({}, replace(RECIPE, pack=replace(RECIPE.pack, mask_labels=("all",))), "the value 2"),
    ({}, replace(RECIPE, masks=replace(RECIPE.masks, size=18)), "18 pixels"),
    ({"mask": "gone.png"}, RECIPE, "cannot be read"),
])
def test_what_cannot_be_learned_from_is_said(changes: dict[str, Any], recipe: Recipe, complaint: str,
                                             tmp_path: Path) -> None:
    with pytest.raises(UserError, match=complaint):
        chosen_masks(recipe, TrainingSet.load(make_set(tmp_path / "set", **changes)))


def test_a_part_needs_its_pack(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="joins a base pack"):
        train_part("masks", Run(RECIPE, tmp_path, tmp_path / "out", tmp_path / "kept"))


def test_masks_come_back_from_their_maps() -> None:
    rng = np.random.default_rng(1)
    blobs = ndimage.zoom(rng.random((5, 6, 6)), (1, 6, 6), order=3)
    masks = (blobs > 0.4).astype(np.uint8) + (blobs > 0.6) + (blobs > 0.8)
    speckled = rng.integers(0, 4, (3, 20, 26)).astype(np.uint8)
    for some in (masks, speckled, np.zeros((1, 9, 9), np.uint8), np.full((1, 9, 9), 3, np.uint8)):
        maps = masks_to_maps(some, 3, 4)
        assert maps.shape == (len(some), 3, *some.shape[1:]) and maps.dtype == np.float32
        assert np.abs(maps).max() <= 1
        assert np.array_equal(maps_to_masks(maps), some)
        assert np.array_equal(maps_to_masks(maps, thinnest=0.99 / 4), some)


def test_a_part_thinner_than_a_pixel_is_no_part() -> None:
    body = disc_mask(50, 22, 27, 15, 14)  # a rim of one pixel, which is there
    maps = masks_to_maps(np.stack([body, np.where(body, 2, 0).astype(np.uint8)]), 2, 6)
    maps[1] += np.random.default_rng(0).normal(0, 0.04, maps[1].shape)  # all of label 2, drawn a little uneven
    assert (maps_to_masks(maps)[1] == 1).any()
    whole, drawn = maps_to_masks(maps, thinnest=0.99 / 6)
    assert np.array_equal(whole, body)
    assert (drawn == 1).sum() < 0.1 * (maps_to_masks(maps)[1] == 1).sum() and (drawn == 2).sum() > 0.9 * body.sum() / 2


def test_one_outline_drawn_three_times_is_one() -> None:
    body = np.where(disc_mask(50, 22, 27, 15, 14), 3, 0).astype(np.uint8)
    maps = masks_to_maps(body[None], 3, 6)
    maps += np.random.default_rng(1).normal(0, 0.04, maps.shape)
    assert set(np.unique(maps_to_masks(maps, thinnest=0.99 / 6))) == {0, 3}


def test_maps_are_exact_distances() -> None:
    mask = disc_mask(50, 22, 27, 15, 5)
    maps = masks_to_maps(mask[None], 2, 6)[0]
    for value, found in zip((1, 2), maps, strict=True):
        inside = mask >= value
        exact = np.where(inside, ndimage.distance_transform_edt(inside) - 0.5,
                         0.5 - ndimage.distance_transform_edt(~inside))
        assert np.allclose(found, np.clip(exact / 6, -1, 1), atol=1e-5)


def test_what_lies_within_stays_within_whatever_the_maps_say() -> None:
    maps = np.random.default_rng(2).normal(size=(4, 2, 16, 16))
    masks = maps_to_masks(maps)
    assert (maps[:, 0][masks == 2] > 0).all() and (maps[:, 0][masks == 0] <= 0).all()
