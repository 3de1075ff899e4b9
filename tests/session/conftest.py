"""A session on a temporary workspace with two packs, and a log of its signals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from medsynth_app.core.job import JobEvent, JobRecord
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.session.session import Session
from medsynth_app.session.teaching import Away, done_here
from medsynth_app.settings.settings import SettingsStore
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack


class MakeSession(Protocol):
    def __call__(self, workspace: Workspace, away: Away = done_here) -> Session: ...


@pytest.fixture
def make_session(tmp_path: Path) -> Iterator[MakeSession]:
    packs = tmp_path / "packs"
    make_pack(packs, "cells")
    make_pack(packs, "hippocampus", domain="hippocampus MRI", title="Hippocampus", modalities=("MR",), colour="grey")
    queues = []

    def make(workspace: Workspace, away: Away = done_here) -> Session:
        def deliver(record: JobRecord, event: JobEvent) -> None:
            session.jobs.deliver(record, event)

        queue = JobQueue(workspace.jobs, deliver)
        queues.append(queue)
        session = Session(workspace, queue, SettingsStore(tmp_path / "config"), pack_folders=[packs],
                          away=away)
        return session

    yield make
    for queue in queues:
        queue.close()


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    made = Workspace.temporary()
    yield made
    made.close()


@pytest.fixture
def session(make_session: MakeSession, workspace: Workspace) -> Session:
    return make_session(workspace)
