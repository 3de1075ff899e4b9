"""The first stage: an autoencoder whose latents have mean 0 and spread 1 in every channel."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoencoderKL
from torch.nn import functional as F

from medsynth_app.core.pack import LATENT_CHANNELS
from medsynth_app.datasets.dataset import some
from medsynth_app.engine.train.checkpoint import load_checkpoint, save_checkpoint
from medsynth_app.engine.train.recipe import NORM_GROUPS, Recipe
from medsynth_app.engine.train.start import start_autoencoder
from medsynth_app.engine.train.supervision import Supervisor, learning_rate_factor, set_learning_rate


def new_autoencoder(recipe: Recipe) -> AutoencoderKL:
    """An untrained AutoencoderKL; factor ``2 ** (len(widths) - 1)``."""
    section = recipe.autoencoder
    levels = len(section.widths)
    return AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=LATENT_CHANNELS,
        down_block_types=("DownEncoderBlock2D",) * levels, up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=section.widths, layers_per_block=1, norm_num_groups=NORM_GROUPS,
        mid_block_add_attention=False, sample_size=recipe.pack.native_size, scaling_factor=1.0)


def to_tensor(pixels: npt.NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """(n, h, w, 3) uint8 to (n, 3, h, w) float32 in [-1, 1]."""
    return torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def train_autoencoder(recipe: Recipe, pixels: npt.NDArray[np.uint8], folder: Path, device: torch.device,
                      supervisor: Supervisor, share_of_time: tuple[float, float],
                      start: Path | None = None) -> AutoencoderKL:
    """Train on random crops with L1, gradient L1 and a small KL term.

    Parameters
    ----------
    pixels
        Training pictures, shape (n, s, s, 3), uint8.
    folder
        Where the checkpoint ``autoencoder.pt`` is kept; training resumes from it.
    start
        A pack to start from where there is no checkpoint yet.
    """
    section = recipe.autoencoder
    torch.manual_seed(recipe.seed)
    vae = new_autoencoder(recipe)
    if start is not None and not (folder / "autoencoder.pt").exists():
        start_autoencoder(vae, start)
    vae.to(device)
    optimizer = torch.optim.AdamW(vae.parameters(), lr=section.learning_rate, weight_decay=1e-4)
    state = load_checkpoint(folder / "autoencoder.pt", vae=vae, optimizer=optimizer)
    if state.get("finished"):
        return vae
    step = int(state.get("step", 0))
    rng = np.random.default_rng(recipe.seed + step)
    curve: list[list[float]] = state.get("curve", [])

    def save(finished: bool = False) -> None:
        save_checkpoint(folder / "autoencoder.pt", vae=vae, optimizer=optimizer,
                        state={"step": step, "curve": curve, "finished": finished})

    while (done := supervisor.fraction(step, section.steps, share_of_time)) < 1:
        supervisor.stop_if_cancelled(save)
        set_learning_rate(optimizer, section.learning_rate * learning_rate_factor(done, step))
        batch = to_tensor(random_crops(pixels, section.batch, section.crop, rng), device)
        loss, l1 = _loss(vae, batch, section.kl_weight, device)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % recipe.curves_every == 0:
            curve.append([step, l1])
            supervisor.report("autoencoder", step, section.steps, f"mean error {l1 * 127.5:.2f} grey levels")
        if step % 500 == 0:
            save()
    standardise_latents(vae, pixels[some(len(pixels), 512, recipe.seed)], device)
    save(finished=True)
    return vae


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


def _loss(vae: AutoencoderKL, batch: torch.Tensor, kl_weight: float,
          device: torch.device) -> tuple[torch.Tensor, float]:
    with torch.autocast(device.type, torch.bfloat16):
        posterior = vae.encode(batch).latent_dist
        decoded = vae.decode(posterior.sample()).sample
    close = reconstruction_loss(decoded.float(), batch)
    return close + kl_weight * posterior.kl().mean().float(), float(F.l1_loss(decoded.float(), batch).detach())


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
def encode_all(vae: AutoencoderKL, pixels: npt.NDArray[np.uint8], device: torch.device,
               batch: int = 32) -> torch.Tensor:
    """Latent means of pictures, float32 on the CPU, shape (n, channels, s / factor, s / factor)."""
    parts = []
    for start in range(0, len(pixels), batch):
        with torch.autocast(device.type, torch.bfloat16):
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
