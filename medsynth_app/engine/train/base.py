"""``train base``: autoencoder, then text encoder and UNet, then a pack."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from medsynth_app.core.pack import PackManifest
from medsynth_app.engine.train.autoencoder import reconstruction_psnr, train_autoencoder
from medsynth_app.engine.train.dataset import TrainingSet, read_pixels
from medsynth_app.engine.train.denoiser import Latents, train_denoiser
from medsynth_app.engine.train.pack import read_manifest, write_pack
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.engine.train.supervision import Supervisor
from medsynth_app.engine.train.tokenizer import train_tokenizer

AUTOENCODER_SHARE = (0.0, 0.25)
DENOISER_SHARE = (0.25, 0.97)


def train_base(recipe: Recipe, data: Path, out: Path, supervisor: Supervisor,
               checkpoints: Path, start: Path | None = None) -> PackManifest:
    """Train a base model and write it as a pack to `out`.

    Parameters
    ----------
    data
        A frozen training set (see `TrainingSet.load`).
    checkpoints
        Folder of checkpoints; an interrupted run resumes from it.
    start
        A pack to start from instead of from chance, wherever names and shapes of its weights agree.

    Raises
    ------
    UserError
        When `data` is no frozen training set.
    Cancelled
        When `supervisor` asked to stop; a checkpoint has been saved.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    folder = checkpoints
    begun = time.monotonic()
    frozen = TrainingSet.load(data)
    supervisor.report("data", 0, 1, f"reading {len(frozen.samples)} training pictures")
    pixels = read_pixels(frozen.samples, recipe.pack.native_size)
    vae = train_autoencoder(recipe, pixels, folder, device, supervisor, AUTOENCODER_SHARE, start).eval()
    held_out = read_pixels(frozen.validation[:200], recipe.pack.native_size)
    psnr = reconstruction_psnr(vae, held_out, device) if len(held_out) else float("nan")
    captions = [text for sample in frozen.samples for text in sample.captions]
    tokenizer = train_tokenizer(captions, folder / "tokenizer")

    def make_latents() -> Latents:
        return Latents.make(recipe, vae, tokenizer, frozen.samples, pixels, folder, device, supervisor)

    model, curve, steps = train_denoiser(recipe, make_latents, tokenizer, folder, device, supervisor, DENOISER_SHARE,
                                         start)
    training = {
        "started_from": f"{read_manifest(start).name} {read_manifest(start).sha256[:16]}" if start else "",
        "recipe": f"{recipe.pack.name}.toml, sha256 {recipe.sha256[:16]}",
        "autoencoder_psnr_db_on_validation": round(psnr, 2),
        "denoiser_steps": steps,
        "samples_seen": steps * recipe.denoiser.batch,
        "final_loss_v": round(curve[-1][1], 4) if curve else None,
        "parameters_million": round(sum(p.numel() for p in [*vae.parameters(), *model.parameters()]) / 1e6, 2),
        "minutes_of_last_run": round((time.monotonic() - begun) / 60, 1),
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "CPU",
        "torch": str(torch.__version__),
        "loss_curve": " ".join(f"{int(s)}:{v:.3f}" for s, v in curve[:: max(1, len(curve) // 12)]),
    }
    supervisor.report("pack", 0, 1, "writing the pack")
    about = {**frozen.about, "train_images": len({sample.file for sample in frozen.samples}),
             "mean_colour": pixels.mean(axis=(0, 1, 2)).round(1).tolist()}
    return write_pack(recipe, about, training, vae, model.eval(), tokenizer, out, device)
