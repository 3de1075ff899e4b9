"""Items of pairs of image and mask: the whole, crops, and background, captioned by what the mask says of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from medsynth_app.core.errors import UserError
from medsynth_app.datasets.listing import Entry
from medsynth_app.datasets.ready import Item, Ready, write_png
from medsynth_app.formats.registry import read_mask
from medsynth_app.segmentation.burned_in_text import text_rows

Inside = npt.NDArray[np.bool_]
TextBox = tuple[float, ...]
TEXT_EDGE = 256  # px of a frame's shorter edge at which burned-in text is looked for
SLIVER = 0.35  # share of the object below which a crop of it is neither object nor background


def pair_items(ready: Iterable[Ready], layout: dict[str, Any], out: Path) -> Iterator[Item]:
    """Crops of each image with the mask of its object.

    Raises
    ------
    UserError
        Masks of the training part that show nothing, or no burned-in text where the recipe asks for it.
    """
    rng, texts = np.random.default_rng(0), 0
    shown: bool | None = None  # by the masks of the training part
    for picture in ready:
        mask, name = object_of(picture.entry), f"masks/{picture.name}.png"
        boxes = _boxes(mask, layout, rng) + _background_boxes(picture.path, mask, layout, rng)
        if not picture.part:
            continue  # only now: what others are cropped to does not hang on who is left out
        write_png(mask.astype(np.uint8), out / name)
        written = _burned_in_text(picture.path, layout)
        for box in boxes:
            left, top, right, bottom = box
            inside = mask[top:bottom, left:right]
            if 0 < inside.sum() < SLIVER * mask.sum():
                continue
            if picture.part == "train":
                shown = bool(shown or inside.any())
            captions = layout["captions"] if inside.any() else layout["background_captions"]
            if any(_lies_in(row, box) for row in written):
                texts += 1
                captions = [caption + layout["burned_in_text"] for caption in captions]
            yield {"file": picture.file, "captions": captions, "split": picture.part, "box": box,
                   "class": "object" if inside.any() else "background", "mask": name,
                   "mask_class": "object" if inside.any() else "",
                   **picture.said()}
    if shown is False:
        raise UserError("No mask of the training part shows anything: they are black throughout.",
                        "Give masks in which the object is brighter than the rest.")
    if "burned_in_text" in layout and not texts:
        raise UserError("The recipe asks for captions of burned-in text, and no frame shows any.",
                        "Take burned_in_text out of its [data], or widen burned_in_text_area.")


def object_of(entry: Entry) -> Inside:
    """The object's mask beside an image, boolean, of the mask's own size.

    What is brighter than half counts where anything is; in a mask of small numbers, such as 0 and 1, all but 0.

    Raises
    ------
    UserError
        When there is no mask, or it cannot be read as one.
    """
    if entry.mask is None:
        raise UserError("There is no mask of its name.", "Put one into the folder masks.")
    if entry.mask.suffix.lower() in (".tif", ".tiff"):
        values = read_mask(entry.mask)
    else:
        with Image.open(entry.mask) as mask:
            values = np.asarray(mask if mask.mode.startswith("I") else mask.convert("L"))
    bright: Inside = values > 127
    return bright if bright.any() else values > 0


def mask_problem(entry: Entry, rows: int, columns: int) -> str:
    """Why the mask of an image of this size cannot be used; empty where it can."""
    try:
        mask = object_of(entry)
    except UserError as error:
        return error.happened
    except (OSError, ValueError, SyntaxError) as error:
        return f"Its mask cannot be read ({type(error).__name__})."
    if mask.shape != (rows, columns):
        return f"Its mask has {mask.shape[1]} x {mask.shape[0]} pixels, the picture {columns} x {rows}."
    return ""


def _burned_in_text(image: Path, layout: dict[str, Any]) -> list[TextBox]:
    """Rows of text in the part of the frame where the recipe says that text may stand, in pixels of the frame."""
    if "burned_in_text" not in layout:
        return []
    with Image.open(image) as picture:
        width, height = picture.size
        scale = max(1.0, min(width, height) / TEXT_EDGE)
        small = picture.convert("RGB").resize((round(width / scale), round(height / scale)), Image.Resampling.BOX)
    left, top, right, bottom = layout.get("burned_in_text_area", (0, 0, 1, 1))
    area = left * width, top * height, right * width, bottom * height
    rows = [tuple(side * scale for side in row) for row in text_rows(np.asarray(small))]
    return [row for row in rows if _lies_in(row, area)]


def _lies_in(row: TextBox, box: Sequence[float]) -> bool:
    """Whether the middle of a row of text lies in a box."""
    x, y = (row[0] + row[2]) / 2, (row[1] + row[3]) / 2
    return bool(box[0] <= x < box[2] and box[1] <= y < box[3])


def _boxes(mask: Inside, layout: dict[str, Any], rng: np.random.Generator) -> list[list[int]]:
    height, width = mask.shape
    boxes = [[0, 0, width, height]]
    for share in layout.get("crops", []):
        side = round(min(height, width) * share)
        left, top = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
        boxes.append([left, top, left + side, top + side])
    return boxes


def _background_boxes(image: Path, mask: Inside, layout: dict[str, Any],
                      rng: np.random.Generator) -> list[list[int]]:
    """Boxes free of the object and of black borders, so that the model also learns what lies beside it."""
    wanted, share = int(layout.get("background_crops", 0)), float(layout.get("background_share", 0.45))
    if not wanted:
        return []
    with Image.open(image) as picture:
        dark = np.asarray(picture.convert("L")) < 25
    side = round(min(mask.shape) * share)
    found: list[list[int]] = []
    for _ in range(60):
        top, left = int(rng.integers(mask.shape[0] - side + 1)), int(rng.integers(mask.shape[1] - side + 1))
        part = slice(top, top + side), slice(left, left + side)
        if not mask[part].any() and dark[part].mean() < 0.03:
            found.append([left, top, left + side, top + side])
        if len(found) == wanted:
            break
    return found
