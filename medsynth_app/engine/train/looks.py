"""A look at a base model while it trains: what it draws from fixed seeds, and whether it learns or remembers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoencoderKL, DDPMScheduler, StableDiffusionPipeline
from torch.nn import functional as F
from transformers import CLIPTokenizer

from medsynth_app.core.jobs.train import HELD_OUT_LOSS, LEARNED_LOSS
from medsynth_app.datasets.dataset import TrainingSet
from medsynth_app.engine.train.autoencoder import encode_all
from medsynth_app.engine.train.denoiser import Denoiser
from medsynth_app.engine.train.held_out import STEPS, HeldOut, draw
from medsynth_app.engine.train.pack import pipeline_of
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.engine.train.supervision import Pictures8, Supervisor
from medsynth_app.engine.train.velocity import SCHEDULE

DRAWN = 6
COMPARED = 48  # pictures of either part, at the same noise
TIMES = (200, 500, 800)
SMALL = 16  # px at which pictures are compared


class Looks:
    """Draws with the first prompts of the recipe and the seeds 0, 1, ..., and compares losses.

    A model that remembers its pictures has a smaller loss on those that it learns from than on held-out ones, at equal
    noise: both are measured on as many pictures, with the empty caption. How far what it draws lies from held-out
    pictures is told by `HeldOut`.

    Parameters
    ----------
    pixels, held_out
        All training pictures in the order of ``frozen.samples``, and some of the validation part, uint8, shape
        (n, s, s, 3).
    """

    def __init__(self, recipe: Recipe, vae: AutoencoderKL, tokenizer: CLIPTokenizer, frozen: TrainingSet,
                 pixels: Pictures8, held_out: Pictures8, device: torch.device, supervisor: Supervisor) -> None:
        self._recipe, self._vae, self._tokenizer = recipe, vae, tokenizer
        self._pixels, self._device, self._supervisor = pixels, device, supervisor
        self._distance = HeldOut(vae, frozen, pixels, device)
        count = min(COMPARED, len(pixels), len(held_out))
        seen = np.random.default_rng(recipe.seed).permutation(len(pixels))[:count]
        self._parts = {LEARNED_LOSS: pixels[seen], HELD_OUT_LOSS: held_out[:count]}
        self._latents: dict[str, torch.Tensor] = {}
        self._small: npt.NDArray[np.float32] | None = None

    def __call__(self, model: Denoiser) -> dict[str, float]:
        """Show pictures, and return the two losses, none where there are no held-out pictures, and the distance."""
        pipeline = self._pipeline(model)
        prompts = self._recipe.pack.grid_prompts or (self._recipe.pack.default_prompt,)
        drawn = draw(pipeline, [prompts[k % len(prompts)] for k in range(DRAWN)], self._pixels.shape[1], STEPS)
        self._supervisor.show(drawn, self._pixels[self._nearest(drawn)])
        losses = {name: round(self._loss(model, name), 4) for name, pictures in self._parts.items() if len(pictures)}
        return losses | self._distance.measured(pipeline)

    def distance(self, model: Denoiser) -> dict[str, float]:
        """As `HeldOut.measured`."""
        return self._distance.measured(self._pipeline(model))

    def _pipeline(self, model: Denoiser) -> StableDiffusionPipeline:
        pipeline = pipeline_of(self._vae, model, self._tokenizer)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def _nearest(self, drawn: Pictures8) -> npt.NDArray[np.int64]:
        """The training picture most like each, by small copies less their mean."""
        if self._small is None:
            self._small = _small(self._pixels)
        one = _small(drawn)
        found: npt.NDArray[np.int64] = (
            (one ** 2).sum(1)[:, None] - 2 * one @ self._small.T + (self._small ** 2).sum(1)[None]).argmin(1)
        return found

    def _loss(self, model: Denoiser, name: str) -> float:
        if name not in self._latents:
            self._latents[name] = encode_all(self._vae, self._parts[name], self._device).float()
        clean = self._latents[name].to(self._device)
        scheduler = DDPMScheduler(**SCHEDULE)
        empty = self._tokenizer([""], padding="max_length", truncation=True, return_tensors="pt").input_ids
        noise = torch.randn(clean.shape, generator=torch.Generator("cpu").manual_seed(1)).to(self._device)
        errors = []
        for time in TIMES:
            t = torch.full((len(clean),), time, device=self._device)
            predicted = model(scheduler.add_noise(clean, noise, t), t, empty.to(self._device),
                              torch.zeros(len(clean), dtype=torch.long, device=self._device))
            errors.append(float(F.mse_loss(predicted.float(), scheduler.get_velocity(clean, noise, t))))
        return float(np.mean(errors))


def _small(pictures: Pictures8) -> npt.NDArray[np.float32]:
    """Flat copies of `SMALL` px, less the mean of each; shape (n, 3 * SMALL * SMALL)."""
    rows = []
    for start in range(0, len(pictures), 256):
        part = torch.from_numpy(pictures[start:start + 256]).permute(0, 3, 1, 2).float()
        rows.append(F.interpolate(part, (SMALL, SMALL), mode="area").flatten(1).numpy())
    flat: npt.NDArray[np.float32] = np.concatenate(rows)
    flat -= flat.mean(axis=1, keepdims=True)
    return flat
