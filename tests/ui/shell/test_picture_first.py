"""The picture first: what comes and goes round the image leaves it its room, its zoom and its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent, JobState
from medsynth_app.ui.theme import tokens as look
from tests.actions.bench import volume
from tests.ui.desk import TestDesk

pytestmark = pytest.mark.gui
SHARE = 0.6  # of the window's height, at 1366 x 768


def image_height(desk: TestDesk) -> int:
    """Height of the part of the canvas that shows the image and nothing over it, in the middle of its width."""
    window, stage = desk.window, desk.window.canvas.stage
    middle, top = stage.width() // 3, stage.mapTo(window, QPoint(0, 0))
    rows = 0
    for y in range(stage.height()):
        there = window.childAt(top + QPoint(middle, y))
        rows += there is not None and (there is stage or stage.isAncestorOf(there))
    return rows


def where(desk: TestDesk) -> tuple[float, QPointF, QPoint]:
    """Zoom and centre, and where on the screen the first pixel is drawn."""
    canvas = desk.window.canvas
    QTest.qWait(80)
    return (canvas.view.zoom, QPointF(canvas.view.center),
            canvas.stage.mapToGlobal(canvas.view.to_screen.map(QPointF(0, 0)).toPoint()))


def failed(desk: TestDesk) -> None:
    desk.window.banners.error(UserError("The run failed for want of memory.", "Use fewer candidates.",
                                        "The image is unchanged.", details="a trace"))


STATES: dict[str, Callable[[TestDesk], object]] = {
    "an error": failed,
    "two errors": lambda desk: (failed(desk), desk.window.banners.say("error", "Another one.", key="another")),
    "a question for the name": lambda desk: desk.window.name_bar.ask(),
    "an image that is being opened": lambda desk: desk.window.opening.show(),
    "all of these": lambda desk: (failed(desk), desk.window.opening.show(), desk.window.name_bar.ask()),
    "the drawer": lambda desk: desk.window.drawer.set_open(True),
    "candidates in view": lambda desk: desk.candidates(),     # which stay
    "all of these over candidates": lambda desk: STATES["all of these"](desk),
    "toasts": lambda desk: [desk.window.toasts.say("info", f"Note {k}") for k in range(3)],
}


def calm_down(desk: TestDesk) -> None:
    window = desk.window
    for banner in window.banners.all():
        window.banners.drop(banner.key)
    window.name_bar.hide()
    window.opening.hide()
    window.drawer.set_open(False)
    for note in window.toasts._notes():
        window.toasts._drop(note)


@pytest.mark.parametrize("stack", [False, True], ids=["one image", "a stack"])
def test_most_of_the_height_is_image_and_nothing_moves(desk: TestDesk, tmp_path: Path, stack: bool) -> None:
    if stack:
        desk.window.open_path(volume(tmp_path / "volume.nii.gz"))
        desk.until(lambda: not desk.window.opening.busy)
    else:
        desk.open()
    assert desk.window.height() == 768
    for state, enter in STATES.items():
        before, plain = where(desk), image_height(desk)
        enter(desk)
        assert where(desk) == before, state
        assert image_height(desk) >= SHARE * 768, state
        assert plain - image_height(desk) <= 2 * look.MESSAGE_PX or state == "toasts", state
        calm_down(desk)
        assert where(desk) == before, state
        assert image_height(desk) == plain, state
    desk.window.resize(900, 560)
    try:
        desk.until(lambda: image_height(desk) >= SHARE * 560)
        assert desk.strip.isVisible() and desk.window.height() == 560
    finally:
        desk.window.resize(1366, 768)


def test_places_and_folding_leave_zoom_and_centre(desk: TestDesk) -> None:
    desk.open()
    canvas = desk.window.canvas
    first = where(desk)
    for place in ("library", "label", "generate", "models", "paint"):
        desk.window.navigator.go(place)
        assert where(desk) == first, place
    for name in ("view.strip", "view.inspector"):
        height, width = canvas.stage.height(), canvas.stage.width()
        desk.window.commands[name].trigger()
        assert where(desk)[:2] == first[:2] and (canvas.stage.height() > height or canvas.stage.width() > width), name
        desk.window.commands[name].trigger()
        assert where(desk) == first, name


def test_what_is_on_the_screen_stands_where_the_view_says(desk: TestDesk, tmp_path: Path) -> None:
    """Also after the canvas got another size while zoom and centre stayed: napari's camera follows its own way."""
    picture = np.zeros((60, 60, 3), np.uint8)
    picture[20:40, 20:40] = 255
    Image.fromarray(picture).save(tmp_path / "square.png")
    desk.window.open_path(tmp_path / "square.png")
    desk.until(lambda: not desk.window.opening.busy)
    canvas = desk.window.canvas

    def bright(row: float, column: float) -> bool:
        place = canvas.scene.native.mapToGlobal(canvas.view.to_screen.map(QPointF(column, row)).toPoint())
        shown = canvas.screen().grabWindow(0, place.x(), place.y(), 1, 1).toImage()
        return shown.pixelColor(0, 0).lightness() > 128

    for step in ("library", "paint", "view.strip", "view.strip", "view.inspector", "view.inspector", "models", "paint"):
        desk.window.commands[step].trigger() if "." in step else desk.window.navigator.go(step)
        if step == "models":
            continue
        QTest.qWait(250)
        corners = [bright(20.5, 20.5), bright(38.5, 38.5), bright(17.5, 30), bright(42, 30), bright(30, 42)]
        assert corners == [True, True, False, False, False], step


