"""The worker process: hears commands on one thread, does one job at a time on the main one.

Imports no model library before it is told to work, so that a process starts in a fraction of a second.
"""

from __future__ import annotations

import gc
import importlib
import os
import queue
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.failure import in_one_line, scrubbed, traced
from medsynth_app.core.job import EventKind, JobEvent, Lane
from medsynth_app.core.jobs.kind import JobKind
from medsynth_app.core.jobs.table import kind_of
from medsynth_app.engine.job import Job


class Connection(Protocol):
    """Both directions of the pipe to the queue; `recv` raises EOFError once the queue is gone."""

    def recv(self) -> Any: ...

    def send(self, message: object) -> None: ...


Handler = Callable[[Any, Job], Mapping[str, Any] | None]
Warmer = Callable[[str, str], Mapping[str, Any]]


class Worker:
    """Serves one lane until the queue says quit or is gone.

    Parameters
    ----------
    handler
        The function that does jobs of a kind; what it returns becomes the data of the DONE event.
    warm
        Loads a pack (folder, device) and says what it runs on.
    """

    def __init__(self, connection: Connection, handler: Callable[[JobKind[Any]], Handler], warm: Warmer) -> None:
        self._connection = connection
        self._handler = handler
        self._warm = warm
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
        while not self._quitting:  # nothing follows that command
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
            job = self._current = Job(job_id, self._send)
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
            kind = kind_of(request)
            job.saves = kind.saves
            data = self._handler(kind)(request, job)
        except Cancelled:
            return JobEvent(job.id, EventKind.CANCELLED)
        except UserError as error:
            return _failed(job, error.happened, error.remedy, scrubbed(error.details), error.safe)
        except BaseException as error:  # SystemExit of a library too: a job may fail, the worker may not
            if _out_of_memory(error):
                return _failed(job, "There was not enough memory for this job.", f"Try again with "
                               f"{kind_of(request).smaller}, or close other programs first.", traced(error, words=True))
            return _failed(job, "Something in the worker went wrong that should not.",
                           "Try again; if it fails again, report the details.", traced(error, words=True),
                           bug=in_one_line(error))
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
            info = {"error": "The model could not be loaded ahead.", "details": traced(error, words=True)}
        self._loading = False
        self._send(("ready", info))


def _failed(job: Job, happened: str, remedy: str, details: str = "", safe: str = "", bug: str = "") -> JobEvent:
    return JobEvent(job.id, EventKind.FAILED, message=happened,
                    data={"remedy": remedy, "details": details, "safe": safe, "bug": bug})


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


def _engine_of(kind: JobKind[Any]) -> Handler:
    handler: Handler = importlib.import_module(f"medsynth_app.engine.{kind.engine}").run
    return handler


def _warm_up(pack: str, device: str) -> Mapping[str, Any]:
    info: Mapping[str, Any] = importlib.import_module("medsynth_app.engine.diffusion.pipelines").warm_up(pack, device)
    importlib.import_module("medsynth_app.engine.diffusion.inpaint")  # the first job shall not wait for it
    return info


def serve(connection: Connection, lane: Lane) -> None:
    """Entry of the worker process of a lane (both lanes do the same; the queue says what goes where)."""
    Worker(connection, _engine_of, _warm_up).run()
