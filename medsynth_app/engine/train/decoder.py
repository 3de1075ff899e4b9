"""A second turn for the decoder alone: against a critic, so that it draws texture instead of the mean of all textures.

The encoder stays, and with it the latents: a denoiser that was trained on them goes on to fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoencoderKL
from torch import nn
from torch.nn import functional as F

from medsynth_app.engine.train.autoencoder import (
    GREY_LEVELS,
    SHOWN,
    encoder_key,
    random_crops,
    reconstruction_loss,
    to_tensor,
)
from medsynth_app.engine.train.critic import HEAD_START, Critic, critic_loss, likeness
from medsynth_app.engine.train.loop import Learner, Losses, Plan, fit
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.engine.train.supervision import Supervisor


def train_decoder(recipe: Recipe, pixels: npt.NDArray[np.uint8], vae: AutoencoderKL, folder: Path,
                  device: torch.device, supervisor: Supervisor) -> int:
    """Train the decoder of `vae` in place, where the recipe asks for it; returns the steps run.

    Goes on from its checkpoint in `folder`, which is named after the encoder that it belongs to.

    Parameters
    ----------
    pixels
        Training pictures, shape (n, s, s, 3), uint8.
    """
    section = recipe.decoder
    if not section.steps:
        return 0
    torch.manual_seed(recipe.seed)
    decoder, critic = nn.ModuleList([vae.post_quant_conv, vae.decoder]), Critic(section.critic_width).to(device)

    def losses(rng: np.random.Generator, step: int) -> Iterator[tuple[torch.Tensor, float]]:
        batch = to_tensor(random_crops(pixels, section.batch, recipe.autoencoder.crop, rng), device)
        with torch.no_grad():
            latents = vae.encode(batch).latent_dist.mean
            latents = latents + section.noise * torch.randn_like(latents)  # a denoiser's are not exact either
        decoded = vae.decode(latents).sample.float()
        loss = close = reconstruction_loss(decoded, batch)
        if section.adversarial and step >= HEAD_START:
            loss = close + section.adversarial * likeness(critic, decoded, batch, close, vae.decoder.conv_out.weight)
        yield loss, float(F.l1_loss(decoded.detach(), batch)) * GREY_LEVELS
        yield (against := critic_loss(critic, decoded, batch)), float(against.detach())

    def make_losses() -> Losses:
        return losses

    learners = {"decoder": Learner(decoder, section.learning_rate, section.ema, betas=(0.5, 0.9)),
                "critic": Learner(critic, section.learning_rate, betas=(0.5, 0.9))}
    plan = Plan("decoder", section.steps, recipe.seed, report_every=recipe.curves_every, shown=SHOWN)
    return fit(plan, learners, make_losses, device, supervisor, folder / f"decoder-{encoder_key(vae)}.pt").step
