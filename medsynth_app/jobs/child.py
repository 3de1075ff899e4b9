"""The first lines that run in a worker process, before any model library is loaded."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import signal
import sys
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import Any

import psutil

from medsynth_app.core.job import Lane

OFFLINE = {
    "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "DIFFUSERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1", "DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1", "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error", "DIFFUSERS_VERBOSITY": "error",
}
MOST_THREADS = 16  # small models gain nothing from more
_KILL_WITH_PARENT = 1  # PR_SET_PDEATHSIG


class Channel:
    """Two one-way pipes as one connection; a duplex one would be a socket, and this program opens none."""

    def __init__(self, reader: Connection[Any, Any], writer: Connection[Any, Any]) -> None:
        self._reader = reader
        self._writer = writer

    def recv(self) -> Any:
        return self._reader.recv()

    def send(self, message: object) -> None:
        self._writer.send(message)


def main(reader: Connection[Any, Any], writer: Connection[Any, Any], lane: str, module: str) -> None:
    """Prepare this process and hand it to ``serve(connection, lane)`` of the module."""
    prepare(Lane(lane))
    importlib.import_module(module).serve(Channel(reader, writer), Lane(lane))


def prepare(lane: Lane) -> None:
    """Offline, no telemetry, a fair number of threads, gone with the parent, niced in the background lane."""
    os.environ.update(OFFLINE)
    # urllib3, which diffusers imports, would bind ::1 for a moment to try it. multiprocessing has loaded the module.
    vars(sys.modules["socket"])["has_ipv6"] = False
    os.environ.setdefault("OMP_NUM_THREADS", str(min(_cores(), MOST_THREADS)))
    # Threads that spin while they wait make small models many times slower as soon as another program works too.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal is the parent's to answer
    _die_with_parent()
    if lane is Lane.BACKGROUND:
        with contextlib.suppress(psutil.Error, OSError):
            if sys.platform == "win32":
                psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
            else:
                os.nice(10)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _die_with_parent() -> None:
    """On Linux the kernel ends us; elsewhere the worker notices the end of its pipe."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_KILL_WITH_PARENT, signal.SIGKILL)
        parent = parent_process()
        if parent is not None and os.getppid() != parent.pid:  # it died before we asked
            os._exit(0)
