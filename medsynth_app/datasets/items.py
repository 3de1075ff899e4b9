"""All items of a frozen set, those of the split ``test`` too: what studies are measured on and nothing learns from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from medsynth_app.core.errors import UserError
from medsynth_app.datasets.dataset import FORMAT, Sample, read_pixels

Pictures = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Item:
    """One real picture: `box` (left, top, right, bottom) of `file`, and the mask of the whole file where there is one.

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


def read_items(frozen: Path, sliced: bool) -> list[Item]:
    """Every item of the frozen set in its order; with `sliced`, pictures are slices named after their case.

    Raises
    ------
    UserError
        No frozen set, one of another format, or a picture or a case that lies in more than one split.
    """
    try:
        raw = json.loads((frozen / "manifest.json").read_text(encoding="utf-8"))
        if raw.get("format") != FORMAT:
            raise ValueError
        items = list(_items(frozen, raw["items"], sliced))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{frozen.name} is no frozen training set that can be read.", "Freeze the data again.",
                        details=type(error).__name__) from error
    refuse_leaks(items)
    return items


def _items(frozen: Path, rows: Sequence[dict[str, Any]], sliced: bool) -> Iterator[Item]:
    for row in rows:
        file = frozen / str(row["file"])
        mask = frozen / str(row["mask"]) if row.get("mask") else None
        left, top, right, bottom = row["box"]
        yield Item(file, (left, top, right, bottom), row["captions"][0], str(row["class"]), str(row["split"]),
                   file.stem.rsplit("-", 2)[0] if sliced else file.stem, mask, str(row.get("mask_class", "")))


def first_of_each_file(items: Sequence[Item]) -> tuple[Item, ...]:
    """The first item of every file: the recipe's first crop, which has the field of view of synthetic pictures."""
    first: dict[Path, Item] = {}
    for item in items:
        first.setdefault(item.file, item)
    return tuple(first.values())


def refuse_leaks(items: Sequence[Item]) -> None:
    """Raise `UserError` for a picture or a case in two splits: it would make every figure worthless."""
    splits: dict[tuple[str, str], set[str]] = {}
    for item in items:
        folder = "" if item.group != item.file.stem else str(item.file.parent)
        splits.setdefault((folder, item.group), set()).add(item.split)
    torn = [group for (_, group), found in splits.items() if len(found) > 1]
    if torn:
        raise UserError(f"{len(torn)} pictures or cases lie in more than one split.", "Freeze the data set again.")


def read_pictures(items: Sequence[Item], size: int) -> Pictures:
    """Shape (n, size, size, 3), uint8, resampled as in training."""
    return read_pixels(tuple(Sample(item.file, (), item.box) for item in items), size)


def read_labels(items: Sequence[Item], size: int) -> Pictures:
    """Labels, shape (n, size, size), uint8, nearest neighbour; all 0 where an item has no mask.

    Raises
    ------
    UserError
        When a mask cannot be read.
    """
    masks = np.zeros((len(items), size, size), np.uint8)
    for k, item in enumerate(items):
        if item.mask is not None:
            try:
                with Image.open(item.mask) as image:
                    masks[k] = np.asarray(image.resize((size, size), Image.Resampling.NEAREST, box=item.box))
            except OSError as error:
                raise UserError("A mask of the frozen set cannot be read.", "Freeze the data again.",
                                details=type(error).__name__) from error
    return masks
