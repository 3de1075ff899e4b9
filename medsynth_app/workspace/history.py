"""The history of a document: every edit is journalled in one transaction at the moment it is made.

Undo and redo take a person's own edits only, last one first, and survive a restart. One invariant carries all of it:
the edits that stand, in the order in which they were applied, give the present state, for undoing is refused where
somebody else's later edit overlaps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.changes import Change
from medsynth_app.core.edit import Edit, MaskEdit, PixelEdit
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import FrameKey, Pixels
from medsynth_app.workspace import deltas, tables
from medsynth_app.workspace.blobs import Blobs, read_only_error
from medsynth_app.workspace.database import Database
from medsynth_app.workspace.masks import FrameState, Masks
from medsynth_app.workspace.tables import DONE, DROPPED, MASK, PIXELS, UNDONE, EditRow, PatchRow, ResultRow, StepRow


@dataclass(eq=False)
class Standing:
    """Which document it is in the workspace; changes when documents are merged or removed."""

    id: str
    saved: str
    removed: bool = False


class History:
    """Journal, undo and redo of one opened document.

    Parameters
    ----------
    states
        The frames in view. Edits of frames that are not in view are left alone.
    whole
        Whether `states` are all frames of the document.
    pixels
        Present pixels of a frame, accepted edits included.
    """

    def __init__(self, database: Database, blobs: Blobs, masks: Masks, standing: Standing,
                 states: Mapping[FrameKey, FrameState], whole: bool, pixels: Callable[[FrameKey], Pixels]) -> None:
        self._database = database
        self._blobs = blobs
        self._masks = masks
        self._standing = standing
        self._states = states
        self._keys = {state.id: key for key, state in states.items()}
        self.whole = whole
        self._pixels = pixels

    # -- applying

    def apply(self, edit: Edit, person: str) -> Change:
        """Journal an edit, then make it; see `documents.Document.apply`."""
        state = self._states[edit.frame]
        bounds = edit.bounds
        shape = (bounds.height, bounds.width)
        if bounds.empty or bounds != bounds.clipped(state.rows, state.columns) \
                or edit.before.shape[:2] != shape or edit.after.shape != edit.before.shape:
            raise ValueError(f"the edit does not fit its bounds or the frame: {bounds}, {edit.before.shape}, "
                             f"{edit.after.shape}, frame {state.rows} x {state.columns}")
        self.require_writable()
        with self._database.lock:
            if isinstance(edit, MaskEdit):
                self._apply_mask(edit, state, person)
            else:
                self._apply_pixels(edit, state, person)
        kind = MASK if isinstance(edit, MaskEdit) else PIXELS
        return Change(self._standing.id, edit.frame, bounds, kind, edit.name)

    def require_writable(self) -> None:
        if self._database.read_only:
            raise read_only_error()
        if self._standing.removed:
            raise UserError("This study was removed from the workspace.", "Open its file again.")

    def _apply_mask(self, edit: MaskEdit, state: FrameState, person: str) -> None:
        mask = self._masks.load(state)
        if edit.after.dtype != np.uint8 or not np.array_equal(mask[edit.bounds.slices], edit.before):
            raise UserError("The mask has changed there since the stroke began.", "Paint the stroke again.",
                            safe="The earlier painting is saved.")
        delta = deltas.encode(edit.before, edit.after)
        if delta is None:
            return      # nothing changed: nothing to undo
        with self._database.write() as session:
            step = self._journal(session, edit, state, person, delta)[1]
        mask[edit.bounds.slices] = edit.after
        self._masks.stepped(state, edit.bounds, step)

    def _apply_pixels(self, edit: PixelEdit, state: FrameState, person: str) -> None:
        now = self._pixels(edit.frame)[edit.bounds.slices]
        if edit.after.dtype != now.dtype or not np.array_equal(now, edit.before):
            raise UserError("The image has changed there since this result was made.",
                            "Run it again on the image as it is now.", safe="The image is as it was.")
        with self._blobs.pins() as pins:
            before, after = pins.put_array(edit.before), pins.put_array(edit.after)
            with self._database.write() as session:
                number, _ = self._journal(session, edit, state, person, None)
                session.add(PatchRow(edit_id=number, result_id=edit.result_id, before=before, after=after))
                _set_result(session, edit.result_id, tables.ACCEPTED)
        state.version += 1

    def _journal(self, session: Session, edit: Edit, state: FrameState, person: str,
                 delta: bytes | None) -> tuple[int, int]:
        """Rows of a new edit; the person's redo ends here. Returns the numbers of the edit and its step."""
        # Plain statements instead of mapped objects: this runs at every stroke.
        session.execute(update(EditRow).where(
            EditRow.document_id == self._standing.id, EditRow.person == person, EditRow.state == UNDONE)
            .values(state=DROPPED).execution_options(synchronize_session=False))
        number = (session.scalar(select(func.max(EditRow.id))) or 0) + 1
        applied = (session.scalar(select(func.max(StepRow.id))) or 0) + 1
        top, left, bottom, right = map(int, edit.bounds.as_tuple())    # SQLite would keep NumPy's as bytes
        session.execute(insert(EditRow), [dict(
            id=number, document_id=self._standing.id, frame_id=state.id, kind=PIXELS if delta is None else MASK,
            name=edit.name, person=person, state=DONE, applied=applied, delta=delta,
            top=top, left=left, bottom=bottom, right=right)])
        return number, self._step(session, state.id, number, undo=False)

    def _step(self, session: Session, frame_id: int, edit_id: int, undo: bool) -> int:
        at, number = tables.now(), (session.scalar(select(func.max(StepRow.id))) or 0) + 1
        session.execute(insert(StepRow), [dict(id=number, frame_id=frame_id, edit_id=edit_id, undo=undo, at=at)])
        session.execute(update(tables.DocumentRow).where(tables.DocumentRow.id == self._standing.id)
                        .values(saved=at).execution_options(synchronize_session=False))
        self._standing.saved = at
        return number

    # -- undo and redo

    def name(self, person: str, undo: bool) -> str | None:
        """ "Undo: paint polyp", or None when there is nothing of this person's."""
        with self._database.read() as session:
            row = self._next(session, person, undo)
        return f"{'Undo' if undo else 'Redo'}: {row.name}" if row is not None else None

    def undo(self, person: str) -> Change | None:
        return self._turn(person, undo=True)

    def redo(self, person: str) -> Change | None:
        return self._turn(person, undo=False)

    def _turn(self, person: str, undo: bool) -> Change | None:
        self.require_writable()
        with self._database.lock:
            with self._database.write() as session:
                row = self._next(session, person, undo)
                if row is None:
                    return None
                state = self._states[self._keys[row.frame_id]]
                self._refuse_overlap(session, row, undo)
                delta = self._check(session, row, undo)
                step = self._step(session, row.frame_id, row.id, undo)
                row.state = UNDONE if undo else DONE
                if not undo:
                    row.applied = step
            if delta is not None:
                delta.write(self._masks.load(state), undo)
                self._masks.stepped(state, row.bounds, step)
            else:
                state.version += 1
        word = "Undo" if undo else "Redo"
        return Change(self._standing.id, self._keys[row.frame_id], row.bounds, row.kind, f"{word}: {row.name}")

    def _next(self, session: Session, person: str, undo: bool) -> EditRow | None:
        query = select(EditRow).where(EditRow.document_id == self._standing.id, EditRow.person == person,
                                      EditRow.state == (DONE if undo else UNDONE))
        if not self.whole:
            query = query.where(EditRow.frame_id.in_(self._keys))
        # The last step of an undone edit is its undoing: redo takes back what was undone last.
        undone = select(func.max(StepRow.id)).where(StepRow.edit_id == EditRow.id).correlate(EditRow).scalar_subquery()
        order = EditRow.applied.desc() if undo else undone.desc()
        return session.scalar(query.order_by(order).limit(1))

    def _refuse_overlap(self, session: Session, row: EditRow, undo: bool) -> None:
        since = row.applied if undo else session.scalar(
            select(func.max(StepRow.id)).where(StepRow.edit_id == row.id)) or 0
        others = session.execute(
            select(EditRow.top, EditRow.left, EditRow.bottom, EditRow.right)
            .where(EditRow.frame_id == row.frame_id, EditRow.kind == row.kind, EditRow.applied > since,
                   EditRow.state == DONE, EditRow.person != row.person))
        if any(Bounds(*box).overlaps(row.bounds) for box in others):
            raise _refused(row, undo)

    def _check(self, session: Session, row: EditRow, undo: bool) -> deltas.Delta | None:
        """Refuse where the present state is not the one that the edit left (or found); sets the result's state."""
        key = self._keys[row.frame_id]
        if row.kind == MASK:
            delta = deltas.decode(row.delta or b"", row.bounds)
            if not delta.fits(self._masks.load(self._states[key]), undo):
                raise _refused(row, undo)
            return delta
        patch = session.get_one(PatchRow, row.id)
        if not undo and not np.array_equal(self._pixels(key)[row.bounds.slices], self._blobs.get_array(patch.before)):
            raise _refused(row, undo)
        _set_result(session, patch.result_id, tables.STAGED if undo else tables.ACCEPTED)
        return None

    # -- what stands

    def edited(self, key: FrameKey, base: Pixels) -> Pixels:
        """`base`, the frame of the file, with the accepted edits; raises `UserError` where the file has changed."""
        with self._database.read() as session:
            rows = session.execute(
                select(EditRow, PatchRow).join(PatchRow, PatchRow.edit_id == EditRow.id)
                .where(EditRow.frame_id == self._states[key].id, EditRow.state == DONE, EditRow.kind == PIXELS)
                .order_by(EditRow.applied)).all()
        if not rows:
            return base
        pixels = base.copy()
        for row, patch in rows:
            before = self._blobs.get_array(patch.before)
            now = pixels[row.bounds.slices]
            if before.dtype != now.dtype or not np.array_equal(before, now):
                raise changed_error()
            pixels[row.bounds.slices] = self._blobs.get_array(patch.after)
        return pixels

    @property
    def saved_at(self) -> datetime:
        return datetime.fromisoformat(self._standing.saved).astimezone(UTC)


def changed_error() -> UserError:
    return UserError("The file is not the one that was worked on: its pixels or its size have changed.",
                     "Put the original file back, or remove the study from the workspace and open it anew.",
                     safe="What was painted is still stored.")


def _refused(row: EditRow, undo: bool) -> UserError:
    word = "undone" if undo else "redone"
    remedy = "Ask them to undo their change first." if undo else "Make the change again by hand."
    return UserError(f"\"{row.name}\" cannot be {word}: somebody else has changed that region since.",
                     remedy, safe="Nothing was changed.")


def _set_result(session: Session, result_id: str, state: str) -> None:
    session.execute(update(ResultRow).where(ResultRow.id == result_id).values(state=state)
                    .execution_options(synchronize_session=False))
