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
LEARNED_LOSS, HELD_OUT_LOSS = "loss on learned pictures", "loss on held-out pictures"
DISTANCE = "distance to held-out pictures"
FLOOR, LOWEST, HIGHEST = ("distance of real pictures", "distance of real pictures, least",
                          "distance of real pictures, most")
AUTOENCODER = "distance through the autoencoder"
COMPARED = "pictures compared"  # on either side
DISTANCES = (DISTANCE, FLOOR, LOWEST, HIGHEST, AUTOENCODER, COMPARED)
LEAST_COMPARED = 8  # pictures of a side; below there is no distance
BY_LATENTS = _("measured in the latents of this model's own autoencoder, by no other encoder")
BY_PATCHES = _("patches of 7 x 7 pixels, in standard deviations of the real pictures")


def measured_by(figures: Iterable[str]) -> str:
    """By what figures of these names are measured while a run goes on, in words; "" where their names say it."""
    names = frozenset(figures)
    return "; ".join([*([BY_LATENTS] if names & {LEARNED_LOSS, HELD_OUT_LOSS} else []),
                      *([f"{DISTANCE}: {BY_PATCHES}"] if DISTANCE in names else [])])


def figures_words(figures: Mapping[str, float]) -> str:
    """What a run has found, in words: its losses and what else there is, then `distance_words`."""
    others = ", ".join(f"{name} {value:.4g}" for name, value in figures.items() if name not in DISTANCES)
    by = f" ({BY_LATENTS})" if {LEARNED_LOSS, HELD_OUT_LOSS} & figures.keys() else ""
    distance = distance_words(figures)
    return "; ".join(part for part in (others + by, f"{DISTANCE} {distance}" if distance else "") if part)


def distance_words(figures: Mapping[str, float], whole: bool = False) -> str:
    """How far what a model draws lies from held-out pictures, beside the floor; "" where that was not asked.

    Parameters
    ----------
    whole
        Also tell by what it is measured.
    """
    if COMPARED not in figures:
        return ""
    if DISTANCE not in figures:
        return _("not measured: only {count} to compare, and {least} are needed").format(
            count=f"{figures[COMPARED]:.0f}", least=LEAST_COMPARED)
    words = _("{distance:.3f}; two real sets of that size: {floor:.3f} ({low:.3f} to {high:.3f}), one of them through "
              "the autoencoder: {coded:.3f}; n = {count:.0f}").format(
        distance=figures[DISTANCE], floor=figures[FLOOR], low=figures[LOWEST], high=figures[HIGHEST],
        coded=figures[AUTOENCODER], count=figures[COMPARED])
    return f"{words}; {BY_PATCHES}" if whole else words


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
                receive, saves=True, lasts=True,
                smaller="a smaller batch in its recipe (what was learned is kept)", flat=from_flat)
