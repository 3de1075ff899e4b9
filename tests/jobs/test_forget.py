"""Forgetting the jobs of a removed document, with real worker processes."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from medsynth_app.core.job import EventKind, JobEvent, JobRecord, JobState, Lane
from medsynth_app.core.jobs.stored import to_parts
from medsynth_app.jobs.running import Patience
from medsynth_app.jobs.store import MemoryJobStore
from tests.asking import generate_of
from tests.jobs.conftest import Bench

E = EventKind


def test_jobs_of_a_removed_document_end_and_the_next_one_runs(bench: Bench) -> None:
    running = bench.submit(steps=500, seconds=0.05, document="gone")
    waiting, other = bench.submit(document="gone"), bench.submit(count=1, document="kept")
    bench.until_event(running, E.PROGRESS)
    assert bench.queue.forget("gone") == 2
    told = len([item for item in bench.told if item[1].job_id in (running, waiting)])
    assert [record.id for record in bench.queue.records()] == [other]
    assert [record.id for record in bench.store.records()] == [other]
    assert bench.end(other).state is JobState.DONE
    assert len([item for item in bench.told if item[1].job_id in (running, waiting)]) == told
    assert bench.kinds(waiting) in ([], [E.WAITING])
    with pytest.raises(KeyError):
        bench.queue.state(running)


def test_a_worker_that_does_not_answer_is_not_waited_for_long(bench: Bench) -> None:
    stuck = bench.submit("ignore", document="gone")
    bench.until_event(stuck, E.PROGRESS)
    assert bench.queue.forget("gone") == 1
    assert bench.queue.records() == [] and bench.store.records() == []
    assert bench.end(bench.submit()).state is JobState.DONE      # the worker was killed and started anew


def test_documents_that_were_merged_are_known_by_the_store() -> None:
    store = MemoryJobStore()
    bench = Bench(store, patience=Patience())
    job = bench.submit(document="slice")
    plain, arrays = to_parts(generate_of(prompt="x"))
    store.add(replace(store.records()[0], document_id="series"), plain, arrays)
    assert bench.queue.forget("series") == 1
    assert bench.queue.records() == [] and store.records() == []
    with pytest.raises(KeyError):
        store.load(job)
    bench.queue.close()


def test_what_the_receiver_refuses_during_the_removal_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    inside, removed = threading.Event(), threading.Event()

    def refuse(record: JobRecord, event: JobEvent) -> None:
        if event.kind is E.RESULT:
            inside.set()
            removed.wait(10)
            raise KeyError("its rows are gone")

    bench.disturb = refuse
    bench.queue.start()
    try:
        job = bench.submit(count=1, steps=1, document="gone")
        assert inside.wait(20)
        bench.queue.forget("gone")
        removed.set()
        later = bench.submit(lane=Lane.INTERACTIVE)
        assert bench.end(later).state is JobState.DONE
        assert E.FAILED not in bench.kinds(job)
        assert "the receiver of a result event: KeyError" in caplog.text
    finally:
        removed.set()
        bench.queue.close()
