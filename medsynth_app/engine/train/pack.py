"""Writing a trained model as a pack: diffusers' folder layout, half precision, hashed, with a model card."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, StableDiffusionPipeline
from PIL import Image, ImageDraw
from transformers import CLIPTokenizer

from medsynth_app.core.pack import MANIFEST, PackManifest, TrainingData
from medsynth_app.engine.train.denoiser import SCHEDULE, Denoiser
from medsynth_app.engine.train.recipe import Recipe

SHARD = "14MB"
SAMPLES = "samples.jpg"


def write_pack(recipe: Recipe, about: dict[str, Any], training: dict[str, Any], vae: AutoencoderKL, model: Denoiser,
               tokenizer: CLIPTokenizer, out: Path, device: torch.device) -> PackManifest:
    """Write everything to `out`: weights, ``pack.json``, ``README.md`` (the model card), ``samples.jpg``."""
    out.mkdir(parents=True, exist_ok=True)
    scheduler = DPMSolverMultistepScheduler(**SCHEDULE, algorithm_type="dpmsolver++", timestep_spacing="trailing")
    pipeline = StableDiffusionPipeline(
        vae=vae, text_encoder=model.text_encoder, tokenizer=tokenizer, unet=model.unet, scheduler=scheduler,
        safety_checker=None, feature_extractor=None, image_encoder=None, requires_safety_checker=False)
    grid = sample_grid(pipeline.to(device), recipe)
    for part in ("vae", "unet", "text_encoder", "tokenizer", "scheduler"):
        shutil.rmtree(out / part, ignore_errors=True)
    for module in (vae, model):
        module.to("cpu", torch.float16)
    pipeline.save_pretrained(out, max_shard_size=SHARD)
    tokenizer.backend_tokenizer.model.save(str(out / "tokenizer"))  # older transformers read these two files
    grid.save(out / SAMPLES, quality=90)
    manifest = _manifest(recipe, about, training)
    (out / "README.md").write_text(model_card(manifest, recipe))
    manifest = replace(manifest, files=hash_files(out))
    (out / MANIFEST).write_text(manifest.to_json())
    return manifest


def hash_files(folder: Path) -> dict[str, str]:
    """sha256 of every file of a pack but its manifest, keyed by POSIX path."""
    return {path.relative_to(folder).as_posix(): _sha256(path)
            for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / MANIFEST}


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _manifest(recipe: Recipe, about: dict[str, Any], training: dict[str, Any]) -> PackManifest:
    pack = recipe.pack
    data = TrainingData(about["name"], about["licence"], about["citation"], int(about.get("train_images", 0)))
    return PackManifest(
        name=pack.name, version=pack.version, domain=pack.domain, title=pack.title, modalities=pack.modalities,
        colour=pack.colour, licence=pack.licence, native_size=pack.native_size, training_data=(data,),
        default_prompt=pack.default_prompt, remove_prompt=pack.remove_prompt, example_prompts=pack.grid_prompts,
        knows_not=pack.knows_not, training=training)


@torch.no_grad()
def sample_grid(pipeline: StableDiffusionPipeline, recipe: Recipe, columns: int = 6) -> Image.Image:
    """One row per prompt of the recipe, `columns` pictures each, seeds 0, 1, ...; nothing is picked by hand."""
    pipeline.set_progress_bar_config(disable=True)
    size, line = recipe.pack.native_size, 18
    prompts = recipe.pack.grid_prompts or (recipe.pack.default_prompt,)
    grid = Image.new("RGB", (columns * size, len(prompts) * (size + line)), "white")
    draw = ImageDraw.Draw(grid)
    for row, prompt in enumerate(prompts):
        generators = [torch.Generator("cpu").manual_seed(seed) for seed in range(columns)]
        pictures = pipeline([prompt] * columns, num_inference_steps=25, guidance_scale=2.5, generator=generators,
                            height=size, width=size, output_type="np").images
        draw.text((4, row * (size + line) + 3), f"SYNTHETIC  {prompt}", fill="black")
        for column, picture in enumerate(pictures):
            grid.paste(Image.fromarray((picture * 255).round().astype(np.uint8)),
                       (column * size, row * (size + line) + line))
    return grid


def model_card(manifest: PackManifest, recipe: Recipe) -> str:
    """The card as Markdown, written from what is known, nothing by hand."""
    data = manifest.training_data[0]
    training = "\n".join(f"| {key.replace('_', ' ')} | {value} |" for key, value in manifest.training.items())
    return f"""# {manifest.title}

{manifest.intended_use}

A small latent diffusion model in the folder layout of diffusers' StableDiffusionPipeline, {manifest.native_size} px,
trained from nothing by `medsynth train base` with the recipe `{recipe.pack.name}.toml` (sha256 {recipe.sha256[:16]}).

| | |
|---|---|
| domain | {manifest.domain} |
| DICOM modalities | {", ".join(manifest.modalities)} |
| trained on | {data.name}, {data.samples} training images; validation and test images were never seen |
| licence of the data | {data.licence} |
| please cite | {data.citation} |
| licence of this pack | {manifest.licence} |
| what it does not know | {manifest.knows_not} |

{recipe.pack.licence_note}

## Training
| | |
|---|---|
{training}

## Samples
Seeds 0 to 5 of each prompt, 25 steps, guidance 2.5, none picked by hand. All are synthetic.

![Samples made by this pack]({SAMPLES})
"""
