"""``train control``: a ControlNet that holds a frozen base pack to a mask (Zhang et al., ICCV 2023)."""

from __future__ import annotations

import hashlib
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from diffusers import ControlNetModel, StableDiffusionControlNetPipeline, StableDiffusionPipeline
from diffusers.utils import logging as diffusers_logging
from PIL import Image, ImageDraw, ImageFont
from transformers.utils import logging as transformers_logging

from medsynth_app.core.control_image import control_image
from medsynth_app.core.errors import UserError
from medsynth_app.core.pack import USUAL_STEPS, PackManifest
from medsynth_app.core.pack_files import read_manifest
from medsynth_app.core.parameters import GenerateParameters
from medsynth_app.datasets.dataset import Sample, TrainingSet, read_masks, read_pixels
from medsynth_app.engine.diffusion.mask_model import MaskModel, enlarge
from medsynth_app.engine.train.card import CONTROL_SAMPLES
from medsynth_app.engine.train.denoiser import Latents, view_of
from medsynth_app.engine.train.facts import recipe_fact, training_device, velocity_facts
from medsynth_app.engine.train.pack import SHARD, join_part, named_pack, to_store
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.engine.train.supervision import Run, Supervisor
from medsynth_app.engine.train.velocity import Draw, Predict, train_velocity

WEIGHTS = ("vae/", "unet/", "text_encoder/", "tokenizer/")
SAMPLES = 12


def train_control(run: Run) -> PackManifest:
    """Train a ControlNet for the masks of the data and write the base pack with ``controlnet/``.

    Only the ControlNet learns, with the base's own objective. The captions stay as they are in the set (what a
    mask shows is not written into them) and are dropped with ``recipe.control.drop_caption``.

    Raises
    ------
    UserError
        When the pack is no base pack, the data hold no masks, or the recipe does not name their labels.
    Cancelled
        When the supervisor asked to stop; a checkpoint has been saved.
    """
    begun = time.monotonic()
    recipe, supervisor, pack, device = run.recipe, run.supervisor, named_pack(run), training_device()
    frozen, manifest = TrainingSet.load(run.data), read_manifest(pack)
    samples = _with_masks(frozen.samples)
    _check(recipe, samples)
    base = load_base(pack, device)
    folder = run.checkpoints / f"control-{_key(manifest, frozen, recipe)}"
    supervisor.report("data", 0, 1, f"reading {len(samples)} training pictures with masks")
    torch.manual_seed(recipe.seed)
    control = new_controlnet(base, recipe.control.hint_width).to(device)

    def make_draw() -> Draw:
        return _Pairs.make(recipe, base, samples, manifest.native_size, folder, device, supervisor).draws(
            recipe, base, control)

    history = train_velocity("control", control, recipe.control, make_draw, recipe, folder, device, supervisor)
    supervisor.report("pack", 0, 1, "drawing samples")
    drawn = _drawn_masks(pack, recipe, manifest) if manifest.draws_masks else []
    grid = _sample_grid(base, control.eval(), drawn, manifest.native_size) if drawn else None
    training = {"recipe": recipe_fact(recipe), "pictures_with_masks": len(samples), "steps": history.step,
                **velocity_facts(history, recipe.control.batch, begun, device, control)}

    def write(place: Path) -> None:
        shutil.rmtree(place / "controlnet", ignore_errors=True)
        (place / CONTROL_SAMPLES).unlink(missing_ok=True)
        to_store(control, recipe)
        control.save_pretrained(place / "controlnet", max_shard_size=SHARD)
        if grid is not None:
            grid.save(place / CONTROL_SAMPLES, quality=90)

    return join_part(pack, run.out, "control", recipe, frozen.about, training, write)


def load_base(pack: Path, device: torch.device) -> StableDiffusionPipeline:
    """The pipeline of a base pack in float32, its weights frozen; raises `UserError` where it cannot be loaded."""
    for logging in (diffusers_logging, transformers_logging):
        logging.set_verbosity_error()
        logging.disable_progress_bar()
    try:
        base = StableDiffusionPipeline.from_pretrained(
            pack, local_files_only=True, use_safetensors=True, safety_checker=None, requires_safety_checker=False)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise UserError(f"The base pack {pack.name} cannot be loaded.", "Give a base pack that is whole.",
                        details=type(error).__name__) from error
    for part in (base.vae, base.unet, base.text_encoder):
        part.to(device, torch.float32).eval().requires_grad_(False)
    if device.type == "cpu":
        base.unet.to(memory_format=torch.channels_last)
    base.set_progress_bar_config(disable=True)
    return base


def new_controlnet(base: StableDiffusionPipeline, hint_width: int) -> ControlNetModel:
    """An untrained ControlNet beside the base's UNet: it changes nothing yet.

    Parameters
    ----------
    hint_width
        Channels of the hint's layers at pixel resolution; doubled at each halving down to the latents' size.
    """
    levels = len(base.vae.config.block_out_channels)
    return ControlNetModel.from_unet(base.unet, conditioning_channels=3, conditioning_embedding_out_channels=tuple(
        hint_width * 2**level for level in range(levels)))


