"""Work on another thread, and its result on the window's."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal

PAUSE = 0.05  # seconds between two pieces of news: more would take the window's time from the work


class _News(QObject):
    progress = Signal(int, int)
    ended = Signal(object)  # a function to run on the window's thread


class Background(QRunnable):
    """Runs `work` on the pool and hands its result, or its error, to the window's thread."""

    def __init__(self, work: Callable[[Background], Any], done: Callable[[Any], None],
                 failed: Callable[[Exception], None]) -> None:
        super().__init__()
        self.setAutoDelete(False)
        self._work, self._done, self._failed = work, done, failed
        self.news = _News()
        self.news.ended.connect(lambda run: run())
        self._stop = threading.Event()
        self._told = 0.0

    def tell(self, at: int, of: int) -> None:
        """Called by the work: so much of so much is done. The window hears of it at times, and of the end."""
        now = time.monotonic()
        if at >= of or now >= self._told + PAUSE:
            self._told = now
            self.news.progress.emit(at, of)

    def stop(self) -> None:
        self._stop.set()

    def stopped(self) -> bool:
        return self._stop.is_set()

    def run(self) -> None:
        try:
            result = self._work(self)
        except Exception as error:
            caught = error
            self.news.ended.emit(lambda: self._failed(caught))
        else:
            self.news.ended.emit(lambda: self._done(result))


class Away:
    """Work of the session on another thread, one piece after the other; its `away`."""

    def __init__(self) -> None:
        self._pool = QThreadPool()
        self._pool.setMaxThreadCount(1)
        self._running: set[Background] = set()  # kept until they have ended
        self._closed = False

    def __call__(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        task = Background(lambda _task: work(), lambda found: self._ended(task, lambda: then(found)),
                          lambda error: self._ended(task, lambda: _raise(error)))
        self._running.add(task)
        self._pool.start(task)

    def close(self) -> None:
        """Wait for what runs; nobody is told of it."""
        self._closed = True
        self._pool.clear()
        self._pool.waitForDone()

    def _ended(self, task: Background, tell: Callable[[], None]) -> None:
        self._running.discard(task)
        if not self._closed:
            tell()


def _raise(error: Exception) -> None:
    raise error  # on the window's thread, where faults are reported
