"""The table of label files: what is written, and how a file that is given is recognised."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from medsynth_app.core.errors import UserError
from medsynth_app.core.label_rows import LabelFile, LabelRow
from medsynth_app.formats.label_files.coco import coco_rows, is_coco
from medsynth_app.formats.label_files.common import json_of
from medsynth_app.formats.label_files.csv_file import read_answers
from medsynth_app.formats.label_files.folders import LABELS, hash_of, read_folders
from medsynth_app.formats.label_files.qupath import ENDING, qupath_rows, read_qupath


@dataclass(frozen=True)
class LabelFormat:
    """One form of label files.

    Attributes
    ----------
    extension
        Of the file's name; "" where it is a folder.
    title
        For a list of choices.
    """

    name: str
    extension: str
    title: str


FORMATS: tuple[LabelFormat, ...] = (
    LabelFormat("csv", ".csv", "CSV: every answer with all that is known of it"),
    LabelFormat("coco", ".json", "COCO: images, boxes and classes"),
    LabelFormat("geojson", "", "GeoJSON for QuPath: a file for each image"),
    LabelFormat("folders", "", "Folders: the pictures of each class"),
)


def read_labels(path: Path) -> LabelFile:
    """Read labels of any form; what a file is, is seen by what it holds.

    Raises
    ------
    UserError
        No such file, none of the forms, or a damaged one.
    """
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise UserError(f"There is no file or folder {path.name}.", "Give the labels' file, or their folder.")
    if path.suffix.lower() in (".json", ENDING):
        held = json_of(path)
        if is_coco(held):
            return coco_rows(held, path.name)
        rows, unclassed = qupath_rows(held, path)
        return LabelFile(path.name, tuple(rows), (f"Left out, for they have no class: {unclassed}.",)
                         if unclassed else ())
    if path.suffix.lower() not in (".csv", ".tsv", ".txt"):
        raise UserError(f"{path.name} is no file of labels.", "Give CSV, COCO (.json), GeoJSON or a folder.")
    found = read_answers(path)
    hashes: dict[str, str] = {}  # many cells may lie in one image
    return replace(found, rows=tuple(_hashed(row, path.parent, hashes) for row in found.rows))


def _folder(folder: Path) -> LabelFile:
    tables = [folder / LABELS] if (folder / LABELS).is_file() else sorted(folder.glob(f"*/{LABELS}"))
    if tables:
        read = [read_labels(path) for path in tables]
        return LabelFile(folder.name, tuple(row for each in read for row in each.rows),
                         tuple(notice for each in read for notice in each.notices))
    return read_qupath(folder) if any(folder.glob(f"*{ENDING}")) else read_folders(folder)


def _hashed(row: LabelRow, folder: Path, hashes: dict[str, str]) -> LabelRow:
    """A row that names its picture by a file beside the table alone, with the hash of that; no other file is read."""
    if row.sha256 or row.cell_id or not row.image:
        return row
    if row.image not in hashes:
        try:
            file = (folder / row.image.replace("\\", "/")).resolve()
            inside = file.is_relative_to(folder.resolve()) and file.is_file()
        except (OSError, ValueError):  # no name of a file at all
            inside = False
        hashes[row.image] = hash_of(file) if inside else ""
    return replace(row, sha256=hashes[row.image])
