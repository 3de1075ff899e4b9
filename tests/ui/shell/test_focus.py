"""Space and Enter start no job unless a person has gone to its button with Tab: tried with real keys and clicks."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.changes import Changes
from medsynth_app.core.job import EventKind, JobEvent, JobState
from medsynth_app.core.provenance import Provenance
from medsynth_app.workspace.workspace import Workspace
from tests.ui.desk import CTRL, TestDesk, a_desk

pytestmark = pytest.mark.gui
BOX = Bounds(10, 10, 50, 50)


@pytest.fixture(scope="module")
def kept(qapp: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with a_desk(tmp_path_factory.mktemp("focus"), Workspace.temporary()) as desk:
        desk.open()
        desk.paint()
        yield desk


@pytest.fixture
def desk(kept: TestDesk) -> Iterator[TestDesk]:
    kept.window.navigator.go("paint")
    kept.window.activateWindow()
    QTest.qWaitForWindowActive(kept.window)
    kept.window.canvas.setFocus()
    QTest.qWait(30)
    yield kept
    if kept.session.candidates.staged:
        kept.session.candidates.discard_all()
    kept.window.palette_widget.hide()
    kept.clear_jobs()


def started(desk: TestDesk) -> int:
    return sum(asked[0] == "submit" for asked in desk.queue.asked)


def press_on(desk: TestDesk) -> None:
    """What a hand does that thinks the job is done: keys that press whatever has the focus."""
    before = started(desk)
    for key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
        desk.key(key)
        QTest.qWait(20)
    assert started(desk) == before, QApplication.focusWidget()


def tab_to(desk: TestDesk, button: QAbstractButton) -> None:
    for _ in range(120):
        if button.hasFocus():
            return
        desk.key(Qt.Key.Key_Tab)
    raise AssertionError(f"Tab does not come to {button.text()}")


def click(button: QAbstractButton) -> None:
    assert button.isEnabled() and button.isVisible()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    QTest.qWait(20)


def stage(desk: TestDesk, job: str, count: int = 2) -> None:
    """Candidates of a run come, and it ends."""
    document = desk.session.documents.opened()
    run, revision = uuid.uuid4().hex, document.revision(0, BOX)
    effective = np.zeros((BOX.height, BOX.width), np.bool_)
    effective[10:20, 10:20] = True
    for number in range(count):
        patch = document.region(0, BOX).copy()
        patch[effective] = 10 * number + 5
        about = Provenance("inpaint", "cells", "ab" * 32, number, "2030-01-01",
                           parameters={"mode": "replace", "prompt": "a cell", "revision": revision})
        desk.session.workspace.candidates.add(run, document.id, document.info.frames[0].key, BOX, number, patch,
                                              effective, provenance=about)
    desk.session.changed.emit(Changes(candidates=(document.id,)))
    desk.session.candidates.select(0)
    if job in desk.queue.jobs:
        desk.hear(job, JobState.DONE, JobEvent(job, EventKind.DONE))
    QTest.qWait(100)


def run_with_space(desk: TestDesk) -> str:
    """Go to the button with Tab and press it with Space: this one is meant."""
    before = started(desk)
    tab_to(desk, desk.inpaint_panel.primary)
    desk.key(Qt.Key.Key_Space)
    assert started(desk) == before + 1
    return list(desk.queue.jobs)[-1]


def test_a_run_started_with_the_mouse(desk: TestDesk) -> None:
    click(desk.inpaint_panel.primary)
    assert started(desk) == 1
    press_on(desk)
    stage(desk, next(iter(desk.queue.jobs)))
    press_on(desk)


def test_a_run_started_with_the_keyboard_and_its_end(desk: TestDesk) -> None:
    job = run_with_space(desk)
    press_on(desk)
    stage(desk, job)
    press_on(desk)
    run_with_space(desk)  # who goes there again means it again


@pytest.mark.parametrize("name", ["accept", "discard", "clear"])
@pytest.mark.parametrize("by_key", [False, True])
def test_after_a_candidate_was_accepted_or_discarded(desk: TestDesk, name: str, by_key: bool) -> None:
    stage(desk, f"run-{name}-{by_key}", 1)
    button = getattr(desk.strip, name)
    if by_key:
        tab_to(desk, button)
        desk.key(Qt.Key.Key_Space)
    else:
        click(button)
    assert not desk.session.candidates.staged and not button.isEnabled()
    press_on(desk)
    desk.session.painting.undo()


def test_more_like_this_leaves_its_button(desk: TestDesk) -> None:
    stage(desk, "run-more")
    tab_to(desk, desk.strip.more)
    desk.key(Qt.Key.Key_Space)  # its request is not kept here: a banner says so
    assert not desk.strip.more.hasFocus()
    press_on(desk)


def test_the_palette_gives_the_focus_back_but_not_to_such_a_button(desk: TestDesk) -> None:
    tab_to(desk, desk.inpaint_panel.primary)
    desk.key(Qt.Key.Key_K, CTRL)
    assert desk.window.palette_widget.isVisible()
    desk.key(Qt.Key.Key_Escape)
    assert not desk.window.palette_widget.isVisible()
    press_on(desk)
    desk.window.canvas.setFocus()
    desk.key(Qt.Key.Key_K, CTRL)
    desk.key(Qt.Key.Key_Escape)
    assert desk.window.canvas.hasFocus()


def shown(desk: TestDesk, show: Callable[[], None]) -> Any:
    show()
    desk.until(lambda: QApplication.activeModalWidget() is not None)
    return QApplication.activeModalWidget()


@pytest.mark.parametrize("name", ["show_keys", "show_settings"])
def test_a_dialog_that_closes(desk: TestDesk, name: str) -> None:
    tab_to(desk, desk.inpaint_panel.primary)
    dialog = shown(desk, getattr(desk.window, name))
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    desk.until(lambda: QApplication.activeModalWidget() is None)
    desk.window.activateWindow()
    QTest.qWaitForWindowActive(desk.window)
    press_on(desk)


def test_a_message_that_goes_does_not_hand_the_focus_on(desk: TestDesk) -> None:
    again: list[int] = []
    choices = (("Run again", lambda: again.append(1)),)
    banner = desk.window.banners.say("error", "It failed.", key="one", choices=choices)
    QTest.qWait(50)
    click(banner.buttons[0])
    assert again == [1]
    press_on(desk)
    assert again == [1]


def test_generate(desk: TestDesk) -> None:
    desk.key(Qt.Key.Key_3, CTRL)
    desk.session.generate.set(prompt="a cell")
    QTest.qWait(30)
    click(desk.generate_panel.primary)
    assert started(desk) == 1
    press_on(desk)
    tab_to(desk, desk.generate_panel.primary)
    desk.key(Qt.Key.Key_Space)
    assert started(desk) == 2
    press_on(desk)
    job = list(desk.queue.jobs)[-1]
    desk.hear(job, JobState.DONE, JobEvent(job, EventKind.DONE))
    press_on(desk)
