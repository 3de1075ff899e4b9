"""What can be trained: a table. A new part is a file with a function of a `Run`, and a row here."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from medsynth_app.core.errors import UserError
from medsynth_app.core.pack import MANIFEST, PackManifest
from medsynth_app.datasets.dataset import refuse_another_set, refuse_part
from medsynth_app.engine.train.supervision import Run


@dataclass(frozen=True)
class Part:
    """Something that can be trained.

    Attributes
    ----------
    function
        ``module:name`` in this package, imported when it is asked for: of a `Run`, returns the pack's manifest.
    shares
        The stages in their order, and how much of the whole run each of them is.
    """

    function: str
    shares: Mapping[str, float]

    @property
    def stages(self) -> dict[str, tuple[float, float]]:
        """From where to where, 0 to 1, each stage reaches."""
        ends = list(itertools.accumulate(self.shares.values()))
        return {name: ((end - share) / ends[-1], end / ends[-1])
                for (name, share), end in zip(self.shares.items(), ends, strict=True)}

    def train(self, run: Run) -> PackManifest:
        """Train it, told by the supervisor which share of the time each stage has."""
        module, name = self.function.split(":")
        function: Callable[[Run], PackManifest] = getattr(importlib.import_module(f"{__package__}.{module}"), name)
        return function(replace(run, supervisor=replace(run.supervisor, stages=self.stages)))


PARTS = {
    "base": Part("base:train_base", {"freeze": 0.02, "data": 0, "autoencoder": 0.2, "decoder": 0.1, "latents": 0,
                                     "denoiser": 0.65, "pack": 0.03}),
    "control": Part("control:train_control", {"freeze": 0.02, "data": 0, "control": 0.95, "pack": 0.03}),
    "masks": Part("mask_model:train_masks", {"freeze": 0.02, "data": 0, "masks": 0.95, "pack": 0.03}),
    "encoder": Part("encoder:train_encoder", {"freeze": 0.02, "data": 0, "encoder": 0.95, "pack": 0.03}),
    "detector": Part("detector:train_detector", {"freeze": 0.02, "data": 0, "detector": 0.93, "pack": 0.05}),
}


def train_part(part: str, run: Run) -> PackManifest:
    """Train a part and write the pack ``run.out``.

    Parameters
    ----------
    part
        ``base``, ``encoder`` or ``detector``: a pack of its own, a base one perhaps started from ``run.pack``;
        ``control`` or ``masks``: a copy of ``run.pack`` with that part.

    Raises
    ------
    UserError
        An unknown part, a part without its pack, a training set that does not hold what the part needs, or is another
        than the recipe's.
    Cancelled
        When the supervisor asked to stop; a checkpoint has been saved.
    """
    if part not in PARTS:
        raise UserError(f"There is no part {part!r} to train.", f"Choose one of {', '.join(PARTS)}.")
    _check_place(run)
    refuse_another_set(run.data, run.recipe.data)
    refuse_part(part, run.recipe.data)
    run.checkpoints.mkdir(parents=True, exist_ok=True)
    return PARTS[part].train(run)


def _check_place(run: Run) -> None:
    """Refuse a place that would spoil a pack: another than the run itself has made, and now takes further."""
    place = run.out.resolve()
    own = run.checkpoints.is_dir() and any(run.checkpoints.iterdir())
    if (place / MANIFEST).exists() and not own and (run.pack is None or run.pack.resolve() != place):
        raise UserError(f"The folder {run.out.name} holds a pack already.", "Give another folder for the new one.")
    if any((parent / MANIFEST).exists() for parent in place.parents):
        raise UserError(f"The folder {run.out.name} lies inside a pack, whose files must stay as they are.",
                        "Give a folder elsewhere.")
