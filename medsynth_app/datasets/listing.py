"""Which pictures a data folder holds and what it says of them, by its layout; no picture is read for that."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import on_disk
from medsynth_app.datasets.dataset import FIELDS
from medsynth_app.datasets.division import VALIDATED
from medsynth_app.datasets.picture import is_picture
from medsynth_app.formats.cell_tables import csv_rows

LABELS = "labels.csv"
CELLS, PAIRS, VOLUMES, PICTURES = "labelled-cells", "image-mask-pairs", "volume-slices", "pictures"
PARTED = ("train", "val", "test")  # folders that pairs may lie in
OWN_SPLITS = {"train": ("train", "training"), "val": ("val", "valid", "validation", "dev"), "test": ("test", "testing")}


@dataclass(frozen=True)
class Entry:
    """One picture, or volume, that a data set lists.

    Attributes
    ----------
    file
        Where it is.
    name
        As it is listed: relative to the data folder, with slashes.
    label, patient, split
        What the data say of it; empty where they say nothing.
    mask
        The file of its mask.
    boxes
        The file of the boxes of its cells.
    group
        What it is counted under: its class; of pairs the folder of their part.
    """

    file: Path
    name: str
    label: str = ""
    split: str = ""
    patient: str = ""
    mask: Path | None = None
    boxes: Path | None = None
    group: str = ""


@dataclass(frozen=True)
class Listing:
    """What a data folder holds, in a fixed order."""

    layout: str
    entries: tuple[Entry, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each class, or in each part of pairs, or of volumes."""
        return dict(Counter(entry.group for entry in self.entries))


def listed(data: Path, layout: str) -> Listing:
    """List a data folder (or a CSV file of pictures) that has this layout.

    Raises
    ------
    OSError
        When the folder does not have it; its `strerror` says what is missing.
    UserError
        For an unknown layout, or a list that cannot be used.
    """
    read = LAYOUTS.get(layout)
    if read is None:
        raise UserError(f"The recipe asks for the unknown data layout {layout!r}.", f"Use one of {', '.join(LAYOUTS)}.")
    return Listing(layout, read(data))


def labelled(data: Path) -> tuple[Entry, ...]:
    """Rows of a CSV (file, class, and where known split, patient), or the pictures in the sub-folders of a folder."""
    table = data / LABELS if data.is_dir() else data
    if not data.is_dir() and table.suffix.lower() != ".csv":
        table = data / LABELS
    if table.exists() or not data.is_dir():
        return _rows(table)
    entries = tuple(
        Entry(path.resolve(), path.relative_to(data).as_posix(), folder.name, group=folder.name)
        for folder in sorted(data.iterdir()) if folder.is_dir() and not folder.name.startswith(".")
        for path in sorted(folder.rglob("*")) if is_picture(path))
    if not entries:
        raise FileNotFoundError(errno.ENOENT, "it is not there, and no class folders with pictures", LABELS)
    return entries


def _rows(table: Path) -> tuple[Entry, ...]:
    columns, rows = csv_rows(table)
    if not rows:
        raise FileNotFoundError(errno.ENOENT, "it has no rows", table.name)
    missing = [column for column in ("file", "class") if column not in columns]
    if missing:
        raise UserError(f"The list {table.name} lacks the column {missing[0]!r}.",
                        "Its columns are file, class, and where known split (train, val, test) and patient.")
    entries = tuple(_row(row, table, number) for number, row in enumerate(rows, 2))
    lines: dict[Path, int] = {}
    for number, entry in enumerate(entries, 2):
        if (first := lines.setdefault(entry.file, number)) != number:
            raise UserError(f"Lines {first} and {number} of {table.name} are about the same file, {entry.name}.",
                            "Name every picture once, with one class.")
    return entries


def _row(row: Mapping[str, str], table: Path, number: int) -> Entry:
    name, label, split, patient = (row.get(column, "").strip() for column in ("file", "class", "split", "patient"))
    if not name or not label:
        raise UserError(f"Line {number} of {table.name} has no {'class' if name else 'file'}.",
                        "Give every picture a file and a class.")
    part = next((part for part, called in OWN_SPLITS.items() if split.lower() in called), split)
    return Entry(on_disk(table.parent / name).resolve(), name, label, part, patient, group=label)


def pairs(data: Path) -> tuple[Entry, ...]:
    """``images/`` and ``masks/`` of equal names, in ``train/`` and ``val/`` (and ``test/``) or without such folders.

    Where there is no ``test/``, all of ``val/`` is kept back for figures, and one of fourteen of ``train/`` is for
    validation.
    """
    parts = [part for part in PARTED if (data / part / "images").is_dir()]
    if not parts and (data / "images").is_dir():
        return tuple(_pair(path, data, "", "pictures") for path in _files(data / "images"))
    found = []
    for part in parts if "test" in parts else ("train", "val"):
        for k, path in enumerate(_files(data / part / "images")):
            split = part if "test" in parts else "test" if part == "val" else "val" if k % VALIDATED == 0 else "train"
            found.append(_pair(path, data, split, part))
    return tuple(found)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if is_picture(path))


def _pair(image: Path, data: Path, split: str, group: str) -> Entry:
    return Entry(image.resolve(), image.relative_to(data).as_posix(), split=split, mask=_mask_of(image), group=group)


def _mask_of(image: Path) -> Path | None:
    folder = image.parent.parent / "masks"
    return next((path for suffix in (image.suffix, ".png", ".jpg", ".tif", ".tiff", ".bmp")
                 if (path := on_disk(folder / (image.stem + suffix))).exists()), None)


def volumes(data: Path) -> tuple[Entry, ...]:
    """NIfTI ``images/`` and ``labels/`` of equal names, split by case: 1 in 10 val, 1 in 5 test."""
    return tuple(
        Entry(path.resolve(), path.relative_to(data).as_posix(), mask=on_disk(data / "labels" / path.name),
              group="volumes", split="val" if case % 10 == 4 else "test" if case % 5 == 2 else "train")
        for case, path in enumerate(volume_files(data)))


def volume_files(data: Path) -> list[Path]:
    return sorted((data / "images").glob("*.nii.gz"))


def pictures(data: Path) -> tuple[Entry, ...]:
    """All pictures of a folder and its sub-folders, DICOM series and volumes among them, without classes."""
    return tuple(Entry(path.resolve(), path.relative_to(data).as_posix(), group="pictures")
                 for path in sorted(data.rglob("*")) if is_picture(path))


def fields(data: Path) -> tuple[Entry, ...]:
    """``images/`` with boxes of equal names in ``annotations/`` (Pascal VOC), split by place: 1 in 8 val, 1 in 4 test.
    """
    return tuple(
        Entry(path.resolve(), path.relative_to(data).as_posix(), group="fields",
              boxes=on_disk(data / "annotations" / f"{path.stem}.xml"),
              split="val" if place % 8 == 0 else "test" if place % 4 == 2 else "train")
        for place, path in enumerate(_files(data / "images")))


LAYOUTS: dict[str, Callable[[Path], tuple[Entry, ...]]] = {
    CELLS: labelled, PAIRS: pairs, VOLUMES: volumes, PICTURES: pictures, FIELDS: fields}
