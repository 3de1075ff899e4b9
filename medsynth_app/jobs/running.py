"""What the queue knows of a running job, and how long it waits for one that was cancelled."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from medsynth_app.core.job import EventKind, JobEvent


@dataclass(frozen=True)
class Patience:
    """Seconds that a worker may take to answer a cancel: `cancel`, or twice its last step if that is
    longer; `saving` while it writes a checkpoint. `idle`: how long the worker of short jobs is kept without one."""

    cancel: float = 5.0
    saving: float = 60.0
    idle: float = 60.0


@dataclass
class Running:
    """One job in a worker.

    Attributes
    ----------
    request
        What was sent to the worker.
    begun
        The worker has begun it; one that died before (on a warm-up, or idle) took no harm from it.
    told
        Its end has been told already (the window's side failed on one of its events); the worker is
        merely being waited for.
    killed
        Its worker was ended because it ignored the cancel.
    """

    job_id: str
    cancelled_at: float | None = None
    told: bool = False
    killed: bool = False
    begun: bool = False
    request: Any = None
    _sent_again: bool = False
    _saving_since: float | None = None
    _saved_at: float = 0.0
    _step: int = 0
    _stepped_at: float = field(default_factory=time.monotonic)
    _step_seconds: float = 0.0

    def send_again(self) -> bool:
        """Whether a job whose worker died may be sent to the next one: once, and only if it had not begun."""
        again = not (self.begun or self._sent_again) and self.cancelled_at is None
        self._sent_again = True
        return again

    def see(self, event: JobEvent) -> None:
        """Learn from an event how long a step takes, and whether a checkpoint is being written.

        A worker says ``data={"saving": bool}`` about checkpoints and ``data={"held": bool}`` about
        giving way, whose time is no step's.
        """
        if event.kind is not EventKind.PROGRESS:
            return
        now = time.monotonic()
        if "saving" in event.data:
            self._saving_since = now if event.data["saving"] else None
            self._saved_at = now
        if "held" in event.data or event.step < self._step:
            self._step, self._stepped_at = event.step, now
        elif event.step > self._step:
            self._step_seconds = (now - self._stepped_at) / (event.step - self._step)
            self._step, self._stepped_at = event.step, now

    def deadline(self, patience: Patience) -> float | None:
        """When (``time.monotonic``) the worker is killed unless it has answered; None while nobody cancelled."""
        if self.cancelled_at is None or self.killed:
            return None
        usual = max(self.cancelled_at, self._saved_at) + max(patience.cancel, 2 * self._step_seconds)
        return usual if self._saving_since is None else max(usual, self._saving_since + patience.saving)
