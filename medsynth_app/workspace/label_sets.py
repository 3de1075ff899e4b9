"""Label sets: cells, the classes that they are labelled with, and the labels that everybody gave."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.cell_label import CellLabel
from medsynth_app.core.cell_schema import CellSchema
from medsynth_app.core.cells import Cell, Cells
from medsynth_app.core.changes import Changes
from medsynth_app.core.edit import Edit, LabelPart
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import FrameKey, Pixels
from medsynth_app.core.label_options import LabelOptions
from medsynth_app.workspace import audit
from medsynth_app.workspace.blobs import Blobs
from medsynth_app.workspace.database import Database
from medsynth_app.workspace.history import History, Standing
from medsynth_app.workspace.masks import Masks
from medsynth_app.workspace.parts import labels_of
from medsynth_app.workspace.tables import (
    DONE,
    LABEL,
    CellArrayRow,
    CellBatchRow,
    EditRow,
    LabelSetRow,
    PartRow,
    now,
)

FOLDER = "labelling"


@dataclass(frozen=True)
class LabelSetInfo:
    """One set, as lists show it.

    Attributes
    ----------
    count
        How many cells it has.
    saved
        When the last label was given, or the set was made; ISO text in UTC.
    """

    id: str
    name: str
    count: int
    saved: str


class LabelSet:
    """An opened set. Everybody who works in it holds one of their own; safe to use from several threads.

    Attributes
    ----------
    folder
        For files of embeddings and of what was learned; private, and gone with the set.
    """

    def __init__(self, database: Database, blobs: Blobs, masks: Masks, row: LabelSetRow, folder: Path) -> None:
        self.id, self.folder = row.id, folder
        self._database, self._blobs = database, blobs
        self._standing = Standing(row.id, row.saved, table=LabelSetRow)
        self._history = History(database, blobs, masks, self._standing, {}, True, _no_pixels)
        self._take(row)

    def _take(self, row: LabelSetRow) -> None:
        self.name = row.name
        self.schema = CellSchema.from_plain(json.loads(row.schema))
        self.options = LabelOptions.from_plain(json.loads(row.options))

    @property
    def read_only(self) -> bool:
        return self._database.read_only or self._standing.removed

    # -- cells

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Every cell once, in the order in which they came; `refresh` reads them anew."""
        with self._database.read() as session:
            batches = _arrays(session, CellBatchRow.set_id == self.id)
        found: dict[str, Cell] = {}
        for arrays in batches:
            for cell in _cells(self._blobs, arrays):
                found.setdefault(cell.id, cell)
        return tuple(found.values())

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Index of each cell by its id."""
        return {cell.id: k for k, cell in enumerate(self.cells)}

    def cell(self, cell_id: str) -> Cell | None:
        place = self.places.get(cell_id)
        return None if place is None else self.cells[place]

    def refresh(self) -> None:
        """Read the set anew: cells, labels, name, classes and options may have come from elsewhere."""
        for name in ("cells", "places", "labels", "_subjects"):
            self.__dict__.pop(name, None)
        self.reread()

    def reread(self) -> None:
        """Read name, classes and options anew."""
        with self._database.read() as session:
            row = session.get(LabelSetRow, self.id)
            if row is None:
                self._standing.removed = True
            else:
                self._take(row)

    # -- labels

    @cached_property
    def labels(self) -> dict[str, CellLabel]:
        """The labels that stand, of everybody, by `CellLabel.subject`; kept up to date by what this object does."""
        query = (select(PartRow.subject, PartRow.payload).join(EditRow, PartRow.edit_id == EditRow.id)
                 .where(EditRow.set_id == self.id, EditRow.state == DONE, PartRow.kind == LABEL)
                 .order_by(EditRow.applied, PartRow.id))
        found: dict[str, CellLabel] = {}
        with self._database.read() as session:
            for subject, payload in session.execute(query):
                assert subject is not None and payload is not None  # of a label both are there
                after = json.loads(payload)[1]
                if after is None:
                    found.pop(subject, None)
                else:
                    found[subject] = CellLabel.from_plain(after)
        return found

    @cached_property
    def _subjects(self) -> dict[str, set[str]]:
        """Subjects of the labels that stand, by cell."""
        found: dict[str, set[str]] = {}
        for subject, each in self.labels.items():
            found.setdefault(each.cell, set()).add(subject)
        return found

    def labels_of(self, cell_id: str) -> list[CellLabel]:
        """Everybody's labels of one cell."""
        return [self.labels[subject] for subject in self._subjects.get(cell_id, ())]

    def apply(self, edit: Edit, person: str = "") -> Changes:
        """Journal labels, one step of undo, as `documents.Document.apply` does strokes."""
        changes = self._history.apply(edit, person)
        for part in edit.parts:
            if isinstance(part, LabelPart):
                self._stand(part.subject, part.after)
        return changes

    def undo(self, person: str = "") -> Changes:
        """Take back the person's last step; empty when there is none."""
        return self._follow(self._history.undo(person))

    def redo(self, person: str = "") -> Changes:
        return self._follow(self._history.redo(person))

    def can_undo(self, person: str = "") -> str | None:
        """ "Undo: label neutrophil", or None."""
        return self._history.name(person, undo=True)

    def can_redo(self, person: str = "") -> str | None:
        return self._history.name(person, undo=False)

    @property
    def saved_at(self) -> datetime:
        return self._history.saved_at

    def _follow(self, changes: Changes) -> Changes:
        """Read anew what an undo or a redo changed."""
        with self._database.read() as session:
            standing = labels_of(session, self._standing.owns, changes.labels)
        for subject in changes.labels:
            self._stand(subject, standing.get(subject))
        return changes

    def _stand(self, subject: str, after: Any) -> None:
        labels, subjects = self.labels, self._subjects
        cell = subject.split("/")[0]
        if after is None:
            labels.pop(subject, None)
            subjects.get(cell, set()).discard(subject)
        else:
            labels[subject] = CellLabel.from_plain(after)
            subjects.setdefault(cell, set()).add(subject)


