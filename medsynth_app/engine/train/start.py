"""Starting from another pack instead of from chance: transfer learning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from medsynth_app.core.errors import UserError

LEAST = 0.5  # share of the weights that must fit, or it would be no start


def check_start(unet: UNet2DConditionModel, pack: Path) -> None:
    """Raise `UserError` where a pack's UNet is no start for this one, which learns hours after the autoencoder."""
    _fitting(unet, UNet2DConditionModel, pack / "unet")


def start_autoencoder(vae: AutoencoderKL, pack: Path) -> None:
    """Take over the weights of the pack's autoencoder wherever name and shape agree."""
    _take_over(vae, AutoencoderKL, pack / "vae")


def start_denoiser(unet: UNet2DConditionModel, text_encoder: CLIPTextModel, tokenizer: CLIPTokenizer,
                   pack: Path) -> None:
    """Likewise the UNet, and the text encoder where both spell alike."""
    _take_over(unet, UNet2DConditionModel, pack / "unet")
    if CLIPTokenizer.from_pretrained(pack / "tokenizer", local_files_only=True).get_vocab() == tokenizer.get_vocab():
        _take_over(text_encoder, CLIPTextModel, pack / "text_encoder")


@torch.no_grad()
def _take_over(module: Any, kind: Any, folder: Path) -> None:
    for value, taken in _fitting(module, kind, folder):
        value.copy_(taken)


def _fitting(module: Any, kind: Any, folder: Path) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The module's weights, each with that of the pack, wherever name and shape agree."""
    try:
        found = kind.from_pretrained(folder, local_files_only=True, use_safetensors=True).float().state_dict()
    except (OSError, ValueError) as error:
        raise UserError(f"The pack to start from has no {folder.name} that can be read.",
                        "Give a pack in diffusers' layout.", details=type(error).__name__) from error
    fitting = [(value, found[name]) for name, value in module.state_dict().items()
               if name in found and found[name].shape == value.shape]
    if sum(value.numel() for value, _ in fitting) < LEAST * sum(v.numel() for v in module.state_dict().values()):
        raise UserError(f"The {folder.name} of the pack to start from has another shape than the recipe's.",
                        "Give a pack that was trained with the same widths, or start from chance.")
    return fitting
