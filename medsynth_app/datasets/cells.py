"""Items of labelled pictures: each in a tight and a looser crop, with a mask of its cell where one is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from medsynth_app.datasets.ready import Item, Ready, write_png
from medsynth_app.segmentation.cell_parts import CYTOPLASM, NUCLEUS, cell_parts

CORNER = 0.42  # share of the shorter edge that a corner of a background picture keeps


def cell_items(ready: Iterable[Ready], layout: dict[str, Any], out: Path) -> Iterator[Item]:
    """Each picture in every crop, a square about its middle, so that nothing is stretched; corners of the background
    class as background.
    """
    names = layout.get("class_names", {})
    for picture in ready:
        if not picture.part:
            continue
        label = picture.entry.label
        with Image.open(picture.path) as image:
            width, height = image.size
        noun = names.get(label, label)
        captions = [text.replace("{a}", _article(noun)).replace("{class}", noun) for text in layout["captions"]]
        more = {**_cell_mask(picture, layout, out), **picture.said()}
        for share in layout.get("crops", [1.0]):
            yield {"file": picture.file, "captions": captions, "class": label, "split": picture.part,
                   "box": _centre_box(width, height, share), **more}
        if label == layout.get("background_class"):
            edge = round(min(width, height) * CORNER)
            for left, top in ((0, 0), (width - edge, height - edge)):
                yield {"file": picture.file, "captions": layout["background_captions"], "class": "background",
                       "split": picture.part, "box": [left, top, left + edge, top + edge]}


def _article(noun: str) -> str:
    return "an" if noun[:1] in "aeiou" else "a"


def _centre_box(width: int, height: int, share: float) -> list[int]:
    edge = round(min(width, height) * share)
    left, top = (width - edge) // 2, (height - edge) // 2
    return [left, top, left + edge, top + edge]


def _cell_mask(picture: Ready, layout: dict[str, Any], out: Path) -> Item:
    """What an item says of its mask by `cell_parts`, which is written; nothing where the recipe asks for none."""
    label = picture.entry.label
    if not layout.get("masks"):
        return {}
    with Image.open(picture.path) as image:
        mask = cell_parts(np.asarray(image.convert("RGB")))
    if label in layout.get("without_nucleus", []):
        mask[mask == NUCLEUS] = CYTOPLASM
    if not mask.any():
        return {"mask_failed": True}
    name = f"masks/{picture.name}.png"
    write_png(mask, out / name)
    return {"mask": name, "mask_class": layout.get("class_names", {}).get(label, label)}
