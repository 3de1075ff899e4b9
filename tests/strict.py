"""What no test may leave behind: errors in the log, threads that go on, timers that still tick.

Warnings are errors (see pyproject); a test that means to provoke one says so with `pytest.warns`, and one that means to
provoke an entry in the log reads it with `caplog`.
"""

from __future__ import annotations

import gc
import logging
import sys
import threading
import time
from collections.abc import Iterator

import pytest

PATIENCE = 10.0  # seconds for a thread that is about to end, on a busy machine
# Threads that libraries start once and keep: they hold nothing of a test.
KEPT = ("pytest_timeout", "tqdm", "asyncio", "IPython", "QThread", "Dummy-", "QueueFeederThread", "pool-torch")


class _Errors(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(f"{record.name}: {record.getMessage()}")


@pytest.fixture(autouse=True)
def leaves_nothing_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that logs an error unasked, or leaves a thread or a ticking timer."""
    threads, errors = set(threading.enumerate()), _Errors()
    gc.freeze()     # what is there already need not be looked through for timers, nor at every collection
    root = logging.getLogger()
    root.addHandler(errors)
    try:
        yield
    finally:
        root.removeHandler(errors)
        gui = {"qapp", "qtbot"} & set(request.fixturenames) or request.node.get_closest_marker("gui")
        ticking = _ticking() if gui else []
        gc.unfreeze()
    if "caplog" not in request.fixturenames:
        assert errors.texts == []
    assert [thread.name for thread in _left(threads)] == []
    assert [_words(timer) for timer in ticking] == []


def _left(before: set[threading.Thread]) -> list[threading.Thread]:
    """Threads of the test that are still alive after some patience."""
    end = time.monotonic() + PATIENCE
    while True:
        left = [thread for thread in set(threading.enumerate()) - before if not thread.name.startswith(KEPT)]
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.01)


def _ticking() -> list[object]:
    """Timers made since all else was frozen that tick on until they are stopped."""
    core = sys.modules.get("PySide6.QtCore")
    if core is None:
        return []
    import shiboken6

    core.QCoreApplication.sendPostedEvents(None, core.QEvent.Type.DeferredDelete)
    return [found for found in gc.get_objects()
            if type(found).__name__ == "QTimer" and shiboken6.isValid(found) and found.isActive()
            and not found.isSingleShot()]


def _words(timer: object) -> str:
    parent = timer.parent()  # type: ignore[attr-defined]
    return f"a timer of {timer.interval()} ms of {type(parent).__name__}"  # type: ignore[attr-defined]
