"""Work of the window's own process: on another thread, one piece after the other, shown among the jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QThreadPool

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.words import _
from medsynth_app.session.errands import Errand
from medsynth_app.session.jobs import Jobs
from medsynth_app.ui.shell.banners import Banners
from medsynth_app.ui.shell.toasts import Toasts
from medsynth_app.ui.widgets.background import Background

WAIT_MS = 3000  # for what has been stopped, when the window closes


class Chores:
    """Runs pieces of work, each with time left and a way to stop among the jobs, and tells how they ended."""

    def __init__(self, jobs: Jobs, toasts: Toasts, banners: Banners, failed: Callable[[Exception], None]) -> None:
        self._jobs, self._toasts, self._banners, self._report = jobs, toasts, banners, failed
        self._pool = QThreadPool()
        self._pool.setMaxThreadCount(1)
        self.running: set[Background] = set()  # kept until they have ended
        self._closed = False

    def start(self, kind: str, title: str, work: Callable[[Background], Any], done: Callable[[Any], object],
              again: Callable[[], object], *, fault: str, stopped: str = "") -> Background:
        """Begin; returns at once.

        Parameters
        ----------
        kind, title, again
            As of `Errand`.
        work
            Runs on another thread; may use `Background.tell` and `Background.stopped`.
        done
            Told of its result, on the window's thread.
        fault, stopped
            What is said where it ended in a fault of ours, and where it was stopped; "" says nothing of a stop.
        """
        task = Background(work, lambda found: self._done(task, errand, done, found),
                          lambda error: self._failed(task, errand, error, fault, stopped))
        errand = self._jobs.errand(kind, title, task.stop, again)
        task.news.progress.connect(lambda at, of: None if self._closed else errand.went_on(at, of))
        self.running.add(task)
        self._pool.start(task)
        return task

    def finish(self, *, stop: bool = True, wait_ms: int = WAIT_MS) -> None:
        """Stop (or let end) and wait, when the window closes; what ends now is told to nobody."""
        self._closed = True
        if stop:
            for task in self.running:
                task.stop()
        self._pool.waitForDone(wait_ms)

    def _ended(self, task: Background) -> bool:
        """Whether somebody is told."""
        self.running.discard(task)
        return not self._closed

    def _done(self, task: Background, errand: Errand, done: Callable[[Any], object], found: Any) -> None:
        if self._ended(task):
            errand.done()
            done(found)

    def _failed(self, task: Background, errand: Errand, error: Exception, fault: str, stopped: str) -> None:
        if not self._ended(task):
            return
        if isinstance(error, Cancelled):
            errand.cancelled()
            if stopped:
                self._toasts.say("info", stopped)
        elif isinstance(error, UserError):
            errand.failed(error)
            self._banners.error(error)
        else:
            errand.failed(UserError(fault, _("Please send the report.")))
            self._report(error)
