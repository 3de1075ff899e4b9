"""Results: what workers made, kept without loss before anybody sees it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
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
    ResultRow,
    now,
)

STATES = (STAGED, ACCEPTED, DISCARDED)


@dataclass(frozen=True)
class Result:
    """One candidate of an inpainting run.

    Attributes
    ----------
    state
        "staged", "accepted" or "discarded".
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
    state: str
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
        """Which pixels of `bounds` the result changes."""
        return self._blobs.get_array(self._arrays[1])

    def alpha(self) -> npt.NDArray[np.float32] | None:
        """Weight of the generated pixels, 0..1, where the worker sent it."""
        return None if self._arrays[2] is None else self._blobs.get_array(self._arrays[2])


class Results:
    """All results of a workspace."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    def add(self, job_id: str, document_id: str, frame_key: FrameKey | str, bounds: Bounds, candidate: int,
            patch: Pixels, effective: npt.NDArray[np.bool_], *, provenance: Provenance,
            alpha: npt.NDArray[np.floating] | None = None, seam: float | None = None,
            notices: tuple[str, ...] | None = None) -> Result:
        """Keep a candidate; durable when this returns.

        A job that ran twice (it was running when the program ended) replaces what is still staged; what was accepted
        or discarded stays. `document_id` is only a hint: the frame says where the result belongs. `seam` and
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
                row = session.scalar(select(ResultRow).where(
                    ResultRow.job_id == job_id, ResultRow.candidate == candidate))
                if row is not None and row.state != STAGED:
                    return self._results(session, [row])[0]
                old = [] if row is None else [row.patch, row.effective, row.alpha]
                row = row or ResultRow(id=uuid.uuid4().hex, job_id=job_id, candidate=int(candidate), state=STAGED)
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
                result = self._results(session, [row])[0]
        self._database.drop_blobs(self._blobs, [sha for sha in old if sha])
        return result

    def of_document(self, document_id: str, *states: str) -> list[Result]:
        """Results in these states ("staged" without any), in the order of their runs and candidates."""
        with self._database.read() as session:
            rows = session.scalars(select(ResultRow).where(
                ResultRow.document_id == document_id, ResultRow.state.in_(states or (STAGED,)))).all()
            results = self._results(session, rows)
        began: dict[str, str] = {}
        for result in results:
            began[result.job_id] = min(result.created, began.get(result.job_id, result.created))
        return sorted(results, key=lambda result: (began[result.job_id], result.job_id, result.candidate))

    def get(self, result_id: str) -> Result:
        """Raises KeyError when there is none."""
        with self._database.read() as session:
            row = session.get(ResultRow, result_id)
            if row is None:
                raise KeyError(result_id)
            return self._results(session, [row])[0]

    def set_state(self, result_id: str, state: str) -> Result:
        """Set "staged", "accepted" or "discarded". An edit with the result's id does this by itself."""
        if state not in STATES:
            raise ValueError(state)
        with self._database.write() as session:
            row = session.get(ResultRow, result_id)
            if row is None:
                raise KeyError(result_id)
            row.state = state
            return self._results(session, [row])[0]

    def _results(self, session: Session, rows: Any) -> list[Result]:
        keys = sources.frame_keys(session, (row.frame_id for row in rows))
        return [Result(row.id, row.job_id, row.document_id, keys[row.frame_id], row.bounds, row.candidate, row.seed,
                       row.state, Provenance.from_dict(sources.show(session, row.provenance)), row.seam,
                       tuple(sources.show(session, row.notices)), row.created, self._blobs,
                       (row.patch, row.effective, row.alpha)) for row in rows]


def removed_error(document_id: str) -> UserError:
    return UserError("The study of this result was removed from the workspace.",
                     "Open its file again and run once more.", details=f"document {document_id}")
