"""The real pictures of a pack's domain, frozen by the product itself: split, crops and captions as in training.

Of every file the first item of the frozen set is taken: the recipe's first crop, which shows the field of view that
synthetic pictures have too. What a recipe calls ``test`` is judged on; judges and models learn from ``train`` alone.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import platformdirs
from PIL import Image

import medsynth_app
from medsynth_app.core.errors import UserError
from medsynth_app.core.pack import PackManifest
from medsynth_app.datasets.dataset import Sample, read_pixels, some
from medsynth_app.datasets.freeze import freeze_training_set
from medsynth_app.engine.train.recipe import Recipe
from tests.benchmarks.packs.progress import Progress

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = {"blood-cells": "pbc-cells", "colonoscopy": "kvasir-seg", "hippocampus-mri": "msd-hippocampus"}
# What decides the frozen set besides the recipe and the files: its code.
CODE = ("formats/training_set.py", "core/cell_parts.py")
Pictures = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Item:
    """One real picture: `box` of `file`, and the mask of the whole file where there is one.

    Attributes
    ----------
    group
        What must not be torn apart when halves are compared: the case of a slice, else the picture itself.
    mask_class
        What the model of masks calls its mask; empty where the mask shows nothing.
    """

    file: Path
    box: tuple[int, int, int, int]
    caption: str
    label: str
    split: str
    group: str
    mask: Path | None = None
    mask_class: str = ""

    @property
    def edge(self) -> int:
        """The longer edge of the box in pixels."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])


@dataclass(frozen=True)
class Domain:
    """A recipe and the real pictures that it splits."""

    recipe: Recipe
    frozen: Path
    items: tuple[Item, ...]

    @property
    def name(self) -> str:
        return self.recipe.pack.name

    @property
    def cells(self) -> bool:
        """Whether its pictures have classes (and are judged by a classifier), not only masks."""
        return self.recipe.data.get("layout") == "labelled-cells"

    @property
    def classes(self) -> list[str]:
        return sorted({item.label for item in self.items})

    @property
    def mask_labels(self) -> tuple[str, ...]:
        return self.recipe.pack.mask_labels

    def part(self, split: str) -> list[Item]:
        return [item for item in self.items if item.split == split]

    def with_masks(self, split: str) -> list[Item]:
        """Items of a split that have a mask with something in it.

        Raises
        ------
        UserError
            When the frozen set holds no masks.
        """
        found = [item for item in self.part(split) if item.mask is not None and read_masks([item], item.edge).any()]
        if not found:
            raise UserError(f"The frozen set of {self.name} has no masks in its part {split!r}.",
                            "Check the recipe's [data] section and the data folder.")
        return found


def cache_folder() -> Path:
    """Where judges, drawn pictures and contact sheets are kept: ``studies`` in the user's cache of MedSynth."""
    return Path(platformdirs.user_cache_path("medsynth", appauthor=False)) / "studies"


def data_root() -> Path:
    """The folder of the real data sets: $MEDSYNTH_DATA, else ``shared/data`` beside the repository.

    Raises
    ------
    UserError
        When it is not there.
    """
    root = Path(os.environ.get("MEDSYNTH_DATA") or ROOT.parent / "shared" / "data")
    if not root.is_dir():
        raise UserError("The real data that the studies measure against are not on this machine.",
                        "Set MEDSYNTH_DATA to the folder that holds pbc-cells, kvasir-seg and msd-hippocampus.")
    return root


def recipe_of(manifest: PackManifest, recipe: Path | None = None) -> Recipe:
    """The recipe that a pack was trained by: the named one, else that of the pack's name."""
    return Recipe.load(recipe or ROOT / "resources" / "recipes" / f"{manifest.name}.toml")


