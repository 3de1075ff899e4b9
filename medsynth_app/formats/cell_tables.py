"""Tables about cells as CSV: labels that people gave, and the order in which cells should be labelled."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import replacing

NAMES = ("cell_id", "file", "id")
CLASSES = ("class", "label")
RANKED = ("rank", "score", "strategy", "reason")


@dataclass(frozen=True)
class CellTable:
    """A CSV with one row per cell.

    Attributes
    ----------
    columns
        In their order.
    rows
        By the cell's name, in their order.
    """

    columns: tuple[str, ...]
    rows: Mapping[str, Mapping[str, str]]

    def labels(self) -> dict[str, str]:
        """Class of each cell that has one; raises `UserError` where the table has no such column."""
        column = next((name for name in CLASSES if name in self.columns), None)
        if column is None:
            raise UserError("The labels have no column 'class'.", "Name the column of the classes 'class' or 'label'.")
        return {name: row[column].strip() for name, row in self.rows.items() if (row[column] or "").strip()}


def csv_rows(path: Path) -> tuple[tuple[str, ...], list[dict[str, str]]]:
    """Columns and rows of a CSV: UTF-8, with commas. What a row has beyond its columns is left out.

    Raises
    ------
    UserError
        When it is none, or its columns are divided otherwise.
    OSError
        When it cannot be opened.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns = tuple(reader.fieldnames or ())
            rows = [{key: value or "" for key, value in row.items() if key is not None} for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"The list {path.name} cannot be read as CSV.", "Save it as CSV in UTF-8.",
                        details=type(error).__name__) from error
    for sign, called in ((";", "semicolons"), ("\t", "tabs")):
        if len(columns) == 1 and sign in columns[0]:
            raise UserError(f"The columns of the list {path.name} are divided by {called}.",
                            "Save it as CSV with commas between them.")
    return columns, rows


def read_cells(path: Path) -> CellTable:
    """Read a CSV whose cells are named in a column ``cell_id``, ``file`` or ``id``.

    Raises
    ------
    UserError
        No such file, no CSV, no such column, or a cell twice with rows that differ.
    """
    remedy = "Give a CSV file with a column 'cell_id' or 'file', one row for each cell."
    try:
        columns, found = csv_rows(path)
    except OSError as error:
        raise UserError(f"The file {path.name} cannot be read ({error.strerror or 'disk error'}).", remedy,
                        details=type(error).__name__) from error
    named = next((name for name in NAMES if name in columns), None)
    if named is None:
        raise UserError(f"The file {path.name} names no cells.", remedy)
    rows: dict[str, Mapping[str, str]] = {}
    for row in found:
        name = row[named]
        if rows.setdefault(name, row) != row:
            raise UserError(f"The file {path.name} says two things of {name}.", "Keep one row for each cell.")
    return CellTable(columns, rows)


def write_ranked(path: Path, cells: Iterable[tuple[str, int, float, str, str, *tuple[object, ...]]],
                 table: CellTable | None = None, more: Sequence[str] = ()) -> None:
    """Write ``ranked.csv`` in one go.

    Parameters
    ----------
    cells
        Name, rank (1, 2, ...), score, strategy and reason of each, in the order of their ranks, and what `more` names.
    table
        What else is known of the cells; its columns come first.
    more
        Columns that come last.

    Raises
    ------
    UserError
        When the file cannot be written.
    """
    kept = tuple(name for name in (table.columns if table else ()) if name not in ("cell_id", *RANKED, *more))
    known = table.rows if table else {}
    write_table(path, ("cell_id", *kept, *RANKED, *more), (
        (name, *(known.get(name, {}).get(column, "") for column in kept), place, f"{score:.6g}", strategy, reason,
         *rest) for name, place, score, strategy, reason, *rest in cells))


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV in one go: a run that is killed leaves what was there before.

    Raises
    ------
    UserError
        When the file cannot be written.
    """
    with _replaced(path) as part, part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(rows)


def write_text(path: Path, text: str) -> None:
    """Write a text file in one go, as `write_table` does."""
    with _replaced(path) as part:
        part.write_text(text, encoding="utf-8")


@contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    try:
        with replacing(path, mode=0o600) as part:
            yield part
    except OSError as error:
        raise UserError(f"The file {path.name} cannot be written ({error.strerror or 'disk error'}).",
                        "Choose another place, or make room on the disk.") from error
