"""A tiny random model pack in diffusers' own test style, for every test that runs a worker."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import ControlNetModel, DDPMScheduler, DPMSolverMultistepScheduler, StableDiffusionPipeline

from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.inpaint import InpaintRequest
from medsynth_app.core.pack import MANIFEST, PackManifest, TrainingData
from medsynth_app.core.pack_files import hash_files
from medsynth_app.engine.diffusion.inpaint import run_inpaint
from medsynth_app.engine.diffusion.mask_model import ABOUT
from medsynth_app.engine.train.autoencoder import new_autoencoder
from medsynth_app.engine.train.denoiser import new_text_encoder, new_unet
from medsynth_app.engine.train.mask_model import MASK_SCHEDULE, new_mask_unet
from medsynth_app.engine.train.recipe import AutoencoderSection, DenoiserSection, MasksSection, PackSection, Recipe
from medsynth_app.engine.train.tokenizer import train_tokenizer
from medsynth_app.engine.train.velocity import SCHEDULE
from tests.asking import inpaint_of

PROMPT = "a round cell"
LABELS = ("body", "core")


def make_tiny_pack(folder: Path, native_size: int = 32, unet_channels: int = 4, with_control: bool = False,
                   control_strength: float = 0.3, with_masks: bool = False, **manifest: Any) -> Path:
    """Write a pack with random weights (the same every time) to `folder`: under 1 MB, latent factor 4.

    Parameters
    ----------
    unet_channels
        9 makes an inpainting UNet.
    with_control
        Add a random ControlNet for masks of two labels, "body" and "core".
    control_strength
        Spread of its last layers' weights; 0 leaves them as they begin, where they change nothing.
    with_masks
        Add a random model of masks of these labels, with the classes "cell" and "round cell".
    manifest
        Values of `PackManifest` to replace.
    """
    torch.manual_seed(0)
    recipe = Recipe(
        PackSection("tiny", "0.0.1", "test", "Tiny random model", ("SM", "CT", "OT"), "CC0-1.0",
                    native_size=native_size),
        {}, AutoencoderSection(widths=(16, 16, 32)), DenoiserSection(widths=(16, 32), text_width=32, text_layers=1))
    tokenizer = train_tokenizer([PROMPT, "nothing but background"], folder / "tokenizer", vocabulary=520)
    unet, vae = new_unet(recipe), new_autoencoder(recipe)
    if unet_channels != 4:
        unet = type(unet).from_config({**unet.config, "in_channels": unet_channels})
    with torch.no_grad():  # random decoders draw flat grey: make what they draw differ by many grey levels
        vae.decoder.conv_out.weight.mul_(8)
    StableDiffusionPipeline(
        vae=vae, text_encoder=new_text_encoder(recipe, tokenizer), tokenizer=tokenizer, unet=unet,
        scheduler=DPMSolverMultistepScheduler(**SCHEDULE, algorithm_type="dpmsolver++", timestep_spacing="trailing"),
        safety_checker=None, feature_extractor=None, image_encoder=None, requires_safety_checker=False,
    ).to(torch.float16).save_pretrained(folder)
    if with_control:
        control = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(8, 16, 32))
        with torch.no_grad():
            for layer in (*control.controlnet_down_blocks, control.controlnet_mid_block,
                          control.controlnet_cond_embedding.conv_out):
                layer.weight.normal_(0, control_strength)
        control.to(torch.float16).save_pretrained(folder / "controlnet")
    if with_masks:
        drawing = replace(recipe, pack=replace(recipe.pack, mask_labels=LABELS),
                          masks=MasksSection(size=32, widths=(16, 32)))
        new_mask_unet(drawing, 2).to(torch.float16).save_pretrained(folder / "masks")
        DDPMScheduler(**MASK_SCHEDULE).save_pretrained(folder / "masks")
        (folder / "masks" / ABOUT).write_text(json.dumps(
            {"labels": LABELS, "classes": ["cell", "round cell"], "size": 32}))
    if with_control or with_masks:
        manifest = {"mask_labels": LABELS, **manifest}
    values = PackManifest(
        name="tiny", version="0.0.1", domain="test", title="Tiny random model", modalities=("SM", "CT", "OT"),
        colour="rgb", licence="CC0-1.0", native_size=native_size, default_prompt=PROMPT,
        remove_prompt="nothing but background", example_prompts=(PROMPT,),
        training_data=(TrainingData("none", "CC0-1.0", "random weights"),), files=hash_files(folder))
    (folder / MANIFEST).write_text(replace(values, **manifest).to_json())
    return folder


def make_request(folder: Path, crop: Any, mask: Any, **changes: Any) -> InpaintRequest:
    """A short inpainting request over a crop that is a whole frame."""
    manifest = PackManifest.from_json((folder / MANIFEST).read_text())
    values: dict[str, Any] = {
        "bounds": (0, 0, *mask.shape), "document_id": "d", "frame_key": "sha256:0#0", "revision": "r",
        "source": "sha256:0", "pack": str(folder), "pack_sha256": manifest.sha256, "prompt": PROMPT, "steps": 4,
        "count": 1, "preview_every": 0, "device": "cpu", **changes}
    return inpaint_of(crop=crop, mask=mask, **values)


def events_of(request: InpaintRequest, cancelled: Callable[[], bool] = lambda: False) -> list[JobEvent]:
    """Run a request here and collect what it says."""
    events: list[JobEvent] = []
    run_inpaint(request, events.append, cancelled, "job")
    return events


def results_of(request: InpaintRequest) -> list[JobEvent]:
    return [event for event in events_of(request) if event.kind is EventKind.RESULT]
