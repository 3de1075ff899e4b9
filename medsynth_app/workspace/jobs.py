"""Jobs on disk: fulfils `jobs.store.JobStore` by its shape (siblings do not import each other)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
from sqlalchemy import delete, select, update

from medsynth_app.core.job import JobRecord, JobState, Lane
from medsynth_app.workspace import sources
from medsynth_app.workspace.blobs import Blobs
from medsynth_app.workspace.database import Database
from medsynth_app.workspace.tables import JobArrayRow, JobRow


class Jobs:
    """The jobs table. Thread-safe; every call is durable when it returns."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    def add(self, record: JobRecord, plain: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Keep a new job with both parts of its request."""
        with self._blobs.pins() as pins:
            blobs = {name: pins.put_array(array) for name, array in arrays.items()}
            with self._database.write() as session:
                session.add(JobRow(
                    id=record.id, kind=record.kind, lane=record.lane.value, title=record.title,
                    state=record.state.value, place=record.place, created=record.created,
                    document_id=record.document_id, message=record.message, person=record.person,
                    request=sources.hide(session, dict(plain))))
                session.flush()
                session.add_all(JobArrayRow(job_id=record.id, name=name, blob=blob) for name, blob in blobs.items())

    def load(self, job_id: str) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Both parts of a request (tuples as lists); KeyError when the job or its request is gone."""
        with self._database.read() as session:
            row = session.get(JobRow, job_id)
            if row is None or row.request is None:
                raise KeyError(job_id)
            plain: dict[str, Any] = sources.show(session, row.request)
            blobs = session.scalars(select(JobArrayRow).where(JobArrayRow.job_id == job_id)).all()
        return plain, {item.name: self._blobs.get_array(item.blob) for item in blobs}

    def update(self, job_id: str, state: JobState, message: str = "") -> None:
        """Set state and message; nothing happens to a job whose study was removed."""
        self._set(job_id, state=JobState(state).value, message=message)

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
                             row.document_id, row.message, row.person) for row in rows]
        return sorted(records, key=lambda record: (lanes.index(record.lane), record.place, record.created))

    def remove_request(self, job_id: str) -> None:
        """Throw away what a job was to do; its record stays."""
        with self._database.write() as session:
            blobs = session.scalars(select(JobArrayRow.blob).where(JobArrayRow.job_id == job_id)).all()
            session.execute(delete(JobArrayRow).where(JobArrayRow.job_id == job_id))
            session.execute(update(JobRow).where(JobRow.id == job_id).values(request=None))
        self._database.drop_blobs(self._blobs, blobs)

    def _set(self, job_id: str, **values: Any) -> None:
        with self._database.write() as session:
            session.execute(update(JobRow).where(JobRow.id == job_id).values(**values))
