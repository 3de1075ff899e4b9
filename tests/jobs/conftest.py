"""A queue with fake workers, and everything that it told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from medsynth_app.core.job import EventKind, JobEvent, JobRecord, JobState, Lane
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.jobs.running import Patience
from medsynth_app.jobs.store import JobStore, MemoryJobStore
from tests.asking import generate_of

FAKE = "tests.jobs.fake_worker"
BUSY = 120.0  # seconds: a worker of its own takes half a minute to start where others want both cores


class Bench:
    """A queue, its store, and a record of all events with the state that the store held at that moment."""

    def __init__(self, store: JobStore | None = None, **options: Any) -> None:
        self.store = store or MemoryJobStore()
        self.told: list[tuple[JobRecord, JobEvent, JobState]] = []
        self.threads: set[str] = set()
        self.ready: list[Mapping[str, Any]] = []
        self.disturb: Callable[[JobRecord, JobEvent], None] = lambda record, event: None
        self._news = threading.Condition()
        self.queue = JobQueue(self.store, self._hear, worker_module=FAKE, on_ready=self._hear_ready, **options)

    def _hear(self, record: JobRecord, event: JobEvent) -> None:
        stored = next(item.state for item in self.store.records() if item.id == event.job_id)
        with self._news:
            self.told.append((record, event, stored))
            self.threads.add(threading.current_thread().name)
            self._news.notify_all()
        self.disturb(record, event)

    def _hear_ready(self, info: Mapping[str, Any]) -> None:
        with self._news:
            self.ready.append(info)
            self._news.notify_all()

    def submit(self, prompt: str = "", *, lane: Lane = Lane.INTERACTIVE, steps: int = 1, seconds: float = 0.0,
               count: int = 0, preview_every: int = 0, document: str = "") -> str:
        request = generate_of(prompt=prompt, steps=steps, guidance=seconds, count=count,
                              preview_every=preview_every)
        return self.queue.submit(request, title=prompt or "job", lane=lane, document_id=document)

    def kinds(self, job_id: str) -> list[EventKind]:
        return [event.kind for _, event, _ in self.told if event.job_id == job_id]

    def events(self, job_id: str, kind: EventKind) -> list[JobEvent]:
        return [event for _, event, _ in self.told if event.job_id == job_id and event.kind is kind]

    def until(self, true: Callable[[], bool], seconds: float = BUSY) -> None:
        """Wait until something told makes `true` true."""
        end = time.monotonic() + seconds
        with self._news:
            while not true():
                assert time.monotonic() < end, "it never happened"
                self._news.wait(0.2)

    def until_event(self, job_id: str, kind: EventKind) -> None:
        self.until(lambda: kind in self.kinds(job_id))

    def end(self, job_id: str) -> JobRecord:
        record = self.queue.wait(job_id, BUSY)
        assert record.state.ended, record
        return record


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench(patience=Patience(cancel=0.6, saving=5.0))
    bench.queue.start()
    yield bench
    bench.queue.close()
