"""A kind of job, as one value: what is asked, where it runs, what is said of it, what comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.changes import Changes
from medsynth_app.core.image import FrameKey, Pixels
from medsynth_app.core.job import JobEvent, JobRecord, Lane
from medsynth_app.core.provenance import Provenance

R = TypeVar("R")


class Outcome(StrEnum):
    """What a job leaves behind; the window knows where that is shown."""

    CANDIDATES = "candidates"
    PICTURES = "pictures"
    PACKS = "packs"
    DATA = "data"
    LEARNED = "learned"
    SET = "set"
    FILE = "file"


class Candidate(Protocol):
    @property
    def document_id(self) -> str: ...


class Picture(Protocol):
    @property
    def id(self) -> str: ...


class Requests(Protocol):
    """Of the workspace's jobs."""

    def plain(self, job_id: str) -> Mapping[str, Any]:
        """The plain half of a request (see `core.jobs.stored`); KeyError when it is gone."""
        ...


class Candidates(Protocol):
    """Of the workspace's candidates."""

    def add(self, job_id: str, document_id: str, frame_key: FrameKey | str, bounds: Bounds, candidate: int,
            patch: Pixels, effective: npt.NDArray[np.bool_], *, provenance: Provenance,
            alpha: npt.NDArray[np.floating] | None = None, seam: float | None = None) -> Candidate: ...


class Pictures(Protocol):
    """Of the workspace's generated pictures."""

    def add(self, job_id: str, candidate: int, pixels: npt.NDArray[np.uint8], provenance: Provenance, *,
            mask: npt.NDArray[np.uint8] | None = None, document_id: str = "") -> Picture: ...


class Keeper(Protocol):
    """What receiving needs of a workspace."""

    @property
    def jobs(self) -> Requests: ...

    @property
    def candidates(self) -> Candidates: ...

    @property
    def pictures(self) -> Pictures: ...


Receive = Callable[[Keeper, JobRecord, JobEvent], Changes]


def receive_nothing(workspace: Keeper, record: JobRecord, event: JobEvent) -> Changes:
    """For kinds whose worker has written what it made."""
    return Changes()


@dataclass(frozen=True)
class JobKind(Generic[R]):
    """One kind of job. It stands in `core.jobs.table`, and nowhere is asked "which kind is it?".

    Attributes
    ----------
    name
        As `JobRecord.kind` keeps it; never changed once jobs are stored.
    request
        Type of its requests: a frozen dataclass of plain values, arrays and such dataclasses (`core.jobs.stored`).
    lane
        Where it runs unless the queue is told otherwise.
    title
        What the drawer shows of a request, without names or paths: "Inpaint: a polyp (4)".
    engine
        Module under ``medsynth_app.engine`` that a worker runs: ``run(request, job)``.
    outcome, done
        What it leaves behind, and what is said when that is there: "Candidates are ready".
    receive
        Writes what an event brings into the workspace, before anybody sees it; may raise `UserError`.
    saves
        Its engine writes a checkpoint when cancelled, and calls `engine.job.Job.give_way` itself.
    lasts
        What it made can be gone on from: its request is kept as long as its record.
    short
        It ends within seconds: in the interactive lane it never waits behind a job of a kind that does not.
    smaller
        What takes less memory, where there was too little: "Try again with ...".
    flat
        Makes a request from the flat values, arrays among them, as the first workspaces stored it; None for kinds that
        are younger.
    renewed
        Brings the plain values of a nested request up to date, in the names that a field has had; None where all are as
        they were.
    """

    name: str
    request: type[R]
    lane: Lane
    title: Callable[[R], str]
    engine: str
    outcome: Outcome
    done: str
    receive: Receive = receive_nothing
    saves: bool = False
    lasts: bool = False
    short: bool = False
    smaller: str = "fewer or smaller pictures"
    flat: Callable[[Mapping[str, Any]], R] | None = None
    renewed: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None


def only(made: type[R], values: Mapping[str, Any]) -> R:
    """A dataclass from those of `values` that are its fields."""
    names = {each.name for each in fields(made)}  # type: ignore[arg-type]
    return made(**{name: value for name, value in values.items() if name in names})


def shortened(text: str, length: int = 48) -> str:
    """`text`, or its beginning and an ellipsis; for titles."""
    return text if len(text) <= length else text[:length - 1].rstrip() + "…"
