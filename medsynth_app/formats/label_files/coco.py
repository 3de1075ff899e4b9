"""COCO: one JSON file of images, categories and boxes; one annotation for each cell that is called a class."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medsynth_app.core.errors import UserError
from medsynth_app.core.label_rows import LabelFile, LabelRow, Sides
from medsynth_app.formats.cell_tables import write_text
from medsynth_app.formats.label_files.common import (
    Export,
    checked_sides,
    damaged,
    images_gone,
    is_synthetic,
    json_of,
    objects,
    sides_of,
    unsized,
)


def write_coco(path: Path, export: Export) -> tuple[str, ...]:
    """Write the verdicts; returns notices, and raises `UserError` when the file cannot be written.

    Categories are all classes of the schema in its order, from 1 on, whichever of them occur: the same class has the
    same number in every file of the same schema. `name` is the id of the class, `supercategory` that of its parent.
    An image that was looked at stands there even where none of its cells is called a class; `unlabelled` says how many
    of its cells nobody has answered, so that what is not labelled yet is not taken for background.
    """
    category = {each: k for k, each in enumerate(export.schema.ids, 1)}
    images: dict[str, dict[str, Any]] = {}
    annotations: list[dict[str, Any]] = []
    left_out = 0
    for each in export.verdicts:
        cell = each.cell
        sides = sides_of(cell, export.sizes)
        if sides is None:
            left_out += each.label in category
            continue
        size = export.sizes.get(cell.image_sha256)
        image = images.setdefault(cell.image_sha256, {
            "id": len(images) + 1, "file_name": each.image,
            **({"width": size[0], "height": size[1]} if size is not None else {}), "sha256": cell.image_sha256,
            "synthetic": is_synthetic(cell), "unlabelled": export.unlabelled.get(cell.image_sha256, 0)})
        image["synthetic"] |= is_synthetic(cell)
        if each.label not in category:
            continue
        annotations.append({
            "id": len(annotations) + 1, "image_id": image["id"], "category_id": category[each.label],
            "bbox": list(sides), "area": sides[2] * sides[3], "iscrowd": 0, "segmentation": [],
            "attributes": {"cell_id": cell.id, "origin": cell.origin.name.lower(), "pack": cell.pack,
                           "whole_image": cell.whole, "votes": each.votes, "agreement": round(each.agreement, 4),
                           "annotators": list(each.annotators)}})
    if left_out and not annotations:
        raise images_gone()
    held = {
        "info": {"description": f"{export.title}: labels of cells, made with MedSynth", "schema": export.schema.id,
                 "synthetic": sum(image["synthetic"] for image in images.values())},
        "licenses": [], "images": list(images.values()),
        "categories": [{"id": category[each.id], "name": each.id, "supercategory": each.parent, "title": each.name,
                        **({"code": each.code} if each.code else {})} for each in export.schema.classes],
        "annotations": annotations}
    write_text(path, json.dumps(held, ensure_ascii=False, allow_nan=False, indent=1))
    return unsized(left_out)


def read_coco(path: Path) -> LabelFile:
    """Read annotations with their boxes; categories are known by their names, never by their numbers or order.

    Raises
    ------
    UserError
        When it cannot be read, or an annotation names an image or a category that there is not.
    """
    return coco_rows(json_of(path), path.name)


def is_coco(held: object) -> bool:
    return isinstance(held, dict) and {"images", "annotations", "categories"} <= held.keys()


def coco_rows(held: object, name: str) -> LabelFile:
    if not isinstance(held, dict) or not is_coco(held):
        raise UserError(f"The label file {name} is no COCO file.", "It needs images, annotations and categories.")
    images = _by_id(held["images"], name, "images")
    categories = _by_id(held["categories"], name, "categories")
    rows = []
    for number, each in enumerate(objects(held["annotations"], name, "annotations"), 1):
        where = f"annotation {each.get('id', number)}"
        image, category = images.get(_key(each.get("image_id"))), categories.get(_key(each.get("category_id")))
        if image is None or category is None:
            raise damaged(name, where, f"its {'image' if image is None else 'category'} is not in the file")
        more = each.get("attributes")
        about: Mapping[str, Any] = more if isinstance(more, dict) else {}
        whom = about.get("annotators")
        annotator = str(whom[0]) if isinstance(whom, list) and len(whom) == 1 else ""
        rows.append(LabelRow(
            _text(category.get("name")), _text(about.get("cell_id")), _text(image.get("sha256")).lower(),
            _text(image.get("file_name")), None if about.get("whole_image") is True else _sides(each, name, where),
            _text(about.get("origin")), _text(about.get("pack")), annotator=annotator, where=where))
    return LabelFile(name, tuple(rows))


def _sides(annotation: Mapping[str, Any], name: str, where: str) -> Sides | None:
    """Its box; None where it has none, so that it is of the whole image."""
    box = annotation.get("bbox")
    if box is None or box == []:
        return None
    return checked_sides(box if isinstance(box, list) else [], name, where)


def _by_id(value: object, name: str, what: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for each in objects(value, name, what):
        key = _key(each.get("id"))
        if not key:
            raise damaged(name, "", f"one of its {what} has no id")
        if found.setdefault(key, each) != each:
            raise damaged(name, "", f"two of its {what} have the id {key}")
    return found


def _key(value: object) -> str:
    """An id as text: some programs write 1, others "1" or 1.0."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
