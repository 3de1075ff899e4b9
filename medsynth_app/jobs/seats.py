"""Which worker process does a job: one for each lane, and a second one for short jobs of the interactive lane."""

from __future__ import annotations

from enum import StrEnum

from medsynth_app.core.job import JobRecord, Lane
from medsynth_app.core.jobs.table import KINDS


class Seat(StrEnum):
    """A worker process; those of the lanes have the lanes' names."""

    INTERACTIVE = "interactive"
    SHORT = "short"
    BACKGROUND = "background"

    @property
    def lane(self) -> Lane:
        return Lane.BACKGROUND if self is Seat.BACKGROUND else Lane.INTERACTIVE


def seat_of(record: JobRecord) -> Seat:
    """A short kind of job never waits behind a long one of the interactive lane (`JobKind.short`)."""
    kind = KINDS.get(record.kind)
    short = kind is not None and kind.short and record.lane is Lane.INTERACTIVE
    return Seat.SHORT if short else Seat(record.lane.value)
