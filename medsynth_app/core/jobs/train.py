"""Train: a model pack, or a part of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medsynth_app.core.changes import Changes
from medsynth_app.core.job import EventKind, JobEvent, JobRecord, Lane
from medsynth_app.core.jobs.kind import JobKind, Keeper, Outcome
from medsynth_app.core.words import _

RUN = "run.json"  # in the folder beside a pack: which run was begun there
TRAINABLE = ("base", "control", "masks", "encoder", "detector")
IN_LATENTS = frozenset({"loss on learned pictures", "loss on held-out pictures"})


def measured_by(figures: Iterable[str]) -> str:
    """By what figures of these names are measured while a run goes on, in words; "" where their names say it."""
    return _("measured in the latents of this model's own autoencoder, by no other encoder") \
        if not IN_LATENTS.isdisjoint(figures) else ""


@dataclass(frozen=True, eq=False)
class TrainRequest:
    """Train a pack, or a part of one.

    Attributes
    ----------
    recipe, out, checkpoints
        A file and two folders on this machine; `out` becomes a pack.
    data
        The data folder that the recipe was written for, or a frozen training set; empty: the set in `frozen`.
    frozen
        Where `data` are frozen before the first step; a run that has learned something goes on with the set there.
    part
        One of `TRAINABLE`.
    pack
        Folder of the base pack that a part joins (``control``, ``masks``): `out` becomes a copy of it with that part;
        or that ``base`` starts from.
    """

    recipe: str
    data: str
    out: str
    part: str = "base"
    pack: str = ""
    checkpoints: str = ""
    max_minutes: float = 0.0
    frozen: str = ""


def from_flat(flat: Mapping[str, Any]) -> TrainRequest:
    """A request as the first workspaces kept it."""
    return TrainRequest(**flat)


def titled(request: TrainRequest) -> str:
    return f"Train: {Path(request.recipe).stem}{'' if request.part == 'base' else f' ({request.part})'}"


def receive(workspace: Keeper, record: JobRecord, event: JobEvent) -> Changes:
    """The worker has written the pack into its folder."""
    return Changes(packs=(str(event.data["sha256"]),)) if event.kind is EventKind.RESULT else Changes()


TRAIN = JobKind("train", TrainRequest, Lane.BACKGROUND, titled, "train_job", Outcome.PACKS, "Training has ended",
                receive, saves=True, lasts=True, flat=from_flat)
