"""What a training run tells of itself in manifest and card, and the device that it runs on."""

from __future__ import annotations

import time
from typing import Any

import torch

from medsynth_app.engine.train.loop import History
from medsynth_app.engine.train.recipe import Recipe

NOT_EVALUATED = "not evaluated: there are no held-out pictures"


def training_device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def recipe_fact(recipe: Recipe) -> str:
    """Name and hash of the recipe."""
    return f"{recipe.pack.name}.toml, sha256 {recipe.sha256[:16]}"


def millions(*modules: torch.nn.Module) -> float:
    """Parameters of all modules, in millions."""
    return round(sum(p.numel() for module in modules for p in module.parameters()) / 1e6, 2)


def machine_facts(curve: list[list[float]], device: torch.device) -> dict[str, Any]:
    """Device, version of torch, and a dozen points of the loss curve, whose rows are (step, loss)."""
    return {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "CPU",
        "torch": str(torch.__version__),
        "loss_curve": " ".join(f"{int(s)}:{v:.3f}" for s, v in curve[:: max(1, len(curve) // 12)]),
    }


def velocity_facts(history: History, batch: int, begun: float, device: torch.device,
                   *modules: torch.nn.Module) -> dict[str, Any]:
    """Of a run of `train_velocity` that began at `begun` (monotonic seconds) and saw `batch` samples a step."""
    curve = history.curve
    return {
        "samples_seen": history.step * batch,
        "final_loss_v": round(curve[-1][1], 4) if curve else None,
        "parameters_million": millions(*modules),
        "minutes_of_last_run": round((time.monotonic() - begun) / 60, 1),
        **machine_facts(curve, device),
    }
