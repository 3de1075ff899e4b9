"""A second turn for the decoder alone: against a critic, so that it draws texture instead of the mean of all textures.

The encoder stays, and with it the latents: a denoiser that was trained on them goes on to fit. As in VQGAN (Esser et
al., CVPR 2021): a patch critic with hinge loss, weighed by the gradients at the decoder's last layer; besides, the
critic's features of picture and reconstruction are drawn together (Wang et al., CVPR 2018).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoencoderKL
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from medsynth_app.engine.train.autoencoder import encoder_key, random_crops, reconstruction_loss, to_tensor
from medsynth_app.engine.train.average import Average
from medsynth_app.engine.train.checkpoint import load_checkpoint, save_checkpoint
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.engine.train.supervision import Supervisor, learning_rate_factor, set_learning_rate

HEAD_START = 50  # steps before the decoder hears the critic, which knows nothing at first


class Critic(nn.Module):
    """Tells real patches from reconstructed ones: of pictures (n, 3, h, w) a map of marks, above 0 for real."""

    def __init__(self, width: int) -> None:
        super().__init__()
        sizes = ((3, width, 2), (width, 2 * width, 2), (2 * width, 4 * width, 1))
        self.layers = nn.ModuleList(spectral_norm(nn.Conv2d(before, after, 4, stride, 1))
                                    for before, after, stride in sizes)
        self.mark = spectral_norm(nn.Conv2d(4 * width, 1, 4, 1, 1))

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        features = []
        for layer in self.layers:
            pictures = F.leaky_relu(layer(pictures), 0.2)
            features.append(pictures)
        return self.mark(pictures), features


def train_decoder(recipe: Recipe, pixels: npt.NDArray[np.uint8], vae: AutoencoderKL, folder: Path,
                  device: torch.device, supervisor: Supervisor, share_of_time: tuple[float, float]) -> int:
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
    average = Average(decoder, section.ema)
    optimizers = [torch.optim.AdamW(module.parameters(), lr=section.learning_rate, betas=(0.5, 0.9))
                  for module in (decoder, critic)]
    parts = {"decoder": decoder, "average": average, "critic": critic, "learner": optimizers[0],
             "opponent": optimizers[1]}
    path = folder / f"decoder-{encoder_key(vae)}.pt"
    state = load_checkpoint(path, **parts)
    step, curve = int(state.get("step", 0)), state.get("curve", [])
    rng = np.random.default_rng((recipe.seed, step))
    torch.manual_seed(recipe.seed + step)

    def save(finished: bool = False) -> None:
        save_checkpoint(path, {"step": step, "curve": curve, "finished": finished}, **parts)

    while not state.get("finished") and (done := supervisor.fraction(step, section.steps, share_of_time)) < 1:
        supervisor.stop_if_cancelled(save)
        for optimizer in optimizers:
            set_learning_rate(optimizer, section.learning_rate * learning_rate_factor(done, step))
        batch = to_tensor(random_crops(pixels, section.batch, recipe.autoencoder.crop, rng), device)
        error = _step(vae, critic, batch, optimizers, section.noise, section.adversarial * (step >= HEAD_START))
        step += 1
        average.update(decoder, step)
        if step % recipe.curves_every == 0:
            curve.append([step, error])
            supervisor.report("decoder", step, section.steps, f"mean error {error * 127.5:.2f} grey levels")
        if step % 200 == 0:
            save()
    if step and not state.get("finished"):
        save(finished=True)
    decoder.load_state_dict(average.state_dict())
    return step


def _step(vae: AutoencoderKL, critic: Critic, batch: torch.Tensor, optimizers: list[torch.optim.AdamW], noise: float,
          adversarial: float) -> float:
    """One step of decoder and critic; the mean error of the reconstruction, for pictures in [-1, 1]."""
    learner, opponent = optimizers
    with torch.autocast(batch.device.type, torch.bfloat16):
        with torch.no_grad():
            latents = vae.encode(batch).latent_dist.mean
            latents = latents + noise * torch.randn_like(latents)  # a denoiser's latents are not exact either
        decoded = vae.decode(latents).sample.float()
    loss = close = reconstruction_loss(decoded, batch)
    if adversarial:
        critic.requires_grad_(False)
        with torch.autocast(batch.device.type, torch.bfloat16):
            marks, drawn = critic(decoded)
            with torch.no_grad():
                _, real = critic(batch)
        likeness = -marks.float().mean() + sum(F.l1_loss(a.float(), b.float())
                                               for a, b in zip(drawn, real, strict=True))
        last = vae.decoder.conv_out.weight
        pulls = [torch.autograd.grad(part, last, retain_graph=True)[0].norm() for part in (close, likeness)]
        loss = close + adversarial * (pulls[0] / (pulls[1] + 1e-6)).clamp(max=1e3) * likeness
        critic.requires_grad_(True)
    learner.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(learner.param_groups[0]["params"], 1.0)
    learner.step()
    with torch.autocast(batch.device.type, torch.bfloat16):
        for_real, for_drawn = (critic(pictures)[0].float() for pictures in (batch, decoded.detach()))
    opponent.zero_grad(set_to_none=True)
    (F.relu(1 - for_real).mean() + F.relu(1 + for_drawn).mean()).backward()
    opponent.step()
    return float(F.l1_loss(decoded.detach(), batch))