def load_domain(recipe: Recipe) -> Domain:
    """Freeze the recipe's data set (once: it is cached) and list its pictures.

    Raises
    ------
    UserError
        No data folder for a recipe of this name, a folder of another layout, or a file that lies in two splits.
    """
    name = recipe.pack.name
    if name not in FOLDERS:
        raise UserError(f"There are no studies for packs named {name!r}.", f"Known are: {', '.join(FOLDERS)}.")
    folder = data_root() / FOLDERS[name]
    if not folder.is_dir():
        raise UserError(f"The data folder {FOLDERS[name]} is missing.", "Set MEDSYNTH_DATA to the folder above it.")
    frozen = cache_folder() / "frozen" / f"{name}-{_key(folder, recipe)}"
    if not (frozen / "manifest.json").exists():
        progress = Progress(f"freezing {FOLDERS[name]}", 0)
        freeze_training_set(folder, recipe.data, frozen, progress.of)
    items = _first_items(frozen, recipe)
    _refuse_leaks(items)
    return Domain(recipe, frozen, items)


def read_pictures(items: Sequence[Item], size: int) -> Pictures:
    """Shape (n, size, size, 3), uint8, resampled as in training."""
    return read_pixels(tuple(Sample(item.file, (), item.box) for item in items), size)


def read_masks(items: Sequence[Item], size: int) -> Pictures:
    """Labels, shape (n, size, size), uint8, nearest neighbour; all 0 where an item has no mask."""
    masks = np.zeros((len(items), size, size), np.uint8)
    for k, item in enumerate(items):
        if item.mask is not None:
            with Image.open(item.mask) as image:
                masks[k] = np.asarray(image.resize((size, size), Image.Resampling.NEAREST, box=item.box))
    return masks


def orientations(pictures: Pictures, augment: tuple[str, ...]) -> list[Pictures]:
    """All turns and mirror images in which a training could see pictures (n, s, s, 3) or masks (n, s, s)."""
    kinds = [pictures]
    if "hflip" in augment:
        kinds += [kind[:, :, ::-1] for kind in kinds]
    if "vflip" in augment:
        kinds += [kind[:, ::-1] for kind in kinds]
    if "rot90" in augment:
        kinds += [np.rot90(kind, axes=(1, 2)) for kind in kinds]
    return kinds


def chosen(items: Sequence[Item], n: int, seed: int) -> list[Item]:
    """n of the items by a fixed seed, all of them where there are no more."""
    return [items[k] for k in some(len(items), n or len(items), seed)]


def learned_from(domain: Domain) -> list[Item]:
    """All that the recipe trains on: every crop of every training picture."""
    return [item for item in _items(domain.frozen, domain.recipe) if item.split == "train"]


def _first_items(frozen: Path, recipe: Recipe) -> tuple[Item, ...]:
    first: dict[Path, Item] = {}
    for item in _items(frozen, recipe):
        first.setdefault(item.file, item)
    return tuple(first.values())


def _items(frozen: Path, recipe: Recipe) -> Iterator[Item]:
    sliced = recipe.data.get("layout") == "volume-slices"
    for raw in json.loads((frozen / "manifest.json").read_text())["items"]:
        file = frozen / raw["file"]
        group = file.stem.rsplit("-", 2)[0] if sliced else file.stem
        mask = frozen / raw["mask"] if raw.get("mask") else None
        left, top, right, bottom = raw["box"]
        yield Item(file, (left, top, right, bottom), raw["captions"][0], raw["class"], raw["split"], group, mask,
                   raw.get("mask_class", ""))


def _refuse_leaks(items: Sequence[Item]) -> None:
    """A picture or a case in two splits would make every figure worthless."""
    splits: dict[tuple[str, str], set[str]] = {}
    for item in items:
        folder = "" if item.group != item.file.stem else str(item.file.parent)
        splits.setdefault((folder, item.group), set()).add(item.split)
    torn = [group for (_, group), found in splits.items() if len(found) > 1]
    if torn:
        raise UserError(f"{len(torn)} pictures or cases lie in more than one split.", "Freeze the data set again.")


def _key(folder: Path, recipe: Recipe) -> str:
    found = hashlib.sha256(json.dumps(recipe.data, sort_keys=True).encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            about = path.stat()
            found.update(f"{path}{about.st_size}{about.st_mtime_ns}".encode())
    for name in CODE:
        code = Path(medsynth_app.__file__).parent / name
        found.update(code.read_bytes() if code.exists() else b"")
    return found.hexdigest()[:16]
