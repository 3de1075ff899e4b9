"""The second stage: text encoder and UNet, trained together on latents with v-prediction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from torch.nn import functional as F
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from medsynth_app.engine.train.autoencoder import encode_all
from medsynth_app.engine.train.checkpoint import load_checkpoint, save_checkpoint
from medsynth_app.engine.train.dataset import Sample, augmented
from medsynth_app.engine.train.recipe import NORM_GROUPS, Recipe
from medsynth_app.engine.train.supervision import Supervisor, learning_rate_factor

SCHEDULE = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012,
            "beta_schedule": "scaled_linear", "steps_offset": 1, "prediction_type": "v_prediction"}


def new_text_encoder(recipe: Recipe, tokenizer: CLIPTokenizer) -> CLIPTextModel:
    width = recipe.denoiser.text_width
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=width, intermediate_size=width * 8 // 3, projection_dim=width,
        num_hidden_layers=recipe.denoiser.text_layers, num_attention_heads=4,
        max_position_embeddings=tokenizer.model_max_length, pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id))


def new_unet(recipe: Recipe) -> UNet2DConditionModel:
    """UNet with attention at every level but the first; its ``sample_size`` is the native size in latents."""
    widths = recipe.denoiser.widths
    below = len(widths) - 1
    return UNet2DConditionModel(
        sample_size=recipe.pack.native_size // 2 ** (len(recipe.autoencoder.widths) - 1),
        in_channels=recipe.autoencoder.latent_channels, out_channels=recipe.autoencoder.latent_channels,
        down_block_types=("DownBlock2D",) + ("CrossAttnDownBlock2D",) * below,
        up_block_types=("CrossAttnUpBlock2D",) * below + ("UpBlock2D",),
        block_out_channels=widths, layers_per_block=1, norm_num_groups=NORM_GROUPS,
        cross_attention_dim=recipe.denoiser.text_width, attention_head_dim=8)


@dataclass
class Latents:
    """Latents of every sample in several random views, and their captions as tokens.

    Attributes
    ----------
    values
        float16, shape (views, n, channels, h, w), mean 0, spread 1 per channel.
    captions
        Indices into `tokens` per sample.
    tokens
        int64, shape (captions, length); the last row is the empty caption.
    """

    values: torch.Tensor
    captions: list[npt.NDArray[np.int64]]
    tokens: torch.Tensor

    @staticmethod
    def make(recipe: Recipe, vae: AutoencoderKL, tokenizer: CLIPTokenizer, samples: tuple[Sample, ...],
             pixels: npt.NDArray[np.uint8], folder: Path, device: torch.device, supervisor: Supervisor) -> Latents:
        """Encode `pixels`; views that an earlier run left in `folder` are used again."""
        views = []
        for view in range(recipe.denoiser.variants):
            supervisor.stop_if_cancelled(lambda: None)
            path = folder / f"latents-{view}.pt"
            if not path.exists():
                supervisor.report("latents", view, recipe.denoiser.variants, "encoding the training pictures")
                rng = np.random.default_rng((recipe.seed, view))
                latents = encode_all(vae, augmented(pixels, recipe.augment, rng), device).half()
                save_checkpoint(path, {"latents": latents})
            views.append(load_checkpoint(path)["latents"])
        texts = sorted({text for sample in samples for text in sample.captions})
        index = {text: k for k, text in enumerate(texts)}
        tokens = tokenizer([*texts, ""], padding="max_length", truncation=True, return_tensors="pt").input_ids
        captions = [np.array([index[text] for text in sample.captions]) for sample in samples]
        return Latents(torch.stack(views), captions, tokens)

    def batch(self, n: int, drop_caption: float,
              rng: np.random.Generator) -> tuple[torch.Tensor, npt.NDArray[np.int64]]:
        """Random latents (n, channels, h, w) float32 and the caption index of each."""
        views, samples = self.values.shape[:2]
        chosen = rng.integers(samples, size=n)
        latents = self.values[torch.from_numpy(rng.integers(views, size=n)), torch.from_numpy(chosen)].float()
        captions = np.array([rng.choice(self.captions[k]) for k in chosen])
        captions[rng.random(n) < drop_caption] = len(self.tokens) - 1
        return latents, captions


class Average:
    """Exponential moving average of a module's weights, slow to start."""

    def __init__(self, module: torch.nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: torch.nn.Module, step: int) -> None:
        keep = min(self.decay, (1 + step) / (10 + step))
        for name, value in module.state_dict().items():
            if value.dtype.is_floating_point:
                self.weights[name].lerp_(value, 1 - keep)

    def state_dict(self) -> dict[str, torch.Tensor]:
        return self.weights

    def load_state_dict(self, saved: dict[str, torch.Tensor]) -> None:
        for name, value in saved.items():
            self.weights[name].copy_(value)


