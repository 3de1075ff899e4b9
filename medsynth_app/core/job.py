"""Jobs: their record in the queue and the one message type that tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy.typing as npt

from medsynth_app.core.words import _


class Lane(StrEnum):
    INTERACTIVE = "interactive"
    BACKGROUND = "background"


class JobState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class EventKind(StrEnum):
    WAITING = "waiting"      # joined the queue, or its place changed
    STARTED = "started"      # data: device, dtype
    PROGRESS = "progress"    # step of steps, seconds_left, message
    PREVIEW = "preview"      # arrays: "0", "1", ... uint8 RGB, one per candidate
    RESULT = "result"        # one finished candidate; arrays and data depend on the request
    NOTICE = "notice"        # message: e.g. "out of memory; trying again in slices"
    DONE = "done"
    FAILED = "failed"        # message: what happened; data: remedy, details
    CANCELLED = "cancelled"


@dataclass(frozen=True, eq=False)
class JobEvent:
    """All that is ever said of a job.

    Attributes
    ----------
    seconds_left
        Estimate, None while unknown.
    arrays, data
        Payload of results and previews; see `EventKind`.
    """

    job_id: str
    kind: EventKind
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None
    message: str = ""
    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class JobRecord:
    """A job as the queue keeps it; the request itself is read when it starts.

    Attributes
    ----------
    kind
        Name of the request's type: "inpaint", "generate", "train", "embed".
    title
        What the drawer shows, without names or paths: "Inpaint: a polyp (4)".
    place
        Order among the waiting jobs of its lane; smaller runs first.
    restarts
        How often the application ended while it ran.
    """

    id: str
    kind: str
    lane: Lane
    title: str
    state: JobState
    place: float
    created: str
    document_id: str = ""
    message: str = ""
    person: str = ""
    restarts: int = 0

    @property
    def interruption(self) -> str:
        """What is said of a job that was started again; "" for any other."""
        if not self.restarts:
            return ""
        return _("Interrupted once; started again.") if self.restarts == 1 else _("Interrupted twice; started again.")
