"""Writing a trained model as a pack: diffusers' folder layout, half precision, hashed, with a model card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, StableDiffusionPipeline
from PIL import Image, ImageDraw
from transformers import CLIPTokenizer

from medsynth_app.core.errors import UserError
from medsynth_app.core.intensity import IntensityRange
from medsynth_app.core.jobs.request import Sampling
from medsynth_app.core.pack import MANIFEST, USUAL_STEPS, PackManifest, TrainingData
from medsynth_app.core.pack_files import hash_files, read_manifest, require_whole
from medsynth_app.engine.eight_bits import in_float8
from medsynth_app.engine.train.card import SAMPLES, model_card
from medsynth_app.engine.train.denoiser import Denoiser
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.engine.train.supervision import Run
from medsynth_app.engine.train.velocity import SCHEDULE

SHARD = "14MB"


def write_pack(recipe: Recipe, about: dict[str, Any], training: dict[str, Any], vae: AutoencoderKL, model: Denoiser,
               tokenizer: CLIPTokenizer, out: Path, device: torch.device,
               earlier: tuple[TrainingData, ...] = ()) -> PackManifest:
    """Write everything to `out`: weights, ``pack.json``, ``README.md`` (the model card), ``samples.jpg``.

    Parameters
    ----------
    earlier
        Data sets of the pack that the training started from.
    """
    out.mkdir(parents=True, exist_ok=True)
    pipeline = pipeline_of(vae, model, tokenizer)
    grid = sample_grid(pipeline.to(device), recipe)
    for part in ("vae", "unet", "text_encoder", "tokenizer", "scheduler"):
        shutil.rmtree(out / part, ignore_errors=True)
    for module in (vae, model.text_encoder):
        module.to("cpu", torch.float16)
    to_store(model.unet, recipe)
    pipeline.save_pretrained(out, max_shard_size=SHARD)
    compute_in_float32(out)
    tokenizer.backend_tokenizer.model.save(str(out / "tokenizer"))  # older transformers read these two files
    grid.save(out / SAMPLES, quality=90)
    return seal(with_data(new_manifest(recipe, about, {"base": training}), earlier), out)


def to_store(network: torch.nn.Module, recipe: Recipe) -> None:
    """Bring UNet or ControlNet to the CPU, in the precision that the recipe wants it stored in."""
    network.to("cpu", torch.float16)
    if recipe.pack.stored == "float8":
        in_float8(network)


def compute_in_float32(folder: Path) -> None:
    """Have the text encoder of a pack loaded in float32, as diffusers loads the other parts unless told otherwise.

    transformers goes by the stored precision instead: `from_pretrained` gave a pipeline of two precisions, which fails.
    """
    path = folder / "text_encoder" / "config.json"
    about = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**about, "dtype": "float32"}, indent=2) + "\n", encoding="utf-8")


def pipeline_of(vae: AutoencoderKL, model: Denoiser, tokenizer: CLIPTokenizer) -> StableDiffusionPipeline:
    """The pipeline that a pack holds."""
    scheduler = DPMSolverMultistepScheduler(**SCHEDULE, algorithm_type="dpmsolver++", timestep_spacing="trailing")
    return StableDiffusionPipeline(
        vae=vae, text_encoder=model.text_encoder, tokenizer=tokenizer, unet=model.unet, scheduler=scheduler,
        safety_checker=None, feature_extractor=None, image_encoder=None, requires_safety_checker=False)


def seal(manifest: PackManifest, folder: Path) -> PackManifest:
    """Write card and manifest of the pack in `folder`, with the hash of every file that lies there now."""
    manifest = replace(manifest, files=hash_files(folder))  # the card tells which parts there are
    (folder / "README.md").write_text(model_card(manifest, folder), encoding="utf-8")
    manifest = replace(manifest, files=hash_files(folder))
    (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    return manifest


def named_pack(run: Run) -> Path:
    """The pack that a part joins; raises `UserError` where none was named, or the part may not join it."""
    if run.pack is None:
        raise UserError("This part joins a base pack, and none was named.", "Name the pack that it joins.")
    check_joinable(run.pack, run.recipe)
    return run.pack


def check_joinable(pack: Path, recipe: Recipe) -> None:
    """Raise `UserError` unless a part trained by `recipe` may join the pack in `pack`, and that pack is whole."""
    manifest = read_manifest(pack)
    if manifest.kind != "base":
        raise UserError(f"The pack {manifest.name} is of the kind {manifest.kind!r}; parts join base packs only.",
                        "Name a base pack.")
    if manifest.domain != recipe.pack.domain:
        raise UserError(f"The pack {manifest.name} is for {manifest.domain}, the recipe for {recipe.pack.domain}.",
                        "Use a recipe of the pack's own domain.")
    if (manifest.draws_from_masks or manifest.draws_masks) and manifest.mask_labels != recipe.pack.mask_labels:
        raise UserError(f"The pack {manifest.name} has learned the mask labels {', '.join(manifest.mask_labels)}, "
                        f"the recipe has others.", "Use the same labels in the same order in [pack] mask_labels.")
    require_whole(pack, manifest)


def join_part(pack: Path, out: Path, part: str, recipe: Recipe, about: dict[str, Any], training: dict[str, Any],
              write: Callable[[Path], None]) -> PackManifest:
    """Copy the base pack in `pack` to `out`, have `write` put a part's files there, and seal it.

    Parameters
    ----------
    part
        Key of `training` in the manifest, e.g. ``control``.
    about
        The frozen set that the part learned from; where it is another than the base's, it is named beside it.
    write
        Called with `out`; writes the part into a folder of its own.
    """
    manifest = read_manifest(pack)
    require_whole(pack, manifest)
    if out.resolve() != pack.resolve():
        for name in manifest.files:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(pack / name, out / name)
    write(out)
    manifest = with_data(manifest, (training_data(about),))
    return seal(replace(manifest, version=recipe.pack.version, mask_labels=recipe.pack.mask_labels,
                        known_failures=recipe.pack.known_failures,
                        training={**manifest.training, part: training}), out)


def training_data(about: dict[str, Any]) -> TrainingData:
    """What a frozen set says of itself, for the manifest."""
    return TrainingData(about["name"], about["licence"], about["citation"], int(about.get("train_images", 0)),
                        str(about.get("split_by", "")), len(about.get("left_out", {}).get("near_duplicates", ())),
                        int(about.get("synthetic", 0)))


def with_data(manifest: PackManifest, more: Iterable[TrainingData]) -> PackManifest:
    """The manifest with further data sets; their licences are stated beside the pack's own."""
    for data in more:
        if data.name not in {known.name for known in manifest.training_data}:
            manifest = replace(manifest, training_data=(*manifest.training_data, data),
                               licence=_both(manifest.licence, data.licence))
    return manifest


