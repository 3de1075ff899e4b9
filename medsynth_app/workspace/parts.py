"""What each kind of part of an edit needs: how it is checked, kept, made and taken back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.edit import CandidatePart, LabelPart, MaskPart, Part, PixelPart
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import FrameKey, Pixels
from medsynth_app.workspace import deltas, tables
from medsynth_app.workspace.blobs import Blobs, Pins
from medsynth_app.workspace.database import chunks
from medsynth_app.workspace.masks import FrameState, Masks, delta_of
from medsynth_app.workspace.tables import (
    CANDIDATE,
    DONE,
    LABEL,
    MASK,
    PIXELS,
    CandidateRow,
    EditRow,
    PartRow,
    PatchRow,
)

_NOWHERE = Bounds(0, 0, 0, 0)


class Overtaken(Exception):
    """The present state is not the one that the part left (or found)."""


@dataclass(frozen=True, eq=False)
class Stored:
    """A part as the journal keeps it.

    Attributes
    ----------
    frame
        None for a label.
    subject
        Of a label or a candidate.
    payload, patch
        Columns of its rows; `patch` belongs to pixels alone.
    delta
        What a mask part changes, counted from the corner of `bounds`.
    """

    kind: str
    frame: FrameKey | None
    frame_id: int | None
    bounds: Bounds
    subject: str | None = None
    payload: bytes | None = None
    patch: Mapping[str, str] | None = None
    delta: deltas.Delta | None = None

    def row(self, number: int, edit_id: int) -> dict[str, Any]:
        top, left, bottom, right = map(int, self.bounds.as_tuple())    # SQLite would keep NumPy's as bytes
        return dict(id=number, edit_id=edit_id, kind=self.kind, frame_id=self.frame_id, subject=self.subject,
                    payload=self.payload, top=top, left=left, bottom=bottom, right=right)


class Parts:
    """The parts of one opened document's edits; parameters as of `history.History`, and frames by row number."""

    def __init__(self, blobs: Blobs, masks: Masks, states: Mapping[FrameKey, FrameState],
                 keys: Mapping[int, FrameKey], region: Callable[[FrameKey, Bounds], Pixels]) -> None:
        self._blobs = blobs
        self._masks = masks
        self._states = states
        self._keys = keys
        self._region = region

    # -- of a new edit

    def require_fit(self, parts: Sequence[Part]) -> None:
        """Raise ValueError where a part is none of this document, or two change the same."""
        for part in parts:
            if isinstance(part, MaskPart | PixelPart):
                state, bounds, shape = self._states[part.frame], part.bounds, part.before.shape
                if bounds.empty or bounds != bounds.clipped(state.rows, state.columns) \
                        or shape[:2] != (bounds.height, bounds.width) or part.after.shape != shape:
                    raise ValueError(f"the edit does not fit its bounds or the frame: {bounds}, {shape}, "
                                     f"{part.after.shape}, frame {state.rows} x {state.columns}")
        labels = [part.subject for part in parts if isinstance(part, LabelPart)]  # a hundred thousand from a file
        others = [part for part in parts if not isinstance(part, LabelPart)]
        if len(set(labels)) < len(labels) or any(_clash(part, other) for k, part in enumerate(others)
                                                 for other in others[:k]):
            raise ValueError("two parts of one edit change the same")

    def check(self, session: Session, owned: ColumnElement[bool], parts: Sequence[Part]) -> None:
        """Raise `UserError` where what a part was made on is not what is there now."""
        standing = labels_of(session, owned, [part.subject for part in parts if isinstance(part, LabelPart)])
        for part in parts:
            self._check(session, part, standing)

    def _check(self, session: Session, part: Part, standing: Mapping[str, Any]) -> None:
        if isinstance(part, MaskPart):
            mask = self._masks.load(self._states[part.frame])
            if part.after.dtype != np.uint8 or not np.array_equal(mask.region(part.bounds), part.before):
                raise UserError("The mask has changed there since the stroke began.", "Paint the stroke again.",
                                safe="The earlier painting is saved.")
        elif isinstance(part, PixelPart):
            if _state_of(session, part.result_id) == tables.ACCEPTED:
                raise UserError("This result is in the image already.", "Undo it if you want the original back.",
                                safe="The image is as it was.")
            now = self._region(part.frame, part.bounds)
            if part.after.dtype != now.dtype or not np.array_equal(now, part.before):
                raise UserError("The image has changed there since this result was made.",
                                "Run it again on the image as it is now.", safe="The image is as it was.")
        elif isinstance(part, CandidatePart):
            if _state_of(session, part.candidate_id) != part.before:
                raise UserError("This candidate has been accepted or discarded meanwhile.", "Look at it again.",
                                safe="Nothing was changed.")
        elif standing.get(part.subject) != part.before:
            raise UserError("This label has been changed meanwhile.", "Look at it again, then label it anew.",
                            safe="The earlier label is saved.")

    def store(self, pins: Pins, part: Part) -> Stored | None:
        """What the journal keeps of a part; the blobs of pixels are written. None for one that changes nothing."""
        if isinstance(part, LabelPart):
            if part.before == part.after:
                return None
            payload = json.dumps([part.before, part.after]).encode()
            return Stored(LABEL, None, None, _NOWHERE, part.subject, payload)
        number = self._states[part.frame].id
        if isinstance(part, CandidatePart):
            payload = json.dumps([str(part.before), str(part.after)]).encode()
            return Stored(CANDIDATE, part.frame, number, part.bounds, part.candidate_id, payload)
        if isinstance(part, MaskPart):
            delta = deltas.encode(part.before, part.after)
            return None if delta is None else Stored(
                MASK, part.frame, number, part.bounds, payload=delta,
                delta=deltas.Delta((slice(None), slice(None)), part.before, part.after))
        patch = dict(result_id=part.result_id, before=pins.put_array(part.before), after=pins.put_array(part.after))
        return Stored(PIXELS, part.frame, number, part.bounds, patch=patch)

    # -- of one that is undone or redone

    def load(self, session: Session, owned: ColumnElement[bool], rows: Sequence[PartRow], undo: bool) -> list[Stored]:
        """Parts of the journal.

        Raises
        ------
        Overtaken
            When the present state is not the one that the edit left (or found).
        """
        standing = labels_of(session, owned, [row.subject or "" for row in rows if row.kind == LABEL])
        return [self._load(session, row, undo, standing) for row in rows]

    def _load(self, session: Session, row: PartRow, undo: bool, standing: Mapping[str, Any]) -> Stored:
        if row.kind == LABEL:
            before, after = json.loads(row.payload or b"[null, null]")
            if standing.get(row.subject or "") != (after if undo else before):
                raise Overtaken
            return Stored(LABEL, None, None, _NOWHERE, row.subject, row.payload)
        key, bounds = self._keys[row.frame_id or 0], row.bounds
        if row.kind == CANDIDATE:
            before, after = json.loads(row.payload or b"[null, null]")
            if _state_of(session, row.subject or "") != (after if undo else before):
                raise Overtaken
            return Stored(CANDIDATE, key, row.frame_id, bounds, row.subject, row.payload)
        if row.kind == MASK:
            delta = delta_of(row.payload, bounds)
            if not delta.fits(self._masks.load(self._states[key]).region(bounds), undo):
                raise Overtaken
            return Stored(MASK, key, row.frame_id, bounds, delta=delta)
        patch = session.get_one(PatchRow, row.id)
        if not undo and not np.array_equal(self._region(key, bounds), self._blobs.get_array(patch.before)):
            raise Overtaken
        return Stored(PIXELS, key, row.frame_id, bounds,
                      patch=dict(result_id=patch.result_id, before=patch.before, after=patch.after))

    # -- of both

    def settle(self, session: Session, parts: Sequence[Stored], undo: bool) -> None:
        """In the journal's transaction: a candidate is accepted with its edit, and staged again with its undoing."""
        states: dict[str, str] = {}
        for part in parts:
            if part.patch is not None:
                states[part.patch["result_id"]] = tables.STAGED if undo else tables.ACCEPTED
            elif part.kind == CANDIDATE:
                states[part.subject or ""] = json.loads(part.payload or b"")[0 if undo else 1]
        for number, state in states.items():
            session.execute(update(CandidateRow).where(CandidateRow.id == number).values(state=state)
                            .execution_options(synchronize_session=False))

    def write(self, parts: Sequence[Stored], step: int, undo: bool) -> None:
        """Make what was journalled in memory, or take it back."""
        for part in parts:
            if part.frame is not None and part.delta is not None:
                self._masks.write(self._states[part.frame], part.bounds, part.delta, step, undo)


