"""How far a long work has come, for whoever waits."""

from __future__ import annotations

import sys
import time


class Progress:
    """Lines on stderr, at most one in `every` seconds, with the time left."""

    def __init__(self, what: str, total: int, every: float = 15.0) -> None:
        self.what, self.total, self.every = what, total, every
        self._begun = self._said = time.monotonic()

    def of(self, done: int, total: int) -> None:
        """The same where the total is only known now."""
        self.total = total
        self(done)

    def __call__(self, done: int, also: str = "") -> None:
        now = time.monotonic()
        if done and (now - self._said >= self.every or (done >= self.total and now - self._begun >= self.every)):
            self._said = now
            left = (now - self._begun) / done * (self.total - done)
            print(f"{self.what}: {done} of {self.total}, {left / 60:.1f} min left {also}", file=sys.stderr, flush=True)
