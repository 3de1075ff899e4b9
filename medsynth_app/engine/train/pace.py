"""How long training by a recipe takes on this machine, from a few steps of it on noise."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from diffusers import DDPMScheduler

from medsynth_app.core.pack import LATENT_CHANNELS
from medsynth_app.engine.train.autoencoder import autoencoder_losses, new_autoencoder
from medsynth_app.engine.train.denoiser import Denoiser, new_text_encoder, new_unet
from medsynth_app.engine.train.loop import Learner, Losses, Plan, fit
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.engine.train.supervision import Supervisor
from medsynth_app.engine.train.tokenizer import train_tokenizer
from medsynth_app.engine.train.velocity import SCHEDULE, velocity_loss

TIMED = 2  # steps, after one that warms up


def seconds_to_train(recipe: Recipe, device: torch.device, supervisor: Supervisor) -> Mapping[str, float]:
    """Seconds that the stages of ``train base`` take, by their names: those that take nearly all of its time.

    A critic is not counted. Nothing is kept.

    Raises
    ------
    UserError
        When the recipe asks for a network that is not there.
    Cancelled
        When the supervisor asked to stop.
    """
    rng, size = np.random.default_rng(0), recipe.pack.native_size
    vae = new_autoencoder(recipe).to(device)
    coding, drawing = recipe.autoencoder, recipe.denoiser
    pixels = rng.integers(0, 256, (coding.batch, size, size, 3), np.uint8)
    with tempfile.TemporaryDirectory() as temporary:
        tokenizer = train_tokenizer(["a picture"], Path(temporary) / "tokenizer")
    model = Denoiser(new_text_encoder(recipe, tokenizer), new_unet(recipe)).to(device)
    if device.type == "cpu":
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    tokens = tokenizer(["a picture"] * 4, padding="max_length", return_tensors="pt").input_ids.to(device)
    edge, scheduler = size // 2 ** (len(coding.widths) - 1), DDPMScheduler(**SCHEDULE)
    which = torch.arange(drawing.batch, device=device) % len(tokens)

    def denoising(rng: np.random.Generator, step: int) -> Iterator[tuple[torch.Tensor, float]]:
        clean = torch.randn(drawing.batch, LATENT_CHANNELS, edge, edge, device=device)
        yield velocity_loss(lambda noisy, t: model(noisy, t, tokens, which), clean, scheduler)

    return {"autoencoder": coding.steps * _pace(vae, autoencoder_losses(coding, vae, None, pixels, device), device,
                                                supervisor),
            "denoiser": drawing.steps * _pace(model, denoising, device, supervisor)}


def _pace(module: torch.nn.Module, losses: Losses, device: torch.device, supervisor: Supervisor) -> float:
    """Seconds of a step."""
    for steps in (1, TIMED):
        plan = Plan("pace", steps, 0, report_every=0, save_every=0)
        history = fit(plan, {"module": Learner(module, 1e-5)}, lambda: losses, device, supervisor)
    return history.seconds / TIMED
