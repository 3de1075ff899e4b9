"""Files of a training run: written whole or not at all, so that a kill leaves the former one."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import replacing

FORMAT = "medsynth-checkpoint/2"
DAMAGE = (RuntimeError, ValueError, LookupError, TypeError, AttributeError, EOFError, pickle.UnpicklingError)


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write tensors and plain values, nested in dicts and lists; raises `UserError` where the disk does not take it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, alone=True) as part:
            torch.save({"format": FORMAT, **state}, part)
    except (OSError, RuntimeError) as error:  # torch's own writer raises the latter
        raise UserError(f"The checkpoint {path.name} could not be written.",
                        "Make room on this disk, and resume the run.", safe="The former checkpoint stays as it was.",
                        details=type(error).__name__) from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """What `save_checkpoint` wrote, its tensors on the CPU; an empty dict where there is no file.

    Raises
    ------
    UserError
        When the file is damaged, or was written by a version that trained otherwise.
    """
    if not path.exists():
        return {}
    with restoring(path):
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        found = saved.pop("format", None)
    if found != FORMAT:
        raise UserError(f"The checkpoint {path.name} was made by another version of MedSynth, whose training this "
                        "one cannot continue.", "Begin the run anew in another folder, or go on with that version.",
                        safe="The checkpoint stays as it is.")
    return saved


@contextmanager
def restoring(path: Path) -> Iterator[None]:
    """One sentence for whatever goes wrong while the state in `path` is read and put back."""
    try:
        yield
    except DAMAGE as error:
        raise UserError(f"The checkpoint {path.name} is damaged, or belongs to a recipe of another shape.",
                        "Go on with the recipe that the run began with, or begin anew in another folder.",
                        details=type(error).__name__) from error
