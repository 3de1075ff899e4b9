"""How long a cell is looked at."""

from __future__ import annotations

import time
from collections.abc import Callable

LONGEST = 30.0  # seconds that count without a sign of life: then somebody has left the room


class LabelClock:
    """Runs while a cell is on the screen and somebody is there.

    Parameters
    ----------
    now
        Seconds of a clock that never goes back.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._spent = 0.0
        self._since: float | None = None

    def start(self) -> None:
        """A new cell is drawn."""
        self._spent, self._since = 0.0, self._now()

    def pause(self) -> None:
        """The window has lost the focus."""
        self._spent, self._since = self.seconds, None

    def resume(self) -> None:
        """Somebody is there: the window has the focus, or the mouse moved."""
        self._spent, self._since = self.seconds, self._now()

    @property
    def running(self) -> bool:
        return self._since is not None and self._now() - self._since < LONGEST

    @property
    def seconds(self) -> float:
        return self._spent + (0.0 if self._since is None else min(self._now() - self._since, LONGEST))
