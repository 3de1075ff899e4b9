"""Fixtures of the actions' and the session's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from medsynth_app.actions.receive import receive
from medsynth_app.core.job import JobEvent, JobRecord
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    opened = Workspace.temporary()
    yield opened
    opened.close()


@pytest.fixture
def queue(workspace: Workspace) -> Iterator[JobQueue]:
    """A queue on the workspace that never starts a worker: tests deliver its answers."""
    def deliver(record: JobRecord, event: JobEvent) -> None:
        receive(workspace, record, event)

    made = JobQueue(workspace.jobs, deliver)
    yield made
    made.close()


@pytest.fixture
def pack(tmp_path: Path) -> InstalledPack:
    return make_pack(tmp_path / "packs")
