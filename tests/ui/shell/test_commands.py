"""Commands: the palette, the sheet of keys and its editor, and everything that a person can do."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from pydicom.data import get_testdata_file
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QKeySequence, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QLineEdit,
    QScrollBar,
    QSpinBox,
    QWidget,
)

from medsynth_app.settings.settings import Settings
from medsynth_app.ui.shell.command import NEEDS_ALTGR, conflicts, keys_in_force
from medsynth_app.ui.shell.dialogs import Dialogs
from medsynth_app.ui.shell.shortcuts import KeyEditor, KeySheet
from tests.ui.desk import CTRL, TestDesk

pytestmark = pytest.mark.gui


# -- palette, sheet, editor


def test_the_palette_finds_and_runs_an_action(desk: TestDesk) -> None:
    before = desk.window.canvas.view.flip_horizontal
    desk.key(Qt.Key.Key_K, CTRL)
    palette = desk.window.palette_widget
    assert palette.isVisible() and palette.field.hasFocus()
    QTest.keyClicks(palette.field, "flp left")
    assert palette.list.rows.row(palette.list.current).key == "view.flip_h"
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert palette.isHidden() and desk.window.canvas.view.flip_horizontal != before
    desk.window.canvas.view.flip(True)


def test_the_palette_lists_every_action_and_leaves_with_escape(desk: TestDesk) -> None:
    desk.window.palette_widget.open()
    known = sum(1 for _ in desk.window.commands.all())
    assert len(desk.window.palette_widget.list.rows.rows) == known - 1  # all but itself
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


# -- everything that a person can do


class Silent(Dialogs):
    """Dialogs that answer nothing and stay closed."""

    shown: list[QDialog]

    def open_file(self, title: str, patterns: str) -> None:
        return None

    def open_folder(self, title: str) -> None:
        return None

    def save_file(self, title: str, name: str, kinds: Any) -> None:
        return None

    def show(self, dialog: QDialog) -> None:
        self.shown.append(dialog)
        dialog.reject()
        dialog.deleteLater()


def test_every_command_runs_or_says_why_not(desk: TestDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    window, closed = desk.window, []
    dialogs = Silent(window)
    dialogs.shown = []
    for name in ("open_file", "open_folder", "save_file", "show"):
        monkeypatch.setattr(window.dialogs, name, getattr(dialogs, name))
    monkeypatch.setattr(window, "close", lambda: closed.append(1))
    desk.paint()
    ran: list[str] = []
    for place in ("paint", "generate", "models", "library", "label"):
        for command in window.commands.all():
            if command.id in ("file.quit", "file.close", *ran):
                continue
            if window.navigator.current.id != place:
                window.navigator.go(place)
            if command.id == "paint.run":
                desk.paint()
                desk.until(window.commands["paint.run"].isEnabled)
            window.commands.refresh()
            action, reason = window.commands[command.id], window.commands.reason(command.id)
            assert action.text() and command.group and action.isEnabled() is not bool(reason), command.id
            assert not reason or reason in action.toolTip()
            if not reason:
                action.trigger()
                ran.append(command.id)
            assert not [said.text for said in window.banners.all() if said.key == "stays.bug"], command.id
            window.veil.lift()
            window.palette_widget.hide()
    assert {"paint.run", "paint.clear", "tool.fill", "class.1", "view.rotate", "edit.undo", "generate.run",
            "models.verify", "models.train", "help.settings", "jobs.cancel_waiting", "theme.dark"} <= set(ran)
    assert len(dialogs.shown) >= 4 and ("submit", "inpaint") in desk.queue.asked
    window.commands["file.close"].trigger()
    assert desk.session.documents.current is None
    window.commands["file.quit"].trigger()
    assert window.commands.reason("tool.brush") == "Open an image first" and closed == [1]
    window.choose_theme("light")
    desk.session.inpaint.set(mode="replace")
    window.canvas.view.reset()
    window.canvas.paint_look.show(True)
    window.canvas.paint_look.show_outline(False)
    if not desk.settings.current.strip_open:
        window.commands["view.strip"].trigger()
    desk.settings.change(left_handed=False)
    window.commands.apply_keys(False, {})
    window.inspector.show()
    desk.until(lambda: not desk.models_panel.obstacle)
    desk.open()


@pytest.mark.parametrize("left", [False, True])
def test_default_keys_need_no_altgr_and_none_is_given_twice(desk: TestDesk, left: bool) -> None:
    keys = keys_in_force(desk.window.commands.all(), left, {})
    assert conflicts(keys) == []
    for name, key in keys.items():
        assert not set(key) & NEEDS_ALTGR, (name, key)
        assert not key or QKeySequence(key).toString(), (name, key)


def test_every_command_and_key_can_be_kept_in_the_settings(desk: TestDesk) -> None:
    own = {command.id: command.key for command in desk.window.commands.all()}
    assert Settings(shortcuts=own).shortcuts == own
    assert len(own) == sum(1 for _ in desk.window.commands.all())


def test_left_handed_tools_lie_at_the_right_of_the_keyboard(desk: TestDesk) -> None:
    keys = keys_in_force(desk.window.commands.all(), True, {})
    for name in ("pan", "brush", "eraser", "fill", "polygon", "pick", "window"):
        assert keys[f"tool.{name}"] in set("YUIOPHJKLNM"), name


def test_with_nothing_typed_the_palette_shows_what_is_likely_and_quit_last(desk: TestDesk) -> None:
    palette = desk.window.palette_widget

    def listed() -> list[str]:
        return [row.key for row in palette.list.rows.rows]

    desk.window.commands["view.fit"].trigger()
    desk.window.commands["tool.fill"].trigger()
    palette.open()
    assert listed()[:2] == ["tool.fill", "view.fit"] and listed()[-1] == "file.quit"
    of_paint = {command.id for command in desk.window.place("paint").commands}
    able = [name for name in listed() if not desk.window.commands.reason(name)]
    assert set(able[5:12]) <= of_paint  # those of this place, after those that were used
    palette.close_palette()
    desk.window.commands["tool.brush"].trigger()


def test_windows_are_in_the_palette_and_on_keys(desk: TestDesk, tmp_path: Path) -> None:
    shutil.copy(str(get_testdata_file("CT_small.dcm", download=False)), tmp_path / "ct.dcm")
    desk.window.open_path(tmp_path / "ct.dcm")
    desk.until(lambda: not desk.window.opening.busy)
    view, commands = desk.session.view, desk.window.commands
    desk.key(Qt.Key.Key_F4)
    assert view.window_level is not None and (view.window_level.center, view.window_level.width) == (40, 80)
    assert commands["window.brain"].isChecked() and not commands["window.bone"].isChecked()
    desk.key(Qt.Key.Key_F2)
    assert view.window_level == view.auto_window() and commands["window.auto"].isChecked()
    assert commands.reason("window.file") == "The file suggests none"
    tools = desk.window._frame.image_tools
    tools._window.menu().aboutToShow.emit()
    assert [action.text() for action in tools._window.menu().actions()][:2] == [
        "Window: automatic", "Window: brain (W 80, L 40)"]
    assert tools._window.menu().layoutDirection() is Qt.LayoutDirection.LeftToRight
    desk.open()
    assert commands.reason("window.brain") == "A colour image has no window"


def test_the_painting_is_shaded_outlined_and_the_generated_edge_hidden_by_keys(desk: TestDesk) -> None:
    look, marks = desk.window.canvas.paint_look, desk.window.canvas.overlay.marks
    desk.settings.change(show_synthetic_edge=True)
    desk.window.canvas.edges.show_generated(True)
    job = desk.candidates()
    desk.session.candidates.accept(0)
    assert look.outlined and desk.window.canvas.scene.mask.contour == 2  # a fill was accepted: it can be seen
    assert marks.synthetic
    desk.key(Qt.Key.Key_G)
    assert marks.synthetic == [] and not desk.window.canvas.stage.chip.isHidden()
    desk.key(Qt.Key.Key_G)
    desk.key(Qt.Key.Key_O)
    assert marks.synthetic and not look.outlined and desk.window.canvas.scene.mask.contour == 0
    desk.session.candidates.select(None)
    desk.session.painting.undo()
    assert not look.outlined
    desk.session.painting.redo()
    assert look.outlined and job
    look.come_forward()  # somebody paints
    assert desk.window.canvas.scene.mask.contour == 0
    before = look.opacity
    desk.key(Qt.Key.Key_A)
    assert look.opacity == pytest.approx(round(before * 10 - 1) / 10) == desk.settings.current.mask_opacity
    for _ in range(12):
        desk.key(Qt.Key.Key_S)
    assert look.opacity == 1 == desk.window.canvas.scene.mask.opacity
    look.set_opacity(before)
    desk.session.candidates.discard_all()
    desk.session.painting.undo()


def test_the_wheel_edits_no_field_without_the_focus(desk: TestDesk) -> None:
    window = desk.window
    desk.inpaint_panel.more.head.setChecked(True)
    window.commands["help.settings"].trigger()
    seen: set[str] = set()
    for place in window.navigator.places:
        window.navigator.go(place.id)
        for field in window.findChildren(QWidget):
            if not isinstance(field, QAbstractSpinBox | QComboBox | QAbstractSlider) or isinstance(field, QScrollBar) \
                    or not field.isEnabled():
                continue
            field.clearFocus()
            before = value_of(field)
            for turned in (-120, 120):
                for target in (field, *field.findChildren(QLineEdit)):
                    middle = QPointF(target.rect().center())
                    QApplication.sendEvent(target, QWheelEvent(
                        middle, QPointF(target.mapToGlobal(middle)), QPoint(), QPoint(0, turned),
                        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False))
                    assert value_of(field) == before and not field.hasFocus(), field.accessibleName()
            seen.add(type(field).__name__)
    assert {"QComboBox", "QSpinBox", "QuietSpin", "Slider", "QSlider"} <= seen
    for shown in window.findChildren(QDialog):
        shown.reject()
        shown.deleteLater()
    desk.inpaint_panel.more.head.setChecked(False)


def value_of(field: QWidget) -> object:
    if isinstance(field, QComboBox):
        return field.currentIndex()
    assert isinstance(field, QSpinBox | QDoubleSpinBox | QAbstractSlider)
    return field.value()
