"""Checkpoints: atomic, so that a kill leaves the former one whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch


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
    saved = torch.load(path, map_location="cpu", weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(saved[name])
    state: dict[str, Any] = saved["state"]
    return state
