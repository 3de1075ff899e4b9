"""The worker's loop and what a handler has of its job, without a process round them."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from medsynth_app.core.errors import Cancelled
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.train import TrainRequest
from medsynth_app.engine.job import Job
from medsynth_app.engine.worker import Worker
from tests.asking import generate_of

E = EventKind


class Pipe:
    """Both directions in memory. `recv` of the worker blocks until the test says something."""

    def __init__(self) -> None:
        self.commands: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.said: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def recv(self) -> Any:
        return self.commands.get()

    def send(self, message: object) -> None:
        self.said.put(message)

    def next(self, kind: EventKind | str) -> Any:
        """The next message of a kind; what came before is dropped."""
        while True:
            message = self.said.get(timeout=5)
            if kind in (message[0] if isinstance(message, tuple) else message.kind,):
                return message


def _until_cancelled(request: Any, job: Job) -> Mapping[str, Any] | None:
    step = 0
    while not job.cancelled():
        if isinstance(request, TrainRequest):
            job.give_way()
        step += 1
        job.emit(JobEvent(job.id, E.PROGRESS, step=step, steps=1000, message=f"step {step}"))
        time.sleep(0.01)
    if isinstance(request, TrainRequest):
        raise Cancelled
    return None


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    worker = Worker(pipe, lambda kind: _until_cancelled, lambda pack, device: {})
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    yield pipe
    pipe.commands.put(("quit",))
    thread.join(5)
    assert not thread.is_alive()


def test_a_handler_that_returns_early_was_cancelled(pipe: Pipe) -> None:
    pipe.commands.put(("run", "a", generate_of()))
    pipe.next(E.PROGRESS)
    pipe.commands.put(("cancel", "a"))
    assert pipe.next(E.CANCELLED).job_id == "a"


def test_a_kind_that_saves_says_so_before_it_ends(pipe: Pipe) -> None:
    pipe.commands.put(("run", "a", TrainRequest("", "", "")))
    pipe.next(E.PROGRESS)
    pipe.commands.put(("cancel", "a"))
    while not pipe.next(E.PROGRESS).data.get("saving"):
        pass
    assert pipe.next(E.CANCELLED).job_id == "a"


@pytest.mark.parametrize("request_", [TrainRequest("", "", ""), generate_of()])
def test_a_held_job_stands_still_until_it_is_released(pipe: Pipe, request_: Any) -> None:
    pipe.commands.put(("run", "a", request_))
    pipe.next(E.PROGRESS)
    pipe.commands.put(("hold", True))
    while not (event := pipe.next(E.PROGRESS)).data.get("held"):
        pass
    assert "interactive" in event.message and event.step > 0
    time.sleep(0.1)
    assert pipe.said.empty()
    pipe.commands.put(("hold", False))
    assert pipe.next(E.PROGRESS).data["held"] is False
    assert pipe.next(E.PROGRESS).step == event.step + 1
    pipe.commands.put(("cancel", "a"))
    pipe.next(E.CANCELLED)


def test_an_unknown_kind_of_request_fails_and_the_worker_goes_on(pipe: Pipe) -> None:
    class Odd:
        kind = "odd"

    pipe.commands.put(("run", "a", Odd()))
    assert "KeyError" in pipe.next(E.FAILED).data["details"]
    pipe.commands.put(("warm", "", ""))
    assert pipe.next("ready") == ("ready", {})


def test_only_the_worker_tells_the_end() -> None:
    said: list[Any] = []
    job = Job("a", said.append)
    for kind in (E.DONE, E.FAILED, E.CANCELLED, E.NOTICE):
        job.emit(JobEvent("a", kind))
    assert [event.kind for event in said] == [E.NOTICE]


def test_fast_progress_is_thinned_out_but_its_end_and_new_words_are_told() -> None:
    said: list[JobEvent] = []
    job = Job("a", said.append)  # type: ignore[arg-type]
    for step in range(1, 1001):
        job.emit(JobEvent("a", E.PROGRESS, step=step, steps=1000, message="late" if step == 990 else ""))
    assert len(said) < 50
    assert said[0].step == 1 and said[-1].step == 1000 and [event.step for event in said if event.message] == [990]


def test_time_left_is_the_mean_step_times_what_is_left_unless_the_handler_knows_better() -> None:
    said: list[JobEvent] = []
    job = Job("a", said.append)  # type: ignore[arg-type]
    for step in range(1, 5):
        job.emit(JobEvent("a", E.PROGRESS, step=step, steps=14))
        time.sleep(0.06)
    job.emit(JobEvent("a", E.PROGRESS, step=5, steps=14, seconds_left=3.0))
    assert said[0].seconds_left is None and said[-1].seconds_left == 3.0
    assert said[3].seconds_left is not None and 0.5 < said[3].seconds_left < 2
