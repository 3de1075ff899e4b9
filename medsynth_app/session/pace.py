"""How long a run will take, learned from the last one of its sort."""

from __future__ import annotations

import time
from dataclasses import dataclass

from medsynth_app.core.job import EventKind, JobEvent, JobRecord
from medsynth_app.core.pack import PackManifest
from medsynth_app.core.parameters import GenerateParameters, InpaintParameters


@dataclass(frozen=True)
class Work:
    """What a run has to do.

    Attributes
    ----------
    sort
        What the seconds per step depend on: the kind of job, the pack, and what shape is followed.
    steps
        Denoising steps, all candidates together.
    """

    sort: tuple[str, ...]
    steps: float

    @staticmethod
    def of(parameters: InpaintParameters | GenerateParameters, manifest: PackManifest, *sort: str) -> Work:
        """Of drawing with a pack; `sort` tells what it follows."""
        sampling, sort = parameters.sampling.drawn_with(manifest), (*sort, manifest.sha256)
        return Work(sort, max(1.0, sampling.steps * sampling.strength) * sampling.count)


class Pace:
    """Seconds per denoising step of each sort of run in this session."""

    def __init__(self) -> None:
        self._work: dict[str, Work] = {}
        self._begun: dict[str, float] = {}
        self._pace: dict[tuple[str, ...], float] = {}

    def submitted(self, job_id: str, work: Work) -> None:
        self._work[job_id] = work

    def observe(self, record: JobRecord, event: JobEvent) -> None:
        if event.kind is EventKind.STARTED:
            self._begun[record.id] = time.monotonic()
        elif record.state.ended:
            begun, work = self._begun.pop(record.id, None), self._work.pop(record.id, None)
            if event.kind is EventKind.DONE and begun is not None and work is not None:
                self._pace[work.sort] = (time.monotonic() - begun) / work.steps

    def seconds(self, work: Work) -> float | None:
        """Expected seconds of a run; None before the first one of its sort has ended."""
        pace = self._pace.get(work.sort)
        return None if pace is None else pace * work.steps
