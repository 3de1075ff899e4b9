"""How long a run will take, learned from the last one."""

from __future__ import annotations

import time

from medsynth_app.core.job import EventKind, JobEvent, JobRecord
from medsynth_app.core.parameters import GenerateParameters, InpaintParameters


def work(parameters: InpaintParameters | GenerateParameters) -> float:
    """Denoising steps of a run, all candidates together."""
    strength = parameters.strength if isinstance(parameters, InpaintParameters) else 1.0
    return max(1.0, parameters.steps * strength) * parameters.count


class Pace:
    """Seconds per denoising step of each kind of job in this session."""

    def __init__(self) -> None:
        self._work: dict[str, float] = {}
        self._begun: dict[str, float] = {}
        self._pace: dict[str, float] = {}

    def submitted(self, job_id: str, amount: float) -> None:
        self._work[job_id] = amount

    def observe(self, record: JobRecord, event: JobEvent) -> None:
        if event.kind is EventKind.STARTED:
            self._begun[record.id] = time.monotonic()
        elif record.state.ended:
            begun, amount = self._begun.pop(record.id, None), self._work.pop(record.id, None)
            if event.kind is EventKind.DONE and begun is not None and amount is not None:
                self._pace[record.kind] = (time.monotonic() - begun) / amount

    def seconds(self, kind: str, amount: float) -> float | None:
        """Expected seconds of a run; None before the first one has ended."""
        pace = self._pace.get(kind)
        return None if pace is None else pace * amount