def test_a_fitted_image_follows_the_window_and_one_that_was_zoomed_does_not(desk: TestDesk) -> None:
    desk.open()
    view = desk.window.canvas.view
    try:
        fitted = view.zoom
        desk.window.resize(1100, 640)
        desk.until(lambda: view.zoom < fitted)
        assert desk.window.canvas.stage.rect().contains(view.image_rect.toAlignedRect())
        desk.window.resize(1366, 768)
        desk.until(lambda: view.zoom == fitted)
        view.zoom_at(QPointF(100, 100), 1.5)
        kept = where(desk)[:2]
        desk.window.resize(1100, 640)
        assert where(desk)[:2] == kept
    finally:
        desk.window.resize(1366, 768)
        view.fit()
        QTest.qWait(80)


def test_while_a_button_is_down_nothing_comes_and_nothing_moves(desk: TestDesk) -> None:
    """A stroke goes on while a job ends, one fails and the window is resized."""
    desk.open()
    window, canvas = desk.window, desk.window.canvas
    native, view = canvas.scene.native, canvas.view
    job = desk.candidates()
    desk.session.candidates.select(None)
    start = view.to_screen.map(QPointF(8, 8)).toPoint()

    def noted() -> bool:
        return any(part.isVisible() for part in window.toasts.findChildren(QLabel) if part.text() == "A note")

    QTest.mousePress(native, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
    try:
        before, seen = where(desk), image_height(desk)
        desk.session.candidates.select(0)
        failed(desk)
        window.toasts.say("info", "A note")
        window.opening.show()
        desk.hear(job, JobState.DONE, JobEvent(job, EventKind.DONE))
        window.resize(1300, 700)
        assert where(desk)[:2] == before[:2]
        window.resize(1366, 768)
        assert where(desk) == before and image_height(desk) == seen
        assert not canvas.candidate.shown and not window.messages.isVisible() and not noted()
    finally:
        QTest.mouseRelease(native, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
    desk.until(window.messages.isVisible)
    assert canvas.candidate.shown and noted()
    calm_down(desk)


def test_a_banner_is_one_line_and_its_details_lie_over_the_image(desk: TestDesk) -> None:
    failed(desk)
    banner = desk.banner
    assert banner.height() == look.MESSAGE_PX and not banner.holder.isVisible()
    before = where(desk)
    banner.fold.click()
    assert banner.holder.isVisible() and where(desk) == before
    words = next(part for part in banner.holder.findChildren(QLabel) if part.text() == banner.text)
    assert words.height() >= words.heightForWidth(words.width())  # the whole text can be read
    next(part for part in banner.holder.findChildren(QWidget) if part.property("text") == "Copy").click()  # type: ignore[attr-defined]
    assert QApplication.clipboard().text() == f"{banner.text}\n\na trace"
    desk.window.banners.say("error", "A second one.")
    assert not banner.isVisible() and not banner.holder.isVisible()
    desk.window.banners.drop("A second one.")
    assert banner.isVisible()


def test_standing_facts_are_chips_that_open_a_list(desk: TestDesk, tmp_path: Path) -> None:
    Image.new("P", (64, 48), 3).save(tmp_path / "palette.png")  # its reader has something to say
    desk.window.open_path(tmp_path / "palette.png")
    desk.until(lambda: not desk.window.opening.busy)
    assert desk.window.banners.all() == []
    chips = desk.window.canvas.stage.chips
    assert [fact.title for fact in chips.facts] == ["1 note"]
    text = chips.facts[0].texts[0]
    desk.window.commands["view.facts"].trigger()
    assert chips.list.isVisible()
    assert text in [part.text() for part in chips.list.findChildren(QLabel)]
    screen = desk.window.screen().geometry()
    assert screen.contains(QRect(chips.list.pos(), chips.list.size()))
    QTest.keyClick(chips.list, Qt.Key.Key_Escape)
    assert not chips.list.isVisible()
    desk.open()
    assert chips.facts == () and desk.window.commands.reason("view.facts")
