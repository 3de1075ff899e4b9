"""``train base``: autoencoder, then text encoder and UNet, then a pack."""

from __future__ import annotations

import time
from collections.abc import Mapping

from medsynth_app.core.jobs.train import distance_words
from medsynth_app.core.pack import PackManifest
from medsynth_app.core.pack_files import read_manifest
from medsynth_app.datasets.dataset import TrainingSet, read_pixels, some
from medsynth_app.engine.train.autoencoder import autoencoder_figures, train_autoencoder
from medsynth_app.engine.train.decoder import train_decoder
from medsynth_app.engine.train.denoiser import Latents, new_unet, train_denoiser
from medsynth_app.engine.train.facts import NOT_EVALUATED, recipe_fact, training_device, velocity_facts
from medsynth_app.engine.train.looks import Looks
from medsynth_app.engine.train.pack import write_pack
from medsynth_app.engine.train.start import check_start
from medsynth_app.engine.train.supervision import Run
from medsynth_app.engine.train.tokenizer import train_tokenizer


def train_base(run: Run) -> PackManifest:
    """Train a base model and write it as a pack; it starts from ``run.pack``, wherever names and shapes agree.

    Raises
    ------
    UserError
        When the data are no frozen training set.
    Cancelled
        When the supervisor asked to stop; a checkpoint has been saved.
    """
    recipe, supervisor, folder, device = run.recipe, run.supervisor, run.checkpoints, training_device()
    begun = time.monotonic()
    if run.pack is not None:
        check_start(new_unet(recipe), run.pack)
    frozen = TrainingSet.load(run.data)
    supervisor.report("data", 0, 1, f"reading {len(frozen.samples)} training pictures")
    pixels = read_pixels(frozen.samples, recipe.pack.native_size)
    chosen = some(len(frozen.validation), 200, recipe.seed)
    held_out = read_pixels(tuple(frozen.validation[k] for k in chosen), recipe.pack.native_size)
    vae, coded = train_autoencoder(recipe, pixels, held_out, folder, device, supervisor, run.pack)
    vae.eval()
    turn = train_decoder(recipe, pixels, vae, folder, device, supervisor)
    measured = autoencoder_figures(vae, held_out, device) if len(held_out) else {}
    captions = [text for sample in frozen.samples for text in sample.captions]
    tokenizer = train_tokenizer(captions, folder / "tokenizer")

    def make_latents() -> Latents:
        return Latents.make(recipe, vae, tokenizer, frozen.samples, pixels, folder, device, supervisor)

    looks = Looks(recipe, vae, tokenizer, frozen, pixels, held_out, device, supervisor)
    model, history = train_denoiser(recipe, make_latents, tokenizer, folder, device, supervisor, run.pack, looks)
    supervisor.report("pack", 0, 1, "measuring what it draws")
    distance = looks.distance(model.eval())
    origin = read_manifest(run.pack) if run.pack else None
    training = {
        "started_from": f"{origin.name} {origin.sha256[:16]}" if origin else "",
        "recipe": recipe_fact(recipe),
        "autoencoder_steps": coded.step,
        "autoencoder_psnr_db_on_validation": _told(measured, "psnr_db"),
        "latent_power_above_half_nyquist": _told(measured, "power_above_half_nyquist"),
        **({"decoder_steps_against_a_critic": turn} if turn else {}),
        "denoiser_steps": history.step,
        "distance_to_held_out_pictures": distance_words(distance, whole=True),
        **velocity_facts(history, recipe.denoiser.batch, begun, device, vae, model),
        **({"stored": recipe.pack.stored} if recipe.pack.stored != "float16" else {}),
    }
    supervisor.report("pack", 0, 1, "writing the pack")
    about = {**frozen.about, "train_images": len({sample.file for sample in frozen.samples}),
             "mean_colour": pixels.mean(axis=(0, 1, 2)).round(1).tolist()}
    return write_pack(recipe, about, training, vae, model.eval(), tokenizer, run.out, device,
                      origin.training_data if origin else ())


def _told(measured: Mapping[str, float], name: str) -> float | str:
    return round(measured[name], 2) if name in measured else NOT_EVALUATED
