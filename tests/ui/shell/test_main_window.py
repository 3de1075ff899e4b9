"""The window as a person uses it: keys, mouse, what is said. One window for the whole module."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QApplication, QComboBox, QLineEdit, QWidget

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.job import EventKind, JobEvent, JobState
from medsynth_app.formats.common import TooLarge
from medsynth_app.ui.shell.banners import Banner
from medsynth_app.ui.shell.jobs_list import AGAIN, CANCEL, LATER, SOONER, Deed
from medsynth_app.ui.shell.rail import PLACES
from medsynth_app.ui.shell.shortcuts import KeyEditor, KeySheet
from medsynth_app.workspace.workspace import Workspace
from tests.ui.desk import CTRL, TestDesk, a_desk

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module")
def module_desk(qapp: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with a_desk(tmp_path_factory.mktemp("desk"), Workspace.temporary()) as desk:
        desk.open()
        yield desk


@pytest.fixture
def desk(module_desk: TestDesk) -> Iterator[TestDesk]:
    module_desk.session.set_place("paint")
    module_desk.window.activateWindow()  # without a window manager nobody gives the focus back after a dialog
    QTest.qWaitForWindowActive(module_desk.window)
    module_desk.window.canvas.setFocus()
    yield module_desk
    for banner in module_desk.window.banners.all():
        module_desk.window.banners.drop(banner.key)
    module_desk.window.palette_widget.hide()
    module_desk.window.veil.hide()
    module_desk.window.drawer.close_drawer()
    module_desk.clear_jobs()


def banner(desk: TestDesk) -> Banner:
    assert desk.window.banners.all(), "nothing was said"
    return desk.window.banners.all()[-1]


# -- places and keys


def test_control_and_a_digit_go_to_the_places(desk: TestDesk) -> None:
    for digit, place in enumerate(PLACES, 1):
        desk.key(Qt.Key(Qt.Key.Key_0.value + digit), CTRL)
        assert desk.session.place == place
        assert desk.window.rail.buttons[place].isChecked()
        assert desk.window.panels[place].isVisible()


def test_places_that_are_not_built_say_what_they_will_do(desk: TestDesk) -> None:
    for place in ("label", "evaluate"):
        QTest.mouseClick(desk.window.rail.buttons[place], Qt.MouseButton.LeftButton)
        texts = [child.text() for child in desk.window.panels[place].findChildren(QWidget)
                 if hasattr(child, "text") and child.isVisible()]
        assert "Not built yet" in texts and len(texts) > 5
        assert desk.window.canvas.isVisible()


def test_digits_choose_classes_by_the_place_of_the_key(desk: TestDesk) -> None:
    desk.key(Qt.Key.Key_2)
    assert desk.session.painting.label_value == desk.session.painting.schema.classes[1].value
    desk.physical(12, Qt.Key.Key_QuoteDbl, '"')  # the key of 3 on a French keyboard
    assert desk.session.painting.label_value == desk.session.painting.schema.classes[2].value
    desk.physical(10, Qt.Key.Key_Ampersand, "&", CTRL)  # Ctrl and the key of 1
    assert desk.session.place == "library"
    desk.session.set_place("paint")
    desk.key(Qt.Key.Key_1)
    assert desk.session.painting.label_value == 1


def test_letters_choose_tools_but_not_while_one_writes(desk: TestDesk) -> None:
    desk.key(Qt.Key.Key_E)
    assert desk.window.canvas.tools.tool == "eraser" and desk.window.commands["tool.eraser"].isChecked()
    prompt = desk.window.inpaint_panel.prompt
    prompt.setFocus()
    prompt.clear()
    for key in (Qt.Key.Key_B, Qt.Key.Key_2):
        QTest.keyClick(desk.window.windowHandle(), key)
    assert prompt.toPlainText() == "b2" and desk.window.canvas.tools.tool == "eraser"
    assert desk.session.inpaint.parameters.prompt == "b2" and desk.session.painting.label_value == 1
    desk.window.canvas.setFocus()
    desk.key(Qt.Key.Key_B)
    assert desk.window.canvas.tools.tool == "brush"


def test_painting_stays_in_paint(desk: TestDesk) -> None:
    desk.window.canvas.tools.choose("fill")
    desk.session.set_place("library")
    assert desk.window.canvas.tools.tool == "pan"
    desk.session.set_place("paint")
    assert desk.window.canvas.tools.tool == "fill"
    desk.window.canvas.tools.choose("brush")


def test_enter_in_the_prompt_starts_nothing_and_accepts_nothing(desk: TestDesk, monkeypatch: pytest.MonkeyPatch
                                                                ) -> None:
    desk.paint()
    accepted: list[Any] = []
    monkeypatch.setattr(desk.session.candidates, "accept", lambda index=None: accepted.append(index))
    prompt = desk.window.inpaint_panel.prompt
    desk.session.inpaint.set(prompt="a cell")
    prompt.setFocus()
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
        desk.key(key)
    assert desk.queue.asked == [] and accepted == []
    assert prompt.toPlainText() == "a cell"
    desk.until(desk.window.commands["paint.run"].isEnabled)
    desk.key(Qt.Key.Key_Return, CTRL)  # this one is meant
    assert desk.queue.asked == [("submit", "inpaint")]
    desk.session.painting.undo()


def test_x_held_shows_the_original(desk: TestDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(desk.window.canvas.candidate, "flicker", seen.append)
    QTest.keyPress(desk.window.windowHandle(), Qt.Key.Key_X)
    QTest.keyRelease(desk.window.windowHandle(), Qt.Key.Key_X)
    assert seen == [True, False]


def test_undo_is_named_and_acts_only_on_what_one_sees(desk: TestDesk) -> None:
    desk.paint()
    undo = desk.window.commands["edit.undo"]
    assert undo.text().startswith("Undo: paint") and undo.text() in undo.toolTip()
    desk.session.set_place("generate")
    assert not undo.isEnabled()
    desk.session.set_place("paint")
    desk.key(Qt.Key.Key_Z, CTRL)
    document = desk.session.documents.current
    assert document is not None and not document.mask(0).any()
    assert desk.window.commands["edit.redo"].text().startswith("Redo: paint")


def test_clear_is_one_stroke_that_can_be_undone(desk: TestDesk) -> None:
    desk.paint()
    desk.window.commands["paint.clear"].trigger()
    document = desk.session.documents.current
    assert document is not None and not document.mask(0).any()
    desk.window.commands["edit.undo"].trigger()
    assert document.mask(0).any()
    desk.window.commands["edit.undo"].trigger()


# -- palette, sheet, editor


def test_the_palette_finds_and_runs_an_action(desk: TestDesk) -> None:
    before = desk.window.canvas.view.flip_horizontal
    desk.key(Qt.Key.Key_K, CTRL)
    palette = desk.window.palette_widget
    assert palette.isVisible() and palette.field.hasFocus()
    QTest.keyClicks(palette.field, "flp left")
    assert palette.list.currentItem().data(Qt.ItemDataRole.UserRole) == "view.flip_h"
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert palette.isHidden() and desk.window.canvas.view.flip_horizontal != before
    desk.window.canvas.view.flip(True)


def test_the_palette_lists_every_action_and_leaves_with_escape(desk: TestDesk) -> None:
    desk.window.palette_widget.open()
    known = sum(1 for _ in desk.window.commands.all())
    assert desk.window.palette_widget.list.count() == known - 1  # all but itself
    QTest.keyClick(desk.window.palette_widget.field, Qt.Key.Key_Escape)
    assert desk.window.palette_widget.isHidden()


def test_the_sheet_shows_the_keys_of_the_place(desk: TestDesk) -> None:
    desk.key(Qt.Key.Key_Question)
    sheet = desk.window.findChild(KeySheet)
    assert sheet is not None
    texts = {child.text() for child in sheet.findChildren(QWidget) if hasattr(child, "text")}
    assert {"B", "Brush", "Ctrl+K"} <= texts
    sheet.close()
    sheet.deleteLater()


def test_a_key_given_twice_cannot_be_saved_and_the_left_handed_set_can(desk: TestDesk) -> None:
    editor = KeyEditor(desk.window.commands, desk.settings, desk.window)
    editor.field("tool.brush").setKeySequence("E")
    assert not editor._save.isEnabled() and "Eraser" in editor._problem.text()
    editor.field("tool.brush").setKeySequence("Ctrl+Alt+B")
    assert editor._save.isEnabled()
    editor._save.click()
    assert desk.settings.current.shortcuts == {"tool.brush": "Ctrl+Alt+B"}
    assert desk.window.commands["tool.brush"].shortcut().toString() == "Ctrl+Alt+B"
    editor._left.setChecked(True)
    editor._save.click()
    assert desk.settings.current.left_handed and desk.settings.current.shortcuts == {}
    assert desk.window.commands["tool.brush"].shortcut().toString() == "N"
    editor._left.setChecked(False)
    editor._save.click()
    assert desk.window.commands["tool.brush"].shortcut().toString() == "B"


# -- people, veil, looks


def test_the_name_is_asked_in_a_bar_and_switched_with_one_click(desk: TestDesk) -> None:
    bar, status = desk.window.name_bar, desk.window.status
    bar.ask()
    assert bar.isVisible() and bar.field.hasFocus()
    QTest.keyClicks(bar.field, "Ada")
    QTest.keyClick(bar.field, Qt.Key.Key_Return)
    assert desk.session.people.current is not None and desk.session.people.current.name == "Ada" and bar.isHidden()
    assert status.person.text() == "Ada"
    desk.session.people.switch("Bea")
    status.people.aboutToShow.emit()
    next(action for action in status.people.actions() if action.text() == "Ada").trigger()
    assert desk.session.people.current.name == "Ada"


def test_an_empty_name_is_refused_in_words(desk: TestDesk) -> None:
    desk.window.name_bar.ask()
    QTest.keyClick(desk.window.name_bar.field, Qt.Key.Key_Return)
    assert desk.window.name_bar.isVisible() and desk.window.name_bar._trouble.text()
    desk.window.name_bar.hide()


def test_the_veil_covers_after_idle_time_and_swallows_the_key_that_lifts_it(desk: TestDesk) -> None:
    desk.session.people.switch("Ada")
    veil = desk.window.veil
    assert veil.minutes == 10 and 0 < veil._timer.remainingTime() <= 600_000
    veil._timer.start(1)
    desk.until(veil.isVisible)
    assert veil.resume.text() == "Resume as Ada"
    over = desk.window.childAt(desk.window.canvas.mapTo(desk.window, desk.window.canvas.rect().center()))
    assert over is veil or veil.isAncestorOf(over)
    desk.key(Qt.Key.Key_E)
    assert veil.isHidden() and desk.window.canvas.tools.tool == "brush"
    veil.cover()
    QTest.mouseClick(veil, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    assert veil.isHidden() and veil._timer.isActive()
    desk.window.set_veil(0)
    assert not veil._timer.isActive()
    desk.window.set_veil(10)


def test_the_theme_is_switched_and_kept(desk: TestDesk) -> None:
    ground = desk.window.theme.tokens.ground
    desk.window.commands["theme.dark"].trigger()
    assert desk.settings.current.theme == "dark" and desk.window.theme.tokens.ground != ground
    assert desk.window.theme.tokens.surface in desk.window.styleSheet()
    assert desk.window.commands["theme.dark"].isChecked()
    picture = desk.window.grab().toImage()
    assert picture.pixelColor(30, 600).lightness() < 60  # the rail
    desk.window.commands["theme.light"].trigger()
    assert desk.window.grab().toImage().pixelColor(30, 600).lightness() > 200


def test_all_that_can_be_reached_has_a_name_to_be_read_aloud(desk: TestDesk) -> None:
    kinds = (QAbstractButton, QAbstractSlider, QComboBox, QLineEdit)
    desk.window.inpaint_panel.more.head.setChecked(True)
    for place in PLACES:
        desk.session.set_place(place)
        for widget in desk.window.findChildren(QWidget):
            if isinstance(widget, kinds) and widget.isVisible() and widget.focusPolicy() != Qt.FocusPolicy.NoFocus:
                text = widget.text() if isinstance(widget, QAbstractButton) else ""
                holder = widget.parentWidget()
                assert widget.accessibleName() or text or (holder is not None and holder.accessibleName()), \
                    (place, widget.metaObject().className(), widget.objectName())
    desk.window.inpaint_panel.more.head.setChecked(False)


def test_tab_goes_on_and_the_ring_can_be_seen(desk: TestDesk) -> None:
    first = desk.window.inpaint_panel.primary
    desk.paint()
    desk.until(first.isEnabled)
    plain = first.grab().toImage()
    first.setFocus(Qt.FocusReason.TabFocusReason)
    assert first.grab().toImage() != plain
    desk.key(Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is not first
    desk.session.painting.undo()


def test_at_1366_by_768_the_inspectors_need_no_scroll_bar(desk: TestDesk) -> None:
    desk.paint()
    for place in ("library", "paint", "generate", "models"):
        desk.session.set_place(place)
        QTest.qWait(150)
        assert desk.window.panels[place].area.verticalScrollBar().maximum() == 0, place  # type: ignore[attr-defined]
    desk.session.set_place("paint")
    desk.session.painting.undo()
    assert desk.window.size().width() == 1366 and desk.window.size().height() == 768


def test_research_use_is_always_said(desk: TestDesk) -> None:
    for place in PLACES:
        desk.session.set_place(place)
        assert any(child.text() == "Research use, not for diagnosis" and child.isVisible()
                   for child in desk.window.status.findChildren(QWidget) if hasattr(child, "text"))


# -- opening


def test_a_dropped_file_is_opened(desk: TestDesk, tmp_path: Path) -> None:
    from tests.actions.bench import volume

    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(volume(tmp_path / "volume.nii.gz")))])
    window = desk.window
    enter = QDragEnterEvent(QPoint(400, 400), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
                            Qt.KeyboardModifier.NoModifier)
    window.dragEnterEvent(enter)
    assert enter.isAccepted()
    window.dropEvent(QDropEvent(QPointF(400, 400), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
                                Qt.KeyboardModifier.NoModifier))
    desk.until(lambda: not window.opening.busy)
    document = desk.session.documents.current
    assert document is not None and len(document.info.frames) == 3
    frame = desk.session.view.index
    desk.key(Qt.Key.Key_PageDown)
    assert desk.session.view.index == frame + 1
    assert "mm" in window.toolbar.brush_text.text() and "mm" in window.status.spacing.text()
    desk.open()
    assert "px" in window.toolbar.brush_text.text()


def test_a_folder_with_several_series_offers_them(desk: TestDesk, tmp_path: Path) -> None:
    from pydicom.data import get_testdata_file

    for name in ("CT_small.dcm", "MR_small.dcm"):
        (tmp_path / name).write_bytes(Path(str(get_testdata_file(name, download=False))).read_bytes())
    desk.window.open_path(tmp_path)
    desk.until(lambda: not desk.window.opening.busy)
    panel = desk.window.library_panel
    desk.session.set_place("library")
    desk.until(panel.series.isVisible)
    before = desk.session.documents.current
    assert before is not None and panel.series.count() == 2
    other = next(k for k in range(2) if not panel.series.item(k).text().split("\n")[1].startswith(
        str(before.info.modality)))
    panel.series.itemActivated.emit(panel.series.item(other))
    desk.until(lambda: desk.session.documents.current is not before)
    now = desk.session.documents.current
    assert now is not None and now.info.modality != before.info.modality
    desk.open()
    assert panel._series_group.isHidden()


def test_a_file_that_cannot_be_read_is_told_and_the_image_stays(desk: TestDesk, tmp_path: Path) -> None:
    before = desk.session.documents.current
    (tmp_path / "notes.txt").write_text("no image")
    desk.window.open_path(tmp_path / "notes.txt")
    desk.until(lambda: not desk.window.opening.busy)
    assert banner(desk).level == "error" and "image" in banner(desk).text
    assert [button.text() for button in banner(desk).buttons] == ["Open another…"]
    assert desk.session.documents.current is before


def test_a_huge_image_is_asked_about(desk: TestDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    load, asked = desk.session.documents.load, []

    def guarded(path: Path, *news: Any, allow_bytes: int = 0) -> Any:
        asked.append(allow_bytes)
        if allow_bytes <= 5_000_000_000:
            raise TooLarge(5_000_000_000)
        return load(path, *news)

    monkeypatch.setattr(desk.session.documents, "load", guarded)
    desk.window.open_path(desk.image)
    desk.until(lambda: not desk.window.opening.busy)
    assert "5.0 GB" in banner(desk).text
    banner(desk).buttons[0].click()
    desk.until(lambda: not desk.window.opening.busy)
    assert len(asked) == 2 and desk.window.banners.all() == []


def test_a_slow_opening_shows_progress_and_can_be_cancelled(desk: TestDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = threading.Event()

    def slow(path: Path, progress: Any, cancelled: Any) -> Any:
        progress(3, 12)
        while not cancelled():
            stopped.wait(0.01)
        stopped.set()
        raise Cancelled

    before = desk.session.documents.current
    monkeypatch.setattr(desk.session.documents, "load", slow)
    desk.window.open_path(desk.image)
    desk.until(desk.window.opening.isVisible)
    desk.until(lambda: "3 of 12" in desk.window.opening._words.accessibleName())
    desk.window.opening.cancel_button.click()
    assert stopped.wait(5) and desk.window.opening.isHidden()
    QTest.qWait(50)
    assert desk.session.documents.current is before and desk.window.banners.all() == []


def test_recent_images_are_shown_by_pseudonym(desk: TestDesk) -> None:
    desk.session.set_place("library")
    recent = desk.window.library_panel.recent
    assert recent.count() >= 1
    texts = [recent.item(k).text() for k in range(recent.count())]
    assert all("image.png" not in text for text in texts) and any("Image-" in text for text in texts)


def test_removing_a_study_asks_without_a_dialog(desk: TestDesk) -> None:
    desk.window.commands["file.remove_study"].trigger()
    assert "Remove this study" in banner(desk).text and desk.session.documents.current is not None
    banner(desk).buttons[0].click()
    assert desk.session.documents.current is None and desk.window.welcome.isVisible()
    assert not desk.window.commands["tool.brush"].isEnabled()
    assert desk.window.inpaint_panel.hint.accessibleName() == "Open an image first"
    desk.open()


# -- jobs, toasts, banners


def test_jobs_are_shown_moved_cancelled_and_run_again(desk: TestDesk) -> None:
    desk.paint()
    ids = [desk.session.inpaint.run().jobs[0] for _ in range(4)]
    desk.hear(ids[0], JobState.RUNNING, JobEvent(ids[0], EventKind.STARTED))
    desk.hear(ids[0], JobState.RUNNING, JobEvent(ids[0], EventKind.PROGRESS, step=5, steps=20, seconds_left=8.2))
    desk.window.toolbar.ring.click()
    drawer = desk.window.drawer

    def shown() -> list[str]:
        return [entry.record.id for entry in drawer.model.rows]

    assert drawer.isVisible() and shown() == ids
    assert desk.window.toolbar.ring.accessibleName() == "4 jobs: Step 5 of 20, 8 s left"
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
    desk.window.toolbar.ring.click()
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
    desk.session.inpaint.run()
    assert changed == [(0, 0), (0, 0)] and len(reset) == 1
    desk.session.painting.undo()


def test_a_failed_job_says_what_is_safe_and_can_be_run_again(desk: TestDesk) -> None:
    desk.paint()
    job_id = desk.session.inpaint.run().jobs[0]
    desk.hear(job_id, JobState.FAILED, JobEvent(job_id, EventKind.FAILED, message="The worker ended.",
                                                data={"remedy": "Run it again.", "details": "exit code -9"}))
    said = banner(desk)
    assert "The worker ended." in said.text and "unchanged" in said.text and "Run it again." in said.text
    said.fold.click()
    assert said.holder.isVisible() and said.details.toPlainText() == "exit code -9"
    said.buttons[0].click()
    assert desk.queue.asked[-1] == ("retry", job_id) and desk.window.banners.all() == []
    desk.session.painting.undo()


def test_what_ended_elsewhere_is_a_toast_and_what_is_plain_to_see_is_not(desk: TestDesk) -> None:
    desk.paint()
    first, second = desk.session.inpaint.run().jobs[0], desk.session.inpaint.run().jobs[0]
    count = len(desk.window.toasts.texts())
    desk.hear(first, JobState.DONE, JobEvent(first, EventKind.DONE))
    assert len(desk.window.toasts.texts()) == count
    desk.session.set_place("models")
    desk.hear(second, JobState.DONE, JobEvent(second, EventKind.DONE))
    assert desk.window.toasts.texts()[-1].startswith("Candidates are ready")
    desk.session.painting.undo()


def test_the_button_says_how_long_it_takes_after_a_run(desk: TestDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.paint()
    desk.until(desk.window.inpaint_panel.primary.isEnabled)
    now = [0.0]
    monkeypatch.setattr("medsynth_app.session.pace.time.monotonic", lambda: now[0])
    desk.window.inpaint_panel.primary.click()
    job_id = next(iter(desk.queue.jobs))
    desk.hear(job_id, JobState.RUNNING, JobEvent(job_id, EventKind.STARTED))
    now[0] = 20.0
    desk.hear(job_id, JobState.DONE, JobEvent(job_id, EventKind.DONE))
    desk.until(lambda: desk.window.inpaint_panel.primary.text() == "Inpaint 4, about 20 s")
    desk.session.inpaint.set(count=2, mode="remove")
    assert desk.window.inpaint_panel.primary.text() == "Remove 2, about 10 s"
    desk.session.inpaint.set(count=4, mode="replace")
    desk.session.painting.undo()


def test_a_bug_is_said_with_a_report_that_holds_no_data(desk: TestDesk) -> None:
    def broken() -> None:
        raise ValueError("/home/ada/Patient^Name.dcm")

    try:
        broken()
    except ValueError as error:
        desk.window.report_bug(error)
    text = banner(desk).details.toPlainText()
    assert "ValueError" in text and "broken" in text and "Patient" not in text and "/home" not in text


def test_errors_of_the_session_become_banners(desk: TestDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(index: int | None = None) -> None:
        raise UserError("The region changed meanwhile.", "Run it again.", "Nothing was written.")

    monkeypatch.setattr(desk.session.candidates, "accept", refuse)
    desk.window.commands["candidate.accept"].setEnabled(True)
    desk.window.commands["candidate.accept"].trigger()
    assert banner(desk).text == "The region changed meanwhile. Nothing was written. Run it again."


# -- the panels


def test_the_panel_and_the_session_follow_each_other(desk: TestDesk) -> None:
    panel = desk.window.inpaint_panel
    panel.mode.buttons()[2].click()
    assert desk.session.inpaint.parameters.mode == "vary" and panel.strength.slider.value() == 50
    panel.strength.slider.setValue(80)
    assert desk.session.inpaint.parameters.strength == pytest.approx(0.8)
    panel.mode.buttons()[1].click()
    assert not panel.prompt.isEnabled()
    panel.mode.buttons()[0].click()
    panel.count.buttons()[1].click()
    assert desk.session.inpaint.parameters.count == 2
    panel.more.seed.random.click()
    panel.more.seed.field.setValue(77)
    assert desk.session.inpaint.parameters.seed == 77
    panel.more.seed.random.click()
    assert desk.session.inpaint.parameters.seed is None
    panel._examples_menu.actions()[1].trigger()
    assert desk.session.inpaint.parameters.prompt == "a lymphocyte" == panel.prompt.toPlainText()
    panel.pack.setCurrentIndex(1)
    panel.pack.activated.emit(1)
    assert desk.session.models.pack is desk.session.models.packs[1]
    desk.until(lambda: panel._warnings.isHidden())  # nothing is painted: no warnings yet
    desk.paint()
    desk.until(lambda: panel._warnings.isVisible())
    panel.pack.activated.emit(0)
    panel.count.buttons()[2].click()
    desk.session.painting.undo()


def test_generate_asks_for_pictures_and_models_are_verified(desk: TestDesk) -> None:
    desk.session.set_place("generate")
    desk.window.generate_panel.count.buttons()[0].click()
    desk.window.generate_panel.primary.click()
    assert desk.queue.asked == [("submit", "generate")]
    desk.session.set_place("models")
    desk.window.models_panel.primary.click()
    desk.until(lambda: "Whole: all 1 files" in desk.window.models_panel._state.text())
    (desk.session.models.packs[0].folder / "weights.txt").write_text("changed")
    desk.window.models_panel.list.setCurrentRow(0)
    desk.window.models_panel.primary.click()
    desk.until(lambda: desk.window.models_panel._state.text().startswith("Not whole"))
    (desk.session.models.packs[0].folder / "weights.txt").write_text(desk.session.models.packs[0].manifest.name)


# -- beginnings and ends


def test_a_second_window_says_that_it_is_read_only(qapp: Any, tmp_path: Path) -> None:
    first = Workspace.open(tmp_path / "work")
    try:
        with a_desk(tmp_path, Workspace.open(tmp_path / "work"), theme="light") as desk:
            said = banner(desk)
            assert said.level == "warning" and "read-only" in said.text
            desk.open()
            assert desk.window.banners.by_key("stays.read-only") is not None
            assert not desk.window.commands["tool.brush"].isEnabled()
            assert desk.window.status.saved.text() == "read-only, nothing is saved"
    finally:
        first.close()


def test_first_run_asks_for_a_name_offers_images_and_remembers_the_window(qapp: Any, tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "work")
    with a_desk(tmp_path, workspace, first_run_done=False) as desk:
        assert desk.window.name_bar.isVisible() and desk.window.welcome.isVisible()
        desk.until(lambda: bool(desk.window.welcome.demo_buttons()))
        desk.session.people.switch("Dr. Keller")  # said elsewhere, in the status bar for one
        assert desk.window.name_bar.isHidden()
        desk.window.resize(1111, 700)
        desk.open()
        desk.paint()
        desk.session.inpaint.run()
    assert desk.settings.current.first_run_done and desk.settings.current.window_geometry
    assert ("cancel", "job-1") not in desk.queue.asked  # jobs go on with the next start
    text = (tmp_path / "config" / "settings.json").read_text()
    assert str(tmp_path) not in text
    with a_desk(tmp_path, Workspace.open(tmp_path / "work"), size=(1111, 700)) as again:
        assert again.window.name_bar.isHidden() and again.window.width() == 1111
        again.open()
        document = again.session.documents.current
        assert document is not None and document.mask(0).any()
