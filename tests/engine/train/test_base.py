"""``train base`` end to end on a handful of tiny pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image
from safetensors.torch import load_file

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.pack import PackManifest
from medsynth_app.core.pack_files import hash_files
from medsynth_app.datasets.dataset import TrainingSet, augmented, some
from medsynth_app.engine.train.autoencoder import encode_all, new_autoencoder, standardise_latents, to_tensor
from medsynth_app.engine.train.base import train_base
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.engine.train.supervision import Run, Supervisor
from medsynth_app.engine.train.tokenizer import train_tokenizer

RECIPE = """
[pack]
name = "tiny"
version = "0.0.1"
domain = "squares"
title = "Squares"
modalities = ["OT"]
licence = "CC0"
native_size = 32
default_prompt = "a square"
grid_prompts = ["a square"]
[data]
layout = "labelled-cells"
[autoencoder]
widths = [16, 16, 16]
steps = 3
batch = 2
crop = 16
[denoiser]
widths = [16, 32]
text_width = 16
text_layers = 1
steps = 4
batch = 2
variants = 1
[training]
augment = ["hflip"]
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    return Recipe.load(path)


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    rng = np.random.default_rng(0)
    items = []
    for k in range(8):
        name = f"{k}.png"
        if k < 7:  # the test picture does not even exist: it must never be read
            Image.fromarray(rng.integers(0, 255, (40, 40, 3), np.uint8)).save(folder / name)
        items.append({"file": name, "captions": ["a square"], "box": [4, 4, 36, 36],
                      "split": "test" if k == 7 else "val" if k == 6 else "train"})
    (folder / "manifest.json").write_text(json.dumps(
        {"format": "medsynth-training-set/1", "name": "n", "licence": "CC0", "citation": "c", "items": items}))
    return folder


def test_a_run_ends_in_a_pack_that_diffusers_opens(recipe: Recipe, frozen: Path, tmp_path: Path) -> None:
    said: list[str] = []
    out = tmp_path / "pack"
    supervisor = Supervisor(report=lambda stage, *_: said.append(stage))
    manifest = train_base(Run(recipe, frozen, out, tmp_path / "kept", supervisor))
    read = PackManifest.from_json((out / "pack.json").read_text())
    assert read == manifest
    assert "None" not in (out / "README.md").read_text()
    assert read.files == hash_files(out)
    assert read.training_data[0].samples == 6
    assert read.training["base"]["samples_seen"] == 4 * 2
    assert not any(path.suffix in (".bin", ".pt", ".ckpt") for path in out.rglob("*"))
    pipeline = StableDiffusionPipeline.from_pretrained(out, local_files_only=True, torch_dtype=torch.float32)
    picture = pipeline("a square", num_inference_steps=2, height=32, width=32, output_type="np").images
    assert picture.shape == (1, 32, 32, 3)
    assert {"data", "latents", "pack"} <= set(said)
    assert "CC0" in (out / "README.md").read_text()


def test_a_pack_in_8_bits_is_half_as_large_and_loads_alike(recipe: Recipe, frozen: Path, tmp_path: Path) -> None:
    larger, smaller = tmp_path / "16", tmp_path / "8"
    train_base(Run(recipe, frozen, larger, tmp_path / "kept", Supervisor()))
    eight = replace(recipe, pack=replace(recipe.pack, stored="float8"))
    train_base(Run(eight, frozen, smaller, tmp_path / "kept", Supervisor()))  # the same weights
    one, other = (load_file(folder / "unet" / "diffusion_pytorch_model.safetensors") for folder in (larger, smaller))
    for name, value in one.items():
        assert other[name].dtype == (torch.float8_e4m3fn if value.ndim > 1 else torch.float16), name
    assert "8 bits (float8_e4m3" in (smaller / "README.md").read_text()
    assert "with 16 bits and" in (larger / "README.md").read_text()
    for dtype in (torch.float32, torch.float16):
        unet = StableDiffusionPipeline.from_pretrained(smaller, local_files_only=True, torch_dtype=dtype).unet
        for name, value in unet.state_dict().items():
            assert value.dtype == dtype
            assert torch.allclose(value.float(), one[name].float(), rtol=2**-4, atol=2**-10), name


