"""``train control`` end to end on a handful of tiny pictures with masks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import ControlNetModel
from PIL import Image

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.pack import PackManifest
from medsynth_app.core.pack_files import hash_files
from medsynth_app.datasets.dataset import Sample
from medsynth_app.engine.train.autoencoder import encode_all
from medsynth_app.engine.train.control import load_base, new_controlnet, train_control
from medsynth_app.engine.train.denoiser import Latents, view_of
from medsynth_app.engine.train.parts import train_part
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.engine.train.supervision import Run, Supervisor
from tests.engine.tiny import make_tiny_pack
from tests.engine.train.test_base import RECIPE

CPU = torch.device("cpu")
CONTROL = """
[control]
steps = 4
batch = 2
hint_width = 8
variants = 2
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE.replace("[data]", 'mask_labels = ["body", "core"]\n[data]') + CONTROL)
    return Recipe.load(path)


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    """Six pictures to learn from, one of them without a mask; one for validation; one that must never be read."""
    folder = tmp_path / "data"
    folder.mkdir()
    rng = np.random.default_rng(0)
    items = []
    for k in range(8):
        item = {"file": f"{k}.png", "captions": ["a square"], "box": [4, 4, 36, 36],
                "split": "test" if k == 7 else "val" if k == 6 else "train"}
        if k:
            item["mask"] = f"{k}-mask.png"
        if k < 7:
            mask = np.zeros((40, 40), np.uint8)
            mask[8:20, 6 + k:20] = 1
            mask[10:14, 8 + k:16] = 2
            Image.fromarray(rng.integers(0, 255, (40, 40, 3), np.uint8)).save(folder / f"{k}.png")
            Image.fromarray(mask).save(folder / f"{k}-mask.png")
        items.append(item)
    (folder / "manifest.json").write_text(json.dumps(
        {"format": "medsynth-training-set/1", "name": "n", "licence": "CC0", "citation": "c", "items": items}))
    return folder


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return make_tiny_pack(tmp_path / "base", domain="squares")


def test_a_run_adds_a_controlnet_that_diffusers_opens(recipe: Recipe, frozen: Path, base: Path, tmp_path: Path) -> None:
    said: list[str] = []
    out = tmp_path / "out"
    manifest = train_part("control", Run(recipe, frozen, out, tmp_path / "kept",
                                         Supervisor(report=lambda stage, *_: said.append(stage)), base))
    read = PackManifest.from_json((out / "pack.json").read_text())
    assert read == manifest and read.draws_from_masks and read.mask_labels == ("body", "core")
    assert read.files == hash_files(out) and "control-samples.jpg" not in read.files  # no masks of its own to draw from
    about = read.training["control"]
    assert about["steps"] == 4 and about["samples_seen"] == 8 and about["pictures_with_masks"] == 5
    assert {"data", "pack"} <= set(said)
    control = ControlNetModel.from_pretrained(out / "controlnet", local_files_only=True, torch_dtype=torch.float16)
    assert any(layer.weight.abs().sum() > 0 for layer in control.controlnet_down_blocks)  # it has learned something
    card = (out / "README.md").read_text()
    assert "with a ControlNet for masks" in card and "1 body, 2 core" in card
    before, after = (hash_files(folder) for folder in (base, out))
    weights = [name for name in before if name.endswith(".safetensors")]
    assert weights and all(before[name] == after[name] for name in weights)  # the base stays as it was
    assert not PackManifest.from_json((base / "pack.json").read_text()).draws_from_masks


def test_a_pack_with_masks_of_its_own_shows_what_it_draws_from_them(recipe: Recipe, frozen: Path,
                                                                    tmp_path: Path) -> None:
    base = make_tiny_pack(tmp_path / "base", domain="squares", with_masks=True)
    train_control(Run(recipe, frozen, tmp_path / "out", tmp_path / "kept", pack=base))
    with Image.open(tmp_path / "out" / "control-samples.jpg") as grid:
        assert grid.width >= 4 * 64 and grid.height == 3 * (32 + 20)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "control-samples.jpg" in card and "own model of masks" in card


def test_a_cancelled_run_resumes_from_its_checkpoint(recipe: Recipe, frozen: Path, base: Path, tmp_path: Path) -> None:
    asked = iter(range(10_000))
    kept = tmp_path / "kept"
    with pytest.raises(Cancelled):
        train_control(Run(recipe, frozen, tmp_path / "out", kept, Supervisor(cancelled=lambda: next(asked) >= 4), base))
    (path,) = kept.glob("*/control.pt")
    assert 0 < torch.load(path, weights_only=True)["state"]["step"] < 4 and not (tmp_path / "out").exists()
    latents = {file: file.stat().st_mtime_ns for file in kept.glob("*/latents-*.pt")}
    assert len(latents) == 2
    train_control(Run(recipe, frozen, tmp_path / "out", kept, pack=base))
    assert torch.load(path, weights_only=True)["state"]["step"] == 4
    assert {file: file.stat().st_mtime_ns for file in kept.glob("*/latents-*.pt")} == latents


