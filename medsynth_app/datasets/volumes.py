"""Items of volumes with label volumes: slices of three planes as 8-bit PNG, and what is wrong with label volumes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.datasets.listing import Entry
from medsynth_app.datasets.ready import Item, write_png

PLANES = {"axial": 0, "coronal": 1, "sagittal": 2}
MOST_LABELS = 255
FEWEST = 12  # pixels of a label from which a slice is said to show it


def volume_items(entries: Sequence[Entry], parts: Sequence[str], layout: dict[str, Any], out: Path
                 ) -> Iterator[list[Item]]:
    """The slices of each volume.

    Raises
    ------
    UserError
        A label that the recipe does not name, or volumes that show none of those that it names.
    """
    from medsynth_app.formats.nifti import read_volume  # heavy: only where there are volumes

    named, shown = {int(value) for value in layout["labels"]}, False
    for entry, part in zip(entries, parts, strict=True):
        if not part or entry.mask is None:
            yield []
            continue
        volume, label = read_volume(entry.file).astype(np.float32), read_volume(entry.mask)
        values = {int(value) for value in np.unique(label)} - {0}
        if strange := sorted(values - named):
            raise UserError(f"The label volume of {entry.name} holds the value {strange[0]}, which the recipe does not "
                            "name.", f"Say what it is in labels in [data] of the recipe: {strange[0]} = \"...\".")
        shown = shown or bool(values)
        low, high = np.percentile(volume, [1, 99.5])
        grey = (np.clip((volume - low) / max(high - low, 1e-6), 0, 1) * 255).astype(np.uint8)
        yield [_slice(entry, part, plane, index, grey, label, layout, out)
               for plane, axis in PLANES.items()
               for index in range(2, grey.shape[axis] - 2, int(layout.get("every", 2)))]
    if not shown:
        raise UserError("No label volume shows anything: all values are 0.", "Give the label volumes of these volumes.")


def label_problem(entry: Entry, shape: tuple[int, int, int]) -> str:
    """Why the label volume of a volume of this shape (slices, rows, columns) cannot be used; empty where it can."""
    from medsynth_app.formats.nifti import read_volume

    if entry.mask is None or not entry.mask.is_file():
        return "It has no label volume of its name."
    try:
        label = read_volume(entry.mask)
    except UserError as error:
        return f"Its label volume cannot be used: {error.happened}"
    if label.shape != shape:
        return f"Its label volume has {_sides(label.shape)} voxels, the volume {_sides(shape)}."
    wrong = label[(label != np.floor(label)) | (label < 0) | (label > MOST_LABELS)]
    return f"Its label volume holds {wrong.flat[0]:g}: labels are whole numbers, 0 to {MOST_LABELS}." if wrong.size \
        else ""


def _sides(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _slice(entry: Entry, part: str, plane: str, index: int, grey: npt.NDArray[np.uint8], label: npt.NDArray[Any],
           layout: dict[str, Any], out: Path) -> Item:
    axis = PLANES[plane]
    picture, seen = np.take(grey, index, axis), np.take(label, index, axis)
    if axis != 0:
        picture, seen = picture[::-1], seen[::-1]  # head upwards
    name = f"{entry.file.name.split('.')[0]}-{plane}-{index:02d}.png"
    write_png(picture, out / "slices" / name)
    write_png(seen.astype(np.uint8), out / "masks" / name)
    side = min(picture.shape)
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    content = _content(seen[top:top + side, left:left + side], layout)
    captions = [text.replace("{plane}", plane).replace("{content}", content) for text in layout["captions"]]
    shown = captions[0] if content != layout["background_content"] else ""
    return {"file": f"slices/{name}", "captions": captions, "class": content, "split": part,
            "box": [left, top, left + side, top + side], "mask": f"masks/{name}", "mask_class": shown}


def _content(seen: npt.NDArray[Any], layout: dict[str, Any]) -> str:
    present = [name for value, name in layout["labels"].items() if (seen == int(value)).sum() >= FEWEST]
    if len(present) > 1:
        return str(layout["both"])
    return present[0] if present else str(layout["background_content"])
