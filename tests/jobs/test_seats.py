"""A short job never waits behind a long one of its lane; all that waits is cancelled at once."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest

from medsynth_app.core.job import EventKind, JobState, Lane
from medsynth_app.core.jobs.table import KINDS
from medsynth_app.jobs.running import Patience
from medsynth_app.jobs.store import MemoryJobStore
from tests.jobs.conftest import Bench
from tests.jobs.fake_worker import QUICK, QuickRequest

E = EventKind


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setitem(KINDS, QUICK.name, QUICK)
    bench = Bench(patience=Patience(cancel=0.6, saving=5.0, idle=0.5))
    bench.queue.start()
    yield bench
    bench.queue.close()


def test_a_short_job_runs_beside_a_long_one_in_a_worker_that_goes_when_it_is_idle(bench: Bench) -> None:
    long = bench.submit(steps=1000, seconds=0.05)
    bench.until_event(long, E.PROGRESS)
    assert not [job for job in bench.told if job[0].kind == "quick"]
    quick = bench.queue.submit(QuickRequest())
    assert bench.end(quick).state is JobState.DONE and bench.queue.state(long) is JobState.RUNNING
    pid = bench.events(quick, E.DONE)[0].data["pid"]
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=20)
    assert not psutil.pid_exists(pid)
    again = bench.queue.submit(QuickRequest())
    assert bench.end(again).state is JobState.DONE and bench.events(again, E.DONE)[0].data["pid"] != pid
    assert bench.queue.state(long) is JobState.RUNNING


def test_all_that_waits_is_cancelled_with_one_write(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    front, back = bench.submit(steps=1000, seconds=0.05), bench.submit(lane=Lane.BACKGROUND, steps=1000, seconds=0.05)
    bench.until_event(front, E.PROGRESS)
    bench.until_event(back, E.STARTED)
    waiting = [bench.submit() for _ in range(20)]
    behind = bench.submit(lane=Lane.BACKGROUND)
    writes: list[list[str]] = []
    cancel = MemoryJobStore.cancel
    monkeypatch.setattr(bench.store, "cancel", lambda ids: (writes.append(list(ids)), cancel(bench.store, ids)))
    assert bench.queue.cancel_waiting(Lane.BACKGROUND) == (behind,)
    assert bench.queue.cancel_waiting() == tuple(waiting)
    assert writes == [[behind], waiting]
    for job_id in (*waiting, behind):
        assert bench.end(job_id).state is JobState.CANCELLED and bench.kinds(job_id).count(E.CANCELLED) == 1
    assert bench.queue.state(front) is bench.queue.state(back) is JobState.RUNNING
    assert bench.queue.cancel_waiting() == ()
