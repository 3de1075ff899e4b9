"""Jobs on disk: fulfils `jobs.store.JobStore` by its shape (siblings do not import each other)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy.typing as npt
from sqlalchemy import ColumnElement, delete, exists, select, update
from sqlalchemy.orm import Session

from medsynth_app.core.job import JobRecord, JobState, Lane
from medsynth_app.core.jobs.table import KINDS
from medsynth_app.workspace import audit, sources
from medsynth_app.workspace.blobs import Blobs
from medsynth_app.workspace.database import Database, chunks
from medsynth_app.workspace.tables import DISCARDED, CandidateRow, JobArrayRow, JobRow

REQUEST_DAYS = 7    # a failed or cancelled job can be tried again so long
RECORD_DAYS = 30
LASTING = tuple(kind.name for kind in KINDS.values() if kind.lasts)


class Jobs:
    """The jobs table. Thread-safe; every call is durable when it returns."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    def add(self, record: JobRecord, plain: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Keep a new job with both parts of its request."""
        with self._blobs.pins() as pins:
            with ThreadPoolExecutor(max(1, len(arrays))) as pool:  # hashing and packing wait for nobody's turn
                blobs = dict(zip(arrays, pool.map(pins.put_array, arrays.values()), strict=True))
            with self._database.write() as session:
                session.add(JobRow(
                    id=record.id, kind=record.kind, lane=record.lane.value, title=record.title,
                    state=record.state.value, place=record.place, created=record.created,
                    document_id=record.document_id, message=record.message, person=record.person,
                    restarts=record.restarts,
                    request=sources.hide(session, dict(plain))))
                session.flush()
                session.add_all(JobArrayRow(job_id=record.id, name=name, blob=blob) for name, blob in blobs.items())
                about = [each for each in (record.id, record.document_id) if each]
                audit.write(session, record.kind, record.person, about)

    def load(self, job_id: str) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Both parts of a request (tuples as lists); KeyError when the job or its request is gone."""
        with self._database.read() as session:
            row = session.get(JobRow, job_id)
            if row is None or row.request is None:
                raise KeyError(job_id)
            plain: dict[str, Any] = sources.show(session, row.request)
            blobs = session.scalars(select(JobArrayRow).where(JobArrayRow.job_id == job_id)).all()
        return plain, {item.name: self._blobs.get_array(item.blob) for item in blobs}

    def plain(self, job_id: str) -> dict[str, Any]:
        """The plain half of a request, without reading its arrays; KeyError as in `load`."""
        with self._database.read() as session:
            text = session.scalar(select(JobRow.request).where(JobRow.id == job_id))
            if text is None:
                raise KeyError(job_id)
            plain: dict[str, Any] = sources.show(session, text)
        return plain

    def update(self, job_id: str, state: JobState, message: str = "", restarts: int = 0) -> None:
        """Set state, message and how often it was started again; nothing happens to a job whose study was removed.

        The request of a finished job goes where nothing needs it; a failed or cancelled one can be tried again.
        """
        self._set(job_id, state=JobState(state).value, message=message, restarts=restarts)
        if state is JobState.DONE:
            self._release(job_id)

    def cancel(self, job_ids: Sequence[str]) -> None:
        """Set the state of many jobs to cancelled, and their message to nothing, with one write."""
        with self._database.write() as session:
            for part in chunks(list(job_ids)):
                session.execute(update(JobRow).where(JobRow.id.in_(part)).values(
                    state=JobState.CANCELLED.value, message=""))

    def move(self, job_id: str, place: float) -> None:
        """Set the place among the jobs of its lane."""
        self._set(job_id, place=place)

    def records(self, *states: JobState) -> list[JobRecord]:
        """Jobs in these states (all without any), by lane (interactive first), then place."""
        query = select(JobRow).where(JobRow.state.in_([state.value for state in states])) if states else select(JobRow)
        with self._database.read() as session:
            rows = session.scalars(query).all()
        lanes = list(Lane)
        records = [JobRecord(row.id, row.kind, Lane(row.lane), row.title, JobState(row.state), row.place, row.created,
                             row.document_id, row.message, row.person, row.restarts) for row in rows]
        return sorted(records, key=lambda record: (lanes.index(record.lane), record.place, record.created))

    def _release(self, job_id: str) -> None:
        """Throw away the request of a finished job, unless "more like this" of one of its candidates may need it, or
        its kind `lasts`.

        Also of a discarded one, for undo brings it back.
        """
        with self._database.write() as session:
            blobs = _throw_requests(session, session.scalars(select(JobRow.id).where(
                JobRow.id == job_id, JobRow.state == JobState.DONE.value, JobRow.kind.not_in(LASTING), ~_drew())).all())
        self._database.drop_blobs(self._blobs, blobs)

    def prune(self, moment: datetime | None = None) -> None:
        """Throw away what nobody will ask for: called at every opening.

        Of ended jobs without a candidate that can be seen, requests go `REQUEST_DAYS` after the job was made (at once
        where it was done and drew none; with the record where the kind `lasts`) and records `RECORD_DAYS` after.
        """
        moment = moment or datetime.now(UTC)
        week, month = (_stamp(moment - timedelta(days=days)) for days in (REQUEST_DAYS, RECORD_DAYS))
        ended = JobRow.state.in_([state.value for state in JobState if state.ended])
        with self._database.write() as session:
            idle = session.execute(select(JobRow.id, JobRow.created, JobRow.state, JobRow.kind.in_(LASTING), _drew())
                                   .where(ended, ~_drew(CandidateRow.state != DISCARDED))).all()
            blobs = _throw_requests(session, [
                job_id for job_id, created, state, lasts, drew in idle
                if created < month or (not lasts and (created < week or (state == JobState.DONE.value and not drew)))])
            for part in chunks([job_id for job_id, created, *_ in idle if created < month]):
                session.execute(delete(JobRow).where(JobRow.id.in_(part)))
        self._database.drop_blobs(self._blobs, blobs)

    def remove_request(self, job_id: str) -> None:
        """Throw away what a job was to do; its record stays."""
        with self._database.write() as session:
            blobs = _throw_requests(session, [job_id])
        self._database.drop_blobs(self._blobs, blobs)

    def remove(self, job_id: str) -> None:
        """Throw a job away, its request with it; nothing happens where there is none."""
        with self._database.write() as session:
            blobs = _throw_requests(session, [job_id])
            session.execute(delete(JobRow).where(JobRow.id == job_id))
        self._database.drop_blobs(self._blobs, blobs)

    def _set(self, job_id: str, **values: Any) -> None:
        with self._database.write() as session:
            session.execute(update(JobRow).where(JobRow.id == job_id).values(**values))


def _drew(*such: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a job has candidates (that are such)."""
    return exists().where(CandidateRow.job_id == JobRow.id, *such)


def _throw_requests(session: Session, job_ids: Sequence[str]) -> set[str]:
    """Empty the requests of jobs; returns blobs that they held."""
    blobs: set[str] = set()
    for part in chunks(list(job_ids)):
        blobs.update(session.scalars(select(JobArrayRow.blob).where(JobArrayRow.job_id.in_(part))))
        session.execute(delete(JobArrayRow).where(JobArrayRow.job_id.in_(part)))
        session.execute(update(JobRow).where(JobRow.id.in_(part), JobRow.request.is_not(None)).values(request=None))
    return blobs


def _stamp(moment: datetime) -> str:
    """As `created` is written."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
