"""A frozen training set: a folder with ``manifest.json``, made by an action, read here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from medsynth_app.core.errors import UserError

FORMAT = "medsynth-training-set/1"
DEEP = ("I", "F")  # how the names of Pillow's modes of more than 8 bits begin
FIELDS = "smear-fields"  # the layout of sets whose samples are fields with the boxes of their cells
MANIFEST = "manifest.json"  # of a frozen set: written last, so that one without it is not finished


@dataclass(frozen=True)
class Sample:
    """One picture: a file, the box of it to use (left, top, right, bottom in pixels), its possible captions, its class.

    `objects` are the boxes of the cells in a field, as a class and left, top, right, bottom in pixels of the file.
    `mask` is a PNG of labels that covers the same frame as `file`, so that `box` applies to both; `mask_class` says
    what the mask shows, and is empty where it shows too little to learn shapes from.
    """

    file: Path
    captions: tuple[str, ...]
    box: tuple[int, int, int, int] | None = None
    label: str = ""
    mask: Path | None = None
    mask_class: str = ""
    objects: tuple[tuple[str, int, int, int, int], ...] = ()


@dataclass(frozen=True)
class TrainingSet:
    """The training part of a frozen manifest.

    Attributes
    ----------
    samples
        Items of split ``train`` and, in `validation`, of split ``val``; items of split ``test`` are never read.
    about
        The manifest without its items: name, licence, citation, sha256 of the listing.
    """

    samples: tuple[Sample, ...]
    validation: tuple[Sample, ...]
    about: dict[str, Any]

    @staticmethod
    def load(folder: Path) -> TrainingSet:
        try:
            raw = json.loads((folder / MANIFEST).read_text())
        except (OSError, ValueError) as error:
            raise UserError(f"{folder.name} is no frozen training set ({type(error).__name__}).",
                            "`medsynth train base RECIPE --data DIR` freezes DIR first.") from error
        if raw.get("format") != FORMAT:
            raise UserError(f"{folder.name} has the unknown training-set format {raw.get('format')!r}.",
                            f"This version reads {FORMAT}.")
        items = raw.pop("items")
        if not any(item["split"] == "train" for item in items):
            raise UserError("All pictures of the data are kept back for validation or test: none is left to learn "
                            "from.",
                            "Write train beside those to learn from, in the column split of labels.csv, or take that "
                            "column away; pairs to learn from lie in train/.")

        def of(split: str) -> tuple[Sample, ...]:
            return tuple(
                Sample(folder / item["file"], tuple(item["captions"]), tuple(item["box"]) if "box" in item else None,
                       str(item.get("class", "")), folder / item["mask"] if item.get("mask") else None,
                       str(item.get("mask_class", item.get("class", ""))), tuple(map(tuple, item.get("objects", ()))))
                for item in items if item["split"] == split)

        return TrainingSet(of("train"), of("val"), raw)


def is_frozen(folder: Path) -> bool:
    """True for the folder of a frozen training set."""
    return manifest_of(folder).get("format") == FORMAT


def refuse_another_set(frozen: Path, layout: Mapping[str, Any]) -> None:
    """Raise `UserError` where a recipe's section ``[data]`` names a set, and `frozen` was made of another one.

    Sets that were frozen before they said which they are pass.
    """
    wanted, found = layout.get("set"), manifest_of(frozen)
    if wanted and found.get("set", wanted) != wanted:
        raise UserError(f"The recipe is for the data set {wanted!r}, and {frozen.name} was frozen from "
                        f"{found.get('name') or 'another'!r}.", "Give the data that the recipe was written for, or a "
                        "recipe without set in its [data].")


def refuse_other_section(frozen: Path, layout: Mapping[str, Any]) -> None:
    """Raise `UserError` where a run goes on with a set that was frozen by another section ``[data]`` than this.

    Captions and boxes were frozen with it: what the section says now would be passed over. Sets that were frozen before
    they said by which pass.
    """
    before = manifest_of(frozen).get("section")
    changed = [] if before is None else sorted(key for key in {*before, *layout} if before.get(key) != layout.get(key))
    if changed:
        raise UserError(f"[data] of the recipe has changed since the data of this run were frozen: "
                        f"{', '.join(changed)}.", "Put back what it was, or begin a new run in another folder.",
                        safe="What the run has kept stays.")


def refuse_part(part: str, layout: Mapping[str, Any]) -> None:
    """Raise `UserError` where a part (`core.jobs.train.TRAINABLE`) cannot learn from a recipe's section ``[data]``."""
    if (layout.get("layout") == FIELDS) != (part == "detector"):
        raise UserError(f"The part {part!r} cannot learn from data of the layout {layout.get('layout')!r}.",
                        f"A detector learns from {FIELDS}, every other part from other layouts.")


