"""What the queue knows of its jobs, in memory and in the store alike."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime

from medsynth_app.core.failure import in_one_line
from medsynth_app.core.job import JobRecord, JobState, Lane
from medsynth_app.jobs.seats import Seat, seat_of
from medsynth_app.jobs.store import Arrays, JobStore, Plain, in_order, new_places

log = logging.getLogger(__name__)
MOST_RESTARTS = 2  # of a job under which the application ended


class Ledger:
    """Records of jobs. Guarded by the queue's lock.

    Attributes
    ----------
    told
        Jobs whose end has been told; nobody waits for them any more.
    forgotten
        Jobs of removed documents: nothing is told or stored of them. The record of one that runs stays until its
        worker is done with it.
    """

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._records: dict[str, JobRecord] = {}
        self._open: dict[Lane, dict[str, JobRecord]] = {lane: {} for lane in Lane}
        self.told: set[str] = set()
        self.forgotten: set[str] = set()

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._records

    def __getitem__(self, job_id: str) -> JobRecord:
        return self._records[job_id]

    def get(self, job_id: str) -> JobRecord | None:
        return self._records.get(job_id)

    def all(self) -> list[JobRecord]:
        """All but the forgotten, by lane and place."""
        return in_order([record for record in self._records.values() if record.id not in self.forgotten])

    def open(self, lane: Lane) -> list[JobRecord]:
        return list(self._open[lane].values())

    def next(self, seat: Seat) -> JobRecord | None:
        """The first that waits for this worker."""
        mine = (record for record in self.open(seat.lane)
                if record.state is JobState.WAITING and seat_of(record) is seat)
        return min(mine, key=lambda record: (record.place, record.created), default=None)

    def waiting(self, lane: Lane) -> list[JobRecord]:
        return in_order([record for record in self.open(lane) if record.state is JobState.WAITING])

    def take(self, record: JobRecord) -> None:
        """Know a job that the store has kept."""
        self._know(record)

    def wait_again(self, record: JobRecord) -> JobRecord | None:
        """Let a known job of an earlier session wait; None where it has been tried enough."""
        restarts = record.restarts + (record.state is JobState.RUNNING)
        if restarts > MOST_RESTARTS:
            return None
        self._know(replace(record, restarts=restarts))
        return self.change(record.id, JobState.WAITING)

    def add(self, record: JobRecord, plain: Plain, arrays: Arrays) -> JobRecord:
        """Keep a new job at the end of its lane."""
        place = max((other.place for other in self.open(record.lane)), default=0.0) + 1
        record = replace(record, state=JobState.WAITING, place=place,
                         created=datetime.now(UTC).isoformat(timespec="milliseconds"))
        self._store.add(record, plain, arrays)
        self._know(record)
        return record

    def change(self, job_id: str, state: JobState, message: str | None = None) -> JobRecord:
        """Set a job's state, and its message where there is a new one."""
        record = self._records[job_id]
        record = replace(record, state=state, message=record.message if message is None else message)
        self._know(record)
        if job_id not in self.forgotten:
            try:
                self._store.update(job_id, state, record.message, record.restarts)
            except Exception as error:  # a full disk: the window must still hear how the job ended
                log.error("the job store: %s", in_one_line(error))
        return record

    def cancel_waiting(self, lane: Lane | None) -> tuple[str, ...]:
        """Cancel what waits, in the store with one write; returns the ids."""
        gone = [record for each in Lane if lane in (None, each) for record in self.open(each)
                if record.state is JobState.WAITING]
        for record in gone:
            self._know(replace(record, state=JobState.CANCELLED, message=""))
        try:
            self._store.cancel([record.id for record in gone])
        except Exception as error:  # as in `change`
            log.error("the job store: %s", in_one_line(error))
        return tuple(record.id for record in gone)

    def move(self, job_id: str, before: str | None) -> tuple[str, ...]:
        """Put a waiting job before another one of its lane, or at the end (None); returns the jobs whose place has
        changed by that, none where it does not wait."""
        record = self._records.get(job_id)
        if record is None or record.state is not JobState.WAITING or before == job_id:
            return ()
        floor = max((other.place for other in self.open(record.lane) if other.state is JobState.RUNNING),
                    default=None)
        places = new_places(self.waiting(record.lane), job_id, before, floor)
        for other_id, place in places.items():
            self._store.move(other_id, place)
            self._know(replace(self._records[other_id], place=place))
        return tuple(places)

    def of_document(self, document_id: str) -> set[str]:
        """Jobs of a document; the store knows better where documents were merged."""
        return {record.id for record in (*self._records.values(), *self._store.records())
                if record.document_id == document_id}

    def drop(self, job_id: str) -> None:
        """Let go of the record of a forgotten job."""
        record = self._records.pop(job_id, None)
        if record is not None:
            self._open[record.lane].pop(job_id, None)

    def _know(self, record: JobRecord) -> None:
        self._records[record.id] = record
        if record.state.ended:
            self._open[record.lane].pop(record.id, None)
        else:
            self._open[record.lane][record.id] = record
