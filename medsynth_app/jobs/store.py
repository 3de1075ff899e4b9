"""Where jobs are kept: the protocol that the workspace fulfils, and one in memory."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy.typing as npt

from medsynth_app.core.job import JobRecord, JobState, Lane

Plain = Mapping[str, Any]
Arrays = Mapping[str, npt.NDArray[Any]]
SMALLEST_GAP = 1e-6


class JobStore(Protocol):
    """Keeps jobs across restarts. Called from several threads; every call is durable when it returns."""

    def add(self, record: JobRecord, plain: Plain, arrays: Arrays) -> None:
        """Keep a new job with both parts of its request (see `core.jobs.stored.to_parts`)."""
        ...

    def load(self, job_id: str) -> tuple[Plain, Arrays]:
        """Both parts of a job's request; KeyError when the job or its request is gone."""
        ...

    def update(self, job_id: str, state: JobState, message: str = "", restarts: int = 0) -> None:
        """Set a job's state and message, and how often it was started again."""
        ...

    def cancel(self, job_ids: Sequence[str]) -> None:
        """Set the state of many jobs to cancelled, and their message to nothing, with one write."""
        ...

    def records(self, *states: JobState) -> list[JobRecord]:
        """Jobs in these states (all without any), ordered by lane, then place."""
        ...

    def move(self, job_id: str, place: float) -> None:
        """Set a job's place among the jobs of its lane."""
        ...

    def remove(self, job_id: str) -> None:
        """Throw a job away, its request with it; nothing happens where there is none."""
        ...


def in_order(records: list[JobRecord]) -> list[JobRecord]:
    """Records by lane (interactive first), then place."""
    lanes = list(Lane)
    return sorted(records, key=lambda record: (lanes.index(record.lane), record.place, record.created))


def new_places(waiting: list[JobRecord], moved: str, before: str | None, floor: float | None) -> dict[str, float]:
    """Places that change when the job `moved` goes before another one, or to the end (None).

    Parameters
    ----------
    waiting
        The waiting jobs of one lane in order, `moved` among them.
    floor
        Place of the running job, which stays in front; None when there is none.
    """
    others = [record for record in waiting if record.id != moved]
    at = next((k for k, other in enumerate(others) if other.id == before), len(others))
    if floor is None:
        floor = others[0].place - 2 if others else 0.0
    below = others[at - 1].place if at else floor
    above = others[at].place if at < len(others) else below + 2
    if above - below >= SMALLEST_GAP:
        return {moved: (below + above) / 2}
    order = [other.id for other in others[:at]] + [moved] + [other.id for other in others[at:]]
    return {job_id: floor + 1 + k for k, job_id in enumerate(order)}


class MemoryJobStore:
    """A `JobStore` that lasts as long as its object: for tests and for work without a workspace."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: dict[str, JobRecord] = {}
        self._requests: dict[str, tuple[str, dict[str, npt.NDArray[Any]]]] = {}

    def add(self, record: JobRecord, plain: Plain, arrays: Arrays) -> None:
        text = json.dumps(dict(plain))  # the same demands on a request as a store on disk
        with self._lock:
            self._records[record.id] = record
            self._requests[record.id] = text, dict(arrays)

    def load(self, job_id: str) -> tuple[Plain, Arrays]:
        with self._lock:
            text, arrays = self._requests[job_id]
        return json.loads(text), arrays

    def update(self, job_id: str, state: JobState, message: str = "", restarts: int = 0) -> None:
        with self._lock:
            self._records[job_id] = replace(self._records[job_id], state=state, message=message, restarts=restarts)

    def cancel(self, job_ids: Sequence[str]) -> None:
        for job_id in job_ids:
            self.update(job_id, JobState.CANCELLED)

    def records(self, *states: JobState) -> list[JobRecord]:
        with self._lock:
            return in_order([record for record in self._records.values() if not states or record.state in states])

    def move(self, job_id: str, place: float) -> None:
        with self._lock:
            self._records[job_id] = replace(self._records[job_id], place=place)

    def remove(self, job_id: str) -> None:
        with self._lock:
            self._records.pop(job_id, None)
            self._requests.pop(job_id, None)
