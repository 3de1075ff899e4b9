"""One worker process per seat: started when needed, watched, killed, started again."""

from __future__ import annotations

import contextlib
import multiprocessing
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import ModuleType
from typing import Any

from medsynth_app.core.job import Lane
from medsynth_app.jobs import child

Message = tuple[Any, ...]
DIED = "died"        # ("died", exit code or None, id of the last job that was sent to it)
STOPPED = "stopped"  # ("stopped",): the lane has ended for good
_WAKES = ("run", "warm")  # the messages worth a process
_starting = threading.Lock()


class LaneClient:
    """Talks to the worker process of one lane.

    One thread does it all: it starts the process (Linux ends a worker with the *thread* that started it,
    so the thread lives as long as the lane), sends, receives, and reports a death.

    Parameters
    ----------
    module
        Name of the module whose ``serve(connection, lane)`` the process runs.
    deliver
        Called on the lane's thread with what the worker says, with a `DIED` message after its last word,
        and with ``(STOPPED,)`` once.
    """

    def __init__(self, lane: Lane, module: str, deliver: Callable[[object], None]) -> None:
        self.lane = lane
        self._module = module
        self._deliver = deliver
        self._lock = threading.Lock()
        self._outbox: deque[Message] = deque()
        self._context = multiprocessing.get_context("spawn")
        self._wake_reader, self._wake_writer = self._context.Pipe(duplex=False)
        self._process: SpawnProcess | None = None
        self._reader: Connection[Any, Any] | None = None
        self._writer: Connection[Any, Any] | None = None
        self._job_id = ""
        self._held = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"lane {lane}", daemon=True)

    @property
    def pid(self) -> int | None:
        """Process id of the worker, None while there is none."""
        process = self._process
        return process.pid if process is not None else None

    def start(self) -> None:
        self._thread.start()

    def post(self, *message: Any) -> None:
        """Send a message to the worker; returns at once. "run" and "warm" start a process where there is none,
        "retire" ends one that has nothing to do."""
        with self._lock:
            self._outbox.append(message)
            if len(self._outbox) == 1:
                self._wake_writer.send_bytes(b"1")

    def kill(self) -> None:
        """End the worker now; its death is reported like any other."""
        with self._lock:
            if self._process is not None:
                self._process.kill()

    def stop(self) -> None:
        """Ask the worker to quit, and the lane to end when it has."""
        self.post("quit")

    def _run(self) -> None:
        while not (self._stopping and self._process is None):
            sources: list[Any] = [self._wake_reader]
            if self._process is not None and self._reader is not None:
                sources += [self._reader, self._process.sentinel]
            ready = wait(sources)
            if self._wake_reader in ready:
                self._send_all()
            if len(ready) > (self._wake_reader in ready):
                self._receive()
        self._deliver((STOPPED,))

    def _send_all(self) -> None:
        self._wake_reader.recv_bytes()
        with self._lock:
            messages = list(self._outbox)
            self._outbox.clear()
        for message in messages:
            if message[0] == "retire":
                self._retire()
                continue
            if message[0] == "hold":
                self._held = message[1]
            elif message[0] == "quit":
                self._stopping = True
            if self._process is None and message[0] in _WAKES:
                self._job_id = ""
                self._start_process()
            if message[0] == "run":
                self._job_id = message[1]
            if self._process is None and message[0] in _WAKES:
                self._deliver((DIED, None, self._job_id))
            if self._writer is not None:
                with contextlib.suppress(OSError):  # it has died: `_receive` will see that
                    self._writer.send(message)

    def _retire(self) -> None:
        """Let a worker without work go; the next job starts another."""
        if self._process is None or self._writer is None:
            return
        with contextlib.suppress(OSError):
            self._writer.send(("quit",))
        self._end(self._process, 2)

    def _start_process(self) -> None:
        """Start a worker; without one, the system has refused."""
        commands, self._writer = self._context.Pipe(duplex=False)
        self._reader, events = self._context.Pipe(duplex=False)
        process = self._context.Process(target=child.main, name=f"medsynth {self.lane}", daemon=True,
                                        args=(commands, events, self.lane.value, self._module))
        try:
            with _without_main():
                process.start()
        except OSError:
            self._close_pipes()
            return
        finally:
            commands.close()  # so that each side sees the end of the other
            events.close()
        with self._lock:
            self._process = process
        with contextlib.suppress(OSError):
            self._writer.send(("hold", self._held))

    def _receive(self) -> None:
        """Deliver what has come; after the last word of a dead worker, its death."""
        assert self._process is not None and self._reader is not None
        dead = not self._process.is_alive()
        try:
            while self._reader.poll():
                self._deliver(self._reader.recv())
                if not dead:
                    return  # look after the outbox too
        except (EOFError, OSError):
            dead = True
        except Exception:  # what came cannot be read: a worker that cannot be understood is of no use
            dead = True
        if dead:
            self._bury(self._process)

    def _bury(self, process: SpawnProcess) -> None:
        self._end(process, 0.5)  # a pipe closes a moment before its process ends, and then has an exit code of its own
        self._deliver((DIED, process.exitcode, self._job_id))

    def _end(self, process: SpawnProcess, seconds: float) -> None:
        """Wait so long for a process to end by itself, then kill it; there is none afterwards."""
        process.join(seconds)
        if process.is_alive():
            process.kill()
        process.join()
        with self._lock:
            self._process = None
        self._close_pipes()

    def _close_pipes(self) -> None:
        for end in (self._reader, self._writer):
            if end is not None:
                end.close()
        self._reader = self._writer = None


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Hide ``__main__`` while a process is spawned, so that the worker does not import the program again.

    It would load the command line or the window, and run a script that has no ``__main__`` guard twice.
    """
    with _starting:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main
