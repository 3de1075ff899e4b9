"""The objective of every diffusion model here: to predict the velocity (Salimans & Ho 2022, arXiv 2202.00512)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DDPMScheduler
from torch.nn import functional as F

from medsynth_app.engine.train.loop import History, Hooks, Learner, Losses, Plan, fit
from medsynth_app.engine.train.recipe import ControlSection, DenoiserSection, MasksSection, Recipe
from medsynth_app.engine.train.supervision import Supervisor

SCHEDULE = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012,
            "beta_schedule": "scaled_linear", "steps_offset": 1, "prediction_type": "v_prediction"}
LOOKS = (10, 20)  # at what a model draws, in a whole run: in a short one fewer
BETWEEN_LOOKS = 200  # steps; a look takes about as long as ten
Predict = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Draw = Callable[[np.random.Generator], tuple[torch.Tensor, Predict]]


def train_velocity(stage: str, model: torch.nn.Module, section: DenoiserSection | ControlSection | MasksSection,
                   make_draw: Callable[[], Draw], recipe: Recipe, folder: Path, device: torch.device,
                   supervisor: Supervisor, schedule: Mapping[str, Any] = SCHEDULE, *,
                   look: Callable[[], dict[str, float]] | None = None) -> History:
    """Train `model`, which then holds its averaged weights; goes on from the checkpoint ``<stage>.pt`` in `folder`.

    Parameters
    ----------
    make_draw
        Called once, and only where training is not finished yet. What it returns draws a batch: clean latents
        (n, channels, h, w), and the function of (noisy latents, time steps (n,)) that predicts their velocity
        through `model`.
    look
        Called now and then, with averaged weights in place; returns figures.
    """
    if device.type == "cpu":
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    scheduler = DDPMScheduler(**schedule)

    def make_losses() -> Losses:
        draw = make_draw()

        def losses(rng: np.random.Generator, step: int) -> Iterator[tuple[torch.Tensor, float]]:
            clean, predict = draw(rng)
            yield velocity_loss(predict, clean.to(device), scheduler)

        return losses

    looks = min(max(section.steps // BETWEEN_LOOKS, LOOKS[0]), LOOKS[1])
    plan = Plan(stage, section.steps, recipe.seed, report_every=recipe.curves_every, extends=True,
                evaluate_every=max(recipe.curves_every, section.steps // looks) if look is not None else 0)
    learner = Learner(model, section.learning_rate, section.ema, betas=(0.9, 0.99))
    return fit(plan, {"model": learner}, make_losses, device, supervisor, folder / f"{stage}.pt",
               Hooks(evaluate=look))


def velocity_loss(predict: Predict, clean: torch.Tensor, scheduler: DDPMScheduler) -> tuple[torch.Tensor, float]:
    """Squared error of the velocity at random times, weighted by min-SNR (Hang et al. 2023, gamma 5); its plain mean.
    """
    t = torch.randint(0, 1000, (len(clean),), device=clean.device)
    noise = torch.randn_like(clean)
    noisy = scheduler.add_noise(clean, noise, t)
    target = scheduler.get_velocity(clean, noise, t)
    predicted = predict(noisy, t)
    alpha = scheduler.alphas_cumprod.to(clean.device)[t]
    snr = alpha / (1 - alpha)
    weight = snr.clamp(max=5) / (snr + 1)
    error = F.mse_loss(predicted.float(), target, reduction="none").mean(dim=(1, 2, 3))
    return (weight * error).mean(), float(error.mean().detach())
