"""Label cells: gather them from folders, tables and generated pictures, and journal what people call them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from medsynth_app.actions.embed import list_pictures
from medsynth_app.actions.guard import require_writable
from medsynth_app.actions.open_picture import open_picture
from medsynth_app.core.cell_label import SKIPPED, CellLabel
from medsynth_app.core.cell_schema import IMPLAUSIBLE, NOT_A_CELL, NOT_SURE, CellSchema
from medsynth_app.core.cells import WHOLE, Cell, Origin, cell_id
from medsynth_app.core.changes import Changes
from medsynth_app.core.edit import Edit, LabelPart
from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.files import file_sha256
from medsynth_app.core.jobs.embed import PictureList
from medsynth_app.formats.cell_tables import read_cells
from medsynth_app.formats.registry import read_provenance
from medsynth_app.workspace.label_sets import LabelSet
from medsynth_app.workspace.pictures import Picture
from medsynth_app.workspace.workspace import Workspace

_NAMES = {NOT_A_CELL: "not a cell", IMPLAUSIBLE: "implausible", NOT_SURE: "not sure"}


def nobody_waits(done: int, total: int) -> None:
    """The `progress` of what is gathered at once."""


def gather(data: Path, schema: CellSchema, progress: Callable[[int, int], None] = nobody_waits,
           cancelled: Callable[[], bool] = lambda: False) -> list[Cell]:
    """The cells of a folder of pictures (one each), of a ``labels.csv``, or of a ``cells.csv`` that `detect` wrote.

    Pictures that MedSynth made are known by their record. May run on any thread.

    Raises
    ------
    UserError
        As `actions.embed.list_pictures`, and when a picture cannot be read.
    Cancelled
        When `cancelled` says so.
    """
    pictures = list_pictures(data)
    known = read_cells(data).rows if data.is_file() else {}
    facts: dict[str, tuple[str, Origin, str, int, str]] = {}
    found = []
    files = pictures.paths()
    for number, (name, file, box) in enumerate(zip(pictures.ids(), files, _boxes(pictures), strict=True)):
        if cancelled():
            raise Cancelled
        if file not in facts:
            facts[file] = _facts(Path(file), schema)
        sha256, origin, asked, seed, pack = facts[file]
        row = known.get(name, {})
        if row.get("origin") == "synthetic":
            origin = Origin.SYNTHETIC
        found.append(Cell(cell_id(sha256, box), name, file, sha256, box, origin, asked, row.get("class", "") if
                          pictures.boxes is not None else "", _confidence(row), seed, pack))
        progress(number + 1, len(files))
    return found


def generated(workspace: Workspace, pictures: Sequence[Picture], schema: CellSchema,
              progress: Callable[[int, int], None] = nobody_waits,
              cancelled: Callable[[], bool] = lambda: False) -> list[Cell]:
    """Generated pictures as cells, as files of the workspace; what was asked for is kept, and not shown.

    May run on any thread; raises as `gather`.
    """
    found = []
    for number, picture in enumerate(pictures, 1):
        if cancelled():
            raise Cancelled
        path = open_picture(workspace, picture)
        sha256 = file_sha256(path)
        record = picture.provenance
        found.append(Cell(cell_id(sha256), f"{picture.seed}", str(path), sha256, WHOLE, Origin.SYNTHETIC,
                          schema.named_in(str(record.parameters.get("prompt", ""))), seed=picture.seed,
                          pack=record.pack))
        progress(number, len(pictures))
    return found


def label(label_set: LabelSet, labels: Sequence[CellLabel], person: str, *, name: str = "", action: str = ""
          ) -> Changes:
    """Journal what a person called one cell or a group of them: one step of undo, which survives a kill.

    Parameters
    ----------
    name, action
        As `core.edit.Edit` has them, for labels that were not given by a key.

    Raises
    ------
    UserError
        When the workspace is read-only, a cell is none of the set or an answer none of its schema.
    """
    if label_set.read_only:
        raise UserError("These cells are read-only here: another window works in this workspace.",
                        "Go on in that window.", safe="What it holds is not touched.")
    for each in labels:
        _check(label_set, each)
    standing = label_set.labels
    parts = []
    for each in labels:
        before = standing.get(each.subject)
        parts.append(LabelPart(each.subject, before.to_plain() if before is not None else None, each.to_plain()))
    return label_set.apply(Edit(name or named(label_set.schema, labels), tuple(parts), action), person)


def add_cells(workspace: Workspace, label_set: LabelSet, cells: Sequence[Cell], *, document_id: str = "",
              person: str = "") -> Changes:
    """Add cells to a set; those that it holds already are passed over.

    Raises
    ------
    UserError
        When there are none at all, or the workspace is read-only.
    """
    require_writable(workspace)
    if not cells:
        raise UserError("There are no cells to label.", "Choose pictures of cells, or find the cells of an image.")
    return workspace.label_sets.add_cells(label_set.id, cells, document_id=document_id, person=person)


def consensus(labels: Iterable[CellLabel]) -> dict[str, str]:
    """What each cell is, by what most people called it first; a cell on which they disagree evenly is not in it.

    Hidden repeats and skipped cells do not count.
    """
    votes: dict[str, dict[str, int]] = {}
    for each in labels:
        if each.repeat == 0 and each.answer != SKIPPED:
            counts = votes.setdefault(each.cell, {})
            counts[each.answer] = counts.get(each.answer, 0) + 1
    found = {}
    for cell, counts in votes.items():
        most = max(counts.values())
        first = [answer for answer, count in counts.items() if count == most]
        if len(first) == 1:
            found[cell] = first[0]
    return found


def _check(label_set: LabelSet, each: CellLabel) -> None:
    cell = label_set.cell(each.cell)
    if cell is None or (cell.image_sha256, cell.box) != (each.image_sha256, each.box):
        raise UserError("This cell is not one of these.", "Label it in the set that it belongs to.",
                        safe="No label was given.")
    if each.answer not in (*label_set.schema.ids, *_NAMES, SKIPPED):
        raise UserError(f"{each.answer!r} is no class of {label_set.schema.name}.", "Choose one of its classes.",
                        safe="No label was given.")


def named(schema: CellSchema, labels: Sequence[CellLabel]) -> str:
    """What undo calls it: "label neutrophil", "label 40 cells neutrophil"."""
    answers = {each.answer for each in labels}
    kind = schema.of(labels[0].answer) if labels else None
    name = kind.name if kind is not None else _NAMES.get(labels[0].answer, labels[0].answer) if labels else ""
    if answers == {SKIPPED}:
        return "skip cell"
    if len(answers) > 1:
        return f"label {len(labels)} cells"
    return f"label {name}" if len(labels) == 1 else f"label {len(labels)} cells {name}"


def _facts(path: Path, schema: CellSchema) -> tuple[str, Origin, str, int, str]:
    """Hash, origin, asked class, seed and pack of an image."""
    try:
        sha256 = file_sha256(path)
    except OSError as error:
        raise UserError(f"The image {path.name} cannot be read.", "Choose pictures that can be.",
                        details=type(error).__name__) from error
    record = read_provenance(path)
    if record is None:
        return sha256, Origin.REAL, "", -1, ""
    return (sha256, Origin.SYNTHETIC, schema.named_in(str(record.parameters.get("prompt", ""))), record.seed,
            record.pack)


def _boxes(pictures: PictureList) -> Iterator[tuple[int, int, int, int]]:
    boxes = pictures.boxes if pictures.boxes is not None else np.zeros((len(pictures), 4), np.int64)
    return ((int(left), int(top), int(right), int(bottom)) for left, top, right, bottom in boxes.tolist())


def _confidence(row: Mapping[str, str]) -> float | None:
    try:
        found = float(row.get("confidence") or "nan")
    except ValueError:
        return None
    return found if 0 <= found <= 1 else None
