"""A window for tests: a session on a temporary workspace, packs without weights, and a queue that only notes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from medsynth_app.app import PLACES, application
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.job import JobEvent, JobRecord, JobState, Lane
from medsynth_app.core.jobs.stored import to_parts
from medsynth_app.core.jobs.table import kind_of
from medsynth_app.session.session import Session
from medsynth_app.settings.settings import SettingsStore
from medsynth_app.ui.shell.banners import Banner
from medsynth_app.ui.shell.frame import MakePlace
from medsynth_app.ui.shell.main_window import MainWindow
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import answer, make_pack, png

BUSY = 60.0  # seconds that are let pass where others want both cores; who waits goes on at once
PLAIN, CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier


def wait_for(done: Callable[[], bool], seconds: float = BUSY) -> bool:
    """Let the window work until `done`, or the time is over."""
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        QTest.qWait(10)
    return done()


class NotingQueue:
    """Stands in for `JobQueue`: keeps what it was asked, runs nothing."""

    def __init__(self) -> None:
        self.jobs: dict[str, JobRecord] = {}
        self.asked: list[tuple[Any, ...]] = []
        self.requests: list[Any] = []
        self.info: dict[str, Any] = {}

    def records(self) -> list[JobRecord]:
        return list(self.jobs.values())

    def submit(self, request: Any, *, document_id: str = "", person: str = "", lane: Lane | None = None,
               title: str = "") -> str:
        job_id, kind = f"job-{len(self.jobs) + 1}", kind_of(request)
        self.asked.append(("submit", kind.name))
        self.requests.append(request)
        self.jobs[job_id] = JobRecord(job_id, kind.name, lane or kind.lane, title or kind.title(request),
                                      JobState.WAITING, float(len(self.jobs)),
                                      f"2026-01-01T00:00:{len(self.jobs):02d}", document_id, "", person)
        return job_id

    def cancel(self, job_id: str) -> None:
        self.asked.append(("cancel", job_id))

    def cancel_waiting(self) -> tuple[str, ...]:
        waiting = tuple(key for key, record in self.jobs.items() if record.state is JobState.WAITING)
        self.asked.extend(("cancel", job_id) for job_id in waiting)
        return waiting

    def forget(self, document_id: str) -> int:
        gone = [key for key, record in self.jobs.items() if record.document_id == document_id]
        for key in gone:
            del self.jobs[key]
        return len(gone)

    def retry(self, job_id: str) -> str:
        self.asked.append(("retry", job_id))
        return job_id

    def move(self, job_id: str, before: str | None) -> None:
        self.asked.append(("move", job_id, before))


@dataclass
class TestDesk:
    """What a test works on."""

    __test__ = False
    window: MainWindow
    session: Session
    queue: NotingQueue
    settings: SettingsStore
    image: Path

    def open(self) -> None:
        """Open the image and wait for it."""
        self.window.open_path(self.image)
        self.until(lambda: not self.window.opening.busy)
        assert self.session.documents.current is not None

    @property
    def inpaint_panel(self) -> Any:
        return self.window.place("paint").panel

    @property
    def generate_panel(self) -> Any:
        return self.window.place("generate").panel

    @property
    def library_panel(self) -> Any:
        return self.window.place("library").panel

    @property
    def models_panel(self) -> Any:
        return self.window.place("models").panel

    @property
    def strip(self) -> Any:
        return self.window.place("paint").strip

    @property
    def pictures(self) -> Any:
        """The grid of generated pictures."""
        return self.window.place("generate").centre

    @property
    def paint_tools(self) -> Any:
        """The size of the brush in the tool bar."""
        return self.window.place("paint").tools[2]

    @property
    def banner(self) -> Banner:
        """The last thing that was said."""
        assert self.window.banners.all(), "nothing was said"
        return self.window.banners.all()[-1]

    def until(self, done: Callable[[], bool], seconds: float = BUSY) -> None:
        assert wait_for(done, seconds), "nothing came of it"

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = PLAIN) -> None:
        """Press a key as the window system would: through the native window."""
        QTest.keyClick(self.window.windowHandle(), key, modifiers)

    def physical(self, code: int, key: Qt.Key, text: str, modifiers: Qt.KeyboardModifier = PLAIN) -> None:
        """Press the key with this scan code, on a layout that prints something else on it."""
        for kind in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            QApplication.sendEvent(self.window.windowHandle(), QKeyEvent(kind, key, modifiers, code, 0, 0, text))

    def paint(self) -> None:
        """One stroke of the class in hand."""
        bounds = Bounds(20, 20, 40, 40)
        document = self.session.documents.current
        assert document is not None
        before = np.array(document.mask(self.session.view.index)[bounds.slices])
        self.session.painting.paint(bounds, before, np.full_like(before, self.session.painting.label_value))

    def candidates(self, count: int = 3) -> str:
        """Paint, start a run of so many candidates and answer it; returns its job."""
        job_id = self.inpaint(count)
        answer(self.session.workspace, job_id, self.session.jobs.deliver)
        return job_id

    def inpaint(self, count: int = 3) -> str:
        """Paint and start a run of so many candidates; returns its job, which no worker answers."""
        self.paint()
        self.session.inpaint.set(count=count, prompt="a cell", mode="replace")
        job_id = self.session.inpaint.run().jobs[0]
        jobs = self.session.workspace.jobs
        record = replace(self.queue.jobs[job_id], id=f"{job_id}-{len(jobs.records())}", state=JobState.RUNNING)
        self.queue.jobs[record.id] = record
        del self.queue.jobs[job_id]
        jobs.add(record, *to_parts(self.queue.requests[-1]))
        self.session.jobs.refresh()
        return record.id

    def hear(self, job_id: str, state: JobState, event: JobEvent) -> None:
        """News of a job, as the queue tells them."""
        self.queue.jobs[job_id] = replace(self.queue.jobs[job_id], state=state)
        self.session.jobs.deliver(self.queue.jobs[job_id], event)

    def clear_jobs(self) -> None:
        self.queue.jobs.clear()
        self.queue.asked.clear()
        self.session.jobs.refresh()


@contextmanager
def a_desk(folder: Path, workspace: Workspace, size: tuple[int, int] = (1366, 768), *,
           places: Sequence[MakePlace] = PLACES, **settings: Any) -> Iterator[TestDesk]:
    """A shown window on `workspace`; both are closed at the end."""
    application()
    packs = folder / "packs"
    if not packs.exists():
        make_pack(packs, "cells", example_prompts=("a neutrophil", "a lymphocyte"))
        make_pack(packs, "hippocampus", domain="hippocampus", title="Hippocampus", modalities=("MR",), colour="grey")
    store = SettingsStore(folder / "config")
    store.change(**{"first_run_done": True, "theme": "light", **settings})
    queue = NotingQueue()
    session = Session(workspace, queue, store, pack_folders=[packs])  # type: ignore[arg-type]
    theme = Theme(store.current.theme)
    theme.prepare()
    window = MainWindow(session, theme, places)
    theme.dress(window)
    window.resize(*size)
    window.show()
    window.activateWindow()
    QTest.qWaitForWindowExposed(window)
    QTest.qWait(50)
    image = folder / "image.png"
    if not image.exists():
        png(image)
    try:
        yield TestDesk(window, session, queue, store, image)
    finally:
        window.close()
        session.documents.close()
        workspace.close()
        window.deleteLater()
        QApplication.processEvents()
