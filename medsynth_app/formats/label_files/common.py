"""What all forms of label files share."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from medsynth_app.core.cell_schema import CellSchema
from medsynth_app.core.cells import Cell, Origin
from medsynth_app.core.errors import UserError
from medsynth_app.core.label_rows import LabelRow, Sides, Verdict

LARGEST = 2**30  # bytes of a file that is read
MOST_PIXELS = 10**7  # the longest side that a box can have
SYN = "SYN_"
_RESERVED = {"con", "prn", "aux", "nul", *(f"{name}{k}" for name in ("com", "lpt") for k in range(1, 10))}


@dataclass(frozen=True)
class Export:
    """All that a file of labels can say.

    Attributes
    ----------
    title
        Of the label set.
    rows
        Every answer.
    verdicts
        One for each cell that has an answer.
    sizes
        Width and height of images, by sha256, as far as they are known.
    unlabelled
        How many cells of an image nobody has answered, by sha256.
    """

    title: str
    schema: CellSchema
    rows: Sequence[LabelRow]
    verdicts: Sequence[Verdict]
    sizes: Mapping[str, tuple[int, int]]
    unlabelled: Mapping[str, int]

    def classed(self) -> list[Verdict]:
        """Those that are called a class of the schema."""
        known = set(self.schema.ids)
        return [each for each in self.verdicts if each.label in known]


def sides_of(cell: Cell, sizes: Mapping[str, tuple[int, int]]) -> tuple[int, int, int, int] | None:
    """Left, top, width and height; None of a whole image whose size is not known."""
    if cell.whole:
        size = sizes.get(cell.image_sha256)
        return None if size is None else (0, 0, *size)
    left, top, right, bottom = cell.box
    return left, top, right - left, bottom - top


def unsized(count: int) -> tuple[str, ...]:
    """The notice of cells for which `sides_of` is None."""
    return (f"Left out, for they are whole images that cannot be read any more: {count}.",) if count else ()


def images_gone(details: str = "") -> UserError:
    """None of the cells could be written, for a format that needs their images."""
    return UserError("None of the images of these cells can be read.", "Put them back to where they were, or export "
                     "CSV, which needs none.", safe="Nothing was written.", details=details)


def is_synthetic(cell: Cell) -> bool:
    return cell.origin is Origin.SYNTHETIC


def code_of(schema: CellSchema, label: str) -> str:
    kind = schema.of(label)
    return kind.code if kind is not None else ""


def safe_name(text: str, longest: int = 80) -> str:
    """A file name, on every system, that looks like `text`; never a path."""
    kept = "".join(mark if mark.isalnum() or mark in "-_." else "_" for mark in text.replace("\\", "/"))
    name = kept.strip(". ")[-longest:].lstrip(".") or "image"
    return f"_{name}" if name.split(".")[0].casefold() in _RESERVED else name


def damaged(name: str, where: str, what: str) -> UserError:
    """A `UserError` for a file of labels that says something impossible."""
    return UserError(f"The label file {name} is damaged: {f'{where}, ' if where else ''}{what}.",
                     "Mend it, or export it again from where it came.", safe="No label was changed.")


def number(value: object, name: str, where: str, what: str) -> float:
    """A finite number; raises `UserError` for anything else."""
    try:
        found = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise damaged(name, where, f"{what} is no number")
    return found


def checked_sides(values: Sequence[object], name: str, where: str) -> Sides:
    """Left, top, width and height; raises `UserError` for a box that is none."""
    if len(values) != 4:
        raise damaged(name, where, "the box has not four numbers")
    left, top, width, height = (number(value, name, where, "a side of the box") for value in values)
    if width <= 0 or height <= 0 or max(abs(left), abs(top), width, height) > MOST_PIXELS:
        raise damaged(name, where, "the box has no area or lies outside every image")
    return left, top, width, height


def text_of(path: Path) -> str:
    """The text of a file, UTF-8 or (by its first bytes) UTF-16, without the byte order mark.

    Raises
    ------
    UserError
        When it cannot be read, is too large or is no such text.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise UserError(f"The label file {path.name} is larger than {LARGEST // 2**30} GB.",
                            "Split it into several files.", safe="No label was changed.")
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"The label file {path.name} cannot be read ({error.strerror or 'disk error'}).",
                        "Give a file that is there and may be read.", details=type(error).__name__) from error
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"The label file {path.name} is not UTF-8.",
                        "Save it as UTF-8 (in Excel: \"CSV UTF-8\"), then import it again.",
                        safe="No label was changed.") from error


def json_of(path: Path) -> Any:
    """What a JSON file holds; raises `UserError` as `text_of`, and where it is no JSON."""
    try:
        return json.loads(text_of(path))
    except (ValueError, RecursionError) as error:
        raise UserError(f"The label file {path.name} is no whole JSON file.", "Export it again from where it came.",
                        safe="No label was changed.", details=type(error).__name__) from error


def objects(value: object, name: str, what: str) -> list[dict[str, Any]]:
    """A list of JSON objects; raises `UserError` for anything else."""
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise damaged(name, "", f"its {what} are no list of entries")
    return value


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A folder beside `folder` to write into, which takes its place only when everything was written.

    Raises
    ------
    UserError
        When it cannot be written, or `folder` holds something.
    """
    part = folder.with_name(f".{uuid4().hex}.part")
    try:
        part.mkdir(mode=0o700, parents=True)
        yield part
        part.chmod(0o755)
        if folder.is_dir():
            folder.rmdir()  # raises where it holds something
        os.rename(part, folder)
    except OSError as error:
        raise UserError(f"The folder {folder.name} cannot be written ({error.strerror or 'disk error'}).",
                        "Choose another place, or make room on the disk.", safe="Nothing was written.",
                        details=type(error).__name__) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
