"""What the queue's thread has to do: tasks of other threads, in their order."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Iterable

from medsynth_app.core.failure import in_one_line

log = logging.getLogger(__name__)
Task = Callable[[], object]


class Inbox:
    """Tasks for one thread."""

    def __init__(self) -> None:
        self._tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()

    def put(self, task: Task) -> None:
        self._tasks.put(task)

    def empty(self) -> bool:
        return self._tasks.empty()

    def take(self, deadlines: Iterable[float]) -> list[Task]:
        """Wait for something to do or for a deadline (``time.monotonic``); everything that has come, so that an answer
        to a cancel is read before its deadline is looked at."""
        first = min(deadlines, default=None)
        try:
            tasks = [self._tasks.get(timeout=None if first is None else max(0.0, first - time.monotonic()))]
        except queue.Empty:
            return []
        return tasks + [self._tasks.get() for _ in range(self._tasks.qsize())]


def guarded(task: Task) -> None:
    """Do a task; a bug in it must not end the queue."""
    try:
        task()
    except Exception as error:
        log.error("the job queue: %s", in_one_line(error))