@dataclass
class _Pairs:
    """Latents of the pictures and, turned alike, their masks (views, n, s, s) uint8."""

    latents: Latents
    masks: npt.NDArray[np.uint8]

    @staticmethod
    def make(recipe: Recipe, base: StableDiffusionPipeline, samples: tuple[Sample, ...], size: int, folder: Path,
             device: torch.device, supervisor: Supervisor) -> _Pairs:
        views = recipe.control.variants if recipe.augment else 1  # without augmentation all views are the same
        masks = read_masks(samples, size, recipe.pack.mask_labels)
        latents = Latents.make(recipe, base.vae, base.tokenizer, samples, read_pixels(samples, size), folder, device,
                               supervisor, views, "data")
        return _Pairs(latents, np.stack([view_of(recipe, masks, view) for view in range(views)]))

    def draws(self, recipe: Recipe, base: StableDiffusionPipeline, control: ControlNetModel) -> Draw:
        """Batches for `train_velocity`: the base's prediction with what the ControlNet adds to it."""
        device, section = base.device, recipe.control
        with torch.no_grad():
            states = base.text_encoder(self.latents.tokens.to(device))[0]

        def draw(rng: np.random.Generator) -> tuple[torch.Tensor, Predict]:
            view, chosen, captions = self.latents.choose(section.batch, section.drop_caption, rng)
            clean = self.latents.values[torch.from_numpy(view), torch.from_numpy(chosen)].float()
            hint = torch.from_numpy(control_image(self.masks[view, chosen])).to(device).permute(0, 3, 1, 2)
            text = states[torch.from_numpy(captions).to(device)]

            def predict(noisy: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
                down, middle = control(noisy, t, encoder_hidden_states=text, controlnet_cond=hint, return_dict=False)
                predicted: torch.Tensor = base.unet(
                    noisy, t, encoder_hidden_states=text, down_block_additional_residuals=down,
                    mid_block_additional_residual=middle).sample
                return predicted

            return clean, predict

        return draw


def _with_masks(samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
    return tuple(sample for sample in samples if sample.mask is not None)


def _check(recipe: Recipe, samples: tuple[Sample, ...]) -> None:
    if not samples:
        raise UserError("The training set holds no masks.", "Freeze a data set that has masks with this recipe.")
    if not recipe.pack.mask_labels:
        raise UserError("The recipe does not say what the labels of a mask mean.", "Name them in [pack] mask_labels.")


def _key(manifest: PackManifest, frozen: TrainingSet, recipe: Recipe) -> str:
    """Names what a checkpoint belongs to: the base's weights, the training set, and how its views are made."""
    weights = {path: digest for path, digest in manifest.files.items() if path.startswith(WEIGHTS)}
    turned = (recipe.augment, recipe.seed, recipe.pack.native_size, recipe.denoiser.variants)  # as the masks must be
    named = repr((sorted(weights.items()), frozen.about.get("sha256"), turned))
    return hashlib.sha256(named.encode()).hexdigest()[:12]


def _drawn_masks(pack: Path, recipe: Recipe, manifest: PackManifest) -> list[tuple[str, npt.NDArray[np.uint8]]]:
    """Prompts, each with a mask (s, s) that the pack's own model drew: no real mask is ever shown."""
    model = MaskModel.load(pack, training_device())
    named = [prompt for prompt in recipe.pack.grid_prompts if model.class_in(prompt)] or [recipe.pack.default_prompt]
    asked = [(named[seed % len(named)], seed) for seed in range(max(SAMPLES, len(named)))]
    return [(prompt, enlarge(model.sample(1, seed, model.class_in(prompt)), manifest.native_size)[0])
            for prompt, seed in asked]


@torch.no_grad()
def _sample_grid(base: StableDiffusionPipeline, control: ControlNetModel,
                 drawn: list[tuple[str, npt.NDArray[np.uint8]]], size: int, columns: int = 4) -> Image.Image:
    """Pairs of mask and picture, a prompt above each; drawn as the window draws with a pack that recommends nothing."""
    prompts, standard = [prompt for prompt, _ in drawn], GenerateParameters()
    hints = control_image(np.stack([mask for _, mask in drawn]))
    pipeline: Any = StableDiffusionControlNetPipeline(
        **base.components, controlnet=control, requires_safety_checker=False)
    pipeline.set_progress_bar_config(disable=True)
    pictures = pipeline(prompts, image=torch.from_numpy(hints).permute(0, 3, 1, 2), height=size, width=size,
                        num_inference_steps=USUAL_STEPS, guidance_scale=standard.sampling.guidance,
                        controlnet_conditioning_scale=standard.conditioning.control_scale, output_type="np",
                        generator=[torch.Generator("cpu").manual_seed(seed) for seed in range(len(drawn))]).images
    line, gap, margin = 20, 8, 4
    font = ImageFont.load_default(12)
    rows = -(-len(drawn) // columns)
    grid = Image.new("RGB", (columns * (2 * size + gap) - gap, rows * (size + line)), "white")
    draw = ImageDraw.Draw(grid)
    for k, (prompt, pair) in enumerate(zip(prompts, zip(hints, pictures, strict=True), strict=True)):
        left, top = k % columns * (2 * size + gap), k // columns * (size + line)
        prompt = f"SYNTHETIC {prompt}"
        while font.getlength(prompt) > 2 * size - margin:
            prompt = prompt[:-2].rstrip(" .") + "…"
        draw.text((left + margin, top + 3), prompt, fill="black", font=font)
        for half, pixels in enumerate(pair):
            grid.paste(Image.fromarray((pixels * 255).round().astype(np.uint8)), (left + half * size, top + line))
    return grid
