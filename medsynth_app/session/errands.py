"""Work of this process that stands among the jobs: it reads the open image, and changes nothing in the workspace.

No worker does it, and no queue keeps it: it is gone with the window.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent, JobRecord, JobState, Lane


class Errand:
    """One piece of work. Whoever does it says how it goes, on the session's thread.

    Parameters
    ----------
    stop
        Asks whoever does it to stop.
    again
        Does the same once more, as another errand.
    tell
        Told of all that happens.
    """

    def __init__(self, kind: str, title: str, stop: Callable[[], object], again: Callable[[], object],
                 tell: Callable[[JobRecord, JobEvent], None]) -> None:
        self.record = JobRecord(uuid.uuid4().hex, kind, Lane.INTERACTIVE, title, JobState.RUNNING, 0.0,
                                f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}")
        self.stop, self.again, self._tell = stop, again, tell
        self._begun = time.monotonic()

    def begin(self) -> None:
        self._tell(self.record, JobEvent(self.record.id, EventKind.STARTED))

    def went_on(self, step: int, steps: int) -> None:
        """So many steps of so many are done."""
        left = (time.monotonic() - self._begun) / step * (steps - step) if step else None
        self._tell(self.record, JobEvent(self.record.id, EventKind.PROGRESS, step, steps, left))

    def done(self) -> None:
        self._end(JobState.DONE, EventKind.DONE)

    def cancelled(self) -> None:
        self._end(JobState.CANCELLED, EventKind.CANCELLED)

    def failed(self, error: UserError) -> None:
        self._end(JobState.FAILED, EventKind.FAILED, error)

    def _end(self, state: JobState, kind: EventKind, error: UserError | None = None) -> None:
        self.record = replace(self.record, state=state)
        told = {} if error is None else {"remedy": error.remedy, "details": error.details}
        self._tell(self.record, JobEvent(self.record.id, kind, message=error.happened if error else "", data=told))
