"""The tables of a set that was made, each in the form that some loader documents.

labels.csv: one line per picture. metadata.jsonl: Hugging Face's ``imagefolder``, one in the folder of every part.
coco.json: of pairs, one in the folder of every part; its images lie in ``images/`` beside it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy  # loads scipy.ndimage when it is first used: not for the window's first frame

from medsynth_app.core.files import writing
from medsynth_app.datasets.description import FILE
from medsynth_app.datasets.listing import LABELS
from medsynth_app.datasets.made import MadePicture, MadeSet
from medsynth_app.datasets.made_card import card, licence_of
from medsynth_app.formats.raster import read_mask

METADATA, COCO, LABEL_MAP, CARD = "metadata.jsonl", "coco.json", "label-map.json", "README.md"
Mask = npt.NDArray[np.uint8]


def write_tables(folder: Path, made: MadeSet) -> None:
    """Write tables and card of the pictures that are there; earlier ones are replaced.

    Raises
    ------
    UserError
        When one cannot be written, or a mask cannot be read.
    """
    pairs = any(picture.mask_file for picture in made.pictures)
    with writing(folder / LABELS) as part, part.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["file", "class", "split", "seed", "prompt", "pack", *["mask"] * pairs])
        table.writerows([picture.file, picture.class_name, picture.part, picture.seed, picture.prompt, picture.pack,
                         *[picture.mask_file] * pairs] for picture in made.pictures)
    for name in dict.fromkeys(picture.part for picture in made.pictures):
        held, place = [picture for picture in made.pictures if picture.part == name], folder / name
        _write(place / METADATA, "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in _metadata(held)))
        if pairs:
            _write(place / COCO, json.dumps(_coco(folder, made, held)))
    if pairs:
        _write(folder / LABEL_MAP, json.dumps({str(value): label for value, label in enumerate(
            ("background", *made.labels))}, indent=1, ensure_ascii=False) + "\n")
    _write(folder / FILE, "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in (
        ("name", f"{made.name} (synthetic)"), ("licence", licence_of(made)), ("citation", ""))))
    _write(folder / CARD, card(made))


def _write(path: Path, text: str) -> None:
    with writing(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def _in_part(name: str, part: str) -> str:
    return name.removeprefix(f"{part}/") if part else name


def _metadata(pictures: list[MadePicture]) -> Iterator[dict[str, Any]]:
    for picture in pictures:
        mask = {"mask_file_name": _in_part(picture.mask_file, picture.part)} if picture.mask_file else {}
        yield {"file_name": _in_part(picture.file, picture.part), **mask, "label": picture.class_name,
               "text": picture.prompt, "seed": picture.seed, "pack": picture.pack, "synthetic": True}


def _coco(folder: Path, made: MadeSet, pictures: list[MadePicture]) -> dict[str, Any]:
    """As the COCO data format is documented for object detection; every connected piece of a label is an object."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, picture in enumerate(pictures, 1):
        mask = read_mask(folder / picture.mask_file)
        images.append({"id": number, "file_name": Path(picture.file).name, "width": mask.shape[1],
                       "height": mask.shape[0], "seed": picture.seed, "class": picture.class_name, "license": 1})
        for label, piece in _pieces(mask, len(made.labels)):
            annotations.append({"id": len(annotations) + 1, "image_id": number, "category_id": label, "iscrowd": 0,
                                **_described(piece)})
    return {
        "info": {"description": f"{made.name}: synthetic pictures with masks, made by MedSynth", "synthetic": True},
        "licenses": [{"id": 1, "name": licence_of(made), "url": ""}],
        "categories": [{"id": value, "name": name, "supercategory": ""} for value, name in enumerate(made.labels, 1)],
        "images": images, "annotations": annotations}


def _pieces(mask: Mask, labels: int) -> Iterator[tuple[int, npt.NDArray[np.bool_]]]:
    for label in range(1, labels + 1):
        numbered, count = scipy.ndimage.label(mask == label, np.ones((3, 3)))
        for number in range(1, count + 1):
            yield label, numbered == number


def _described(piece: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Segmentation (run lengths down the columns, beginning with background, as COCO counts), box and area."""
    flat = piece.ravel(order="F")
    ends = np.flatnonzero(np.diff(flat, prepend=~flat[:1], append=~flat[-1:]))
    counts = np.diff(ends).tolist()
    rows, columns = np.flatnonzero(piece.any(1)), np.flatnonzero(piece.any(0))
    box = [columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1]
    return {"segmentation": {"size": list(piece.shape), "counts": [0, *counts] if flat[0] else counts},
            "bbox": [int(edge) for edge in box], "area": int(flat.sum())}
