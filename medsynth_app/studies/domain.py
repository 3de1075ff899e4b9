"""The real pictures of a pack's domain, split, cropped and captioned as in training.

Of every file the first item of the frozen set is taken. What a recipe calls ``test`` is judged on; judges and models
learn from ``train`` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.datasets.dataset import some
from medsynth_app.datasets.items import Item, read_labels

Pictures = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Domain:
    """A frozen data set and what its recipe says of it.

    Attributes
    ----------
    name
        Of the pack.
    layout
        How the data are read (``[data] layout`` of the recipe).
    native_size
        Edge of the pack's pictures in pixels.
    grey
        Whether its pictures have one channel.
    augment
        Turns and mirror images in which a training sees pictures: "hflip", "vflip", "rot90".
    mask_size
        Edge in pixels at which the model of masks draws.
    without_nucleus
        Classes of cells whose frozen masks know no nucleus.
    items
        The first crop of every picture.
    learned
        All crops of every training picture: what the pack has seen.
    cells
        Whether its pictures are of one cell each, whose parts `segmentation.cell_parts` finds.
    """

    name: str
    layout: str
    native_size: int
    grey: bool
    mask_labels: tuple[str, ...]
    augment: tuple[str, ...]
    default_prompt: str
    mask_size: int
    without_nucleus: tuple[str, ...]
    frozen: Path
    items: tuple[Item, ...]
    learned: tuple[Item, ...]
    cells: bool = False

    @property
    def classified(self) -> bool:
        """Whether its pictures have classes (and are judged by a classifier), not only masks."""
        return self.layout == "labelled-cells"

    @property
    def noun(self) -> str:
        """What its pictures are called in a report."""
        return "cells" if self.cells else "pictures"

    @property
    def masked(self) -> bool:
        return any(item.mask is not None for item in self.items)

    @property
    def classes(self) -> list[str]:
        return sorted({item.label for item in self.items})

    def part(self, split: str) -> list[Item]:
        """The items of a split; raises `UserError` when it is empty."""
        found = [item for item in self.items if item.split == split]
        if not found:
            raise UserError(f"The data hold no picture of the split {split!r}.",
                            "Studies learn from 'train' and measure on 'test': give data that have both.")
        return found

    def with_masks(self, split: str) -> list[Item]:
        """Items of a split that have a mask with something in it; raises `UserError` when there are none."""
        found = [item for item in self.part(split) if item.mask is not None and read_labels([item], item.edge).any()]
        if not found:
            raise UserError(f"The data hold no masks in the split {split!r}.",
                            "Check the recipe's [data] section and the data folder.")
        return found

    def to_fill(self, split: str) -> list[Item]:
        """Items in which regions are filled: those with a mask; of data without masks all of the split."""
        return self.with_masks(split) if self.masked else self.part(split)


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
    """n of the items by a fixed seed, all of them where there are no more, or where n is 0."""
    return [items[k] for k in some(len(items), n or len(items), seed)]