def candidates_of(parts: Sequence[Part]) -> list[str]:
    """Ids of the candidates whose state follows these parts."""
    return [part.result_id if isinstance(part, PixelPart) else part.candidate_id
            for part in parts if isinstance(part, PixelPart | CandidatePart)]


def _clash(part: Part, other: Part) -> bool:
    """Whether two parts change the same."""
    if isinstance(part, CandidatePart) or isinstance(other, CandidatePart):
        return not set(candidates_of([part])).isdisjoint(candidates_of([other]))
    return (isinstance(other, MaskPart | PixelPart) and type(part) is type(other) and part.frame == other.frame
            and part.bounds.overlaps(other.bounds))


def _state_of(session: Session, candidate_id: str) -> str | None:
    """What became of a candidate; None where there is none."""
    return session.scalar(select(CandidateRow.state).where(CandidateRow.id == candidate_id))


def labels_of(session: Session, owned: ColumnElement[bool], subjects: Sequence[str]) -> dict[str, Any]:
    """The labels of these subjects that stand in the history whose edits are `owned`; those without one are left out.

    A file brings a hundred thousand at once, so they are asked for together.
    """
    found: dict[str, Any] = {}
    for part in chunks(list(subjects)):
        rows = session.execute(
            select(PartRow.subject, PartRow.payload).join(EditRow, PartRow.edit_id == EditRow.id)
            .where(PartRow.subject.in_(part), PartRow.kind == LABEL, owned, EditRow.state == DONE)
            .order_by(EditRow.applied))
        found |= {str(subject): payload for subject, payload in rows}
    plain = {subject: json.loads(payload)[1] for subject, payload in found.items()}
    return {subject: label for subject, label in plain.items() if label is not None}
