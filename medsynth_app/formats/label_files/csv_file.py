"""CSV: every answer with all that is known of it, which loses nothing; and one row for each cell."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medsynth_app.core.errors import UserError
from medsynth_app.core.label_rows import LabelFile, LabelRow
from medsynth_app.formats.cell_tables import write_table
from medsynth_app.formats.label_files.common import Export, checked_sides, code_of, damaged, number, text_of

COLUMNS = ("cell_id", "sha256", "image", "x", "y", "width", "height", "origin", "pack", "seed", "asked_class", "label",
           "code", "annotator", "name", "at", "seconds", "repeat", "control", "group", "checked", "shown", "predicted",
           "confidence", "model_version", "rank", "strategy", "reason")
CONSENSUS = ("cell_id", "sha256", "image", "x", "y", "width", "height", "origin", "label", "code", "votes", "agreement",
             "answers", "control")
SIDES = ("x", "y", "width", "height")
_FIELDS = {"asked_class": "asked", "model_version": "model"}  # columns that a row calls otherwise
_LABELS, _IMAGES, _PEOPLE = ("label", "class"), ("image", "file", "filename", "file_name"), ("annotator", "person")
_TRUE, _FALSE = {"1", "1.0", "true", "yes"}, {"", "0", "0.0", "false", "no"}
_FORMULA = "=+-@\t\r"  # what a spreadsheet would run
_REMEDY = "Give a CSV file with the columns 'file' and 'class', or one that MedSynth exported."
csv.field_size_limit(2**24)


def write_answers(path: Path, export: Export, *, names: bool = False) -> None:
    """Write one row for each answer; raises `UserError` when the file cannot be written.

    Columns of names and codes are there where they were wanted, and where the schema has codes.
    """
    coded = any(each.code for each in export.schema.classes)
    columns = tuple(name for name in COLUMNS if (name != "name" or names) and (name != "code" or coded))
    write_table(path, columns, ([_cell_text(row, name) for name in columns] for row in export.rows))


def write_consensus(path: Path, export: Export) -> None:
    """Write one row for each cell: what most call it, by how many votes; raises `UserError` as `write_answers`."""
    coded = any(each.code for each in export.schema.classes)
    columns = tuple(name for name in CONSENSUS if name != "code" or coded)
    rows = []
    for each in export.verdicts:
        cell = each.cell
        sides = ("", "", "", "") if cell.whole else (*cell.box[:2], cell.box[2] - cell.box[0],
                                                     cell.box[3] - cell.box[1])
        row = dict(zip(CONSENSUS, (
            cell.id, cell.image_sha256, inert(each.image), *sides, cell.origin.name.lower(), each.label,
            code_of(export.schema, each.label), each.votes, f"{each.agreement:.4g}",
            inert("; ".join(f"{answer} {count}" for answer, count in each.answers)), int(each.control)), strict=True))
        rows.append([row[name] for name in columns])
    write_table(path, columns, rows)


def read_answers(path: Path) -> LabelFile:
    """Read what `write_answers` wrote, in whichever order of columns, or a plain table of files and classes.

    Commas, semicolons and tabs are told apart by the first line, and with semicolons a number may have a decimal comma:
    so spreadsheets save them.

    Raises
    ------
    UserError
        When it cannot be read, names no labels or no cells, or a row says something impossible.
    """
    text = text_of(path)
    if not text.strip():
        raise UserError(f"The label file {path.name} is empty.", _REMEDY, safe="No label was changed.")
    first = text.split("\n", 1)[0]
    mark = max(",;\t", key=first.count) if any(each in first for each in ",;\t") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        lines = [(reader.line_num, row) for row in reader if any(each.strip() for each in row)]
    except csv.Error as error:
        raise UserError(f"The label file {path.name} cannot be read as CSV: line {reader.line_num}, {error}.", _REMEDY,
                        safe="No label was changed.") from error
    label = next((name for name in _LABELS if name in header), None)
    image = next((name for name in _IMAGES if name in header), None)
    if label is None:
        raise UserError(f"The label file {path.name} has no column 'label' or 'class'.", _REMEDY)
    if image is None and "cell_id" not in header and "sha256" not in header:
        raise UserError(f"The label file {path.name} names no cells.", _REMEDY)
    if twice := next((name for name in header if name and header.count(name) > 1), None):
        raise UserError(f"The label file {path.name} has two columns {twice!r}.", "Keep one of them.")
    person = next((name for name in _PEOPLE if name in header), "annotator")
    renamed = {label: "label", image or "image": "image", person: "annotator"}
    rows = []
    for line, values in lines:
        if not header.index(label) < len(values) <= len(header):
            raise damaged(path.name, f"line {line}", f"it has {len(values)} values for {len(header)} columns")
        named = {renamed.get(name, name): value for name, value in zip(header, values, strict=False)}
        row = _row(named, path.name, f"line {line}", mark == ";")
        if row.label:  # a cell that nobody has labelled yet
            rows.append(row)
    return LabelFile(path.name, tuple(rows))


def _cell_text(row: LabelRow, name: str) -> object:
    if name in SIDES:
        return "" if row.sides is None else f"{row.sides[SIDES.index(name)]:.10g}"
    value = getattr(row, _FIELDS.get(name, name))
    if isinstance(value, bool):
        return int(value)
    if name == "seed":
        return value if value >= 0 else ""
    return inert(value) if isinstance(value, str) else f"{value:.10g}"


def inert(text: str) -> str:
    """A text that no spreadsheet takes for a formula; `read_answers` takes the mark away."""
    return f"'{text}" if text[:1] and text[0] in _FORMULA else text


def _text(text: str) -> str:
    text = text.strip()
    return text[1:] if text[:1] == "'" and text[1:2] and text[1] in _FORMULA else text


def _row(named: Mapping[str, str], name: str, where: str, comma: bool) -> LabelRow:
    def texts(column: str) -> str:
        return _text(named.get(column) or "")

    def numbers(column: str, default: float) -> float:
        text = texts(column)
        return number(text.replace(",", ".") if comma else text, name, where, column) if text else default

    def whole(column: str, default: int) -> int:
        value = numbers(column, default)
        if value != int(value) or not -1 <= value < 2**63:
            raise damaged(name, where, f"{column} is no whole number")
        text = texts(column)
        return int(text) if text.isdigit() else int(value)  # a float has not all digits of a seed

    sides: Any = [texts(column).replace(",", ".") if comma else texts(column) for column in SIDES]
    return LabelRow(
        texts("label"), texts("cell_id"), texts("sha256").lower(), texts("image"),
        None if not any(sides) or set(sides) <= {"0", "0.0"} else checked_sides(sides, name, where),
        texts("origin"), texts("pack"), whole("seed", -1), texts("asked_class"), texts("code"), texts("annotator"),
        texts("name"), texts("at"), max(numbers("seconds", 0.0), 0.0), max(whole("repeat", 0), 0),
        _yes(texts("control"), name, where), max(whole("group", 1), 1), _yes(texts("checked"), name, where),
        texts("shown"), texts("predicted"), numbers("confidence", 0.0), max(whole("model_version", 0), 0),
        max(whole("rank", 0), 0), texts("strategy"), texts("reason"), where)


def _yes(text: str, name: str, where: str) -> bool:
    word = text.casefold()
    if word not in _TRUE | _FALSE:
        raise damaged(name, where, f"{text!r} is neither yes nor no")
    return word in _TRUE