class Denoiser(torch.nn.Module):
    """Text encoder and UNet as one module, so that one optimizer and one average hold both."""

    def __init__(self, text_encoder: CLIPTextModel, unet: UNet2DConditionModel) -> None:
        super().__init__()
        self.text_encoder = text_encoder
        self.unet = unet

    def forward(self, noisy: torch.Tensor, t: torch.Tensor, tokens: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
        states = self.text_encoder(tokens)[0][which]
        predicted: torch.Tensor = self.unet(noisy, t, encoder_hidden_states=states).sample
        return predicted


def train_denoiser(recipe: Recipe, make_latents: Callable[[], Latents], tokenizer: CLIPTokenizer, folder: Path,
                   device: torch.device, supervisor: Supervisor,
                   share_of_time: tuple[float, float]) -> tuple[Denoiser, list[list[float]], int]:
    """Train with v-prediction and min-SNR weighting (Hang et al. 2023, gamma 5).

    Parameters
    ----------
    make_latents
        Called once, and only where training is not finished yet.

    Returns
    -------
    The averaged module, the curve as rows of (step, loss), and the steps run.
    """
    section = recipe.denoiser
    torch.manual_seed(recipe.seed)
    model = Denoiser(new_text_encoder(recipe, tokenizer), new_unet(recipe)).to(device)
    if device.type == "cpu":
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = Average(model, section.ema)
    optimizer = torch.optim.AdamW(model.parameters(), lr=section.learning_rate, betas=(0.9, 0.99), weight_decay=1e-2)
    state = load_checkpoint(folder / "denoiser.pt", model=model, average=average, optimizer=optimizer)
    step, curve = int(state.get("step", 0)), state.get("curve", [])
    rng = np.random.default_rng(recipe.seed + 1 + step)
    torch.manual_seed(recipe.seed + 1 + step)
    scheduler = DDPMScheduler(**SCHEDULE)
    recent: list[float] = []

    def save(finished: bool = False) -> None:
        save_checkpoint(folder / "denoiser.pt", model=model, average=average, optimizer=optimizer,
                        state={"step": step, "curve": curve, "finished": finished})

    if step < section.steps and not state.get("finished"):
        latents = make_latents()
    else:
        model.load_state_dict(average.state_dict())
        return model, curve, step
    while (done := supervisor.fraction(step, section.steps, share_of_time)) < 1:
        supervisor.stop_if_cancelled(save)
        for group in optimizer.param_groups:
            group["lr"] = section.learning_rate * learning_rate_factor(done, step)
        recent.append(_step(model, optimizer, scheduler, latents, section.batch, section.drop_caption, rng, device))
        step += 1
        average.update(model, step)
        if step % recipe.curves_every == 0:
            curve.append([step, sum(recent) / len(recent)])
            recent.clear()
            supervisor.report("denoiser", step, section.steps, f"loss {curve[-1][1]:.3f}")
        if step % 200 == 0:
            save()
    save(finished=True)
    model.load_state_dict(average.state_dict())
    return model, curve, step


def _step(model: Denoiser, optimizer: torch.optim.Optimizer, scheduler: DDPMScheduler, latents: Latents, batch: int,
          drop_caption: float, rng: np.random.Generator, device: torch.device) -> float:
    clean, captions = latents.batch(batch, drop_caption, rng)
    clean = clean.to(device)
    used, which = np.unique(captions, return_inverse=True)
    t = torch.randint(0, 1000, (batch,), device=device)
    noise = torch.randn_like(clean)
    noisy = scheduler.add_noise(clean, noise, t)
    target = scheduler.get_velocity(clean, noise, t)
    with torch.autocast(device.type, torch.bfloat16):
        predicted = model(noisy, t, latents.tokens[used].to(device), torch.from_numpy(which).to(device))
    alpha = scheduler.alphas_cumprod.to(device)[t]
    snr = alpha / (1 - alpha)
    weight = snr.clamp(max=5) / (snr + 1)
    error = F.mse_loss(predicted.float(), target, reduction="none").mean(dim=(1, 2, 3))
    loss = (weight * error).mean()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return float(error.mean().detach())