def _both(licence: str, other: str) -> str:
    """Two licences, each of their parts once."""
    parts = [part for part in licence.split("; ") if part]
    return "; ".join([*parts, *(part for part in other.split("; ") if part not in parts)])


def new_manifest(recipe: Recipe, about: dict[str, Any], training: dict[str, dict[str, Any]],
                 kind: str = "base") -> PackManifest:
    """What a pack trained by `recipe` on the frozen set `about` says of itself; no files yet.

    The licence that a recipe for a named set states was written for that set; to any other the licence of the data is
    added.
    """
    pack, data = recipe.pack, training_data(about)
    licence = pack.licence if pack.licence and about.get("set") else _both(pack.licence, data.licence)
    return PackManifest(
        name=pack.name, version=pack.version, domain=pack.domain, title=pack.title, modalities=pack.modalities,
        colour=pack.colour, licence=licence, native_size=pack.native_size, training_data=(data,),
        default_prompt=pack.default_prompt, remove_prompt=pack.remove_prompt, example_prompts=pack.grid_prompts,
        knows_not=pack.knows_not, licence_note=pack.licence_note, known_failures=pack.known_failures, kind=kind,
        mask_labels=pack.mask_labels, mean_colour=tuple(about.get("mean_colour", ())),
        intensity_ranges={name: IntensityRange(**limits) for name, limits in about.get("intensity_ranges", {}).items()},
        training=training)


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
        pictures = pipeline([prompt] * columns, num_inference_steps=USUAL_STEPS, guidance_scale=Sampling().guidance,
                            generator=generators, height=size, width=size, output_type="np").images
        draw.text((4, row * (size + line) + 3), f"SYNTHETIC  {prompt}", fill="black")
        for column, picture in enumerate(pictures):
            grid.paste(Image.fromarray((picture * 255).round().astype(np.uint8)),
                       (column * size, row * (size + line) + line))
    return grid
