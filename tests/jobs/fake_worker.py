"""A worker without models: the prompt of a `GenerateRequest` says what the job does. Run in real processes."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.job import EventKind, JobEvent, Lane
from medsynth_app.core.jobs.generate import GenerateRequest
from medsynth_app.core.jobs.kind import JobKind, Outcome
from medsynth_app.core.jobs.table import KINDS
from medsynth_app.core.jobs.train import TrainRequest
from medsynth_app.engine.job import Job
from medsynth_app.engine.worker import Connection, Worker

SLOW = 30.0  # seconds that a slow warm-up takes


def generate(request: GenerateRequest, job: Job) -> Mapping[str, Any] | None:
    if request.conditioning.prompt in SCRIPTS:
        SCRIPTS[request.conditioning.prompt](job)
    _steps(request, job)
    picture = np.full((4, 4, 3), request.sampling.seed_of(0), np.uint8)
    for k in range(request.sampling.count):
        job.emit(JobEvent(job.id, EventKind.RESULT, arrays={"picture": picture + k}, data={"candidate": k}))
    return {"nice": os.nice(0) if hasattr(os, "nice") else 0, "offline": os.environ["HF_HUB_OFFLINE"],
            "pid": os.getpid(), "modules": [name for name in ("torch", "PySide6", "pytest") if name in sys.modules]}


def _steps(request: GenerateRequest, job: Job) -> None:
    """`steps` steps of `guidance` seconds."""
    for step in range(1, request.sampling.steps + 1):
        if job.cancelled():
            raise Cancelled
        time.sleep(request.sampling.guidance)
        job.emit(JobEvent(job.id, EventKind.PROGRESS, step=step, steps=request.sampling.steps))
        if request.sampling.preview_every and step % request.sampling.preview_every == 0:
            job.emit(JobEvent(job.id, EventKind.PREVIEW, step=step, arrays={"0": np.zeros((8, 8, 3), np.uint8)}))


def _ignore(job: Job) -> None:
    job.emit(JobEvent(job.id, EventKind.PROGRESS, step=1, steps=9))
    time.sleep(60)


def _user(job: Job) -> None:
    raise UserError("The pack is not there.", "Choose another one.", details="in /home/somebody/packs")


def _bug(job: Job) -> None:
    raise ValueError("cannot read '/data/Jane Doe/ct 1.dcm' nor C:\\scans\\Doe.dcm "
                     "nor /data/Jane van Doe/a.dcm at once")


def _memory(job: Job) -> None:
    raise MemoryError


def _torch_memory(job: Job) -> None:
    raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory")


def _leave(job: Job) -> None:
    raise SystemExit(3)


SCRIPTS: dict[str, Callable[[Job], None]] = {
    "ignore": _ignore, "user": _user, "bug": _bug, "memory": _memory, "torch memory": _torch_memory,
    "leave": _leave, "exit": lambda job: os._exit(7), "kill": lambda job: os.kill(os.getpid(), signal.SIGKILL),
}


def train(request: TrainRequest, job: Job) -> Mapping[str, Any]:
    """Steps for ever; when cancelled, writes a checkpoint for `max_minutes` (here: seconds)."""
    step = 0
    while not job.cancelled():
        job.give_way()
        step += 1
        time.sleep(0.02)
        job.emit(JobEvent(job.id, EventKind.PROGRESS, step=step, steps=10_000))
    time.sleep(request.max_minutes)
    raise Cancelled


def warm(pack: str, device: str) -> Mapping[str, Any]:
    if pack == "exit":
        os._exit(9)
    if pack == "slow":
        time.sleep(SLOW)
    if pack == "missing":
        raise UserError("The pack is not there.", "Choose another one.")
    return {"device": device, "pack": pack, "pid": os.getpid()}


@dataclass(frozen=True)
class QuickRequest:
    """A short job of the interactive lane, as ranking will be."""


def quick(request: QuickRequest, job: Job) -> Mapping[str, Any]:
    return {"pid": os.getpid()}


QUICK = JobKind("quick", QuickRequest, Lane.INTERACTIVE, lambda request: "Quick", "quick", Outcome.FILE, "Done",
                short=True)
HANDLERS: dict[str, Callable[[Any, Job], Mapping[str, Any] | None]] = {"generate": generate, "train": train,
                                                                    "quick": quick}


def serve(connection: Connection, lane: Lane) -> None:
    KINDS[QUICK.name] = QUICK
    Worker(connection, lambda kind: HANDLERS[kind.name], warm).run()