def test_a_cancelled_run_resumes_from_its_checkpoint(recipe: Recipe, frozen: Path, tmp_path: Path) -> None:
    asked = iter(range(10_000))
    checkpoints = tmp_path / "kept"
    with pytest.raises(Cancelled):
        train_base(Run(recipe, frozen, tmp_path / "pack", checkpoints,
                       Supervisor(cancelled=lambda: next(asked) >= 6)))
    saved = torch.load(checkpoints / "denoiser.pt", weights_only=True)
    assert 0 < saved["state"]["step"] < 4
    train_base(Run(recipe, frozen, tmp_path / "pack", checkpoints))
    assert torch.load(checkpoints / "denoiser.pt", weights_only=True)["state"]["step"] == 4
    assert (tmp_path / "pack" / "pack.json").exists()


def test_latents_are_standardised_without_changing_the_pictures(recipe: Recipe) -> None:
    torch.manual_seed(0)
    vae = new_autoencoder(recipe).eval()
    pixels = np.random.default_rng(0).integers(0, 255, (8, 32, 32, 3), np.uint8)
    device = torch.device("cpu")
    with torch.no_grad():
        before = vae.decode(vae.encode(to_tensor(pixels, device)).latent_dist.mean).sample
        standardise_latents(vae, pixels, device)
        after = vae.decode(vae.encode(to_tensor(pixels, device)).latent_dist.mean).sample
    latents = encode_all(vae, pixels, device)
    assert torch.allclose(latents.mean(dim=(0, 2, 3)), torch.zeros(4), atol=0.05)
    assert torch.allclose(latents.std(dim=(0, 2, 3)), torch.ones(4), atol=0.05)
    assert torch.allclose(before, after, atol=0.02)


def test_any_text_can_be_spelt(tmp_path: Path) -> None:
    tokenizer = train_tokenizer(["a neutrophil in a smear"] * 3, tmp_path)
    assert tokenizer.tokenize("neutrophil") == ["neutrophil</w>"]
    unknown = tokenizer("Ärzte öffnen 12 µm, naïve?").input_ids
    assert tokenizer.eos_token_id not in unknown[1:-1]
    assert tokenizer.decode(unknown, skip_special_tokens=True).startswith("ärzte öffnen")


def test_augmentation_only_turns_and_flips() -> None:
    batch = np.random.default_rng(1).integers(0, 255, (4, 8, 8, 3), np.uint8)
    turned = augmented(batch, ("hflip", "vflip", "rot90"), np.random.default_rng(2))
    assert np.array_equal(np.sort(turned.reshape(4, -1)), np.sort(batch.reshape(4, -1)))
    assert not np.array_equal(turned, batch)
    assert np.array_equal(augmented(batch, (), np.random.default_rng(2)), batch)


def test_time_can_end_a_stage() -> None:
    supervisor = Supervisor(max_seconds=0.0)
    assert supervisor.fraction("autoencoder", 0, 100) == 1


@pytest.mark.parametrize("text, complaint", [
    ("[pack]\nname='x'\n", r"\[pack\] of the recipe bad.toml lacks the key version"),
    ("[pack]\nwidth=3\n", "unknown keys: width"),
    ("not toml", "cannot be read"),
    (RECIPE.replace("steps = 3", "steps = -3"), r"steps in \[autoencoder\] is -3"),
    (RECIPE.replace("crop = 16", "crop = 18"), "crop in"),
    (RECIPE.replace("native_size", "stored = 'float4'\nnative_size"), r"stored in \[pack\] is 'float4'"),
    (RECIPE + "[decoder]\nema = 1.5\n", r"ema in \[decoder\] is 1.5"),
    (RECIPE + "[decoder]\ncritic_width = 0\n", "critic_width"),
])
def test_a_bad_recipe_is_refused_in_words(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=complaint):
        Recipe.load(path)


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no frozen training set"):
        TrainingSet.load(tmp_path)


def test_pictures_that_were_moved_away_are_told(recipe: Recipe, frozen: Path, tmp_path: Path) -> None:
    moved = TrainingSet.load(frozen).samples[0].file
    moved.rename(moved.with_suffix(".away"))
    with pytest.raises(UserError, match="not where it was"):
        train_base(Run(recipe, frozen, tmp_path / "pack", tmp_path / "checkpoints"))


def test_what_is_measured_on_some_pictures_is_chosen_across_the_set() -> None:
    """A set is listed class by class: its first rows would be of one class."""
    chosen = some(1000, 200, seed=0)
    assert len(set(chosen.tolist())) == 200 and np.histogram(chosen, 4, (0, 1000))[0].min() > 25
    assert sorted(some(5, 200, seed=0).tolist()) == list(range(5))
