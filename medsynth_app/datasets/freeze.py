"""Freezing a data folder as a training set: a manifest of files, boxes, captions and splits.

The split is made before anything is learned: the data set's own where it has one, else by case.
Only listed files are ever read by a training run, and those of the split ``test`` never. An item may have a mask: a PNG
of labels (uint8, 0 = background) that covers the same frame as its file, so that the item's box applies to both.
"""

from __future__ import annotations

import csv
import errno
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import writing
from medsynth_app.datasets.dataset import FORMAT, MANIFEST
from medsynth_app.formats.libraries import prepare_pillow
from medsynth_app.segmentation.burned_in_text import text_rows
from medsynth_app.segmentation.cell_parts import CYTOPLASM, NUCLEUS, cell_parts

Item = dict[str, Any]
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
Progress = Callable[[int, int], None]
Labels = npt.NDArray[np.uint8]
TextBox = tuple[float, ...]
PAIRED = {"train": "train", "test": "val"}  # the set's own second part is kept back for figures
VOLUMES = "*.nii.gz"
TEXT_EDGE = 256  # px of a frame's shorter edge at which burned-in text is looked for


def freeze_training_set(data: Path, layout: dict[str, Any], out: Path, progress: Progress | None = None) -> Path:
    """Write ``manifest.json`` (and masks and slices of volumes as PNG) to `out` and return `out`.

    Parameters
    ----------
    data
        The data folder: ``labels.csv`` or class folders; ``train/ val/`` with ``images/ masks/``; or
        NIfTI ``images/ labels/``, as ``layout["layout"]`` says.
    layout
        The ``[data]`` section of a recipe.
    progress
        Called with how many pictures or volumes are done, and of how many. What it raises ends the freezing: then
        `out` holds no manifest, and is no frozen set.

    Raises
    ------
    UserError
        When the folder does not have that layout.
    """
    with _in_words(data, layout):
        maker = _maker(layout)
        prepare_pillow()
        out.mkdir(parents=True, exist_ok=True)
        (out / MANIFEST).unlink(missing_ok=True)
        items = list(maker(data, layout, out, progress or (lambda done, total: None)))
    _refuse_leaks(items)
    _refuse_nothing(data, bool(items))
    listing = json.dumps(items, sort_keys=True).encode()
    about = {key: layout.get(key, "") for key in ("name", "licence", "citation")}
    manifest = {"format": FORMAT, **about, "sha256": hashlib.sha256(listing).hexdigest(), "items": items}
    with writing(out / MANIFEST) as part:
        part.write_text(json.dumps(manifest))
    return out


def check_layout(data: Path, layout: dict[str, Any]) -> None:
    """Raise `UserError` where `freeze_training_set` would at once: a look before a long run that reads no picture."""
    with _in_words(data, layout):
        maker = _maker(layout)
        if maker is _labelled_cells:
            found = bool(_cell_rows(data))
        elif maker is _image_mask_pairs:
            found = all([any((data / folder / "images").iterdir()) for folder in PAIRED.values()])
        else:
            found = any((data / "images").glob(VOLUMES))
    _refuse_nothing(data, found)


def _refuse_nothing(data: Path, found: bool) -> None:
    if not found:
        raise UserError(f"The folder {data.name} holds no training images.", "Give the folder of the data set.")


def _maker(layout: dict[str, Any]) -> Callable[[Path, dict[str, Any], Path, Progress], Iterator[Item]]:
    makers: dict[str, Callable[[Path, dict[str, Any], Path, Progress], Iterator[Item]]] = {
        "labelled-cells": _labelled_cells, "image-mask-pairs": _image_mask_pairs, "volume-slices": _volume_slices}
    maker = makers.get(str(layout.get("layout")))
    if maker is None:
        raise UserError(f"The recipe asks for the unknown data layout {layout.get('layout')!r}.",
                        f"Use one of {', '.join(makers)}.")
    return maker


@contextmanager
def _in_words(data: Path, layout: dict[str, Any]) -> Iterator[None]:
    """One sentence for what is wrong with the folder of the data or a file in it."""
    try:
        yield
    except KeyError as error:
        raise UserError(f"The recipe or the list of the data lacks {error}.",
                        "Compare the recipe with one in resources/recipes, and labels.csv with its columns.") from error
    except OSError as error:  # without its path, which may hold a name
        what = f"{Path(error.filename).name}: {error.strerror}" if error.filename else type(error).__name__
        raise UserError(f"The folder {data.name} does not have the layout {layout['layout']!r} ({what}).",
                        "Give the data folder that the recipe was written for.") from error
    except (RuntimeError, ValueError, IndexError) as error:
        raise UserError(f"A picture, volume or mask in the folder {data.name} cannot be used.",
                        "Check the files that were added last.", details=type(error).__name__) from error


