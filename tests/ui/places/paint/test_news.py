"""Candidates that come into a slice which nobody looks at: a toast tells of them and leads there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from medsynth_app.core.job import Lane
from medsynth_app.session.session import Session
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import answer, volume
from tests.ui.desk import TestDesk, a_desk

pytestmark = pytest.mark.gui


@pytest.fixture
def desk(qapp: Any, tmp_path: Path) -> Iterator[TestDesk]:
    with a_desk(tmp_path, Workspace.temporary()) as found:
        found.window.open_path(volume(tmp_path / "v.nii.gz", frames=5))
        found.until(lambda: not found.window.opening.busy)
        found.window.navigator.go("paint")
        yield found


def show(desk: TestDesk) -> None:
    """Press what the toast offers."""
    (part,) = (part for part in desk.window.toasts.findChildren(QPushButton) if part.text() == "Show")
    QTest.mouseClick(part, Qt.MouseButton.LeftButton)


def drawn(session: Session, job_id: str) -> int:
    return sum(result.job_id == job_id for result in session.candidates.results)


def test_what_is_in_view_is_plain_to_see(desk: TestDesk) -> None:
    job = desk.candidates(2)
    assert drawn(desk.session, job) == 2 and not desk.window.toasts.texts()


def test_a_slice_that_was_left_while_it_was_drawn_into_is_told_and_shown(desk: TestDesk) -> None:
    session = desk.session
    job = desk.inpaint(2)
    session.view.set_index(4)
    answer(session.workspace, job, session.jobs.deliver)
    assert not session.candidates.results and len(desk.window.toasts.texts()) == 1
    show(desk)
    assert session.view.index == 2 and drawn(session, job) == 2


def test_an_image_that_was_left_is_opened_at_the_slice(desk: TestDesk) -> None:
    session = desk.session
    job = desk.inpaint(2)
    session.view.set_index(4)  # where it was last seen
    desk.open()
    answer(session.workspace, job, session.jobs.deliver)
    show(desk)
    desk.until(lambda: not desk.window.opening.busy)
    assert session.view.index == 2 and drawn(session, job) == 2
    desk.open()
    assert not session.candidates.results  # it leads there once


def test_only_jobs_of_its_own_lane_are_waited_for(desk: TestDesk) -> None:
    desk.paint()
    errand = desk.session.jobs.errand("export series", "Export series", lambda: None, lambda: None)
    job = desk.inpaint(2)
    desk.until(lambda: desk.inpaint_panel.hint.text() == "Starts after 1 job")
    desk.queue.jobs[job] = replace(desk.queue.jobs[job], lane=Lane.BACKGROUND)
    desk.session.jobs.refresh()
    desk.until(lambda: desk.inpaint_panel.hint.text().startswith("This slice only."))
    assert desk.session.jobs.active == 2
    errand.done()
