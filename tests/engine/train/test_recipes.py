"""Recipes of the program, those that it writes, and their documentation."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from medsynth_app.actions.data_recipe import recipe_for, write_recipe
from medsynth_app.core.errors import UserError
from medsynth_app.datasets.freeze import freeze_training_set
from medsynth_app.datasets.schema import OF_LAYOUT
from medsynth_app.engine.train.recipe import SECTIONS, PackSection, Recipe
from tests.datasets.test_inputs import as_dicom, noise, table

FOLDER = Path(__file__).resolve().parents[3] / "resources" / "recipes"


def toml(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return f"[{', '.join(toml(item) for item in value)}]" if isinstance(value, tuple) else repr(value)


def test_every_key_is_documented_with_its_default() -> None:
    text = (FOLDER / "README.md").read_text()
    for layout, keys in OF_LAYOUT.items():
        assert f"`{layout}`" in text
        for name, key in keys.items():
            default = "needed" if not key.default else key.default if key.default == "-" else f"`{key.default}`"
            assert f"| `{name}` | {default} | {key.help} |" in text, name
    for section, kind in {"pack": PackSection, **SECTIONS}.items():
        line = next(line for line in text.splitlines() if line.startswith(f"`[{section}]`: "))
        for each in dataclasses.fields(kind):
            wanted = " (needed)" if each.default is dataclasses.MISSING else f" = `{toml(each.default)}`"
            assert f"`{each.name}`{wanted}" in line, (section, each.name)


def test_the_recipes_of_the_program_can_be_followed() -> None:
    for path in FOLDER.glob("*.toml"):
        assert Recipe.load(path).pack.name == path.stem


def classes(folder: Path) -> Path:
    for k in range(12):
        noise(folder / ("ill" if k % 2 else "well") / f"{k}.png", k)
    return folder


def listed(folder: Path) -> Path:
    noise(folder / "a.png", 1)
    return table(folder, ("a.png", "odd “quote\" \\ class", "train"))


def pairs(folder: Path) -> Path:
    for k in range(6):
        noise(folder / "images" / f"{k}.png", k, size=128)
        mask = np.zeros((128, 128), np.uint8)
        mask[:40, :40] = 255
        (folder / "masks").mkdir(exist_ok=True)
        Image.fromarray(mask).save(folder / "masks" / f"{k}.png")
    return folder


def volumes(folder: Path) -> Path:
    for k in range(3):
        values = np.random.default_rng(k).integers(0, 90, (14, 16, 12)).astype(np.int16)
        label = np.zeros(values.shape, np.uint8)
        label[4:9, 4:9] = 3
        for kind, array in (("images", values), ("labels", label)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            sitk.WriteImage(sitk.GetImageFromArray(array), str(folder / kind / f"{k}.nii.gz"))
    return folder


def series(folder: Path) -> Path:
    for k in range(3):
        grey = np.random.default_rng(k).integers(0, 256, (40, 56)).astype(np.uint8)
        as_dicom(folder / "s" / f"{k}.dcm", grey, Modality="MR", SOPInstanceUID=f"1.2.9.{k}")
    return folder


@pytest.mark.parametrize(("make", "layout"), [
    (classes, "labelled-cells"), (listed, "labelled-cells"), (pairs, "image-mask-pairs"), (volumes, "volume-slices"),
    (series, "pictures")])
def test_a_new_recipe_fits_the_data_that_it_was_written_for(tmp_path: Path, make: Any, layout: str) -> None:
    data = make(tmp_path / "data")
    write_recipe("my first", data, tmp_path / "r.toml")
    recipe = Recipe.load(tmp_path / "r.toml")
    assert recipe.pack.name == "my first" and recipe.data["layout"] == layout and recipe.pack.native_size == (
        128 if make is pairs else 64)
    assert (freeze_training_set(data, recipe.data, tmp_path / "set") / "manifest.json").is_file()
    if make is series:
        assert recipe.pack.modalities == ("MR",) and recipe.pack.colour == "grey"
    if make is volumes:
        assert recipe.pack.mask_labels == ("label 1", "label 2", "label 3")
    if make is classes:
        assert recipe.pack.grid_prompts == ("an ill", "a well")


def test_a_recipe_is_never_written_over_and_needs_a_name_and_data(tmp_path: Path) -> None:
    data = classes(tmp_path / "data")
    (tmp_path / "r.toml").write_text("mine")
    with pytest.raises(UserError, match=r"file r\.toml already"):
        write_recipe("x", data, tmp_path / "r.toml")
    assert (tmp_path / "r.toml").read_text() == "mine"
    for name in ("", "../up", "a/b", "x" * 80):
        with pytest.raises(UserError, match="no name for a pack"):
            recipe_for(name, data)
    shutil.rmtree(data)
    with pytest.raises(UserError, match="no folder or file data"):
        recipe_for("x", data)
