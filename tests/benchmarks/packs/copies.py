"""Does a pack repeat its training pictures? Held against held-out ones, and against copies made on purpose.

A pack sees its training pictures in every crop and turn of its recipe, and draws through its autoencoder, which changes
texture: so training and held-out pictures go through it too, and every turn is looked at. How many copies made on
purpose are found says how much the figure can see.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoencoderKL

from medsynth_app.engine.train.autoencoder import to_tensor
from medsynth_app.evaluation.intervals import wilson
from medsynth_app.evaluation.memorisation import memorisation, nearest_training_image
from tests.benchmarks.packs import networks
from tests.benchmarks.packs.data import Domain, Pictures, learned_from, orientations, read_pictures
from tests.benchmarks.packs.features import Space
from tests.benchmarks.packs.pictures import sheet
from tests.benchmarks.packs.progress import Progress
from tests.benchmarks.packs.reporting import Findings

COPIES = 200
DISTURBED = 0.1  # noise on the latents of a copy, whose spread is about 1: a denoiser does not hit them exactly
BATCH = 32


def add_memorisation(findings: Findings, domain: Domain, pack: Path, space: Space,
                     drawn_and_unseen: tuple[Pictures, Pictures], seed: int) -> None:
    """The share of suspicious pictures, the share of copies that it would find, the closest pairs."""
    pictures, unseen = drawn_and_unseen
    augment, seen = domain.recipe.augment, read_pictures(learned_from(domain), domain.recipe.pack.native_size)
    vae = AutoencoderKL.from_pretrained(pack / "vae", torch_dtype=torch.float32).to(networks.device()).eval()

    def views(several: Pictures) -> npt.NDArray[np.float32]:
        return np.stack([space.of(np.ascontiguousarray(turned)) for turned in orientations(several, augment)])

    drawn, train = views(pictures), space.of(redrawn(vae, seen))
    n = f"{len(pictures)} drawn, {len(seen)} crops of training, {len(unseen)} held out, {len(drawn)} turns"
    try:
        found = memorisation(drawn, train, views(redrawn(vae, unseen)))
    except ValueError as error:
        findings.add("nearer to a training picture than 99 % of held-out ones", f"not measured: {error}", n=n)
        return
    findings.add(f"nearer to a training picture than 99 % of held-out ones, on {space.name}",
                 wilson(found.count, len(pictures)), "0.01 by construction", "under 0.02", n)
    copies = views(copied(vae, seen, augment, seed))
    caught = int((nearest_training_image(copies, train)[0] < found.threshold).sum())
    findings.add("copies of training pictures, turned and disturbed, that this finds", wilson(caught, copies.shape[1]),
                 n=f"{copies.shape[1]} copies")
    closest = found.closest(20)
    findings.add("distances of the five closest pairs (floor: that of the nearest 1 % of held-out pictures)",
                 ", ".join(f"{pair.distance:.3g}" for pair in closest[:5]), f"{found.threshold:.3g}")
    rows = [(pictures[pair.synthetic], seen[pair.train]) for pair in closest]
    findings.pictures.append(sheet(rows, [f"{pair.distance:.3g}, ratio {pair.ratio:.2f}" for pair in closest],
                                   "SYNTHETIC | nearest training picture (real)", domain.name, "closest-pairs.jpg"))


def copied(vae: AutoencoderKL, seen: Pictures, augment: tuple[str, ...], seed: int) -> Pictures:
    """What a pack that copies would draw: training pictures in a turn by chance, their latents a little disturbed."""
    rng = np.random.default_rng(seed)
    chosen = seen[rng.permutation(len(seen))[:COPIES]]
    turns = orientations(chosen, augment)
    turned = np.stack([turns[kind][k] for k, kind in enumerate(rng.integers(len(turns), size=len(chosen)))])
    return redrawn(vae, turned, DISTURBED, seed)


@torch.no_grad()
def redrawn(vae: AutoencoderKL, pictures: Pictures, disturbed: float = 0.0, seed: int = 0) -> Pictures:
    """Pictures (n, s, s, 3) that went through the autoencoder, with noise of the spread `disturbed` on the latents."""
    device, out = networks.device(), []
    generator = torch.Generator().manual_seed(seed)
    progress = Progress("through the autoencoder", len(pictures))
    for start in range(0, len(pictures), BATCH):
        with torch.autocast(device.type, torch.bfloat16):
            latents = vae.encode(to_tensor(pictures[start:start + BATCH], device)).latent_dist.mean
            noise = torch.randn(latents.shape, generator=generator).to(latents)
            decoded = vae.decode(latents + disturbed * noise).sample
        values = ((decoded.float().clamp(-1, 1) + 1) * 127.5).round().byte()
        out.append(values.permute(0, 2, 3, 1).cpu().numpy())
        progress(min(start + BATCH, len(pictures)))
    return np.concatenate(out)
