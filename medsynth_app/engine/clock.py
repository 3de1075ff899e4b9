"""Time left: from what a job has done so far."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """Time left from what this run has done so far; a resumed run does not count what was done before.

    Parameters
    ----------
    limit
        Seconds that the run may take, or None.
    """

    def __init__(self, limit: float | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._now = limit, now
        self._begun = now()
        self._idle = 0.0
        self._first: tuple[float, float] | None = None

    def paused(self) -> _Pause:
        """A context whose time is not counted as work."""
        return _Pause(self)

    def seconds_left(self, done: float) -> float | None:
        """When the share `done` (0 to 1) of all is done; None until there is something to reckon from."""
        worked = self._now() - self._begun - self._idle
        rest = self._limit - (self._now() - self._begun) if self._limit is not None else None
        if done <= 0:
            return rest
        if self._first is None:
            self._first = (done, worked)
            return rest
        from_done, from_worked = self._first
        if done <= from_done:
            return rest
        estimate = (worked - from_worked) / (done - from_done) * (1 - done)
        return max(0.0, min(estimate, rest)) if rest is not None else estimate


class _Pause:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __enter__(self) -> None:
        self._since = self._clock._now()

    def __exit__(self, *_: object) -> None:
        self._clock._idle += self._clock._now() - self._since