def manifest_of(folder: Path) -> dict[str, Any]:
    """What stands in the manifest of a set; empty where there is none."""
    try:
        raw = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return raw if isinstance(raw, dict) else {}


def some(count: int, n: int, seed: int) -> npt.NDArray[np.int64]:
    """Rows of `n` of `count` samples (all, where there are fewer), by chance: sets are listed class by class."""
    return np.random.default_rng(seed).permutation(count)[:n]


def read_pixels(samples: tuple[Sample, ...], size: int) -> npt.NDArray[np.uint8]:
    """Read samples into one array, shape (n, size, size, 3), uint8; boxes cropped, Lanczos-resampled.

    Raises
    ------
    UserError
        When a picture is not where it was when the set was frozen, cannot be read, or has more than 8 bits, which
        Pillow would turn white.
    """
    pixels = np.empty((len(samples), size, size, 3), np.uint8)
    for k, sample in enumerate(samples):
        pixels[k] = np.asarray(_opened(sample).resize((size, size), Image.Resampling.LANCZOS, box=sample.box))
    return pixels


def read_whole(sample: Sample) -> npt.NDArray[np.uint8]:
    """The whole picture of a sample, shape (h, w, 3), uint8; raises as `read_pixels`."""
    return np.asarray(_opened(sample))


def _opened(sample: Sample) -> Image.Image:
    try:
        with Image.open(sample.file) as image:
            if image.mode.startswith(DEEP):
                raise UserError("A picture of the training set has more than 8 bits per channel.",
                                "Freeze the data again: that brings them to 8 bits by the rules of their kind.")
            return image.convert("RGB")
    except OSError as error:
        raise UserError("A picture of the training set is not where it was, or cannot be read.",
                        "Put the data back where they were when the set was frozen, or freeze them again.",
                        details=type(error).__name__) from error


def read_masks(samples: tuple[Sample, ...], size: int, labels: Sequence[str]) -> npt.NDArray[np.uint8]:
    """Read the samples' masks into one array of labels, shape (n, size, size), uint8; boxes cropped, nearest pixel.

    Raises
    ------
    UserError
        When a sample has no mask, its file cannot be read, or it holds a value beyond the `labels` 1, 2, ...
    """
    masks = np.empty((len(samples), size, size), np.uint8)
    for k, sample in enumerate(samples):
        if sample.mask is None:
            raise UserError("A picture of the training set has no mask.", "Choose those that have one.")
        try:
            with Image.open(sample.mask) as image:
                masks[k] = np.asarray(image.resize((size, size), Image.Resampling.NEAREST, box=sample.box))
        except OSError as error:
            raise UserError("A mask of the training set cannot be read.", "Freeze the data set again.",
                            details=type(error).__name__) from error
    if masks.max(initial=0) > len(labels):
        raise UserError(f"A mask of the training set holds the value {masks.max()}, and the recipe names "
                        f"{len(labels)} labels.", "Name every label in mask_labels.")
    return masks


def augmented(batch: npt.NDArray[np.uint8], names: tuple[str, ...], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Randomly flip ("hflip", "vflip") and turn ("rot90") each picture of a batch, shape (n, s, s, 3) or (n, s, s)."""
    out = batch.copy()
    for k in range(len(out)):
        if "hflip" in names and rng.random() < 0.5:
            out[k] = out[k][:, ::-1]
        if "vflip" in names and rng.random() < 0.5:
            out[k] = out[k][::-1]
        if "rot90" in names and rng.random() < 0.5:
            out[k] = np.rot90(out[k])
    return out
