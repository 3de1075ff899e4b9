"""The window as a person uses it: places, keys, people, looks, beginnings and ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QApplication, QComboBox, QLineEdit, QWidget

from medsynth_app.workspace.workspace import Workspace
from tests.ui.desk import CTRL, TestDesk, a_desk

pytestmark = pytest.mark.gui
PLACES = ("library", "paint", "generate", "label", "evaluate", "models")


# -- places and keys


def test_control_and_a_digit_go_to_the_places(desk: TestDesk) -> None:
    assert PLACES == ("library", "paint", "generate", "label", "evaluate", "models")
    assert tuple(place.id for place in desk.window.navigator.places) == PLACES
    for digit, place in enumerate(PLACES, 1):
        desk.key(Qt.Key(Qt.Key.Key_0.value + digit), CTRL)
        assert desk.window.navigator.current.id == place
        assert desk.window.rail.buttons[place].isChecked()
        assert desk.window.place(place).panel.isVisible()


def test_places_that_are_not_built_say_what_they_will_do(desk: TestDesk) -> None:
    for place in ("evaluate",):
        QTest.mouseClick(desk.window.rail.buttons[place], Qt.MouseButton.LeftButton)
        texts = [child.text() for child in desk.window.place(place).panel.findChildren(QWidget)
                 if hasattr(child, "text") and child.isVisible()]
        assert "Not built yet" in texts and len(texts) > 5
        assert desk.window.canvas.isVisible()


def test_digits_choose_classes_by_the_place_of_the_key(desk: TestDesk) -> None:
    desk.key(Qt.Key.Key_2)
    assert desk.session.painting.label_value == desk.session.painting.schema.classes[1].value
    desk.physical(12, Qt.Key.Key_QuoteDbl, '"')  # the key of 3 on a French keyboard
    assert desk.session.painting.label_value == desk.session.painting.schema.classes[2].value
    desk.physical(10, Qt.Key.Key_Ampersand, "&", CTRL)  # Ctrl and the key of 1
    assert desk.window.navigator.current.id == "library"
    desk.window.navigator.go("paint")
    desk.key(Qt.Key.Key_1)
    assert desk.session.painting.label_value == 1


def test_letters_choose_tools_but_not_while_one_writes(desk: TestDesk) -> None:
    desk.key(Qt.Key.Key_E)
    assert desk.window.canvas.tools.tool == "eraser" and desk.window.commands["tool.eraser"].isChecked()
    prompt = desk.inpaint_panel.prompt
    prompt.setFocus()
    prompt.clear()
    for key in (Qt.Key.Key_B, Qt.Key.Key_2):
        QTest.keyClick(desk.window.windowHandle(), key)
    assert prompt.toPlainText() == "b2" and desk.window.canvas.tools.tool == "eraser"
    assert desk.session.inpaint.parameters.conditioning.prompt == "b2" and desk.session.painting.label_value == 1
    desk.window.canvas.setFocus()
    desk.key(Qt.Key.Key_B)
    assert desk.window.canvas.tools.tool == "brush"


def test_painting_stays_in_paint(desk: TestDesk) -> None:
    desk.window.canvas.tools.choose("fill")
    desk.window.navigator.go("library")
    assert desk.window.canvas.tools.tool == "pan"
    desk.window.navigator.go("paint")
    assert desk.window.canvas.tools.tool == "fill"
    desk.window.canvas.tools.choose("brush")


def test_enter_in_the_prompt_starts_nothing_and_accepts_nothing(desk: TestDesk, monkeypatch: pytest.MonkeyPatch
                                                                ) -> None:
    desk.paint()
    accepted: list[Any] = []
    monkeypatch.setattr(desk.session.candidates, "accept", lambda index=None: accepted.append(index))
    prompt = desk.inpaint_panel.prompt
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
    desk.window.navigator.go("generate")
    assert not undo.isEnabled()
    desk.window.navigator.go("paint")
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
    assert desk.window.name_bar.isVisible() and desk.window.name_bar._about.property("role") == "error"
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
    desk.inpaint_panel.more.head.setChecked(True)
    for place in PLACES:
        desk.window.navigator.go(place)
        for widget in desk.window.findChildren(QWidget):
            if isinstance(widget, kinds) and widget.isVisible() and widget.focusPolicy() != Qt.FocusPolicy.NoFocus:
                text = widget.text() if isinstance(widget, QAbstractButton) else ""
                holder = widget.parentWidget()
                assert widget.accessibleName() or text or (holder is not None and holder.accessibleName()), \
                    (place, widget.metaObject().className(), widget.objectName())
    desk.inpaint_panel.more.head.setChecked(False)


def test_tab_goes_on_and_the_ring_can_be_seen(desk: TestDesk) -> None:
    first = desk.inpaint_panel.primary
    desk.paint()
    desk.until(first.isEnabled)
    plain = first.grab().toImage()
    for _ in range(120):  # nothing but Tab comes to a button that starts a job
        if not first.hasFocus():
            desk.key(Qt.Key.Key_Tab)
    assert first.hasFocus() and first.grab().toImage() != plain
    desk.key(Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is not first
    desk.session.painting.undo()


def test_at_1366_by_768_the_inspectors_need_no_scroll_bar(desk: TestDesk) -> None:
    desk.paint()
    for place in ("library", "paint", "generate", "models"):
        desk.window.navigator.go(place)
        QTest.qWait(150)
        assert desk.window.place(place).panel.area.verticalScrollBar().maximum() == 0, place  # type: ignore[attr-defined]
    desk.window.navigator.go("paint")
    desk.session.painting.undo()
    assert desk.window.size().width() == 1366 and desk.window.size().height() == 768


def test_research_use_is_always_said(desk: TestDesk) -> None:
    for place in PLACES:
        desk.window.navigator.go(place)
        assert any(child.text() == "Research use, not for diagnosis" and child.isVisible()
                   for child in desk.window.status.findChildren(QWidget) if hasattr(child, "text"))


# -- the panels


def test_the_panel_and_the_session_follow_each_other(desk: TestDesk) -> None:
    panel = desk.inpaint_panel
    panel.mode.buttons()[2].click()
    assert desk.session.inpaint.parameters.mode == "vary" and panel.strength.slider.value() == 50
    panel.strength.slider.setValue(80)
    assert desk.session.inpaint.parameters.sampling.strength == pytest.approx(0.8)
    panel.mode.buttons()[1].click()
    assert not panel.prompt.isEnabled()
    panel.mode.buttons()[0].click()
    panel.count.buttons()[1].click()
    assert desk.session.inpaint.parameters.sampling.count == 2
    panel.more.seed.random.click()
    panel.more.seed.field.setValue(77)
    assert desk.session.inpaint.parameters.sampling.seed == 77
    panel.more.seed.random.click()
    assert desk.session.inpaint.parameters.sampling.seed is None
    panel._examples_menu.actions()[1].trigger()
    assert desk.session.inpaint.parameters.conditioning.prompt == "a lymphocyte" == panel.prompt.toPlainText()
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
    desk.window.navigator.go("generate")
    desk.generate_panel.count.buttons()[0].click()
    desk.generate_panel.primary.click()
    assert desk.queue.asked == [("submit", "generate")]
    desk.window.navigator.go("models")
    desk.models_panel.primary.click()
    desk.until(lambda: "Whole: all 1 files" in desk.models_panel._state.text())
    (desk.session.models.packs[0].folder / "weights.txt").write_text("changed")
    desk.models_panel.list.set_current(0)
    desk.models_panel.primary.click()
    desk.until(lambda: desk.models_panel._state.text().startswith("Not whole"))
    (desk.session.models.packs[0].folder / "weights.txt").write_text(desk.session.models.packs[0].manifest.name)


# -- beginnings and ends


def test_a_second_window_says_that_it_is_read_only(qapp: Any, tmp_path: Path) -> None:
    first = Workspace.open(tmp_path / "work")
    try:
        with a_desk(tmp_path, Workspace.open(tmp_path / "work"), theme="light") as desk:
            assert "read-only" in desk.window.toasts.texts()[-1] and desk.window.banners.all() == []
            desk.open()
            fact = desk.window.canvas.stage.chips.facts[0]
            assert fact.title == "Read-only" and "Another window" in fact.texts[0]
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
        desk.session.inpaint.run().jobs[0]
    assert desk.settings.current.first_run_done and desk.settings.current.window_geometry
    assert ("cancel", "job-1") not in desk.queue.asked  # jobs go on with the next start
    text = (tmp_path / "config" / "settings.json").read_text()
    assert str(tmp_path) not in text
    with a_desk(tmp_path, Workspace.open(tmp_path / "work"), size=(1111, 700)) as again:
        assert again.window.name_bar.isHidden() and again.window.width() == 1111
        again.open()
        document = again.session.documents.current
        assert document is not None and document.mask(0).any()
