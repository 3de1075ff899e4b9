"""The worker process: hears commands on one thread, does one job at a time on the main one.

Imports no model library before it is told to work, so that a process starts in a fraction of a second.
"""

from __future__ import annotations

import gc
import importlib
import os
import queue
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.job import EventKind, JobEvent, Lane

PROGRESS_EVERY = 0.05  # seconds; more often than a screen shows it is of no use
_ENDS = (EventKind.DONE, EventKind.FAILED, EventKind.CANCELLED)
_PACKAGE = Path(__file__).resolve().parents[1]


class Connection(Protocol):
    """Both directions of the pipe to the queue; `recv` raises EOFError once the queue is gone."""

    def recv(self) -> Any: ...

    def send(self, message: object) -> None: ...


class Job:
    """What a handler has of its job: `emit` out, `cancelled` and `give_way` in.

    Parameters
    ----------
    saves
        The handler writes a checkpoint once it finds itself cancelled (the queue then waits longer for it),
        and calls `give_way` itself.
    """

    def __init__(self, job_id: str, send: Callable[[object], None], saves: bool = False) -> None:
        self.id = job_id
        self.stopped_early = False
        self._send = send
        self._saves = saves
        self._change = threading.Condition()
        self._cancelled = False
        self._held = False
        self._last = JobEvent(job_id, EventKind.PROGRESS)
        self._sent_at = 0.0
        self._began: tuple[float, int] | None = None

    def emit(self, event: JobEvent) -> None:
        """Send an event of this job. The end is told by the worker; progress in quick succession is thinned out."""
        if event.kind in _ENDS:
            return
        if event.kind is EventKind.PROGRESS:
            now = time.monotonic()
            event = self._with_time_left(event, now)
            quick = now - self._sent_at < PROGRESS_EVERY and event.step < event.steps
            if quick and event.message == self._last.message and not event.data:
                return
            self._last, self._sent_at = event, now
        self._send(event)

    def cancelled(self) -> bool:
        """Whether to stop; asked at every step. Gives way first, unless the handler does so itself."""
        if not self._saves:
            self.give_way()
        with self._change:
            cancelled = self._cancelled
        if cancelled and not self.stopped_early:
            self.stopped_early = True
            if self._saves:
                self._say("Saving a checkpoint", saving=True)
        return cancelled

    def give_way(self) -> None:
        """Block while an interactive job needs the machine, and say so; a cancel ends the wait."""
        with self._change:
            if not self._held or self._cancelled:
                return
        self._say("Waiting: an interactive job goes first", held=True)
        with self._change:
            self._change.wait_for(lambda: self._cancelled or not self._held)
        self._began = None
        self._say("Going on", held=False)

    def cancel(self) -> None:
        with self._change:
            self._cancelled = True
            self._change.notify_all()

    def hold(self, held: bool) -> None:
        with self._change:
            self._held = held
            self._change.notify_all()

    def _say(self, message: str, **data: bool) -> None:
        self._send(replace(self._last, message=message, seconds_left=None, arrays={}, data=data))

    def _with_time_left(self, event: JobEvent, now: float) -> JobEvent:
        """Add an estimate, from the mean step so far, where the handler gave none."""
        if self._began is None or event.step <= 1 or event.step < self._last.step or event.steps != self._last.steps:
            self._began = now, event.step
        began, first = self._began
        if event.seconds_left is not None or event.step <= first:
            return event
        return replace(event, seconds_left=(now - began) / (event.step - first) * (event.steps - event.step))


Handler = Callable[[Any, Job], Mapping[str, Any] | None]
Warmer = Callable[[str, str], Mapping[str, Any]]


