"""Items of smear fields whose cells have boxes (Pascal VOC): what a detector learns from."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from medsynth_app.core.errors import UserError
from medsynth_app.datasets.listing import Entry
from medsynth_app.datasets.ready import Item, Ready

Box = tuple[str, int, int, int, int]
SIDES = ("xmin", "ymin", "xmax", "ymax")
LARGEST = 2**22  # bytes of an annotation; those of a crowded field have some ten thousand


def field_items(ready: Iterable[Ready], layout: dict[str, Any]) -> Iterator[Item]:
    """Each field with its boxes, under the names that ``layout["classes"]`` gives them.

    Raises
    ------
    UserError
        A box whose name the recipe does not know, or no box at all to learn from.
    """
    names = layout["classes"]
    boxed: bool | None = None  # in the training part
    for picture in ready:
        if not picture.part or picture.entry.boxes is None:
            continue
        found = read_boxes(picture.entry.boxes)
        strange = sorted({name for name, *_box in found} - set(names))
        if strange:
            raise UserError(f"The fields have boxes of the name {strange[0]!r}, which the recipe does not know.",
                            "Add it to classes in [data] of the recipe.")
        if picture.part == "train":
            boxed = bool(boxed or found)
        yield {"file": picture.file, "captions": [], "class": "", "split": picture.part,
               "objects": [[names[name], *box] for name, *box in found], **picture.said()}
    if boxed is False:
        raise UserError("No field of the training part has a box, so there is nothing to learn from.",
                        "Draw the boxes of its cells into the XML files in annotations/.")


def read_boxes(path: Path) -> tuple[Box, ...]:
    """Name, left, top, right, bottom of every box of an annotation, in pixels; those without an area are left out.

    Raises
    ------
    UserError
        When it cannot be read, or is none.
    """
    try:
        text = path.read_bytes()
        if len(text) > LARGEST or b"<!" in text:  # entities can grow without end
            raise ValueError("no annotation")
        found = []
        for item in ElementTree.fromstring(text).iter("object"):
            left, top, right, bottom = (round(float(item.findtext(f"bndbox/{side}", ""))) for side in SIDES)
            if right > left and bottom > top:
                found.append(((item.findtext("name") or "").strip(), left, top, right, bottom))
        return tuple(found)
    except (OSError, ValueError, OverflowError, ElementTree.ParseError) as error:
        raise UserError(f"The boxes {path.name} cannot be read.", "Give them as Pascal VOC: one XML file per field.",
                        details=type(error).__name__) from error


def boxes_problem(entry: Entry, rows: int, columns: int) -> str:
    """Why the boxes of a field of this size cannot be used; empty where they can."""
    if entry.boxes is None or not entry.boxes.is_file():
        return "It has no annotation of its name."
    try:
        found = read_boxes(entry.boxes)
    except UserError as error:
        return error.happened
    beyond = any(left < 0 or top < 0 or right > columns + 1 or bottom > rows + 1
                 for _name, left, top, right, bottom in found)
    return "A box of it reaches beyond the field." if beyond else ""
