"""Pictures that went through a pack's autoencoder: what drawn pictures cannot be better than."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

from medsynth_app.engine.evaluate.networks import device
from medsynth_app.engine.evaluate.progress import Progress
from medsynth_app.engine.train.autoencoder import to_tensor
from medsynth_app.engine.train.loop import precision
from medsynth_app.studies.domain import Pictures

BATCH = 32
STAGE = "through the autoencoder"


class Autoencoder:
    """The autoencoder of the pack in `pack`, in float32."""

    def __init__(self, pack: Path, progress: Progress) -> None:
        self._vae = AutoencoderKL.from_pretrained(pack / "vae", torch_dtype=torch.float32).to(device()).eval()
        self._progress = progress

    @torch.no_grad()
    def redrawn(self, pictures: Pictures, disturbed: float = 0.0, seed: int = 0) -> Pictures:
        """Pictures (n, s, s, 3) encoded and decoded, with noise of the spread `disturbed` on the latents."""
        place, out = device(), []
        generator = torch.Generator().manual_seed(seed)
        told = self._progress.stage(STAGE)
        for start in range(0, len(pictures), BATCH):
            with precision(place):
                latents = self._vae.encode(to_tensor(pictures[start:start + BATCH], place)).latent_dist.mean
                noise = torch.randn(latents.shape, generator=generator).to(latents)
                decoded = self._vae.decode(latents + disturbed * noise).sample
            values = ((decoded.float().clamp(-1, 1) + 1) * 127.5).round().byte()
            out.append(values.permute(0, 2, 3, 1).cpu().numpy())
            told(min(start + BATCH, len(pictures)), len(pictures))
        return np.concatenate(out)
