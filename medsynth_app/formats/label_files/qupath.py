"""GeoJSON as QuPath (0.4 and later) reads and writes it: a FeatureCollection for each image, coordinates in pixels."""

from __future__ import annotations

import colorsys
import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medsynth_app.core.cell_schema import CellSchema
from medsynth_app.core.errors import UserError
from medsynth_app.core.label_rows import LabelFile, LabelRow, Sides, Verdict
from medsynth_app.formats.cell_tables import write_text
from medsynth_app.formats.label_files.common import (
    SYN,
    Export,
    damaged,
    images_gone,
    is_synthetic,
    json_of,
    number,
    objects,
    safe_name,
    sides_of,
    unsized,
    whole_folder,
)

ENDING = ".geojson"
UNCLASSED = {"", "unclassified"}


def write_qupath(folder: Path, export: Export) -> tuple[str, ...]:
    """Write a file for each image, named by it; returns notices, and raises `UserError` as `whole_folder`.

    Cells are detections; a class is called by its name, after that of its parent ("neutrophil: band neutrophil").
    """
    by_image: dict[str, list[Verdict]] = {}
    for each in export.classed():
        by_image.setdefault(each.cell.image_sha256, []).append(each)
    left_out = written = 0
    names: set[str] = set()
    with whole_folder(folder) as part:
        for verdicts in by_image.values():
            features = []
            for each in verdicts:
                sides = sides_of(each.cell, export.sizes)
                if sides is None:
                    left_out += 1
                else:
                    features.append(_feature(each, sides, export.schema))
            written += len(features)
            if features:
                write_text(part / _file_name(verdicts, names), json.dumps(
                    {"type": "FeatureCollection", "features": features}, ensure_ascii=False, allow_nan=False))
        if left_out and not written:
            raise images_gone()
    return unsized(left_out)


def read_qupath(path: Path) -> LabelFile:
    """Read the objects of a file, or of all GeoJSON files of a folder; an image is named as its file.

    Raises
    ------
    UserError
        When one cannot be read, or an object has no outline.
    """
    files = sorted(path.glob(f"*{ENDING}")) if path.is_dir() else [path]
    rows: list[LabelRow] = []
    unclassed = 0
    for file in files:
        found, without = qupath_rows(json_of(file), file)
        rows += found
        unclassed += without
    return LabelFile(path.name, tuple(rows), (f"Left out, for they have no class: {unclassed}.",)
                     if unclassed else ())


def is_qupath(held: object) -> bool:
    """A FeatureCollection, or a list of features, as older versions wrote."""
    if isinstance(held, dict):
        return held.get("type") in ("FeatureCollection", "Feature")
    return isinstance(held, list) and bool(held) and isinstance(held[0], dict) and held[0].get("type") == "Feature"


def qupath_rows(held: Any, path: Path) -> tuple[list[LabelRow], int]:
    """The labels of one file, and how many objects have no class."""
    if not is_qupath(held):
        raise UserError(f"The label file {path.name} is no GeoJSON of QuPath.", "Export the objects again as GeoJSON.")
    features = objects(held if isinstance(held, list) else [held] if held.get("type") == "Feature"
                       else held.get("features"), path.name, "features")
    rows, unclassed = [], 0
    for k, each in enumerate(features, 1):
        where = f"object {k} of {path.name}"
        properties = each.get("properties")
        about: Mapping[str, Any] = properties if isinstance(properties, dict) else {}
        label = _class_of(about.get("classification"))
        if label.casefold() in UNCLASSED:
            unclassed += 1
            continue
        more = about.get("metadata")
        known: Mapping[str, Any] = more if isinstance(more, dict) else {}
        whole = str(known.get("whole_image", "")).lower() == "true"
        sides = _bounds(each.get("geometry"), path.name, where)
        rows.append(LabelRow(
            label, str(known.get("cell_id", "")) or str(each.get("id") or ""), str(known.get("sha256", "")).lower(),
            str(known.get("image", "")) or path.name.removesuffix(ENDING).removesuffix(".json"),
            None if whole else sides, str(known.get("origin", "")), annotator=str(known.get("annotator", "")),
            where=where))
    return rows, unclassed


