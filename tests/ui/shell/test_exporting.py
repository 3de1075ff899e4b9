"""A series exported from the window: among the jobs, beside other work, whole or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from medsynth_app.core.job import JobState
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.ui.shell.jobs_list import AGAIN, CANCEL
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack
from tests.actions.test_export import fill
from tests.formats.making import save_series
from tests.ui.desk import TestDesk, a_desk

pytestmark = pytest.mark.gui


@pytest.fixture
def opened(desk: TestDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A series in view; returns the folder that whoever is asked for one names."""
    desk.window.open_path(save_series(tmp_path / "in", [(0, 0, 2.0 * k) for k in range(12)]))
    desk.until(lambda: not desk.window.opening.busy and len(desk.session.documents.current.info.frames) == 12)
    monkeypatch.setattr(desk.window.dialogs, "open_folder", lambda _title: tmp_path / "out")
    return tmp_path / "out"


def gated(desk: TestDesk, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Hold exports at their fourth slice until the event is set."""
    gate, export = threading.Event(), desk.session.exports.series

    def slow(document: Any, folder: Path, progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> Any:
        def told(at: int, of: int) -> None:
            progress(at, of)
            if at == 4:
                gate.wait(10)
        return export(document, folder, told, cancelled)

    monkeypatch.setattr(desk.session.exports, "series", slow)
    return gate


def running(desk: TestDesk) -> int:
    return len(desk.session.jobs.running)


def test_a_series_is_exported_by_the_button_in_the_library(desk: TestDesk, opened: Path) -> None:
    document, index = desk.session.documents.current, desk.session.view.index
    queue = JobQueue(desk.session.workspace.jobs, lambda record, event: None)
    fill(desk.session.workspace, queue, make_pack(opened.parent / "packs"), document, index)
    queue.close()
    desk.window.navigator.go("library")
    button = next(part for part in desk.library_panel.findChildren(type(desk.library_panel.primary))
                  if part.text() == "Export series…")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    desk.until(lambda: opened.exists() and not running(desk))
    (folder,) = (path for path in opened.iterdir() if path.is_dir())
    assert len(list(folder.iterdir())) == 12
    states = [pydicom.dcmread(path).SyntheticData for path in sorted(folder.iterdir())]
    assert [k for k, state in enumerate(states) if state == "YES"] == [index]
    assert desk.window.toasts.texts()[-1] == (
        f"12 slices exported, 1 of them with generated pixels: {folder.name}.")
    assert desk.session.jobs.entries[0].record.state is JobState.DONE


def test_it_stands_among_the_jobs_and_the_window_goes_on(desk: TestDesk, opened: Path, monkeypatch: pytest.MonkeyPatch
                                                         ) -> None:
    gate = gated(desk, monkeypatch)
    QTest.qWait(100)
    size = desk.window.canvas.size()
    desk.window.commands["file.export_series"].trigger()
    desk.until(lambda: desk.session.jobs.running and desk.session.jobs.running[0].step >= 3)
    assert desk.window.ring.accessibleName().startswith("1 job: Step ")
    assert desk.window.canvas.size() == size  # nothing gives way to it
    desk.session.view.set_index(0)
    desk.key(Qt.Key.Key_PageDown)  # while it is written one goes on
    assert desk.session.view.index == 1
    desk.open()  # another image, too
    gate.set()
    desk.until(lambda: not running(desk))
    assert sum(path.is_dir() for path in opened.iterdir()) == 1 and not desk.session.jobs.active


def test_it_is_cancelled_in_the_drawer_and_run_again_from_there(desk: TestDesk, opened: Path,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    gate = gated(desk, monkeypatch)
    desk.window.commands["file.export_series"].trigger()
    desk.until(lambda: running(desk) == 1)
    drawer = desk.window.drawer
    desk.window.ring.click()
    QTest.qWait(20)

    def press(deed: Any) -> None:
        point: QPoint = drawer.list.button(0, deed).center()
        QTest.mouseClick(drawer.list.viewport(), Qt.MouseButton.LeftButton, pos=point)

    press(CANCEL)
    gate.set()
    desk.until(lambda: not running(desk))
    assert desk.session.jobs.entries[0].record.state is JobState.CANCELLED
    assert not opened.exists() and "stopped" in desk.window.toasts.texts()[-1]
    QTest.qWait(20)
    press(AGAIN)
    desk.until(lambda: opened.exists() and not running(desk))
    assert sum(path.is_dir() for path in opened.iterdir()) == 1


def test_of_a_study_that_is_removed_nothing_more_is_written(desk: TestDesk, opened: Path,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    gate = gated(desk, monkeypatch)
    desk.window.commands["file.export_series"].trigger()
    desk.until(lambda: desk.session.jobs.running and desk.session.jobs.running[0].step >= 3)
    desk.session.documents.remove_study()
    gate.set()
    desk.until(lambda: not running(desk))
    assert not opened.exists() and desk.session.jobs.entries[0].record.state is JobState.CANCELLED
    desk.open()


def test_what_goes_wrong_is_told_and_listed(desk: TestDesk, opened: Path) -> None:
    opened.write_text("a file, no folder")
    desk.window.commands["file.export_series"].trigger()
    desk.until(lambda: not running(desk) and bool(desk.window.banners.all()))
    assert desk.banner.level == "error" and "cannot be written" in desk.banner.text
    assert desk.session.jobs.entries[0].record.state is JobState.FAILED


def test_one_picture_is_no_series(desk: TestDesk) -> None:
    desk.open()
    assert desk.window.commands.reason("file.export_series") == "One slice only"


def test_nothing_is_left_of_it_when_the_window_closes(qapp: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                                      ) -> None:
    with a_desk(tmp_path, Workspace.temporary()) as desk:
        desk.window.open_path(save_series(tmp_path / "in", [(0, 0, 2.0 * k) for k in range(12)]))
        desk.until(lambda: desk.session.documents.current is not None)
        monkeypatch.setattr(desk.window.dialogs, "open_folder", lambda _title: tmp_path / "out")
        gate = gated(desk, monkeypatch)
        desk.window.commands["file.export_series"].trigger()
        desk.until(lambda: desk.session.jobs.running and desk.session.jobs.running[0].step >= 3)
        assert any(path.name.endswith(".part") for path in (tmp_path / "out").iterdir())
        threading.Timer(0.2, gate.set).start()
        desk.window.close()
        assert not (tmp_path / "out").exists()


def test_what_the_series_lacks_is_told_when_it_was_written(desk: TestDesk, tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_series(tmp_path / "in", [(0, 0, 2.0 * k) for k in range(5)])
    (folder / "02.dcm").write_bytes((folder / "02.dcm").read_bytes()[:-2000])
    desk.window.open_path(folder)
    desk.until(lambda: not desk.window.opening.busy and len(desk.session.documents.current.info.frames) == 4)
    monkeypatch.setattr(desk.window.dialogs, "open_folder", lambda _title: tmp_path / "out")
    desk.window.commands["file.export_series"].trigger()
    desk.until(lambda: (tmp_path / "out").exists() and not running(desk))
    done, lacks = desk.window.toasts.texts()[-2:]
    assert done.startswith("4 slices exported") and lacks.startswith("1 file was left out")
