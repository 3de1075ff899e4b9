"""The jobs: what waits, runs and has ended, and what the workers send."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from psygnal import Signal

from medsynth_app.actions.receive import receive
from medsynth_app.core.changes import Changes
from medsynth_app.core.job import EventKind, JobEvent, JobRecord, JobState, Lane
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.session.errands import Errand
from medsynth_app.session.hook import BEFORE_VIEWS, Hook
from medsynth_app.session.job_entry import JobEntry, device_text
from medsynth_app.session.pace import Pace, Work
from medsynth_app.workspace.workspace import Workspace

Post = Callable[[Callable[[], None]], None]


def call_directly(news: Callable[[], None]) -> None:
    """The `post` of tests and of the command line."""
    news()


class Jobs:
    """The queue as the window sees it.

    All but `deliver` and `worker_ready`, which the queue's thread calls, belongs to the session's thread.

    Attributes
    ----------
    device_text
        Where the model runs, e.g. "CPU, bfloat16"; "" until it is known.
    post
        Runs a function on the thread that the session belongs to.
    changed
        Signal: which jobs there are, their order or state.
    progressed
        Signal(str): the job of this id has gone on, or has something to show.
    event
        Signal(JobRecord, JobEvent): all that a job says, when it has been taken in.
    """

    changed = Signal()
    progressed = Signal(str)
    event = Signal(object, object)
    device_changed = Signal()

    def __init__(self, workspace: Workspace, queue: JobQueue, hook: Hook, post: Post = call_directly) -> None:
        self._workspace, self._queue, self._hook, self.post = workspace, queue, hook, post
        self._entries: dict[str, JobEntry] = {}
        self._errands: dict[str, Errand] = {}
        self._ordered: tuple[JobEntry, ...] | None = None  # as `entries` has them; None: to be sorted anew
        self._removed: set[str] = set()  # with their studies: news of them may still be on their way
        self._pace = Pace()
        self.device_text = device_text(queue.info) if queue.info else ""
        self._take_records()
        hook.changed.connect(self._follow, priority=BEFORE_VIEWS)

    # --- the list

    @property
    def entries(self) -> tuple[JobEntry, ...]:
        """Running first, then waiting in their order, then ended ones, newest first."""
        if self._ordered is None:
            self._ordered = self._in_order()
        return self._ordered

    @property
    def active(self) -> int:
        """How many jobs wait or run: the number in the ring."""
        return sum(not entry.record.state.ended for entry in self._entries.values())

    def ahead(self, lane: Lane) -> int:
        """How many jobs a new one of this lane may wait for; what this process does itself holds up none."""
        return sum(not entry.record.state.ended and entry.record.lane is lane and job_id not in self._errands
                   for job_id, entry in self._entries.items())

    @property
    def running(self) -> tuple[JobEntry, ...]:
        return tuple(entry for entry in self._entries.values() if entry.record.state is JobState.RUNNING)

    @property
    def any_waits(self) -> bool:
        return any(entry.record.state is JobState.WAITING for entry in self._entries.values())

    def entry(self, job_id: str) -> JobEntry | None:
        return self._entries.get(job_id)

    def refresh(self) -> None:
        """Take over the queue's records; what is known of progress stays."""
        self._take_records()
        self.changed.emit()

    def _in_order(self) -> tuple[JobEntry, ...]:
        def shown(state: JobState) -> list[JobEntry]:
            return [entry for entry in self._entries.values() if entry.record.state is state]

        waiting = sorted(shown(JobState.WAITING), key=lambda entry: (entry.record.lane, entry.record.place))
        ended = [entry for entry in self._entries.values() if entry.record.state.ended]
        ended.sort(key=lambda entry: entry.record.created, reverse=True)
        return (*shown(JobState.RUNNING), *waiting, *ended)

    # --- what a person does with them

    def cancel(self, job_id: str) -> Changes:
        if job_id in self._errands:
            self._errands[job_id].stop()
        else:
            self._queue.cancel(job_id)
        return self._hook.tell(Changes(jobs=(job_id,)))

    def cancel_waiting(self) -> Changes:
        """Cancel all that wait; what runs goes on."""
        return self._hook.tell(Changes(jobs=self._queue.cancel_waiting()))

    def retry(self, job_id: str) -> Changes:
        """Run a job that has ended once more, as a new one."""
        if job_id in self._errands:
            self._errands[job_id].again()
            return Changes()
        return self._hook.tell(Changes(jobs=(self._queue.retry(job_id),)))

    def move(self, job_id: str, before: str | None) -> Changes:
        """Put a waiting job before another one, or last."""
        self._queue.move(job_id, before)
        return self._hook.tell(Changes(jobs=(job_id,)))

    # --- what others submit

    def submitted(self, changes: Changes, work: Work | None = None) -> Changes:
        """Tell of a new job, and learn from it how long such `work` takes."""
        if work is not None:
            self._pace.submitted(changes.jobs[0], work)
        return self._hook.tell(changes)

    def seconds(self, work: Work) -> float | None:
        """Expected seconds of a run; None before the first one of its sort has ended."""
        return self._pace.seconds(work)

    def errand(self, kind: str, title: str, stop: Callable[[], object], again: Callable[[], object]) -> Errand:
        """List work that this process does itself; it begins now. The parameters are those of `Errand`."""
        made = Errand(kind, title, stop, again, self._errand_told)
        self._errands[made.record.id] = made
        made.begin()
        return made

    # --- what the workers send

    def deliver(self, record: JobRecord, event: JobEvent) -> None:
        """The queue's `on_event`: write what came, then tell the session's thread."""
        changes = receive(self._workspace, record, event)  # when it raises, the queue fails the job and says why
        self.post(lambda: self._observe(record, event, changes))

    def worker_ready(self, info: Mapping[str, Any]) -> None:
        """The queue's `on_ready`: what the warmed-up worker says of itself."""
        self.post(lambda: self._set_device(device_text(info)))

    def _observe(self, record: JobRecord, event: JobEvent, changes: Changes) -> None:
        if record.id in self._removed:
            return
        entry = self._entries[record.id] = self._entries.get(record.id, JobEntry(record)).after(record, event)
        self._ordered = None
        self._pace.observe(record, event)
        self._set_device(entry.device)
        if event.kind in (EventKind.WAITING, EventKind.STARTED) or record.state.ended:
            changes |= Changes(jobs=(record.id,))
        else:
            self.progressed.emit(record.id)
        self._hook.tell(changes)
        self.event.emit(record, event)
        if event.kind is EventKind.NOTICE and event.message:
            self._hook.notice.emit("info", event.message)

    def _errand_told(self, record: JobRecord, event: JobEvent) -> None:
        self._entries[record.id] = self._entries.get(record.id, JobEntry(record)).after(record, event)
        self._ordered = None
        if event.kind is EventKind.PROGRESS:
            self.progressed.emit(record.id)
        else:
            self._hook.tell(Changes(jobs=(record.id,)))

    def _follow(self, changes: Changes) -> None:
        if changes.removed:
            self._removed.update(changes.jobs)
        if changes.jobs:
            self.refresh()

    def _take_records(self) -> None:
        fresh = {}
        for record in (*self._queue.records(), *(errand.record for errand in self._errands.values())):
            known = self._entries.get(record.id)
            if known is None:
                known = JobEntry(record, message=record.message or record.interruption)
            fresh[record.id] = known if known.record is record else replace(known, record=record)
        self._entries, self._ordered = fresh, None

    def _set_device(self, text: str) -> None:
        if text and text != self.device_text:
            self.device_text = text
            self.device_changed.emit()
