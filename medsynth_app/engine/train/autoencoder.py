"""The first stage: an autoencoder whose latents have mean 0 and spread 1 in every channel."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoencoderKL
from torch.nn import functional as F

from medsynth_app.core.pack import LATENT_CHANNELS
from medsynth_app.datasets.dataset import some
from medsynth_app.engine.train.critic import HEAD_START, Critic, critic_loss, likeness
from medsynth_app.engine.train.loop import History, Hooks, Learner, Losses, Plan, fit, precision
from medsynth_app.engine.train.perceptual import load_perceptual
from medsynth_app.engine.train.recipe import NORM_GROUPS, AutoencoderSection, Recipe
from medsynth_app.engine.train.start import start_autoencoder
from medsynth_app.engine.train.supervision import Supervisor
from medsynth_app.engine.train.views import stained

EVALUATED = 48  # held-out pictures at every validation
GREY_LEVELS = 127.5  # of 255 to one unit of pixels in [-1, 1]
SHOWN = "mean error {:.2f} grey levels"


def new_autoencoder(recipe: Recipe) -> AutoencoderKL:
    """An untrained AutoencoderKL; factor ``2 ** (len(widths) - 1)``."""
    section = recipe.autoencoder
    levels = len(section.widths)
    return AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=LATENT_CHANNELS,
        down_block_types=("DownEncoderBlock2D",) * levels, up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=section.widths, layers_per_block=section.layers, norm_num_groups=NORM_GROUPS,
        mid_block_add_attention=False, sample_size=recipe.pack.native_size, scaling_factor=1.0)


def to_tensor(pixels: npt.NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """(n, h, w, 3) uint8 to (n, 3, h, w) float32 in [-1, 1]."""
    return torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def train_autoencoder(recipe: Recipe, pixels: npt.NDArray[np.uint8], held_out: npt.NDArray[np.uint8], folder: Path,
                      device: torch.device, supervisor: Supervisor, start: Path | None = None
                      ) -> tuple[AutoencoderKL, History]:
    """Train on random crops, as ``recipe.autoencoder`` says; the autoencoder, and what was done.

    Parameters
    ----------
    pixels, held_out
        Pictures to learn from and to measure on, shape (n, s, s, 3), uint8.
    folder
        Where the checkpoint ``autoencoder.pt`` is kept; training resumes from it.
    start
        A pack to start from where there is no checkpoint yet.
    """
    section, path = recipe.autoencoder, folder / "autoencoder.pt"
    torch.manual_seed(recipe.seed)
    vae = new_autoencoder(recipe)
    if start is not None and not path.exists():
        start_autoencoder(vae, start)
    vae.to(device)
    learners = {"autoencoder": Learner(vae, section.learning_rate, section.ema, weight_decay=1e-4)}
    critic = Critic(section.critic_width).to(device) if section.adversarial else None
    if critic is not None:
        learners["critic"] = Learner(critic, section.learning_rate, betas=(0.5, 0.9))
    plan = Plan("autoencoder", section.steps, recipe.seed, report_every=recipe.curves_every, shown=SHOWN,
                evaluate_every=section.evaluate_every)
    seen = held_out[some(len(held_out), EVALUATED, recipe.seed)]

    def standardise() -> None:
        standardise_latents(vae, pixels[some(len(pixels), 512, recipe.seed)], device)

    hooks = Hooks(evaluate=(lambda: autoencoder_figures(vae, seen, device)) if len(seen) else None, finish=standardise)
    history = fit(plan, learners, lambda: autoencoder_losses(section, vae, critic, pixels, device), device, supervisor,
                  path, hooks)
    return vae, history


def autoencoder_losses(section: AutoencoderSection, vae: AutoencoderKL, critic: Critic | None,
                       pixels: npt.NDArray[np.uint8], device: torch.device) -> Losses:
    """What the autoencoder learns by; the weights stand in the recipe (see `AutoencoderSection`)."""
    eyes = load_perceptual(section.perceptual_network, device) if section.perceptual else None

    def losses(rng: np.random.Generator, step: int) -> Iterator[tuple[torch.Tensor | None, float]]:
        batch = to_tensor(random_crops(pixels, section.batch, section.crop, rng), device)
        if section.stain:
            batch = _stained(batch, section.stain)
        posterior = vae.encode(batch).latent_dist
        latents = posterior.sample()
        decoded = vae.decode(latents).sample.float()
        close = reconstruction_loss(decoded, batch)
        if eyes is not None:
            close = close + section.perceptual * eyes(decoded, batch)
        loss = close + section.kl_weight * posterior.kl().mean().float()
        if section.equivariance:
            smaller = vae.decode(F.avg_pool2d(latents, 2)).sample.float()
            loss = loss + section.equivariance * reconstruction_loss(smaller, F.avg_pool2d(batch, 2))
        if critic is not None and step >= section.critic_after:
            loss = loss + section.adversarial * likeness(critic, decoded, batch, close, vae.decoder.conv_out.weight)
        yield loss, float(F.l1_loss(decoded.detach(), batch)) * GREY_LEVELS
        if critic is not None:
            ready = step >= section.critic_after - HEAD_START
            against = critic_loss(critic, decoded, batch) if ready else None
            yield against, float(against.detach()) if against is not None else 0.0

    return losses


def _stained(batch: torch.Tensor, share: float) -> torch.Tensor:
    """A share of the pictures with another stain, lamp and camera."""
    chosen = torch.rand(len(batch), 1, 1, 1, device=batch.device) < share
    return torch.where(chosen, stained((batch + 1) / 2) * 2 - 1, batch)


def random_crops(pixels: npt.NDArray[np.uint8], n: int, crop: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """`n` square crops; every second one near the middle, where the object is and most of the detail."""
    room = pixels.shape[1] - crop
    chosen = rng.integers(len(pixels), size=n)
    tops, lefts = rng.integers(room + 1, size=(2, n))
    tops[::2], lefts[::2] = room // 4 + tops[::2] // 2, room // 4 + lefts[::2] // 2
    crops = np.stack([pixels[k, t:t + crop, x:x + crop] for k, t, x in zip(chosen, tops, lefts, strict=True)])
    if rng.random() < 0.5:
        crops = crops[:, :, ::-1]
    return np.ascontiguousarray(crops)


def reconstruction_loss(decoded: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
    """L1 of the pixels and of their differences along rows and columns."""
    return (F.l1_loss(decoded, batch) + F.l1_loss(decoded.diff(dim=3), batch.diff(dim=3))
            + F.l1_loss(decoded.diff(dim=2), batch.diff(dim=2)))


def encoder_key(vae: AutoencoderKL) -> str:
    """Names the encoder by its weights: latents and a decoder belong to one encoder only."""
    found = hashlib.sha256()
    for module in (vae.encoder, vae.quant_conv):
        for name, value in module.state_dict().items():
            found.update(name.encode() + value.detach().cpu().float().numpy().tobytes())
    return found.hexdigest()[:12]


@torch.no_grad()
def encode_all(vae: AutoencoderKL, pixels: npt.NDArray[np.uint8], device: torch.device, batch: int = 32,
               before: Callable[[int], None] = lambda done: None) -> torch.Tensor:
    """Latent means of pictures, float32 on the CPU, shape (n, channels, s / factor, s / factor).

    `before` is called with how many are done before each batch; what it raises ends the work.
    """
    parts = []
    for start in range(0, len(pixels), batch):
        before(start)
        with precision(device):
            mean = vae.encode(to_tensor(pixels[start:start + batch], device)).latent_dist.mean
        parts.append(mean.float().cpu())
    return torch.cat(parts)


@torch.no_grad()
def standardise_latents(vae: AutoencoderKL, pixels: npt.NDArray[np.uint8], device: torch.device) -> None:
    """Fold each latent channel's mean and spread into the 1 x 1 convolutions beside the latent.

    Afterwards the latents have mean 0 and spread 1 per channel and ``scaling_factor`` is 1, so that
    every Stable Diffusion pipeline uses the autoencoder unchanged.
    """
    latents = encode_all(vae, pixels, device)
    mean = latents.mean(dim=(0, 2, 3)).to(device)
    spread = latents.std(dim=(0, 2, 3)).clamp_min(1e-4).to(device)
    channels = len(mean)
    quant, post = vae.quant_conv, vae.post_quant_conv
    quant.weight[:channels] /= spread[:, None, None, None]
    quant.bias[:channels] = (quant.bias[:channels] - mean) / spread
    quant.bias[channels:] -= 2 * spread.log()
    post.bias += (post.weight[:, :, 0, 0] @ mean)
    post.weight *= spread[None, :, None, None]


@torch.no_grad()
def reconstruction_psnr(vae: AutoencoderKL, pixels: npt.NDArray[np.uint8], device: torch.device) -> float:
    """Peak signal-to-noise ratio (dB) of pictures that went through the autoencoder and back."""
    errors: list[Any] = []
    for start in range(0, len(pixels), 32):
        batch = to_tensor(pixels[start:start + 32], device)
        decoded = vae.decode(vae.encode(batch).latent_dist.mean).sample.clamp(-1, 1)
        errors.append(((decoded - batch) / 2).pow(2).mean(dim=(1, 2, 3)).cpu())
    return float(-10 * math.log10(torch.cat(errors).mean().item()))


@torch.no_grad()
def latent_power_above(vae: AutoencoderKL, pixels: npt.NDArray[np.uint8], device: torch.device,
                       frequency: float = 0.25) -> float:
    """Share of the latents' power, their means left out, above a frequency in cycles per latent: 0.25 is half Nyquist.

    White noise has 0.80 there, pictures 0.1 to 0.2; what is near noise cannot be learned quickly.
    """
    latents = encode_all(vae, pixels, device)
    power = torch.fft.fft2(latents - latents.mean(dim=(2, 3), keepdim=True)).abs().pow(2)
    rows, columns = (torch.fft.fftfreq(n) for n in latents.shape[2:])
    high = torch.hypot(rows[:, None], columns[None, :]) > frequency
    return float(power[:, :, high].sum() / power.sum())


def autoencoder_figures(vae: AutoencoderKL, pixels: npt.NDArray[np.uint8], device: torch.device) -> dict[str, float]:
    """What a validation reports: fidelity in dB, and how much of the latents is fine grain."""
    return {"psnr_db": reconstruction_psnr(vae, pixels, device),
            "power_above_half_nyquist": latent_power_above(vae, pixels, device)}
