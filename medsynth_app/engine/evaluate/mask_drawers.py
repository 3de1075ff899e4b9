"""Models of masks for a study: trained here on few and on all masks, or the pack's own."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from medsynth_app.core.pack_files import read_manifest
from medsynth_app.datasets.dataset import TrainingSet
from medsynth_app.engine.device import choose_device
from medsynth_app.engine.diffusion import mask_maps
from medsynth_app.engine.diffusion.mask_model import MaskModel, enlarge
from medsynth_app.engine.evaluate.kept import Kept
from medsynth_app.engine.evaluate.networks import supervised
from medsynth_app.engine.evaluate.progress import Progress
from medsynth_app.engine.train import mask_model as training
from medsynth_app.engine.train.card import weights_key
from medsynth_app.engine.train.mask_model import chosen_masks, train_masks
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.engine.train.supervision import Run
from medsynth_app.studies.domain import Pictures

DRAWING = "drawing masks"


@dataclass(frozen=True)
class Drawer:
    """A trained model of masks in `folder`, that learned from `limit` masks of the frozen set; 0: all."""

    folder: Path
    recipe: Recipe
    frozen: Path
    limit: int
    kept: Kept
    progress: Progress

    @property
    def words(self) -> str:
        about = read_manifest(self.folder).training["masks"]
        return (f"model of {about['masks']} masks: {about['steps']} steps, {about['samples_seen']} samples, "
                f"{about['minutes_of_last_run']} minutes on {about['device']}")

    def draw(self, counts: dict[str, int], seed: int) -> Pictures:
        """So many masks of each class, shape (n, s, s)."""
        model = MaskModel.load(self.folder, choose_device("auto").torch_device)
        weights = weights_key(read_manifest(self.folder), ("masks/",))
        told, drawn, done = self.progress.stage(DRAWING), [], 0
        for name, count in sorted(counts.items()):  # a class that a small set lacks is drawn without its name
            known = name if name in model.classes else None

            def work(count: int = count, first: int = seed + done,
                     known: str | None = known) -> dict[str, Pictures]:
                return {"masks": model.sample(count, first, class_name=known, cancelled=self.progress.stopped)}

            found = self.kept.arrays(f"masks-drawn/{weights}", f"{seed + done}-{count}-{known}", work)["masks"]
            drawn.append(enlarge(found, self.recipe.masks.size))  # a shipped pack may be of another size
            done += count
            told(done, sum(counts.values()))
        return np.concatenate(drawn)

    def seen(self) -> Pictures:
        """The masks that it learned from."""
        limited = replace(self.recipe, masks=replace(self.recipe.masks, limit=self.limit))
        masks: Pictures = chosen_masks(limited, TrainingSet.load(self.frozen))[0]
        return masks


def trained_drawer(recipe: Recipe, frozen: Path, pack: Path, limit: int, minutes: float, kept: Kept,
                   progress: Progress) -> Drawer:
    """A model of masks trained on `limit` masks for `minutes` at most, or the one that was trained so before."""
    limited = replace(recipe, masks=replace(recipe.masks, limit=limit))
    folder = kept.folder / "masks" / f"{recipe.pack.name}-{_key(limited, frozen, minutes)}"
    if not (folder / "pack" / "pack.json").exists():
        told = progress.stage(stage_of(limit), stops=False)  # the supervisor stops, and saves what there is
        supervisor = supervised(progress, minutes, lambda stage, step, steps, message: told(step, steps))
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        train_masks(Run(limited, frozen, folder / "pack", folder / "checkpoints", supervisor, pack))
    return Drawer(folder / "pack", recipe, frozen, limit, kept, progress)


def stage_of(limit: int) -> str:
    """What the progress says while such a model is trained."""
    return f"training on {limit or 'all'} masks"


def _key(recipe: Recipe, frozen: Path, minutes: float) -> str:
    found = hashlib.sha256(json.dumps([repr(recipe.masks), repr(recipe.augment), recipe.seed, minutes,
                                       frozen.name]).encode())
    for module in (training, mask_maps):  # another way of training makes another model
        found.update(Path(str(module.__file__)).read_bytes())
    return found.hexdigest()[:16]


def shipped_drawer(recipe: Recipe, frozen: Path, pack: Path, kept: Kept, progress: Progress) -> Drawer:
    """The pack's own model, which has learned from all masks."""
    return Drawer(pack, recipe, frozen, 0, kept, progress)
