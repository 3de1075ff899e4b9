"""Jobs of the command line without a process of their own: see `same_process`."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from typer.testing import CliRunner

from medsynth_app import cli
from medsynth_app.core.job import Lane
from medsynth_app.jobs.client import STOPPED


class ThreadClient:
    """What `LaneClient` is, with the worker on a thread of this process: the same queue, worker and engines."""

    pid = None

    def __init__(self, lane: Lane, module: str, deliver: Callable[[object], None]) -> None:
        self._lane, self._module, self._deliver = lane, module, deliver
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def recv(self) -> Any:
        return self._inbox.get()

    def send(self, message: object) -> None:
        self._deliver(message)

    def start(self) -> None:
        pass  # a worker starts with its first job

    def post(self, *message: Any) -> None:
        if message[0] == "run" and self._thread is None:
            self._thread = threading.Thread(target=self._work, name=f"worker {self._lane}")
            self._thread.start()
        self._inbox.put(message)

    def stop(self) -> None:
        if self._thread is None:
            self._deliver((STOPPED,))
        else:
            self.post("quit")

    def kill(self) -> None:
        raise AssertionError("a thread cannot be killed")

    def _work(self) -> None:
        import_module(self._module).serve(self, self._lane)
        self._deliver((STOPPED,))


Run = Callable[..., Any]


@pytest.fixture
def same_process(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command and its worker in this process, where the model libraries are loaded once for all tests.

    Takes the arguments; returns the one JSON document that is printed. That processes of their own, without sockets,
    do the same is what the tests in `test_jobs` prove.
    """
    monkeypatch.setattr("medsynth_app.jobs.queue.LaneClient", ThreadClient)

    def run(*arguments: object) -> Any:
        answer = CliRunner().invoke(cli.app, [*(str(item) for item in arguments), "--json"])
        assert answer.exit_code == 0, answer.stderr
        return json.loads(answer.stdout)

    return run
