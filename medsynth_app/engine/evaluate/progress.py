"""How far a study has come, over all its stages, and whether it is to stop."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

from medsynth_app.core.errors import Cancelled
from medsynth_app.core.job import EventKind, JobEvent

STEPS = 1000  # what the whole study counts as
RECENT = 30  # reports that the time left is reckoned from


class Progress:
    """Stages with their shares of the time; what is told raises `Cancelled` once the job is to stop.

    Parameters
    ----------
    cancelled
        Asked at every step; may block while the interactive lane works, which does not count as work.
    plan
        The stages in their order, each with its guessed share of the whole. One that comes again, or one that is not
        planned, does not move the whole.

    Attributes
    ----------
    idle
        Seconds spent in giving way.
    """

    def __init__(self, emit: Callable[[JobEvent], None], cancelled: Callable[[], bool], job_id: str = "",
                 plan: Sequence[tuple[str, float]] = (), now: Callable[[], float] = time.monotonic) -> None:
        self._emit, self._cancelled, self._job_id, self._now = emit, cancelled, job_id, now
        whole = sum(share for _, share in plan) or 1.0
        self._begins: dict[str, tuple[float, float]] = {}
        begin = 0.0
        for name, share in plan:
            self._begins[name] = begin, share / whole
            begin += share / whole
        self._done = 0.0
        self.idle = 0.0
        self._left: float | None = None
        self._recent: deque[tuple[float, float]] = deque(maxlen=RECENT)

    def worked(self) -> float:
        """Seconds on a clock that stands still while the job gives way."""
        return self._now() - self.idle

    def stopped(self) -> bool:
        """Whether to stop; gives way first."""
        begun = self._now()
        stop = self._cancelled()
        self.idle += self._now() - begun
        return stop

    def stop_if_cancelled(self) -> None:
        if self.stopped():
            raise Cancelled

    def stage(self, name: str, stops: bool = True) -> Callable[[int, int], None]:
        """A function to be told (done, total) of that stage; with `stops` it raises `Cancelled` once that is due."""
        begin, share = self._begins.get(name, (self._done, 0.0))
        self._recent.clear()

        def tell(done: int, total: int) -> None:
            if stops:
                self.stop_if_cancelled()
            self._done = max(self._done, begin + share * min(1.0, done / max(total, 1)))
            self._report(f"{name}: {done} of {total}")

        return tell

    def _report(self, message: str) -> None:
        self._recent.append((self._done, self.worked()))
        first_done, first_at = self._recent[0]
        if self._done > first_done and len(self._recent) > 3:
            pace = (self.worked() - first_at) / (self._done - first_done)
            self._left = pace * (1 - self._done)
        self._emit(JobEvent(self._job_id, EventKind.PROGRESS, step=round(self._done * STEPS), steps=STEPS,
                            seconds_left=self._left, message=message))
