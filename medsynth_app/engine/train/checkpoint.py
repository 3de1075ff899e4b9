"""Checkpoints: atomic, so that a kill leaves the former one whole."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import torch

from medsynth_app.core.errors import UserError


def save_checkpoint(path: Path, state: dict[str, Any], **parts: Any) -> None:
    """Write the state dicts of `parts` (modules, optimizers) and `state` (plain values) to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    torch.save({"state": state, **{name: part.state_dict() for name, part in parts.items()}}, temporary)
    os.replace(temporary, path)


def load_checkpoint(path: Path, **parts: Any) -> dict[str, Any]:
    """Restore `parts` in place and return the plain state; an empty dict where there is no checkpoint."""
    if not path.exists():
        return {}
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(saved[name])
        state: dict[str, Any] = saved["state"]
    except (RuntimeError, ValueError, KeyError, TypeError, EOFError, pickle.UnpicklingError) as error:
        raise UserError(f"The checkpoint {path.name} is damaged, or belongs to a recipe of another shape.",
                        "Go on with the recipe that the run began with, or begin anew in another folder.",
                        details=type(error).__name__) from error
    return state
