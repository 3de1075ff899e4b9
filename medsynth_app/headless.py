"""Jobs without a window: a workspace and a queue for one command, or one piece of a script."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from medsynth_app.actions.guard import require_writable
from medsynth_app.actions.receive import receive
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import Fault, UserError
from medsynth_app.core.job import EventKind, JobEvent, JobRecord, JobState, Lane
from medsynth_app.core.words import duration
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.candidates import Candidate
from medsynth_app.workspace.workspace import Workspace

PLAIN_SECONDS = 10.0  # between two lines of progress where stderr is no terminal, but a log
CANCEL_SECONDS = 90.0  # a training run writes its checkpoint first


class Interrupted(Exception):
    """The person pressed Ctrl+C and the job has been cancelled."""


class Listener(Protocol):
    """Hears all that happens to jobs, on the queue's thread; entered while somebody waits for one."""

    def __call__(self, record: JobRecord, event: JobEvent) -> None: ...

    def __enter__(self) -> object: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> object: ...


class Headless:
    """A workspace, a queue, and one job at a time; see `headless`.

    Attributes
    ----------
    workspace, queue
        What the actions work on.
    found
        What the last result of a job said in its data.
    told
        Notices of jobs that were told on stderr.
    """

    def __init__(self, workspace: Workspace, lane: Lane, listener: Listener, told: Collection[str] = ()) -> None:
        self.workspace = workspace
        self.queue = JobQueue(workspace.jobs, self._on_event, lanes=(lane,))
        self.found: Mapping[str, Any] = {}
        self.told = told
        self._listener = listener
        self._failures: dict[str, JobEvent] = {}

    @property
    def person_id(self) -> str:
        """Who is at work in this workspace; empty when nobody has said so."""
        return self.workspace.people.current_id

    def run(self, changes: Changes) -> list[Candidate]:
        """Wait for the job that an action has queued; returns the candidates that it staged, in their order.

        Raises
        ------
        UserError
            When the job failed.
        Fault
            When it failed by a bug of ours.
        Interrupted
            After Ctrl+C, once the worker has stopped (and saved its checkpoint, where it has one).
        """
        job_id = changes.jobs[0]
        with self._listener:
            try:
                record = self.queue.wait(job_id)
            except KeyboardInterrupt:
                self.queue.cancel(job_id)
                self.queue.wait(job_id, CANCEL_SECONDS)
                raise Interrupted from None
        if record.state is JobState.DONE:
            return [result for result in self.workspace.candidates.of_document(record.document_id)
                    if result.job_id == job_id]
        if record.state is JobState.CANCELLED:
            raise Interrupted
        event = self._failures.pop(job_id, None)
        about: Mapping[str, Any] = event.data if event is not None else {}
        if about.get("bug"):
            raise Fault(str(about["bug"]))
        raise UserError(record.message or "The job failed.", str(about.get("remedy", "Try again.")),
                        str(about.get("safe", "")), str(about.get("details", "")))

    def _on_event(self, record: JobRecord, event: JobEvent) -> None:
        """Called on the queue's thread: results are written first."""
        receive(self.workspace, record, event)
        if event.kind is EventKind.FAILED:
            self._failures[record.id] = event
        elif event.kind is EventKind.RESULT:
            self.found = event.data
        self._listener(record, event)


class _Console:
    """Progress and notices on stderr, for people; or (`quiet`) the points of curves alone, a JSON object a line."""

    def __init__(self, quiet: bool) -> None:
        self.told: set[str] = set()
        self._console = Console(stderr=True, quiet=quiet, highlight=False)
        self._progress = Progress(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[message]}"),
                                  TimeRemainingColumn(), console=self._console, transient=True,
                                  disable=not self._console.is_terminal)
        self._bars: dict[str, TaskID] = {}
        self._said = -math.inf

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._progress.stop()

    def __call__(self, record: JobRecord, event: JobEvent) -> None:
        if event.kind is EventKind.NOTICE:
            if event.message not in self.told and not self._console.quiet:
                self.told.add(event.message)
                self._console.print(event.message, markup=False, soft_wrap=True)
        elif event.kind in (EventKind.STARTED, EventKind.PROGRESS):
            bar = self._bars.get(record.id)
            if bar is None:
                bar = self._bars[record.id] = self._progress.add_task(record.title, total=None, message="")
            self._progress.update(bar, total=event.steps or None, completed=event.step, message=event.message)
            self._say_plainly(record, event)
            if self._console.quiet and event.data and event.kind is EventKind.PROGRESS:
                told = {"job": record.kind, **event.data, "seconds_left": event.seconds_left}
                sys.stderr.write(f"{json.dumps(told)}\n")
                sys.stderr.flush()

    def _say_plainly(self, record: JobRecord, event: JobEvent) -> None:
        if self._console.is_terminal or not event.steps or time.monotonic() < self._said + PLAIN_SECONDS:
            return
        self._said = time.monotonic()
        left = "" if event.seconds_left is None else f"  about {duration(event.seconds_left)} left"
        self._console.print(f"{record.title}: {100 * event.step // event.steps} %  {event.message}{left}",
                            markup=False, soft_wrap=True)


@contextmanager
def headless(folder: Path | None, *, lane: Lane = Lane.INTERACTIVE, quiet: bool = False,
             listener: Listener | None = None) -> Iterator[Headless]:
    """Open a workspace (a temporary one when `folder` is None) and a queue on it; both are closed at the end.

    Jobs that wait in the workspace from an earlier session are left alone.

    Parameters
    ----------
    quiet
        Nothing on stderr but the points of curves, as JSON.
    listener
        Hears what happens; None: it is told on stderr.

    Raises
    ------
    UserError
        When the workspace is open in a window, or cannot be written.
    """
    workspace = Workspace.open(folder) if folder is not None else Workspace.temporary()
    try:
        require_writable(workspace)
        console = _Console(quiet)
        here = Headless(workspace, lane, listener or console, console.told)
        here.queue.start(resume=False)
        try:
            yield here
        finally:
            here.queue.close()
    finally:
        workspace.close()
