"""The network of an encoder: a residual network whose last features, averaged, are the embedding."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from transformers import ResNetModel

FACTS = "encoder.json"  # beside config.json: what a picture must be made into before it is embedded
WEIGHTS = "encoder.safetensors"  # as `eight_bits.packed` makes them
FORMER_WEIGHTS = "model.safetensors"  # in 16 bits, of packs made before


def pooled(encoder: ResNetModel, pictures: torch.Tensor, mean: torch.Tensor | float,
           spread: torch.Tensor | float) -> torch.Tensor:
    """Embeddings (n, d) of pictures (n, 3, size, size), float in [0, 1]; `mean` and `spread` may differ by channel."""
    features: torch.Tensor = encoder((pictures - mean) / spread).pooler_output.flatten(1)
    return features


def to_unit(pixels: npt.NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """(n, h, w, 3) uint8 to (n, 3, h, w) float32 in [0, 1], stored channels last."""
    return torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float().div_(255)
