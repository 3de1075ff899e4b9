"""What is under way is written to the slice on which it was begun; nothing is done to a slice that nobody sees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from medsynth_app.core.errors import UserError
from medsynth_app.session.session import Session
from medsynth_app.ui.viewer import Canvas
from tests.actions.bench import png, volume
from tests.formats.making import save_series, spoil
from tests.ui.viewer.test_viewer import LEFT, PLAIN, at, bench, canvas, drag, session, wheel

pytestmark = pytest.mark.gui
__all__ = ["bench", "canvas", "session"]  # fixtures


def press_and_draw(canvas: Canvas) -> None:
    """The beginning of a stroke; the button stays down."""
    QTest.mousePress(canvas.scene.native, LEFT, PLAIN, at(canvas, 10, 10))
    QTest.mouseMove(canvas.scene.native, at(canvas, 12, 20))
    QApplication.processEvents()


def release(canvas: Canvas) -> None:
    QTest.mouseRelease(canvas.scene.native, LEFT, PLAIN, at(canvas, 12, 20))


LEAVINGS: dict[str, Callable[[Canvas], object]] = {
    "wheel": lambda canvas: wheel(canvas, -1),
    "page down": lambda canvas: QTest.keyClick(canvas, Qt.Key.Key_PageDown),
    "slider": lambda canvas: canvas._slices.slider.setValue(0),
    "tool": lambda canvas: canvas.tools.choose("eraser"),
    "focus": lambda canvas: canvas.clearFocus(),
}


@pytest.mark.parametrize("leave", LEAVINGS)
def test_a_stroke_under_way_is_written_to_its_own_slice(canvas: Canvas, session: Session, tmp_path: Path,
                                                        leave: str) -> None:
    document = session.documents.open(volume(tmp_path / "v.nii.gz", frames=5))
    press_and_draw(canvas)
    LEAVINGS[leave](canvas)
    release(canvas)
    painted = document.mask(2)
    assert painted[10, 10] == 1 and painted[12, 20] == 1
    assert [frame for frame in range(5) if document.mask(frame).any()] == [2]
    assert np.array_equal(canvas.scene.mask.data, document.mask(session.view.index))
    session.painting.undo()
    assert not document.mask(2).any() and session.view.index == 2


def test_undo_takes_back_the_stroke_under_way(canvas: Canvas, session: Session) -> None:
    document = session.documents.current
    assert document is not None
    drag(canvas, (60, 60), (70, 70))
    first = document.mask(0).copy()
    press_and_draw(canvas)
    session.painting.undo()
    release(canvas)
    assert np.array_equal(document.mask(0), first) and np.array_equal(canvas.scene.mask.data, first)


def test_another_image_that_opens_during_a_stroke_does_not_take_it(canvas: Canvas, session: Session,
                                                                   tmp_path: Path) -> None:
    first = session.documents.current
    assert first is not None
    press_and_draw(canvas)
    second = session.documents.open(png(tmp_path / "other.png"))
    release(canvas)
    assert not second.mask(0).any() and not canvas.scene.mask.data.any()
    path = first.path
    assert session.documents.open(path).mask(0)[10, 10] == 1


def test_a_polygon_is_closed_on_its_own_slice(canvas: Canvas, session: Session, tmp_path: Path) -> None:
    document = session.documents.open(volume(tmp_path / "v.nii.gz", frames=5))
    canvas.tools.choose("polygon")
    for corner in ((5, 5), (5, 25), (20, 15)):
        QTest.mouseClick(canvas.scene.native, LEFT, PLAIN, at(canvas, *corner))
    wheel(canvas, -1)
    assert document.mask(2)[8, 15] == 1 and not document.mask(3).any() and not canvas.overlay.marks.polygon


def test_nothing_is_done_to_a_slice_that_cannot_be_read(canvas: Canvas, session: Session, tmp_path: Path) -> None:
    folder = save_series(tmp_path / "series", [(0, 0, 3.0 * place) for place in range(4)])
    document = session.documents.open(folder)
    session.view.set_index(0)
    canvas.view.zoom_at(canvas.view.image_rect.center(), 2)
    zoom = canvas.view.zoom
    for path in folder.iterdir():  # all that was not read yet is gone
        path.unlink()
    wheel(canvas, -1)
    assert session.view.index == 1 and session.view.state.unreadable is not None
    assert canvas.scene.image is None and canvas.overlay.marks.empty and not canvas.stage.chip.isVisible()
    assert canvas.overlay.marks.message == str(session.view.state.unreadable) and canvas._slices.slider.value() == 1
    drag(canvas, (10, 10), (12, 20))
    with pytest.raises(UserError) as refused:
        session.inpaint.run()
    assert refused.value is session.view.state.unreadable
    assert not any(document.mask(frame).any() for frame in range(4))
    wheel(canvas, 1)
    assert session.view.index == 0 and canvas.scene.image is not None and not canvas.overlay.marks.message
    assert canvas.view.zoom == zoom
    drag(canvas, (10, 10), (12, 20))
    assert document.mask(0)[10, 10] == 1


def test_a_damaged_slice_at_opening_takes_the_image_before_from_the_canvas(canvas: Canvas, session: Session,
                                                                           tmp_path: Path) -> None:
    assert session.models.pack is not None and canvas.scene.image is not None
    folder = save_series(tmp_path / "series", [(0, 0, 3.0 * place) for place in range(3)], series="1.2.77")
    spoil(folder / "02.dcm")
    document = session.documents.open(folder)
    assert session.documents.current is document and canvas.scene.image is None
    assert canvas.overlay.marks.message == str(session.view.state.unreadable)
    wheel(canvas, -1)
    assert canvas.scene.image is not None and not canvas.overlay.marks.message
