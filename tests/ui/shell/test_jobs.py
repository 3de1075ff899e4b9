"""Jobs in the window: the drawer, toasts and banners."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QFrame, QLabel, QWidget

from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent, JobState
from medsynth_app.ui.shell.jobs_list import AGAIN, CANCEL, LATER, SOONER, Deed
from tests.ui.desk import CTRL, TestDesk

pytestmark = pytest.mark.gui


# -- jobs, toasts, banners


def test_jobs_are_shown_moved_cancelled_and_run_again(desk: TestDesk) -> None:
    desk.paint()
    ids = [desk.session.inpaint.run().jobs[0] for _ in range(4)]
    desk.hear(ids[0], JobState.RUNNING, JobEvent(ids[0], EventKind.STARTED))
    desk.hear(ids[0], JobState.RUNNING, JobEvent(ids[0], EventKind.PROGRESS, step=5, steps=20, seconds_left=8.2))
    desk.window.ring.click()
    drawer = desk.window.drawer

    def shown() -> list[str]:
        return [entry.record.id for entry in drawer.model.rows]

    assert drawer.isVisible() and shown() == ids
    assert desk.window.ring.accessibleName() == "4 jobs: Step 5 of 20, 8 s left"
    QTest.qWait(20)
    height, plain = drawer.list.visualRect(drawer.model.index(0)).height(), drawer.list.grab().toImage()
    desk.hear(ids[0], JobState.RUNNING, JobEvent(ids[0], EventKind.PREVIEW, arrays={
        "0": np.zeros((8, 8, 3), np.uint8)}))
    desk.until(lambda: drawer.list.visualRect(drawer.model.index(0)).height() > height)
    assert drawer.list.grab().toImage() != plain

    def press(row: int, deed: Deed) -> None:
        QTest.mouseClick(drawer.list.viewport(), Qt.MouseButton.LeftButton, pos=drawer.list.button(row, deed).center())

    press(2, SOONER)
    press(2, LATER)
    press(0, CANCEL)
    wanted = [("move", ids[2], ids[1]), ("move", ids[2], None), ("cancel", ids[0])]
    assert desk.queue.asked[-3:] == wanted
    drawer.list.setFocus()
    drawer.list.setCurrentIndex(drawer.model.index(2))
    desk.key(Qt.Key.Key_Up, CTRL)
    desk.key(Qt.Key.Key_Down, CTRL)
    drawer.list.setCurrentIndex(drawer.model.index(0))
    desk.key(Qt.Key.Key_Delete)
    assert desk.queue.asked[-3:] == wanted  # the same by keys
    drawer.list.setCurrentIndex(drawer.model.index(1))
    desk.key(Qt.Key.Key_Up, CTRL)  # it is the next already
    assert desk.queue.asked[-3:] == wanted
    desk.hear(ids[0], JobState.FAILED, JobEvent(ids[0], EventKind.FAILED, message="Out of memory.",
                                                data={"remedy": "Use fewer candidates.", "details": "trace"}))
    assert shown()[-1] == ids[0]
    assert "Use fewer candidates." in drawer.model.index(3).data(Qt.ItemDataRole.AccessibleTextRole)
    drawer.list.setCurrentIndex(drawer.model.index(3))
    drawer.fold.click()
    assert drawer.details.isVisible() and drawer.details.toPlainText() == "trace"
    QTest.qWait(20)
    press(3, AGAIN)
    assert desk.queue.asked[-1] == ("retry", ids[0])
    drawer.list.setFocus()
    desk.key(Qt.Key.Key_Return)
    assert desk.queue.asked[-2:] == [("retry", ids[0])] * 2
    drawer.cancel_waiting.click()
    assert desk.queue.asked[-3:] == [("cancel", job) for job in ids[1:]]
    desk.key(Qt.Key.Key_J, CTRL)
    assert drawer.isHidden()
    desk.session.painting.undo()


def test_two_hundred_jobs_are_rows_of_a_model_and_news_of_one_redraw_one(desk: TestDesk) -> None:
    desk.paint()
    drawer = desk.window.drawer
    desk.window.ring.click()
    few = len(drawer.findChildren(QWidget))
    ids = [desk.session.inpaint.run().jobs[0] for _ in range(200)]
    assert len(drawer.model.rows) == 200 and len(drawer.findChildren(QWidget)) == few
    changed: list[tuple[int, int]] = []
    reset: list[int] = []
    drawer.model.dataChanged.connect(lambda first, last, _roles: changed.append((first.row(), last.row())))
    for signal in (drawer.model.modelReset, drawer.model.rowsInserted, drawer.model.rowsRemoved):
        signal.connect(lambda *_news: reset.append(1))
    desk.hear(ids[0], JobState.RUNNING, JobEvent(ids[0], EventKind.PROGRESS, step=1, steps=20))
    desk.hear(ids[0], JobState.RUNNING, JobEvent(ids[0], EventKind.PROGRESS, step=2, steps=20))
    assert changed == [(0, 0), (0, 0)] and not reset
    desk.session.inpaint.run().jobs[0]
    assert changed == [(0, 0), (0, 0)] and len(reset) == 1
    desk.session.painting.undo()


def test_a_failed_job_says_what_is_safe_and_can_be_run_again(desk: TestDesk) -> None:
    desk.paint()
    job_id = desk.session.inpaint.run().jobs[0]
    desk.hear(job_id, JobState.FAILED, JobEvent(job_id, EventKind.FAILED, message="The worker ended.",
                                                data={"remedy": "Run it again.", "details": "exit code -9"}))
    said = desk.banner
    assert "The worker ended." in said.text and "unchanged" in said.text and "Run it again." in said.text
    said.fold.click()
    assert said.holder.isVisible() and said.details.toPlainText() == "exit code -9"
    said.buttons[0].click()
    assert desk.queue.asked[-1] == ("retry", job_id) and desk.window.banners.all() == []
    desk.session.painting.undo()


def test_what_ended_elsewhere_is_a_toast_and_what_is_plain_to_see_is_not(desk: TestDesk) -> None:
    before, count = desk.session.inpaint.parameters, len(desk.window.toasts.texts())
    desk.candidates()
    assert len(desk.session.candidates.results) == 3  # in the strip
    assert len(desk.window.toasts.texts()) == count
    second = desk.session.inpaint.run().jobs[0]
    desk.window.navigator.go("models")
    desk.hear(second, JobState.DONE, JobEvent(second, EventKind.DONE))
    assert desk.window.toasts.texts()[-1].startswith("Candidates are ready")
    desk.session.candidates.discard_all()
    desk.session.inpaint.set(count=before.sampling.count, conditioning=before.conditioning, mode=before.mode)
    desk.session.painting.undo()


def test_the_button_says_how_long_it_takes_after_a_run(desk: TestDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.paint()
    desk.until(desk.inpaint_panel.primary.isEnabled)
    now = [0.0]
    monkeypatch.setattr("medsynth_app.session.pace.time.monotonic", lambda: now[0])
    desk.inpaint_panel.primary.click()
    job_id = next(iter(desk.queue.jobs))
    desk.hear(job_id, JobState.RUNNING, JobEvent(job_id, EventKind.STARTED))
    now[0] = 20.0
    desk.hear(job_id, JobState.DONE, JobEvent(job_id, EventKind.DONE))
    desk.until(lambda: desk.inpaint_panel.primary.text() == "Inpaint 4, about 20 s")
    desk.session.inpaint.set(count=2, mode="remove", classical=False)
    assert desk.inpaint_panel.primary.text() == "Remove 2, about 10 s"
    desk.session.inpaint.set(count=4, mode="replace", classical=None)
    desk.session.painting.undo()


def test_a_bug_is_said_with_a_report_that_holds_no_data(desk: TestDesk) -> None:
    def broken() -> None:
        raise ValueError("/home/ada/Patient^Name.dcm")

    try:
        broken()
    except ValueError as error:
        desk.window.reports.bug(error)
    text = desk.banner.details.toPlainText()
    assert "ValueError" in text and "broken" in text and "Patient" not in text and "/home" not in text


def test_errors_of_the_session_become_banners(desk: TestDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(index: int | None = None) -> None:
        raise UserError("The region changed meanwhile.", "Run it again.", "Nothing was written.")

    monkeypatch.setattr(desk.session.candidates, "accept", refuse)
    desk.window.commands["candidate.accept"].setEnabled(True)
    desk.window.commands["candidate.accept"].trigger()
    assert desk.banner.text == "The region changed meanwhile. Nothing was written. Run it again."


def test_every_note_has_the_room_that_its_words_need(desk: TestDesk) -> None:
    toasts = desk.window.toasts
    long = "The study was removed from the workspace, with one generated picture from its masks. " * 2
    for level, text in (("done", "Saved"), ("info", long), ("warning", "A third one")):
        toasts.say(level, text)
    QTest.qWait(50)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)  # notes of other tests
    notes = [child for child in toasts.findChildren(QFrame) if child.objectName() == "toast"]
    assert len(notes) == 3 and toasts.geometry().bottom() <= toasts.parentWidget().height()
    for note in notes:
        for part in (*note.findChildren(QLabel), *note.findChildren(QAbstractButton)):
            needed = part.heightForWidth(part.width()) if part.hasHeightForWidth() else part.sizeHint().height()
            assert part.height() >= needed, part