def _refuse_leaks(items: list[Item]) -> None:
    """A file, or where it is known a patient, belongs to one part of the split only."""
    for key, words in (("file", "picture"), ("patient", "patient")):
        part: dict[str, str] = {}
        for item in items:
            if item.get(key) and part.setdefault(item[key], item["split"]) != item["split"]:
                raise UserError(f"A {words} of the data is in two parts of the split, {part[item[key]]} and "
                                f"{item['split']}.", f"Give every {words} to one part only.")


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def _centre_box(width: int, height: int, share: float) -> list[int]:
    w, h = round(width * share), round(height * share)
    left, top = (width - w) // 2, (height - h) // 2
    return [left, top, left + w, top + h]


def _labelled_cells(data: Path, layout: dict[str, Any], out: Path, progress: Progress) -> Iterator[Item]:
    """Each cell in a tight and a looser crop."""
    names = layout.get("class_names", {})
    rows = _cell_rows(data)
    for number, row in enumerate(rows):
        path = (data / row["file"]).resolve()
        with Image.open(path) as image:
            width, height = image.size
        noun = names.get(row["class"], row["class"])
        captions = [text.replace("{a}", _article(noun)).replace("{class}", noun) for text in layout["captions"]]
        mask = _cell_mask(path, row["class"], layout, out, f"masks/{number:05d}.png")
        if row.get("patient"):
            mask["patient"] = _hidden(row["patient"])
        for share in layout.get("crops", [1.0]):
            yield {"file": str(path), "captions": captions, "class": row["class"], "split": row["split"],
                   "box": _centre_box(width, height, share), **mask}
        if row["class"] == layout.get("background_class"):
            w, h = round(width * 0.42), round(height * 0.42)
            for left, top in ((0, 0), (width - w, height - h)):
                yield {"file": str(path), "captions": layout["background_captions"], "class": "background",
                       "split": row["split"], "box": [left, top, left + w, top + h]}
        progress(number + 1, len(rows))


