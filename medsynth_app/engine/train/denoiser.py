"""The second stage: text encoder and UNet, trained together on latents with v-prediction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from medsynth_app.core.pack import LATENT_CHANNELS
from medsynth_app.datasets.dataset import Sample, augmented
from medsynth_app.engine.train.autoencoder import encode_all, encoder_key
from medsynth_app.engine.train.checkpoint import load_checkpoint, save_checkpoint
from medsynth_app.engine.train.loop import History
from medsynth_app.engine.train.recipe import NORM_GROUPS, Recipe
from medsynth_app.engine.train.start import start_denoiser
from medsynth_app.engine.train.supervision import Supervisor
from medsynth_app.engine.train.velocity import Draw, Predict, train_velocity


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
        in_channels=LATENT_CHANNELS, out_channels=LATENT_CHANNELS,
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
             pixels: npt.NDArray[np.uint8], folder: Path, device: torch.device, supervisor: Supervisor,
             variants: int | None = None, stage: str = "latents") -> Latents:
        """Encode `pixels` in `variants` views (`view_of`); those that an earlier run left in `folder` are used again.
        """
        variants = recipe.denoiser.variants if variants is None else variants
        views = []
        total = variants * len(pixels)

        def encoding(view: int, done: int) -> None:
            supervisor.stop_if_cancelled()
            supervisor.report(stage, view * len(pixels) + done, total, "encoding the training pictures")

        made = (encoder_key(vae), recipe.augment, recipe.seed, recipe.pack.native_size,
                [(str(s.file), s.box) for s in samples])
        key = hashlib.sha256(repr(made).encode()).hexdigest()[:8]
        for view in range(variants):
            path = folder / f"latents-{key}-{view}.pt"
            if not path.exists():
                latents = encode_all(vae, view_of(recipe, pixels, view), device,
                                     before=partial(encoding, view)).half()
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
        views, chosen, captions = self.choose(n, drop_caption, rng)
        return self.values[torch.from_numpy(views), torch.from_numpy(chosen)].float(), captions

    def choose(self, n: int, drop_caption: float, rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], ...]:
        """Random views, samples and captions, as indices of shape (n,) each."""
        views, samples = self.values.shape[:2]
        chosen = rng.integers(samples, size=n)
        view = rng.integers(views, size=n)
        captions = np.array([rng.choice(self.captions[k]) for k in chosen])
        captions[rng.random(n) < drop_caption] = len(self.tokens) - 1
        return view, chosen, captions


def view_of(recipe: Recipe, pictures: npt.NDArray[np.uint8], view: int) -> npt.NDArray[np.uint8]:
    """Pictures (n, s, s, 3), or masks (n, s, s), turned as the recipe augments them in this view: both alike."""
    return augmented(pictures, recipe.augment, np.random.default_rng((recipe.seed, view)))


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
                   device: torch.device, supervisor: Supervisor, start: Path | None = None,
                   look: Callable[[Denoiser], dict[str, float]] | None = None) -> tuple[Denoiser, History]:
    """Train with `train_velocity`.

    Parameters
    ----------
    make_latents
        Called once, and only where training is not finished yet.
    start
        A pack to start from where there is no checkpoint yet.
    look
        Called now and then with the averaged module; returns figures.

    Returns
    -------
    The averaged module, and what was done.
    """
    section = recipe.denoiser
    torch.manual_seed(recipe.seed)
    model = Denoiser(new_text_encoder(recipe, tokenizer), new_unet(recipe))
    if start is not None and not (folder / "denoiser.pt").exists():
        start_denoiser(model.unet, model.text_encoder, tokenizer, start)
    model.to(device)

    def make_draw() -> Draw:
        latents = make_latents()

        def draw(rng: np.random.Generator) -> tuple[torch.Tensor, Predict]:
            clean, captions = latents.batch(section.batch, section.drop_caption, rng)
            used, which = np.unique(captions, return_inverse=True)
            tokens, index = latents.tokens[used].to(device), torch.from_numpy(which).to(device)
            return clean, lambda noisy, t: model(noisy, t, tokens, index)

        return draw

    return model, train_velocity("denoiser", model, section, make_draw, recipe, folder, device, supervisor,
                                 look=None if look is None else lambda: look(model))
