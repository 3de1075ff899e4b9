"""The domain of a pack: its recipe, and the real data that the product itself freezes and splits by it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from medsynth_app.core.errors import UserError
from medsynth_app.core.pack import PackManifest
from medsynth_app.datasets import (
    cells,
    choice,
    division,
    examined,
    freeze,
    listing,
    near,
    pairs,
    picture,
    ready,
    volumes,
)
from medsynth_app.datasets.items import first_of_each_file, read_items
from medsynth_app.engine.evaluate.progress import Progress
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.formats import cell_tables
from medsynth_app.segmentation import cell_parts
from medsynth_app.studies.domain import Domain

# What decides the frozen set besides the recipe and the files.
CODE = (freeze, listing, cell_tables, examined, choice, division, near, picture, ready, cells, pairs, volumes,
        cell_parts)


def load_domain(recipe: Recipe, manifest: PackManifest, data: Path, cache: Path, progress: Progress) -> Domain:
    """Freeze the recipe's data set (once: it is kept) and list its pictures.

    Parameters
    ----------
    data
        The data folder that the recipe was written for, or a training set frozen before.

    Raises
    ------
    UserError
        A recipe of another domain than the pack's, data of another layout, or a file that lies in two splits.
    """
    if recipe.pack.domain != manifest.domain and recipe.pack.name != manifest.name:
        raise UserError(f"The recipe {recipe.pack.name} is for {recipe.pack.domain}, the pack for {manifest.domain}.",
                        "Name the recipe that the pack was trained by with --recipe.")
    frozen = data
    if not (data / "manifest.json").exists():
        frozen = cache / "frozen" / f"{recipe.pack.name}-{_key(data, recipe)}"
        if not (frozen / "manifest.json").exists():
            freeze.freeze_training_set(data, recipe.data, frozen, progress.stage("reading the data"))
    items = read_items(frozen, sliced=recipe.data.get("layout") == "volume-slices")
    pack = recipe.pack
    return Domain(
        name=pack.name, layout=str(recipe.data.get("layout", "")), native_size=pack.native_size,
        grey=pack.colour == "grey", mask_labels=pack.mask_labels, augment=recipe.augment,
        default_prompt=pack.default_prompt, mask_size=recipe.masks.size,
        without_nucleus=tuple(recipe.data.get("without_nucleus", ())), frozen=frozen, items=first_of_each_file(items),
        learned=tuple(item for item in items if item.split == "train"),
        cells=recipe.data.get("masks") == "cell-parts")


def _key(folder: Path, recipe: Recipe) -> str:
    found = hashlib.sha256(json.dumps(recipe.data, sort_keys=True).encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            about = path.stat()
            found.update(f"{path}{about.st_size}{about.st_mtime_ns}".encode())
    for module in CODE:
        found.update(Path(str(module.__file__)).read_bytes())
    return found.hexdigest()[:16]