def _cell_rows(data: Path) -> list[dict[str, str]]:
    """Rows of ``labels.csv`` (file, class, and where known split, patient), or the pictures of class folders.

    Where the data have no split, one of ten patients (else pictures) is kept for validation and one for testing.
    """
    if (data / "labels.csv").exists() or not data.is_dir():
        with (data / "labels.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
    else:
        rows = [{"file": f"{folder.name}/{path.name}", "class": folder.name}
                for folder in sorted(data.iterdir()) if folder.is_dir()
                for path in sorted(folder.iterdir()) if path.suffix.lower() in PICTURES]
    if not rows:
        raise FileNotFoundError(errno.ENOENT, "it is not there, and no class folders with pictures", "labels.csv")
    for row in rows:
        if not row.get("split"):
            drawn = int(_hidden(row.get("patient") or row["file"]), 16) % 10
            row["split"] = {0: "val", 1: "test"}.get(drawn, "train")
    return rows


def _hidden(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:12]


def _cell_mask(path: Path, label: str, layout: dict[str, Any], out: Path, name: str) -> Item:
    """What an item says of its mask by `cell_parts`, which is written; nothing where the recipe asks for none."""
    wanted = layout.get("masks")
    if not wanted:
        return {}
    if wanted != "cell-parts":
        raise UserError(f"The recipe asks for the unknown kind of masks {wanted!r}.", "Use masks = \"cell-parts\".")
    with Image.open(path) as image:
        mask = cell_parts(np.asarray(image.convert("RGB")))
    if label in layout.get("without_nucleus", []):
        mask[mask == NUCLEUS] = CYTOPLASM
    if not mask.any():
        return {"mask_failed": True}
    _write_mask(mask, out / name)
    return {"mask": name, "mask_class": layout.get("class_names", {}).get(label, label)}


def _write_mask(mask: Labels, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.ascontiguousarray(mask)).save(path)


def _image_mask_pairs(data: Path, layout: dict[str, Any], out: Path, progress: Progress) -> Iterator[Item]:
    """``train/`` and ``val/`` with ``images/`` and ``masks/`` of equal names; crops captioned by what the mask says."""
    _check_text_keys(layout)
    rng, texts = np.random.default_rng(0), 0
    listed = {split: sorted((data / folder / "images").iterdir()) for split, folder in PAIRED.items()}
    total, done = sum(map(len, listed.values())), 0
    for split, paths in listed.items():
        for k, path in enumerate(paths):
            kept = "val" if split == "train" and k % 14 == 0 else split
            mask, name = _thresholded(path), f"masks/{done:05d}.png"
            _write_mask(mask.astype(np.uint8), out / name)
            written = _burned_in_text(path, layout)
            for box in _boxes(mask, layout, rng) + _background_boxes(path, mask, layout, rng):
                left, top, right, bottom = box
                inside = mask[top:bottom, left:right]
                if 0 < inside.sum() < 0.35 * mask.sum():
                    continue  # a sliver of the object: neither caption would be true
                captions = layout["captions"] if inside.any() else layout["background_captions"]
                if any(_lies_in(row, box) for row in written):
                    texts += 1
                    captions = [caption + layout["burned_in_text"] for caption in captions]
                yield {"file": str(path.resolve()), "captions": captions, "split": kept, "box": box,
                       "class": "object" if inside.any() else "background", "mask": name,
                       "mask_class": "object" if inside.any() else ""}
            done += 1
            progress(done, total)
    if "burned_in_text" in layout and not texts:
        raise UserError("The recipe asks for captions of burned-in text, and no frame shows any.",
                        "Take burned_in_text out of its [data], or widen burned_in_text_area.")


def _check_text_keys(layout: dict[str, Any]) -> None:
    text, area = layout.get("burned_in_text"), layout.get("burned_in_text_area")
    if text is not None and not isinstance(text, str):
        raise UserError("In [data] of the recipe, burned_in_text is no text.", "It is what is added to a caption.")
    if area is None:
        return
    if text is None:
        raise UserError("In [data] of the recipe, burned_in_text_area stands without burned_in_text.",
                        "Add burned_in_text, or take the area out.")
    numbers = isinstance(area, list) and len(area) == 4 and all(isinstance(side, int | float) for side in area)
    if not numbers or not (0 <= area[0] < area[2] <= 1 and 0 <= area[1] < area[3] <= 1):
        raise UserError("In [data] of the recipe, burned_in_text_area is no area.",
                        "Give left, top, right and bottom as shares of the frame, 0 to 1.")


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


def _thresholded(image: Path) -> np.ndarray[Any, Any]:
    """The object's mask beside an image, boolean; of the image's own size."""
    with Image.open(_mask_of(image)) as mask, Image.open(image) as picture:
        if mask.size != picture.size:
            raise UserError(f"The mask of {image.name} has {mask.size[0]} x {mask.size[1]} pixels, its picture "
                            f"{picture.size[0]} x {picture.size[1]}.", "Give masks of the size of their pictures.")
        found: np.ndarray[Any, Any] = np.asarray(mask.convert("L")) > 127
        return found


def _mask_of(image: Path) -> Path:
    folder = image.parent.parent / "masks"
    for suffix in (image.suffix, ".png", ".jpg"):
        if (folder / (image.stem + suffix)).exists():
            return folder / (image.stem + suffix)
    raise FileNotFoundError(f"no mask for {image.name}")


def _boxes(mask: np.ndarray[Any, Any], layout: dict[str, Any], rng: np.random.Generator) -> list[list[int]]:
    height, width = mask.shape
    boxes = [[0, 0, width, height]]
    for share in layout.get("crops", []):
        side = round(min(height, width) * share)
        left, top = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
        boxes.append([left, top, left + side, top + side])
    return boxes


def _background_boxes(image: Path, mask: np.ndarray[Any, Any], layout: dict[str, Any],
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


def _volume_slices(data: Path, layout: dict[str, Any], out: Path, progress: Progress) -> Iterator[Item]:
    """NIfTI volumes and label volumes; slices of three planes as 8-bit PNG, by case: 1 in 10 val, 1 in 5 test."""
    from medsynth_app.formats.nifti import read_volume  # heavy: only where there are volumes

    planes = {"axial": 0, "coronal": 1, "sagittal": 2}
    slices = out / "slices"
    slices.mkdir(exist_ok=True)
    paths = sorted((data / "images").glob(VOLUMES))
    for case, path in enumerate(paths):
        split = "val" if case % 10 == 4 else "test" if case % 5 == 2 else "train"
        volume = read_volume(path).astype(np.float32)
        label = read_volume(data / "labels" / path.name)
        low, high = np.percentile(volume, [1, 99.5])
        grey = (np.clip((volume - low) / max(high - low, 1e-6), 0, 1) * 255).astype(np.uint8)
        for plane, axis in planes.items():
            for index in range(2, grey.shape[axis] - 2, int(layout.get("every", 2))):
                picture, seen = np.take(grey, index, axis), np.take(label, index, axis)
                if axis != 0:
                    picture, seen = picture[::-1], seen[::-1]  # head upwards
                name = f"{path.name.split('.')[0]}-{plane}-{index:02d}.png"
                Image.fromarray(np.ascontiguousarray(picture)).save(slices / name)
                _write_mask(seen.astype(np.uint8), out / "masks" / name)
                side = min(picture.shape)
                top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
                box = [left, top, left + side, top + side]
                content = _content(seen[top:top + side, left:left + side], layout)
                captions = [text.replace("{plane}", plane).replace("{content}", content)
                            for text in layout["captions"]]
                shown = captions[0] if content != layout["background_content"] else ""
                yield {"file": f"slices/{name}", "captions": captions, "class": content, "split": split, "box": box,
                       "mask": f"masks/{name}", "mask_class": shown}
        progress(case + 1, len(paths))


def _content(seen: np.ndarray[Any, Any], layout: dict[str, Any]) -> str:
    present = [name for value, name in layout["labels"].items() if (seen == int(value)).sum() >= 12]
    if len(present) > 1:
        return str(layout["both"])
    return present[0] if present else str(layout["background_content"])
