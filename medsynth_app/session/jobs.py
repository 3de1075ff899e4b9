"""The jobs as the drawer and the ring show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.job import EventKind, JobEvent, JobRecord, JobState

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class JobEntry:
    """One job.

    Attributes
    ----------
    fraction
        0..1, share of the steps done.
    seconds_left
        None while unknown.
    message
        What the worker says now, or why the job failed.
    remedy, details
        Of a failed job: what to do, and technical text to fold away.
    notices
        Sentences that came up while it ran.
    previews
        Latest previews, uint8 RGB (h, w, 3), one per candidate.
    device
        Where it runs, e.g. "CPU, bfloat16"; "" until it has started.
    """

    record: JobRecord
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None
    message: str = ""
    remedy: str = ""
    details: str = ""
    notices: tuple[str, ...] = ()
    previews: tuple[Picture, ...] = ()
    device: str = ""

    @property
    def fraction(self) -> float:
        return min(1.0, self.step / self.steps) if self.steps else 0.0


class JobList:
    """Waiting, running and lately ended jobs."""

    def __init__(self) -> None:
        self._entries: dict[str, JobEntry] = {}

    @property
    def entries(self) -> tuple[JobEntry, ...]:
        """Running first, then waiting in their order, then ended ones, newest first."""
        def shown(state: JobState) -> list[JobEntry]:
            return [entry for entry in self._entries.values() if entry.record.state is state]

        waiting = sorted(shown(JobState.WAITING), key=lambda entry: (entry.record.lane, entry.record.place))
        ended = [entry for entry in self._entries.values() if entry.record.state.ended]
        ended.sort(key=lambda entry: entry.record.created, reverse=True)
        return (*shown(JobState.RUNNING), *waiting, *ended)

    @property
    def active(self) -> int:
        """How many jobs wait or run: the number in the ring."""
        return sum(not entry.record.state.ended for entry in self._entries.values())

    @property
    def running(self) -> tuple[JobEntry, ...]:
        return tuple(entry for entry in self.entries if entry.record.state is JobState.RUNNING)

    def entry(self, job_id: str) -> JobEntry | None:
        return self._entries.get(job_id)

    def refresh(self, records: Iterable[JobRecord]) -> None:
        """Take over the queue's records; what is known of progress stays."""
        fresh = {}
        for record in records:
            known = self._entries.get(record.id)
            fresh[record.id] = replace(known, record=record) if known else JobEntry(record, message=record.message)
        self._entries = fresh

    def observe(self, record: JobRecord, event: JobEvent) -> JobEntry:
        """Note one event; returns the job's new entry."""
        entry = replace(self._entries.get(record.id, JobEntry(record)), record=record, **_news(event))
        if event.kind is EventKind.NOTICE and event.message:
            entry = replace(entry, notices=(*entry.notices, event.message))
        if record.state.ended:
            entry = replace(entry, seconds_left=None, previews=())
        self._entries[record.id] = entry
        return entry


def _news(event: JobEvent) -> dict[str, Any]:
    """What an event says, as fields of `JobEntry`."""
    if event.kind is EventKind.STARTED:
        return {"device": device_text(event.data), "message": event.message, "step": 0, "notices": ()}
    if event.kind is EventKind.PROGRESS:
        return {"step": event.step, "steps": event.steps, "seconds_left": event.seconds_left,
                "message": event.message}
    if event.kind is EventKind.PREVIEW:
        return {"previews": pictures(event)}
    if event.kind is EventKind.FAILED:
        return {"message": event.message, "remedy": str(event.data.get("remedy", "")),
                "details": str(event.data.get("details", ""))}
    return {}


def device_text(info: Mapping[str, Any]) -> str:
    """Where a worker runs, from what it says of itself: "CPU, bfloat16"."""
    names = {"cpu": "CPU", "cuda": "GPU", "mps": "GPU (Metal)"}
    parts = [str(info[key]) for key in ("device", "dtype") if info.get(key)]
    return ", ".join(names.get(part, part) for part in parts)


def pictures(event: JobEvent) -> tuple[Picture, ...]:
    """Previews of an event in the order of the candidates."""
    return tuple(event.arrays[key] for key in sorted((k for k in event.arrays if k.isdigit()), key=int))
