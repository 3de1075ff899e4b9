"""One job as the drawer and the ring show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.job import EventKind, JobEvent, JobRecord

Preview = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class JobEntry:
    """One job.

    Attributes
    ----------
    fraction
        0..1, share of the steps done.
    seconds_left
        None while unknown.
    message
        What the worker says now, or why the job failed.
    remedy, details
        Of a failed job: what to do, and technical text to fold away.
    notices
        Sentences that came up while it ran.
    previews
        Latest previews, uint8 RGB (h, w, 3), one per candidate.
    device
        Where it runs, e.g. "CPU, bfloat16"; "" until it has started.
    """

    record: JobRecord
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None
    message: str = ""
    remedy: str = ""
    details: str = ""
    notices: tuple[str, ...] = ()
    previews: tuple[Preview, ...] = ()
    device: str = ""

    @property
    def fraction(self) -> float:
        return min(1.0, self.step / self.steps) if self.steps else 0.0

    def after(self, record: JobRecord, event: JobEvent) -> JobEntry:
        """The entry when the job has said this."""
        entry = replace(self, record=record, **_news(event))
        if event.kind is EventKind.NOTICE and event.message:
            entry = replace(entry, notices=(*entry.notices, event.message))
        return replace(entry, seconds_left=None, previews=()) if record.state.ended else entry


def _news(event: JobEvent) -> dict[str, Any]:
    """What an event says, as fields of `JobEntry`."""
    if event.kind is EventKind.STARTED:
        return {"device": device_text(event.data), "message": event.message, "step": 0, "notices": ()}
    if event.kind is EventKind.PROGRESS:
        return {"step": event.step, "steps": event.steps, "seconds_left": event.seconds_left,
                "message": event.message}
    if event.kind is EventKind.PREVIEW:
        return {"previews": tuple(previews_of(event).values())}
    if event.kind is EventKind.FAILED:
        return {"message": event.message, "remedy": str(event.data.get("remedy", "")),
                "details": str(event.data.get("details", ""))}
    return {}


def device_text(info: Mapping[str, Any]) -> str:
    """Where a worker runs, from what it says of itself: "CPU, bfloat16"."""
    names = {"cpu": "CPU", "cuda": "GPU", "mps": "GPU (Metal)"}
    parts = [str(info[key]) for key in ("device", "dtype") if info.get(key)]
    return ", ".join(names.get(part, part) for part in parts)


def previews_of(event: JobEvent) -> dict[int, Preview]:
    """Previews of an event by the numbers of their candidates, in order: of a large run a part is drawn at a time."""
    return {number: event.arrays[str(number)] for number in sorted(int(key) for key in event.arrays if key.isdigit())}