class LabelSets:
    """All label sets of a workspace."""

    def __init__(self, database: Database, blobs: Blobs, masks: Masks, folder: Path) -> None:
        self._database, self._blobs, self._masks = database, blobs, masks
        self._folder = folder / FOLDER

    def all(self) -> list[LabelSetInfo]:
        """Newest work first."""
        count = select(func.coalesce(func.sum(CellBatchRow.count), 0)).where(
            CellBatchRow.set_id == LabelSetRow.id).correlate(LabelSetRow).scalar_subquery()
        with self._database.read() as session:
            rows = session.execute(select(LabelSetRow, count).order_by(LabelSetRow.saved.desc(), LabelSetRow.id))
            return [LabelSetInfo(row.id, row.name, int(cells), row.saved) for row, cells in rows]

    def add(self, name: str, schema: CellSchema, options: LabelOptions | None = None, person: str = "") -> LabelSet:
        """A new set without cells; raises `UserError` for one without a name."""
        name = " ".join(name.split())
        if not name:
            raise UserError("The set of cells has no name.", "Give it one, such as \"Smears of May\".")
        at = now()
        row = LabelSetRow(id=uuid.uuid4().hex[:16], name=name, schema=json.dumps(schema.to_plain()),
                          options=json.dumps((options or LabelOptions()).to_plain()), created=at, saved=at)
        with self._database.write() as session:
            session.add(row)
            audit.write(session, "label", person, [row.id])
        return self.open(row.id)

    def open(self, set_id: str) -> LabelSet:
        """Raises `UserError` where there is none, or no longer."""
        with self._database.read() as session:
            row = session.get(LabelSetRow, set_id)
        if row is None:
            raise UserError("These cells are no longer in the workspace.", "Choose others.")
        folder = self._folder / row.id
        if not self._database.read_only:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return LabelSet(self._database, self._blobs, self._masks, row, folder)

    def change(self, set_id: str, *, name: str | None = None, schema: CellSchema | None = None,
               options: LabelOptions | None = None) -> None:
        """Set what is given; labels stay. `LabelSet.refresh` reads it."""
        with self._database.write() as session:
            row = session.get(LabelSetRow, set_id)
            if row is None:
                return
            row.name = name or row.name
            row.schema = json.dumps(schema.to_plain()) if schema is not None else row.schema
            row.options = json.dumps(options.to_plain()) if options is not None else row.options

    def add_cells(self, set_id: str, cells: Iterable[Cell], *, document_id: str = "", person: str = "") -> Changes:
        """Add those that the set does not hold; `Changes.cells` names the set where any came.

        Parameters
        ----------
        document_id
            The opened image that they lie in: they go with its study.
        """
        held = set(self.open(set_id).places)
        fresh = [cell for cell in cells if cell.id not in held]
        if not fresh:
            return Changes()
        arrays = Cells.of(fresh).to_arrays()
        with self._blobs.pins() as pins:
            blobs = {name: pins.put_array(array) for name, array in arrays.items()}
            with self._database.write() as session:
                batch = CellBatchRow(set_id=set_id, document_id=document_id or None,
                                     count=len({cell.id for cell in fresh}), created=now())
                session.add(batch)
                session.flush()
                session.add_all(CellArrayRow(batch_id=batch.id, name=name, blob=blob) for name, blob in blobs.items())
                audit.write(session, "label", person, [each for each in (set_id, document_id) if each])
        return Changes(cells=(set_id,))

    def remove(self, set_id: str, person: str = "") -> Changes:
        """Purge a set with its labels and files; the images stay."""
        with self._database.write() as session:
            blobs = set(session.scalars(select(CellArrayRow.blob).join(
                CellBatchRow, CellArrayRow.batch_id == CellBatchRow.id).where(CellBatchRow.set_id == set_id)))
            gone = session.execute(delete(LabelSetRow).where(LabelSetRow.id == set_id)).rowcount  # type: ignore[attr-defined]
            if gone:
                audit.write(session, "label", person, [set_id])
        self._database.drop_blobs(self._blobs, blobs)
        self.drop_files([set_id])
        return Changes(cells=(set_id,)) if gone else Changes()

    def drop_files(self, set_ids: Iterable[str]) -> None:
        """Delete embeddings and what was learned: they are made anew when they are asked for."""
        for set_id in set_ids:
            shutil.rmtree(self._folder / set_id, ignore_errors=True)

    def forget(self, session: Session, document_ids: Sequence[str]) -> tuple[list[str], set[str]]:
        """In a removal's transaction: the labels of the cells that lie in these documents go, the cells with the rows.

        Returns
        -------
        The sets that lost some, and the blobs that were theirs.
        """
        batches = CellBatchRow.document_id.in_(document_ids)
        sets = list(session.scalars(select(CellBatchRow.set_id).where(batches).distinct()))
        arrays = _arrays(session, batches)
        for held in arrays:
            for cell in _cells(self._blobs, held):
                # The subjects of a cell begin with its id and "/", and "0" follows "/".
                session.execute(delete(PartRow).where(PartRow.kind == LABEL, PartRow.subject >= f"{cell.id}/",
                                                      PartRow.subject < f"{cell.id}0"))
        if sets:
            session.execute(delete(EditRow).where(EditRow.set_id.in_(sets), EditRow.id.not_in(
                select(PartRow.edit_id))))
        return sets, {blob for held in arrays for blob in held.values()}


def _arrays(session: Session, which: object) -> list[dict[str, str]]:
    """The blobs of batches, by name, in the order in which the batches came."""
    rows = session.execute(select(CellArrayRow.batch_id, CellArrayRow.name, CellArrayRow.blob).join(
        CellBatchRow, CellArrayRow.batch_id == CellBatchRow.id).where(which).order_by(CellBatchRow.id))  # type: ignore[arg-type]
    found: dict[int, dict[str, str]] = {}
    for batch, name, blob in rows:
        found.setdefault(batch, {})[name] = blob
    return list(found.values())


def _cells(blobs: Blobs, arrays: Mapping[str, str]) -> Iterator[Cell]:
    return iter(Cells.from_arrays({name: blobs.get_array(blob) for name, blob in arrays.items()}).all())


def _no_pixels(key: FrameKey, bounds: Bounds) -> Pixels:
    raise KeyError(key)  # a label set has no frames