class Worker:
    """Serves one lane until the queue says quit or is gone.

    Parameters
    ----------
    handlers
        By kind of request; what one returns becomes the data of the DONE event.
    warm
        Loads a pack (folder, device) and says what it runs on.
    saving_kinds
        Kinds whose handler writes a checkpoint when cancelled, and calls `Job.give_way`.
    """

    def __init__(self, connection: Connection, handlers: Mapping[str, Handler], warm: Warmer,
                 saving_kinds: tuple[str, ...] = ()) -> None:
        self._connection = connection
        self._handlers = handlers
        self._warm = warm
        self._saving_kinds = saving_kinds
        self._tasks: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self._sending = threading.Lock()
        self._lock = threading.Lock()
        self._current: Job | None = None
        self._queued: set[str] = set()
        self._held = False
        self._quitting = False
        self._loading = False

    def run(self) -> None:
        """Work until told to quit."""
        threading.Thread(target=self._listen, name="commands", daemon=True).start()
        while (task := self._tasks.get())[0] != "quit" and not self._quitting:
            if task[0] == "run":
                self._work(task[1], task[2])
            elif task[0] == "warm":
                self._warm_up(task[1], task[2])

    def _send(self, message: object) -> None:
        try:
            with self._sending:
                self._connection.send(message)
        except OSError:  # the queue is gone, and with it every reason to work
            os._exit(0)

    def _listen(self) -> None:
        while True:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                os._exit(0)
            self._hear(message)

    def _hear(self, message: tuple[Any, ...]) -> None:
        dropped = ""
        with self._lock:
            if message[0] == "run":
                self._queued.add(message[1])
            if message[0] in ("run", "warm", "quit"):
                self._tasks.put(message)
            if message[0] == "quit":
                self._quitting = True
            if message[0] == "hold":
                self._held = message[1]
                if self._current is not None:
                    self._current.hold(self._held)
            elif message[0] == "cancel" and message[1] in self._queued:
                self._queued.discard(message[1])
                dropped = message[1]
            elif self._current is not None and message in (("cancel", self._current.id), ("quit",)):
                self._current.cancel()
            elif message[0] == "quit" and self._loading:
                os._exit(0)  # it may take long, and nothing is lost
        if dropped:  # not begun yet, perhaps behind a slow warm-up
            self._send(JobEvent(dropped, EventKind.CANCELLED))

    def _work(self, job_id: str, request: Any) -> None:
        with self._lock:
            if job_id not in self._queued:
                return
            self._queued.discard(job_id)
            job = self._current = Job(job_id, self._send, request.kind in self._saving_kinds)
            job.hold(self._held)
        self._send(("begun", job_id))
        end = self._result(job, request)
        self._send(end)  # before the job is forgotten, for a quit may end the process from then on
        with self._lock:
            self._current = None
        if end.kind is not EventKind.DONE:
            _release_memory()

    def _result(self, job: Job, request: Any) -> JobEvent:
        try:
            data = self._handlers[request.kind](request, job)
        except Cancelled:
            return JobEvent(job.id, EventKind.CANCELLED)
        except UserError as error:
            return _failed(job, error.happened, error.remedy, scrubbed(error.details), error.safe)
        except BaseException as error:  # SystemExit of a library too: a job may fail, the worker may not
            if _out_of_memory(error):
                return _failed(job, "There was not enough memory for this job.", "Try again with fewer candidates "
                               "or a smaller surrounding, or close other programs first.", describe(error))
            return _failed(job, "Something in the worker went wrong that should not.",
                           "Try again; if it fails again, report the details.", describe(error))
        if job.stopped_early:
            return JobEvent(job.id, EventKind.CANCELLED)
        return JobEvent(job.id, EventKind.DONE, data=dict(data or {}))

    def _warm_up(self, pack: str, device: str) -> None:
        self._loading = True
        try:
            info = dict(self._warm(pack, device))
        except UserError as error:
            info = {"error": str(error)}
        except Exception as error:
            info = {"error": "The model could not be loaded ahead.", "details": describe(error)}
        self._loading = False
        self._send(("ready", info))


def _failed(job: Job, happened: str, remedy: str, details: str = "", safe: str = "") -> JobEvent:
    return JobEvent(job.id, EventKind.FAILED, message=happened,
                    data={"remedy": remedy, "details": details, "safe": safe})


def _out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)


def _release_memory() -> None:
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def describe(error: BaseException) -> str:
    """The traceback without paths: our own files by their place in the package, others by their name."""
    lines = []
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        name = path.relative_to(_PACKAGE.parent).as_posix() if path.is_relative_to(_PACKAGE) else path.name
        lines.append(f"{name}, line {frame.lineno}, in {frame.name}")
    return "\n".join([*lines, f"{type(error).__name__}: {scrubbed(str(error))}"])


def scrubbed(text: str) -> str:
    """`text` without paths: whatever is quoted and holds a slash, and each line from its first to its last slash."""
    text = re.sub(r"(['\"])[^'\"\n]*[\\/][^'\"\n]*\1", "<path>", text)
    return re.sub(r"\S*[\\/](?:.*[\\/])?\S*", "<path>", text)


def _inpaint(request: Any, job: Job) -> None:
    engine = importlib.import_module("medsynth_app.engine.diffusion.inpaint")
    _tell_device(request, job)
    engine.run_inpaint(request, job.emit, job.cancelled, job.id)


def _generate(request: Any, job: Job) -> None:
    engine = importlib.import_module("medsynth_app.engine.diffusion.generate")
    _tell_device(request, job)
    engine.run_generate(request, job.emit, job.cancelled, job.id)


def _train(request: Any, job: Job) -> None:
    engine = importlib.import_module("medsynth_app.engine.train_job")
    engine.run_train(request, job.emit, job.cancelled, job.give_way, job.id)


def _embed(request: Any, job: Job) -> None:
    engine = importlib.import_module("medsynth_app.engine.embed")
    _tell_device(request, job)
    engine.run_embed(request, job.emit, job.cancelled, job.id)


def _tell_device(request: Any, job: Job) -> None:
    policy = importlib.import_module("medsynth_app.engine.device").choose_device(request.device)
    job.emit(JobEvent(job.id, EventKind.STARTED, data={"device": policy.words, "dtype": policy.dtype}))


def _warm_up(pack: str, device: str) -> Mapping[str, Any]:
    info: Mapping[str, Any] = importlib.import_module("medsynth_app.engine.diffusion.pipelines").warm_up(pack, device)
    importlib.import_module("medsynth_app.engine.diffusion.inpaint")  # the first job shall not wait for it
    return info


HANDLERS: Mapping[str, Handler] = {"inpaint": _inpaint, "generate": _generate, "train": _train, "embed": _embed}


def serve(connection: Connection, lane: Lane) -> None:
    """Entry of the worker process of a lane (both lanes do the same; the queue says what goes where)."""
    Worker(connection, HANDLERS, _warm_up, saving_kinds=("train",)).run()
