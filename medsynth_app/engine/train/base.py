"""``train base``: autoencoder, then text encoder and UNet, then a pack."""

from __future__ import annotations

import time
from pathlib import Path

from medsynth_app.core.pack import PackManifest
from medsynth_app.core.pack_files import read_manifest
from medsynth_app.datasets.dataset import TrainingSet, read_pixels, some
from medsynth_app.engine.train.autoencoder import reconstruction_psnr, train_autoencoder
from medsynth_app.engine.train.decoder import train_decoder
from medsynth_app.engine.train.denoiser import Latents, train_denoiser
from medsynth_app.engine.train.facts import recipe_fact, training_device, velocity_facts
from medsynth_app.engine.train.pack import write_pack
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.engine.train.supervision import Supervisor
from medsynth_app.engine.train.tokenizer import train_tokenizer

AUTOENCODER_SHARE = (0.0, 0.2)
DECODER_SHARE = (0.2, 0.3)
DENOISER_SHARE = (0.3, 0.97)


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
    device = training_device()
    begun = time.monotonic()
    frozen = TrainingSet.load(data)
    supervisor.report("data", 0, 1, f"reading {len(frozen.samples)} training pictures")
    pixels = read_pixels(frozen.samples, recipe.pack.native_size)
    vae = train_autoencoder(recipe, pixels, checkpoints, device, supervisor, AUTOENCODER_SHARE, start).eval()
    turn = train_decoder(recipe, pixels, vae, checkpoints, device, supervisor, DECODER_SHARE)
    chosen = some(len(frozen.validation), 200, recipe.seed)
    held_out = read_pixels(tuple(frozen.validation[k] for k in chosen), recipe.pack.native_size)
    psnr = reconstruction_psnr(vae, held_out, device) if len(held_out) else float("nan")
    captions = [text for sample in frozen.samples for text in sample.captions]
    tokenizer = train_tokenizer(captions, checkpoints / "tokenizer")

    def make_latents() -> Latents:
        return Latents.make(recipe, vae, tokenizer, frozen.samples, pixels, checkpoints, device, supervisor)

    model, curve, steps = train_denoiser(recipe, make_latents, tokenizer, checkpoints, device, supervisor,
                                         DENOISER_SHARE, start)
    origin = read_manifest(start) if start else None
    training = {
        "started_from": f"{origin.name} {origin.sha256[:16]}" if origin else "",
        "recipe": recipe_fact(recipe),
        "autoencoder_psnr_db_on_validation": round(psnr, 2),
        **({"decoder_steps_against_a_critic": turn} if turn else {}),
        "denoiser_steps": steps,
        **velocity_facts(curve, steps * recipe.denoiser.batch, begun, device, vae, model),
    }
    supervisor.report("pack", 0, 1, "writing the pack")
    about = {**frozen.about, "train_images": len({sample.file for sample in frozen.samples}),
             "mean_colour": pixels.mean(axis=(0, 1, 2)).round(1).tolist()}
    return write_pack(recipe, about, training, vae, model.eval(), tokenizer, out, device,
                      origin.training_data if origin else ())
