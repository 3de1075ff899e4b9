"""Commands: the palette, the sheet of keys and its editor, and everything that a person can do."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QWidget

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
    places = ["paint", "generate", "models", "library", "label"]
    for command in [command for command in window.commands.all() if command.id not in ("file.quit", "file.close")]:
        if command.id == "paint.run":
            desk.paint()
            desk.until(window.commands["paint.run"].isEnabled)
        for place in places:
            window.navigator.go(place)
            window.commands.refresh()
            action, reason = window.commands[command.id], window.commands.reason(command.id)
            assert action.text() and command.group and action.isEnabled() is not bool(reason), command.id
            assert not reason or reason in action.toolTip()
            if not reason:
                action.trigger()
                ran.append(command.id)
                break
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


def test_quit_comes_last(desk: TestDesk) -> None:
    assert list(desk.window.commands.all())[-1].id == "file.quit"