def object_id(cell_id: str) -> str:
    """The UUID by which QuPath knows a cell, and keeps it."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"medsynth:cell:{cell_id}"))


def class_name(schema: CellSchema, label: str) -> str:
    """Names from the broadest class down, as QuPath derives classes: "neutrophil: band neutrophil"."""
    kind, names = schema.of(label), []
    while kind is not None:
        names.append(kind.name.replace(":", " "))
        kind = schema.of(kind.parent)
    return ": ".join(reversed(names))


def _feature(each: Verdict, sides: Sequence[int], schema: CellSchema) -> dict[str, Any]:
    left, top, width, height = sides
    right, bottom = left + width, top + height
    cell = each.cell
    measurements: dict[str, float] = {"votes": each.votes, "agreement": round(each.agreement, 4)}
    if cell.confidence is not None:
        measurements["detection confidence"] = round(cell.confidence, 4)
    kind = schema.of(each.label)
    code = kind.code if kind is not None else ""
    synthetic = {"origin": cell.origin.name.lower(), **({"pack": cell.pack} if cell.pack else {})}
    return {
        "type": "Feature", "id": object_id(cell.id),
        "geometry": {"type": "Polygon", "coordinates": [[[left, top], [right, top], [right, bottom], [left, bottom],
                                                         [left, top]]]},
        "properties": {
            "objectType": "detection",
            "name": f"{'SYNTHETIC ' if is_synthetic(cell) else ''}{cell.id}",
            "classification": {"name": class_name(schema, each.label), "color": _colour(schema, each.label)},
            "measurements": measurements,
            "metadata": {"cell_id": cell.id, "sha256": cell.image_sha256, "image": each.image, **synthetic,
                         "whole_image": str(cell.whole).lower(), **({"code": code} if code else {}),
                         **({"annotator": each.annotators[0]} if len(each.annotators) == 1 else {})}}}


def _colour(schema: CellSchema, label: str) -> list[int]:
    """One for each class of a schema, as far apart as their number allows."""
    hue = schema.ids.index(label) / len(schema.ids)
    return [round(255 * each) for each in colorsys.hsv_to_rgb(hue, 0.85, 0.9)]


def _file_name(verdicts: Sequence[Verdict], taken: set[str]) -> str:
    """Named as the image; never as another one, whatever the system makes of capitals."""
    first = verdicts[0]
    stem = (SYN if any(is_synthetic(each.cell) for each in verdicts) else "") + safe_name(first.image.split("/")[-1])
    if stem.casefold() in taken:
        stem = f"{stem}.{first.cell.image_sha256[:8]}"
    taken.add(stem.casefold())
    return f"{stem}{ENDING}"


def _class_of(value: object) -> str:
    """The name of a class as the several versions write it."""
    if isinstance(value, dict):
        names = value.get("names")
        if isinstance(names, list) and names:
            return ": ".join(str(name) for name in names)
        value = value.get("name")
    return value.strip() if isinstance(value, str) else ""


def _bounds(geometry: object, name: str, where: str) -> Sides:
    """The box round an outline, a point one pixel large."""
    points: list[tuple[float, float]] = []
    stack: list[Any] = [geometry.get("coordinates")] if isinstance(geometry, dict) else []
    while stack:
        value = stack.pop()
        if isinstance(value, list) and len(value) >= 2 and not isinstance(value[0], list):
            x, y = (number(each, name, where, "a coordinate") for each in value[:2])
            points.append((x, y))
        elif isinstance(value, list):
            stack += value
        else:
            raise damaged(name, where, "its outline is none")
    if not points:
        raise damaged(name, where, "it has no outline")
    left, top = (min(point[k] for point in points) for k in (0, 1))
    right, bottom = (max(point[k] for point in points) for k in (0, 1))
    return left, top, max(right - left, 1.0), max(bottom - top, 1.0)