@pytest.mark.parametrize("changed", ["base", "data"])
def test_another_base_or_set_never_goes_on_from_a_checkpoint(recipe: Recipe, frozen: Path, base: Path, tmp_path: Path,
                                                             changed: str) -> None:
    def stop(folder: Path, at: int) -> int:
        asked = iter(range(10_000))
        with pytest.raises(Cancelled):
            train_control(Run(recipe, frozen, tmp_path / "out", tmp_path / "kept",
                              Supervisor(cancelled=lambda: next(asked) >= at), folder))
        return len(list((tmp_path / "kept").glob("*/control.pt")))

    assert stop(base, 3) == 1 and stop(base, 1) == 1
    if changed == "base":
        unet = base / "unet" / "config.json"
        unet.write_text(unet.read_text() + "\n")
        manifest = PackManifest.from_json((base / "pack.json").read_text())
        manifest.files.update(hash_files(base))
        (base / "pack.json").write_text(manifest.to_json())
    else:
        listing = json.loads((frozen / "manifest.json").read_text())
        (frozen / "manifest.json").write_text(json.dumps({**listing, "sha256": "another"}))
    assert stop(base, 3) == 2


def test_pictures_and_masks_are_turned_alike(recipe: Recipe, base: Path, tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 255, (6, 32, 32, 3), np.uint8)
    masks = pixels[..., 0] % 3
    views = [view_of(recipe, masks, view) for view in range(4)]
    assert all(np.array_equal(made, view_of(recipe, pixels, view)[..., 0] % 3) for view, made in enumerate(views))
    assert any(not np.array_equal(made, masks) for made in views)
    pipeline = load_base(base, CPU)
    samples = tuple(Sample(tmp_path / "x.png", ("a square",)) for _ in pixels)
    latents = Latents.make(recipe, pipeline.vae, pipeline.tokenizer, samples, pixels, tmp_path, CPU, Supervisor(), 3)
    assert latents.values.shape == (3, 6, 4, 8, 8)
    for view in range(3):  # the latents of view k are those of the pictures turned as the masks of view k
        expected = encode_all(pipeline.vae, view_of(recipe, pixels, view), CPU)
        assert torch.allclose(latents.values[view].float(), expected, atol=0.01)


@pytest.mark.parametrize("factor, widths", [(4, (8, 16, 32)), (8, (8, 16, 32, 64))])
def test_the_hint_reaches_the_size_of_the_latents(base: Path, factor: int, widths: tuple[int, ...]) -> None:
    pipeline = load_base(base, CPU)
    if factor == 8:
        pipeline.vae.register_to_config(block_out_channels=(16, 16, 16, 32))
    control = new_controlnet(pipeline, 8)
    assert control.config.conditioning_embedding_out_channels == widths
    hint = control.controlnet_cond_embedding(torch.zeros(1, 3, 64, 64))
    assert hint.shape[-2:] == (64 // factor, 64 // factor)


def test_what_is_missing_is_said(recipe: Recipe, frozen: Path, base: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    unnamed = replace(recipe, pack=replace(recipe.pack, mask_labels=()))
    with pytest.raises(UserError, match="labels of a mask"):
        train_control(Run(unnamed, frozen, tmp_path / "out", tmp_path / "kept", pack=base))
    short = replace(recipe, pack=replace(recipe.pack, mask_labels=("body",)))
    with pytest.raises(UserError, match="value 2, and the recipe names 1"):
        train_control(Run(short, frozen, tmp_path / "out", tmp_path / "kept", pack=base))
    with pytest.raises(UserError, match="joins a base pack"):
        train_part("control", Run(recipe, frozen, tmp_path / "out", tmp_path / "kept"))
    with pytest.raises(UserError, match="holds no model pack"):
        train_control(Run(recipe, frozen, tmp_path / "out", tmp_path / "kept", pack=tmp_path))
    raw = json.loads((frozen / "manifest.json").read_text())
    for item in raw["items"]:
        item.pop("mask", None)
    (frozen / "manifest.json").write_text(json.dumps(raw))
    with pytest.raises(UserError, match="no masks"):
        train_control(Run(recipe, frozen, tmp_path / "out", tmp_path / "kept", pack=base))
