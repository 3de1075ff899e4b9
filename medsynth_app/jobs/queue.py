"""The durable queue: what waits, what runs, and who is told."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from medsynth_app.core.failure import in_one_line, level_of
from medsynth_app.core.job import EventKind, JobEvent, JobRecord, JobState, Lane
from medsynth_app.core.jobs.stored import from_parts, to_parts
from medsynth_app.core.jobs.table import kind_of
from medsynth_app.jobs import failures
from medsynth_app.jobs.client import DIED, STOPPED, LaneClient
from medsynth_app.jobs.inbox import Inbox, guarded
from medsynth_app.jobs.ledger import Ledger
from medsynth_app.jobs.running import Patience, Running
from medsynth_app.jobs.seats import Seat, seat_of
from medsynth_app.jobs.store import Arrays, JobStore, Plain

log = logging.getLogger(__name__)
ENDS = {EventKind.DONE: JobState.DONE, EventKind.FAILED: JobState.FAILED, EventKind.CANCELLED: JobState.CANCELLED}
QUIT_SECONDS = 2.5
FORGET_SECONDS = 1.0     # how long a removal waits for a worker that is at one of its jobs


class JobQueue:
    """Runs jobs one after the other in each lane, in worker processes.

    Every change of state is in the store before `on_event` is called; `on_event` is called in order, on one
    thread of the queue, with the job as it then stands. STARTED may come twice: when the job is handed to
    the worker, and again with the device once the worker knows it. When `on_event` raises, its job has failed.

    Parameters
    ----------
    on_ready
        Called, also on that thread, with what a warmed-up worker says of itself ("device", ..., or "error").
    patience
        How long a cancelled worker may take before it is killed.
    """

    def __init__(self, store: JobStore, on_event: Callable[[JobRecord, JobEvent], None], *,
                 lanes: Sequence[Lane] = (Lane.INTERACTIVE, Lane.BACKGROUND),
                 worker_module: str = "medsynth_app.engine.worker",
                 on_ready: Callable[[Mapping[str, Any]], None] | None = None,
                 patience: Patience | None = None) -> None:
        self._store, self._on_event = store, on_event
        self._on_ready = on_ready or (lambda info: None)
        self._patience, self._lock = patience or Patience(), threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._jobs = Ledger(store)
        self._running: dict[Seat, Running] = {}
        self._inbox = Inbox()
        self._clients = {seat: LaneClient(seat.lane, worker_module, partial(self._from_worker, seat))
                         for seat in Seat if seat.lane in lanes}
        self._stopped: set[Seat] = set()
        self._idle_since: float | None = None  # the worker of short jobs
        self._held = False
        self._warm: tuple[str, str] | None = None
        self._info: Mapping[str, Any] = {}
        self._started = self._closed = False
        self._thread = threading.Thread(target=self._run, name="job queue", daemon=True)

    def start(self, resume: bool = True) -> None:
        """Start to work. Jobs that were waiting or running at the last exit wait again (if `resume`)."""
        with self._lock:
            if self._started or self._closed:
                return
            self._started = True
            for record in self._store.records():
                if record.id in self._jobs:
                    continue  # submitted before the start
                if record.state.ended:
                    self._jobs.told.add(record.id)
                elif not resume:
                    continue
                self._jobs.take(record)
                if not record.state.ended:
                    self._take_up(record)
        for client in self._clients.values():
            client.start()
        self._thread.start()

    def warm_up(self, pack: str, device: str = "auto") -> None:
        """Start the interactive worker and load the model library and `pack` (a folder) in it; returns at once."""
        with self._lock:
            self._warm = pack, device
            if Seat.INTERACTIVE in self._clients:
                self._clients[Seat.INTERACTIVE].post("warm", pack, device)

    @property
    def info(self) -> Mapping[str, Any]:
        """What the interactive worker last said of itself after a warm-up; empty before."""
        return self._info

    def submit(self, request: Any, *, document_id: str = "", person: str = "", lane: Lane | None = None,
               title: str = "") -> str:
        """Add a job at the end of a lane and return its id; it is stored when this returns. Its kind gives lane and
        title unless others are named."""
        kind = kind_of(request)
        plain, arrays = to_parts(request)
        return self._add(plain, arrays, JobRecord(
            id=uuid.uuid4().hex, kind=kind.name, lane=lane or kind.lane, title=title or kind.title(request),
            state=JobState.WAITING, place=0.0, created="", document_id=document_id, person=person))

    def retry(self, job_id: str) -> str:
        """Add the same request again as a new job, and return its id."""
        with self._lock:
            record = self._jobs[job_id]
            try:
                plain, arrays = self._store.load(job_id)
            except KeyError as error:
                raise failures.gone() from error
            return self._add(plain, arrays, replace(record, id=uuid.uuid4().hex, message="", restarts=0))

    def cancel(self, job_id: str) -> None:
        """Cancel a waiting job at once, a running one at its next step; nothing happens to one that has ended."""
        with self._lock:
            record = self._jobs.get(job_id)
            running = next((item for item in self._running.values() if item.job_id == job_id), None)
            if record is None or record.state.ended:
                return
            if running is None:
                self._end(record, JobEvent(job_id, EventKind.CANCELLED))
            elif running.cancelled_at is None:
                running.cancelled_at = time.monotonic()
                self._clients[seat_of(record)].post("cancel", job_id)
                self._inbox.put(lambda: None)  # so that the deadline is watched

    def cancel_waiting(self, lane: Lane | None = None) -> tuple[str, ...]:
        """Cancel all jobs that wait (in one lane, or everywhere) at once; returns their ids."""
        with self._lock:
            gone = self._jobs.cancel_waiting(lane)
            for job_id in gone:
                self._tell_soon(job_id, JobEvent(job_id, EventKind.CANCELLED))
            return gone

    def forget(self, document_id: str) -> int:
        """Drop all jobs of a document that is to be removed, and their records; returns how many.

        What waits never runs; what runs is cancelled and waited for, a second at most. Nothing more is told of them.
        """
        end = time.monotonic() + FORGET_SECONDS
        with self._changed:
            mine = self._jobs.of_document(document_id)
            for job_id in self._running_of(mine):
                self.cancel(job_id)
            self._jobs.forgotten |= mine
            self._jobs.told |= mine
            for job_id in mine - self._running_of(mine):
                self._jobs.drop(job_id)
            self._changed.notify_all()
            while self._running_of(mine) and (left := end - time.monotonic()) > 0 \
                    and threading.current_thread() is not self._thread and not self._closed:
                self._changed.wait(left)
            for job_id in mine:
                self._store.remove(job_id)
        return len(mine)

    def move(self, job_id: str, before: str | None) -> None:
        """Put a waiting job before another one of its lane, or at the end (None); no-op once it runs."""
        with self._lock:
            for moved in self._jobs.move(job_id, before):
                self._tell_soon(moved, JobEvent(moved, EventKind.WAITING))

    def records(self) -> list[JobRecord]:
        """All jobs known, ended ones too, by lane and place."""
        with self._lock:
            return self._jobs.all()

    def state(self, job_id: str) -> JobState:
        """A job's state; KeyError for an unknown one."""
        with self._lock:
            return self._jobs[job_id].state

    def wait(self, job_id: str, timeout: float | None = None) -> JobRecord:
        """Wait until a job has ended and all of its events have been told; returns it as it then (or at the
        timeout, in seconds) stands. Not to be called from `on_event`."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("wait() was called from on_event, on which it would wait")
        end = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            record = self._jobs[job_id]
            while job_id not in self._jobs.told and not self._closed:
                left = 1.0 if end is None else min(1.0, end - time.monotonic())
                if left <= 0:
                    break
                self._changed.wait(left)  # in slices: so that Ctrl+C is heard on Windows too
            return self._jobs.get(job_id) or record

    def close(self) -> None:
        """Stop the workers within about three seconds. What waits or runs is stored and waits for the next start."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for running in self._running.values():
                if not running.told:
                    state = JobState.WAITING if running.cancelled_at is None else JobState.CANCELLED
                    self._jobs.change(running.job_id, state)
            self._changed.notify_all()
        if not self._started:
            return
        for client in self._clients.values():
            client.stop()
        if threading.current_thread() is self._thread:
            return
        self._thread.join(QUIT_SECONDS)
        if self._thread.is_alive():
            for client in self._clients.values():
                client.kill()
            self._thread.join(1.0)

    # -- under the lock

    def _take_up(self, record: JobRecord) -> None:
        """Let a job of an earlier session wait again, unless it ran at the end of three sessions in a row."""
        again = self._jobs.wait_again(record)
        if again is None:
            self._end(record, failures.interrupted(record.id))
        else:
            self._tell_soon(again.id, JobEvent(again.id, EventKind.WAITING, message=again.interruption))

    def _add(self, plain: Plain, arrays: Arrays, record: JobRecord) -> str:
        with self._lock:
            if self._closed:
                raise RuntimeError("the queue is closed")
            if seat_of(record) not in self._clients:
                raise ValueError(f"this queue has no {record.lane} lane")
            record = self._jobs.add(record, plain, arrays)
            self._tell_soon(record.id, JobEvent(record.id, EventKind.WAITING))
            return record.id

    def _running_of(self, jobs: set[str]) -> set[str]:
        return {running.job_id for running in self._running.values()} & jobs

    def _end(self, record: JobRecord, event: JobEvent) -> None:
        self._jobs.change(record.id, ENDS[event.kind], event.message)
        self._tell_soon(record.id, event)

    def _tell_soon(self, job_id: str, event: JobEvent) -> None:
        self._inbox.put(partial(self._tell, self._jobs[job_id], event))

    # -- on the queue's own thread

    def _run(self) -> None:
        while True:
            for task in self._inbox.take(self._deadlines()):
                guarded(task)
            guarded(self._kill_overdue)
            guarded(self._fill_lanes)
            if self._closed and self._stopped == set(self._clients) and self._inbox.empty():
                return

    def _deadlines(self) -> list[float]:
        with self._lock:
            found = [at for item in self._running.values() if (at := item.deadline(self._patience)) is not None]
            return found if self._idle_since is None else [*found, self._idle_since + self._patience.idle]

    def _kill_overdue(self) -> None:
        with self._lock:
            if self._idle_since is not None and time.monotonic() >= self._idle_since + self._patience.idle:
                self._idle_since = None
                self._clients[Seat.SHORT].post("retire")
            for seat, running in self._running.items():
                deadline = running.deadline(self._patience)
                if deadline is not None and time.monotonic() >= deadline:
                    running.killed = True
                    self._clients[seat].kill()

    def _fill_lanes(self) -> None:
        for seat in self._clients:
            while seat not in self._running and not self._closed and self._start_next(seat):
                pass
        with self._lock:
            hold = bool(self._jobs.open(Lane.INTERACTIVE)) and Seat.INTERACTIVE in self._clients
            if hold is not self._held and Seat.BACKGROUND in self._clients:
                self._clients[Seat.BACKGROUND].post("hold", hold)
            self._held = hold

    def _start_next(self, seat: Seat) -> bool:
        """Hand the next waiting job to the worker; False when there is none."""
        with self._lock:
            first = self._jobs.next(seat)
            if self._closed or first is None:
                return False
            job_id = first.id
            running = self._running[seat] = Running(job_id)
            self._idle_since = None if seat is Seat.SHORT else self._idle_since
            self._jobs.change(job_id, JobState.RUNNING)
        failure: JobEvent | None = None
        try:
            running.request = from_parts(*self._store.load(job_id))
        except Exception as error:
            log.error("a stored request cannot be read: %s", in_one_line(error))
            failure = failures.unreadable(job_id, error)
        with self._lock:
            if running.cancelled_at is not None:
                failure = JobEvent(job_id, EventKind.CANCELLED)
            if failure is None:
                self._clients[seat].post("run", job_id, running.request)
        if failure is None:
            self._tell(self._jobs[job_id], JobEvent(job_id, EventKind.STARTED))
        else:
            self._finish(seat, failure)
        return True

    def _from_worker(self, seat: Seat, message: Any) -> None:
        """Called on the lanes' threads."""
        name, arguments = ("event", (message,)) if isinstance(message, JobEvent) else (message[0], message[1:])
        tasks: dict[str, Callable[..., None]] = {
            "event": self._progress, "begun": self._begun, "ready": self._ready, DIED: self._died,
            STOPPED: self._stopped.add}
        self._inbox.put(partial(tasks[name], seat, *arguments))

    def _progress(self, seat: Seat, event: JobEvent) -> None:
        running = self._running.get(seat)
        if running is None or running.job_id != event.job_id:
            return
        if event.kind in ENDS:
            self._finish(seat, event)
        elif not running.told:
            running.see(event)
            if not self._closed or event.kind is EventKind.RESULT:
                self._tell(self._jobs[event.job_id], event)

    def _begun(self, seat: Seat, job_id: str) -> None:
        running = self._running.get(seat)
        if running is not None and running.job_id == job_id:
            running.begun = True

    def _died(self, seat: Seat, exit_code: int | None, job_id: str) -> None:
        running = self._running.get(seat)
        if running is None or running.job_id != job_id:
            log.info("an idle worker of the %s lane has ended (%s)", seat, exit_code)
            return
        if exit_code is not None and not self._closed and running.send_again():
            self._warm = None if seat is Seat.INTERACTIVE else self._warm  # most likely it died of that
            self._clients[seat].post("run", job_id, running.request)
            return
        log.warning("the worker of the %s lane ended during a job (%s)", seat, exit_code)
        self._finish(seat, failures.died(running, exit_code))
        if seat is Seat.INTERACTIVE and self._warm is not None and not self._closed and not self._jobs.next(seat):
            self._clients[seat].post("warm", *self._warm)

    def _finish(self, seat: Seat, event: JobEvent) -> None:
        """The lane's job has ended: free the lane, store the end, tell it."""
        with self._lock:
            running = self._running.pop(seat)
            self._idle_since = time.monotonic() if seat is Seat.SHORT else self._idle_since
            if running.job_id in self._jobs.forgotten:
                self._jobs.drop(running.job_id)
                self._changed.notify_all()
                return
            if running.told:
                return
            if running.cancelled_at is not None and event.kind is EventKind.FAILED:
                event = JobEvent(event.job_id, EventKind.CANCELLED)
            elif self._closed and running.cancelled_at is None and event.kind is not EventKind.DONE:
                return  # stopped by `close`: it waits for the next start
            record = self._jobs.change(event.job_id, ENDS[event.kind], event.message)
        self._tell(record, event)

    def _ready(self, seat: Seat, info: Mapping[str, Any]) -> None:
        self._info = info
        self._on_ready(info)

    def _tell(self, record: JobRecord, event: JobEvent) -> None:
        if record.id in self._jobs.forgotten:
            return
        try:
            self._on_event(record, event)
        except Exception as error:
            log.log(level_of(error), "the receiver of a %s event: %s", event.kind, in_one_line(error))
            self._fail_untold(record, failures.unreceived(record.id, error))
        if event.kind in ENDS:
            with self._changed:
                self._jobs.told.add(record.id)
                self._changed.notify_all()

    def _fail_untold(self, record: JobRecord, failure: JobEvent) -> None:
        """The receiver raised: its job has failed, and the worker is told to stop it."""
        with self._lock:
            known = self._jobs.get(record.id)
            if known is None or record.id in self._jobs.forgotten:
                return  # its study was removed meanwhile
            if known.state in (JobState.FAILED, JobState.CANCELLED):
                return
            running = self._running.get(seat_of(record))
            if running is not None and running.job_id == record.id:
                running.told = True
                running.cancelled_at = running.cancelled_at or time.monotonic()
                self._clients[seat_of(record)].post("cancel", record.id)
            record = self._jobs.change(record.id, JobState.FAILED, failure.message)
        self._tell(record, failure)
