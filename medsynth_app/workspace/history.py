"""The history of a document or a label set: every edit is journalled in one transaction at the moment it is made.

An edit is one step of undo, and has a part for every frame or label that it changes (`core.edit`); `workspace.parts`
knows what each kind of part needs. Undo and redo take a person's own edits only, last one first, and survive a restart.
One invariant carries all of it: the edits that stand, in the order in which they were applied, give the present state,
for undoing is refused where somebody else's later edit overlaps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, insert, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, undefer

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.changes import Change, Changes
from medsynth_app.core.edit import Edit
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import FrameKey, Pixels
from medsynth_app.workspace import audit, tables
from medsynth_app.workspace.blobs import Blobs, read_only_error
from medsynth_app.workspace.database import Database, chunks
from medsynth_app.workspace.masks import FrameState, Masks
from medsynth_app.workspace.parts import Overtaken, Parts, Stored, candidates_of
from medsynth_app.workspace.tables import (
    CANDIDATE,
    DONE,
    DROPPED,
    LABEL,
    PIXELS,
    UNDONE,
    DocumentRow,
    EditRow,
    LabelSetRow,
    PartRow,
    PatchRow,
    StepRow,
)

_LAST = select(*(select(func.max(table.id)).scalar_subquery() for table in (EditRow, PartRow, StepRow)))


@dataclass(eq=False)
class Standing:
    """Whose history it is: a document's, which changes when documents are merged or removed, or a label set's."""

    id: str
    saved: str
    removed: bool = False
    table: type[DocumentRow] | type[LabelSetRow] = DocumentRow

    @property
    def column(self) -> InstrumentedAttribute[Any]:
        """Where an edit says whose it is."""
        return EditRow.document_id if self.table is DocumentRow else EditRow.set_id

    @property
    def owns(self) -> ColumnElement[bool]:
        """Whether an edit is of this history."""
        owns: ColumnElement[bool] = self.column == self.id
        return owns


class History:
    """Journal, undo and redo of one opened document, or of one label set (which has no frames).

    Parameters
    ----------
    states
        The frames in view. Edits of frames that are not in view are left alone.
    whole
        Whether `states` are all frames of the document.
    region
        Present pixels of a box of a frame, accepted edits included.
    """

    def __init__(self, database: Database, blobs: Blobs, masks: Masks, standing: Standing,
                 states: Mapping[FrameKey, FrameState], whole: bool,
                 region: Callable[[FrameKey, Bounds], Pixels]) -> None:
        self._database = database
        self._blobs = blobs
        self._standing = standing
        self._states = states
        self._keys = {state.id: key for key, state in states.items()}
        self.whole = whole
        self._parts = Parts(blobs, masks, states, self._keys, region)

    # -- applying

    def apply(self, edit: Edit, person: str) -> Changes:
        """Journal an edit, then make it; see `documents.Document.apply`."""
        self._parts.require_fit(edit.parts)
        self.require_writable()
        with self._database.lock, self._blobs.pins() as pins:
            with self._database.write() as session:
                self._parts.check(session, self._standing.owns, edit.parts)
                stored = [kept for part in edit.parts if (kept := self._parts.store(pins, part)) is not None]
                if not stored:
                    return Changes()    # nothing changed: nothing to undo
                if edit.action:     # in the same transaction: there is no change without its entry
                    audit.write(session, edit.action, person, [*candidates_of(edit.parts), self._standing.id])
                step = self._journal(session, edit.name, stored, person)
            self._parts.write(stored, step, undo=False)
        return self._told(stored, edit.name)

    def require_writable(self) -> None:
        if self._database.read_only:
            raise read_only_error()
        if self._standing.removed:
            raise UserError("This study was removed from the workspace.", "Open its file again.") \
                if self._standing.table is DocumentRow else \
                UserError("These cells were removed from the workspace.", "Choose others.")

    def _journal(self, session: Session, name: str, parts: Sequence[Stored], person: str) -> int:
        """Rows of a new edit; the person's redo ends here. Returns the number of its step."""
        # Plain statements instead of mapped objects: this runs at every stroke.
        session.execute(update(EditRow).where(
            self._standing.owns, EditRow.person == person, EditRow.state == UNDONE)
            .values(state=DROPPED).execution_options(synchronize_session=False))
        number, first, applied = ((last or 0) + 1 for last in session.execute(_LAST).one())
        session.execute(insert(EditRow), [{"id": number, self._standing.column.key: self._standing.id, "name": name,
                                           "person": person, "state": DONE, "applied": applied}])
        session.execute(insert(PartRow), [part.row(first + k, number) for k, part in enumerate(parts)])
        for k, part in enumerate(parts):
            if part.patch is not None:
                session.execute(insert(PatchRow), [dict(part_id=first + k, **part.patch)])
        self._parts.settle(session, parts, undo=False)
        self._step(session, applied, number, undo=False)
        return applied

    def _step(self, session: Session, number: int, edit_id: int, undo: bool) -> None:
        at = tables.now()
        session.execute(insert(StepRow), [dict(id=number, edit_id=edit_id, undo=undo, at=at)])
        table = self._standing.table
        session.execute(update(table).where(table.id == self._standing.id).values(saved=at)
                        .execution_options(synchronize_session=False))
        self._standing.saved = at

    # -- undo and redo

    def name(self, person: str, undo: bool) -> str | None:
        """ "Undo: paint polyp", or None when there is nothing of this person's."""
        with self._database.read() as session:
            row = self._next(session, person, undo)
        return f"{'Undo' if undo else 'Redo'}: {row.name}" if row is not None else None

    def undo(self, person: str) -> Changes:
        return self._turn(person, undo=True)

    def redo(self, person: str) -> Changes:
        return self._turn(person, undo=False)

    def _turn(self, person: str, undo: bool) -> Changes:
        self.require_writable()
        with self._database.lock:
            with self._database.write() as session:
                row = self._next(session, person, undo)
                if row is None:
                    return Changes()
                rows = session.scalars(select(PartRow).options(undefer(PartRow.payload))
                                       .where(PartRow.edit_id == row.id).order_by(PartRow.id)).all()
                if any(part.frame_id is not None and part.frame_id not in self._keys for part in rows):
                    raise _out_of_view(row, undo)
                if self._overlapped(session, row, rows, undo):
                    raise _refused(row, undo)
                try:
                    parts = self._parts.load(session, self._standing.owns, rows, undo)
                except Overtaken:
                    raise _refused(row, undo) from None
                self._parts.settle(session, parts, undo)
                step = (session.scalar(select(func.max(StepRow.id))) or 0) + 1
                self._step(session, step, row.id, undo)
                row.state = UNDONE if undo else DONE
                if not undo:
                    row.applied = step
            self._parts.write(parts, step, undo)
        return self._told(parts, f"{'Undo' if undo else 'Redo'}: {row.name}")

    def _next(self, session: Session, person: str, undo: bool) -> EditRow | None:
        query = select(EditRow).where(self._standing.owns, EditRow.person == person,
                                      EditRow.state == (DONE if undo else UNDONE))
        if not self.whole:
            query = query.where(exists().where(PartRow.edit_id == EditRow.id, or_(
                PartRow.frame_id.is_(None), PartRow.frame_id.in_(self._keys))))
        # The last step of an undone edit is its undoing: redo takes back what was undone last.
        undone = select(func.max(StepRow.id)).where(StepRow.edit_id == EditRow.id).correlate(EditRow).scalar_subquery()
        order = EditRow.applied.desc() if undo else undone.desc()
        return session.scalar(query.order_by(order).limit(1))

    def _overlapped(self, session: Session, row: EditRow, parts: Sequence[PartRow], undo: bool) -> bool:
        """Whether somebody else's edit that stands has changed the place of one of the parts since."""
        since = row.applied if undo else session.scalar(
            select(func.max(StepRow.id)).where(StepRow.edit_id == row.id)) or 0
        mine: dict[tuple[str, int | None, str | None], list[Bounds]] = {}
        for part in parts:
            mine.setdefault((part.kind, part.frame_id, part.subject), []).append(part.bounds)
        touched = [PartRow.frame_id.in_(some) for some in chunks([part.frame_id for part in parts if part.frame_id])]
        touched += [PartRow.subject.in_(some) for some in chunks([part.subject for part in parts if part.subject])]
        others = (other for where in touched for other in session.scalars(
            select(PartRow).join(EditRow, PartRow.edit_id == EditRow.id)
            .where(where, self._standing.owns, EditRow.applied > since, EditRow.state == DONE,
                   EditRow.person != row.person)))
        return any(other.kind == LABEL or other.bounds.overlaps(bounds) for other in others
                   for bounds in mine.get((other.kind, other.frame_id, other.subject), ()))

    def _told(self, parts: Sequence[Stored], name: str) -> Changes:
        number = self._standing.id
        return Changes(
            documents=tuple(Change(number, part.frame, part.bounds, part.kind, name)
                            for part in parts if part.frame is not None),
            candidates=(number,) if any(part.kind in (PIXELS, CANDIDATE) for part in parts) else (),
            labels=tuple(part.subject for part in parts if part.kind == LABEL and part.subject is not None))

    @property
    def saved_at(self) -> datetime:
        return datetime.fromisoformat(self._standing.saved).astimezone(UTC)


def _refused(row: EditRow, undo: bool) -> UserError:
    word = "undone" if undo else "redone"
    remedy = "Ask them to undo their change first." if undo else "Make the change again by hand."
    return UserError(f"\"{row.name}\" cannot be {word}: somebody else has changed that region since.",
                     remedy, safe="Nothing was changed.")


def _out_of_view(row: EditRow, undo: bool) -> UserError:
    word = "undone" if undo else "redone"
    return UserError(f"\"{row.name}\" cannot be {word} here: it also changed slices that are not open.",
                     "Open the whole series, then do it again.", safe="Nothing was changed.")
