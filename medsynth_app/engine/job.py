"""What an engine has of its job: what it tells, and whether to stop or to give way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.engine.clock import Clock

PROGRESS_EVERY = 0.05  # seconds; more often than a screen shows it is of no use
_ENDS = (EventKind.DONE, EventKind.FAILED, EventKind.CANCELLED)


class Job:
    """What an engine has of its job: `emit` out, `cancelled` and `give_way` in.

    Attributes
    ----------
    saves
        As `JobKind.saves`: the queue waits longer for one that finds itself cancelled.
    stopped_early
        It was told to stop before it had ended.
    """

    def __init__(self, job_id: str, send: Callable[[object], None], saves: bool = False) -> None:
        self.id, self.saves = job_id, saves
        self.stopped_early = False
        self._send = send
        self._change = threading.Condition()
        self._cancelled = False
        self._held = False
        self._last = JobEvent(job_id, EventKind.PROGRESS)
        self._sent_at = 0.0
        self._clock = Clock()

    def emit(self, event: JobEvent) -> None:
        """Send an event of this job. The end is told by the worker; progress in quick succession is thinned out."""
        if event.kind in _ENDS:
            return
        if event.kind is EventKind.PROGRESS:
            now = time.monotonic()
            event = self._with_time_left(event)
            quick = now - self._sent_at < PROGRESS_EVERY and event.step < event.steps
            if quick and event.message == self._last.message and not event.data:
                return
            self._last, self._sent_at = event, now
        self._send(event)

    def started(self, device: str, dtype: str) -> None:
        """Say where it runs: "CPU" or a GPU's name, and in which precision."""
        self.emit(JobEvent(self.id, EventKind.STARTED, data={"device": device, "dtype": dtype}))

    def cancelled(self) -> bool:
        """Whether to stop; asked at every step. Gives way first, unless the engine does so itself."""
        if not self.saves:
            self.give_way()
        with self._change:
            cancelled = self._cancelled
        if cancelled and not self.stopped_early:
            self.stopped_early = True
            if self.saves:
                self._say("Saving a checkpoint", saving=True)
        return cancelled

    def give_way(self) -> None:
        """Block while an interactive job needs the machine, and say so; a cancel ends the wait."""
        with self._change:
            if not self._held or self._cancelled:
                return
        self._say("Waiting: an interactive job goes first", held=True)
        with self._change:
            self._change.wait_for(lambda: self._cancelled or not self._held)
        self._clock = Clock()
        self._say("Going on", held=False)

    def cancel(self) -> None:
        with self._change:
            self._cancelled = True
            self._change.notify_all()

    def hold(self, held: bool) -> None:
        with self._change:
            self._held = held
            self._change.notify_all()

    def _say(self, message: str, **data: bool) -> None:
        self._send(replace(self._last, message=message, seconds_left=None, arrays={}, data=data))

    def _with_time_left(self, event: JobEvent) -> JobEvent:
        """Add an estimate where the engine gave none."""
        if event.step <= 1 or event.step < self._last.step or event.steps != self._last.steps:
            self._clock = Clock()
        left = self._clock.seconds_left(event.step / event.steps) if event.steps else None
        return event if event.seconds_left is not None else replace(event, seconds_left=left)
