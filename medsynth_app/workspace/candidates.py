"""Candidates: what workers made, kept without loss before anybody sees it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import FrameKey, Pixels
from medsynth_app.core.provenance import Provenance
from medsynth_app.workspace import sources
from medsynth_app.workspace.blobs import Blobs
from medsynth_app.workspace.database import Database
from medsynth_app.workspace.tables import (
    ACCEPTED,
    DISCARDED,
    STAGED,
    CandidateRow,
    now,
)


class CandidateState(StrEnum):
    """What became of a candidate; its text is what the table holds. Edits alone change it (`core.edit`)."""

    STAGED = STAGED
    ACCEPTED = ACCEPTED
    DISCARDED = DISCARDED


@dataclass(frozen=True)
class Candidate:
    """One candidate of an inpainting run.

    Attributes
    ----------
    seam
        The seam measure in image units, None where it was not taken.
    """

    id: str
    job_id: str
    document_id: str
    frame_key: FrameKey
    bounds: Bounds
    candidate: int
    seed: int
    state: CandidateState
    provenance: Provenance
    seam: float | None
    notices: tuple[str, ...]
    created: str
    _blobs: Blobs = field(repr=False, compare=False)
    _arrays: tuple[str, str, str | None] = field(repr=False, compare=False)

    def pixels(self) -> Pixels:
        """The finished patch in the image's own type, shape of `bounds`."""
        return self._blobs.get_array(self._arrays[0])

    def effective(self) -> npt.NDArray[np.bool_]:
        """Which pixels of `bounds` it changes."""
        return self._blobs.get_array(self._arrays[1])

    def alpha(self) -> npt.NDArray[np.float32] | None:
        """Weight of the generated pixels, 0..1, where the worker sent it."""
        return None if self._arrays[2] is None else self._blobs.get_array(self._arrays[2])


class Candidates:
    """All candidates of a workspace."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    def add(self, job_id: str, document_id: str, frame_key: FrameKey | str, bounds: Bounds, candidate: int,
            patch: Pixels, effective: npt.NDArray[np.bool_], *, provenance: Provenance,
            alpha: npt.NDArray[np.floating] | None = None, seam: float | None = None,
            notices: tuple[str, ...] | None = None) -> Candidate:
        """Keep a candidate; durable when this returns.

        A job that ran twice (it was running when the program ended) replaces what is still staged; what was accepted
        or discarded stays. `document_id` is only a hint: the frame says where it belongs. `seam` and
        `notices` default to those of the provenance.

        Raises
        ------
        UserError
            When the study was removed meanwhile, or read-only.
        """
        shape = (bounds.height, bounds.width)
        if patch.shape[:2] != shape or effective.shape != shape:
            raise ValueError(f"patch {patch.shape} and mask {effective.shape} do not fit {bounds}")
        with self._blobs.pins() as pins:
            arrays = {"patch": pins.put_array(patch), "effective": pins.put_array(effective.astype(np.bool_)),
                      "alpha": None if alpha is None else pins.put_array(alpha)}
            with self._database.write() as session:
                frame = sources.frame_of(session, frame_key)
                if frame is None:
                    raise removed_error(document_id)
                row = session.scalar(select(CandidateRow).where(
                    CandidateRow.job_id == job_id, CandidateRow.candidate == candidate))
                if row is not None and row.state != STAGED:
                    return self._candidates(session, [row])[0]
                old = [] if row is None else [row.patch, row.effective, row.alpha]
                row = row or CandidateRow(id=uuid.uuid4().hex, job_id=job_id, candidate=int(candidate), state=STAGED)
                values: dict[str, Any] = arrays | dict(
                    document_id=frame.document_id, frame_id=frame.id, created=now(), seed=int(provenance.seed),
                    seam=provenance.seam if seam is None else float(seam),
                    provenance=sources.hide(session, provenance.to_dict()),
                    notices=sources.hide(session, provenance.notices if notices is None else notices),
                    top=int(bounds.top), left=int(bounds.left), bottom=int(bounds.bottom), right=int(bounds.right))
                for name, value in values.items():
                    setattr(row, name, value)
                session.add(row)
                session.flush()
                made = self._candidates(session, [row])[0]
        self._database.drop_blobs(self._blobs, [sha for sha in old if sha])
        return made

    def of_document(self, document_id: str, *states: CandidateState) -> list[Candidate]:
        """Candidates in these states (staged ones without any), in the order of their runs and candidates."""
        with self._database.read() as session:
            return self._in_order(session, CandidateRow.document_id == document_id, states)

    def of_frame(self, frame_key: FrameKey | str, *states: CandidateState) -> list[Candidate]:
        """Those of `of_document` that belong to one frame; none where the frame is unknown."""
        with self._database.read() as session:
            frame = sources.frame_of(session, frame_key)
            return [] if frame is None else self._in_order(session, CandidateRow.frame_id == frame.id, states)

    def get(self, candidate_id: str) -> Candidate:
        """Raises KeyError when there is none."""
        with self._database.read() as session:
            row = session.get(CandidateRow, candidate_id)
            if row is None:
                raise KeyError(candidate_id)
            return self._candidates(session, [row])[0]

    def _in_order(self, session: Session, where: ColumnElement[bool], states: Sequence[CandidateState]
                  ) -> list[Candidate]:
        rows = session.scalars(select(CandidateRow).where(where, CandidateRow.state.in_(states or (STAGED,)))).all()
        found = self._candidates(session, rows)
        began: dict[str, str] = {}
        for each in found:
            began[each.job_id] = min(each.created, began.get(each.job_id, each.created))
        return sorted(found, key=lambda each: (began[each.job_id], each.job_id, each.candidate))

    def _candidates(self, session: Session, rows: Any) -> list[Candidate]:
        keys = sources.frame_keys(session, (row.frame_id for row in rows))
        return [Candidate(row.id, row.job_id, row.document_id, keys[row.frame_id], row.bounds, row.candidate, row.seed,
                          CandidateState(row.state), Provenance.from_dict(sources.show(session, row.provenance)),
                          row.seam, tuple(sources.show(session, row.notices)), row.created, self._blobs,
                          (row.patch, row.effective, row.alpha)) for row in rows]


def removed_error(document_id: str) -> UserError:
    return UserError("The study of this result was removed from the workspace.",
                     "Open its file again and run once more.", details=f"document {document_id}")
