"""The composition root: the window opens, without torch, and hands its news over to its own thread."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtTest import QTest

from medsynth_app.app import Post, application, build_window
from medsynth_app.core.job import EventKind, JobEvent, JobRecord, JobState, Lane
from medsynth_app.settings.settings import SettingsStore
from medsynth_app.workspace.workspace import Workspace
from tests.ui.desk import wait_for

_PROGRAM = """
import gc, os, sys
from medsynth_app.startup import hold_garbage, release_garbage
release_garbage()                               # nothing is held yet: nothing happens
assert not gc.get_freeze_count()
hold_garbage()                                  # as the command line does
assert not gc.isenabled()
sys.modules["torch"] = None                     # importing it would raise
from pathlib import Path
from PySide6.QtCore import QTimer
from medsynth_app import app
from medsynth_app.ui.shell.main_window import MainWindow
seen = []
def watch(window):
    window.painted.connect(lambda: seen.append(window.grab().width()))
    def look():                                 # may fire again before the window is gone
        if window.session.documents.current is not None:
            timer.stop()
            assert gc.isenabled() and gc.get_freeze_count() > 100_000
            seen.append(window.session.documents.current.info.pseudonym)
            window.close()
    timer = QTimer(window); timer.timeout.connect(look); timer.start(50)
    QTimer.singleShot(120000, window.close)
begin = MainWindow.__init__
def init(self, *a):
    begin(self, *a); watch(self)
MainWindow.__init__ = init
app.Desk.start = lambda self: None              # the worker is a process of its own; not part of this test
code = app.run(Path(sys.argv[1]), Path(sys.argv[2]))
assert len(seen) == 2 and seen[1].startswith("Image-"), seen
loaded = {name.split(".")[0] for name, module in sys.modules.items() if module}
assert not {"torch", "diffusers", "transformers"} & loaded
assert not {"medsynth_app.datasets.freeze", "medsynth_app.ui.places.models.train"} & set(sys.modules)  # nobody trains
assert "scipy.ndimage" not in sys.modules       # nor fills or counts
assert not list(Path(os.environ["XDG_CACHE_HOME"]).rglob("*.svg"))  # napari draws no icons for menus that are not there
sys.exit(code)
"""


@pytest.mark.gui
def test_the_window_opens_an_image_with_torch_blocked(display: str, tmp_path: Path) -> None:
    from tests.actions.bench import png

    done = subprocess.run([sys.executable, "-c", _PROGRAM, str(tmp_path / "work"), str(png(tmp_path / "image.png"))],
                          cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=150,
                          env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.gui
def test_news_of_the_queue_reach_the_session_on_the_window_s_thread(qapp: Any, tmp_path: Path) -> None:
    application()
    desk = build_window(Workspace.open(tmp_path / "work"), SettingsStore(tmp_path / "config"), pack_folders=[])
    try:
        heard: list[int] = []
        desk.session.jobs.event.connect(lambda record, event: heard.append(threading.get_ident()))
        record = JobRecord("a", "inpaint", Lane.INTERACTIVE, "t", JobState.RUNNING, 0, "")
        thread = threading.Thread(target=desk.session.jobs.deliver, args=(record, JobEvent("a", EventKind.PROGRESS)))
        thread.start()
        thread.join()
        assert heard == []
        assert wait_for(lambda: bool(heard))
        assert heard == [threading.get_ident()]
        assert not qapp.windowIcon().isNull()
    finally:
        desk.close()


def test_news_that_come_too_late_are_dropped_quietly(qapp: Any) -> None:
    post, seen = Post(), []
    post(lambda: seen.append(1))
    assert wait_for(lambda: seen == [1])
    import shiboken6

    shiboken6.delete(post)
    post(lambda: seen.append(2))
    QTest.qWait(20)
    assert seen == [1]
