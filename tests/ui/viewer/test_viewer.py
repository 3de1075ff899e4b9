"""The canvas with a real document: real mouse events in, strokes in the workspace and pixels on the screen out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.edit import Edit, PixelPart
from medsynth_app.core.window_level import WindowLevel
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.session.session import Session
from medsynth_app.settings.settings import SettingsStore
from medsynth_app.ui.viewer import Canvas, Hover
from medsynth_app.ui.viewer.embed import Labels, MaskLayer
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import grey_tiff, make_pack, png, volume
from tests.formats.making import save_series

pytestmark = pytest.mark.gui
LEFT, RIGHT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton
PLAIN, CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier


class Bench:
    """One canvas for the whole file; every test gets an image of its own in it."""

    def __init__(self, folder: Path) -> None:
        make_pack(folder / "packs")
        self.folder, self.workspace = folder, Workspace.temporary()
        self.queue = JobQueue(self.workspace.jobs, lambda record, event: self.session.jobs.deliver(record, event))
        self.session = Session(self.workspace, self.queue, SettingsStore(folder / "config"),
                               pack_folders=[folder / "packs"])
        self.canvas = Canvas(self.session)
        self.canvas.resize(800, 640)
        self.canvas.show()

    def fresh(self) -> Canvas:
        dataset = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        path = self.folder / f"{dataset.SOPInstanceUID}.dcm"
        dataset.save_as(path)
        self.canvas.tools.choose("brush")
        self.canvas.tools.set_size(15)
        self.canvas.paint_look.set_opacity(0.45)
        self.canvas.paint_look.show(True)
        self.canvas.edges.show_effective(True)
        self.canvas.candidate.set_mode("off")
        self.session.documents.open(path)
        self.session.painting.set_label(1)
        QTest.qWait(20)
        return self.canvas

    def close(self) -> None:
        self.canvas.release()
        self.canvas.close()
        self.queue.close()
        self.workspace.close()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, qapp: QApplication) -> Iterator[Bench]:
    made = Bench(tmp_path_factory.mktemp("viewer"))
    yield made
    made.close()


@pytest.fixture
def canvas(bench: Bench) -> Canvas:
    return bench.fresh()


@pytest.fixture
def session(bench: Bench) -> Session:
    return bench.session


def at(canvas: Canvas, row: float, column: float) -> QPoint:
    return canvas.view.to_screen.map(QPointF(column, row)).toPoint()


def drag(canvas: Canvas, *points: tuple[float, float], button: Qt.MouseButton = LEFT) -> None:
    native = canvas.scene.native
    places = [at(canvas, *point) for point in points]
    QTest.mousePress(native, button, PLAIN, places[0])
    for place in places[1:]:
        QTest.mouseMove(native, place)
        QApplication.processEvents()
    QTest.mouseRelease(native, button, PLAIN, places[-1])


def hover(canvas: Canvas, row: int, column: int) -> Hover:
    """Move the pointer there; what the canvas then tells."""
    heard: list[Hover | None] = []
    canvas.hovered.connect(heard.append)
    for offset in (3, 0):  # from somewhere else, or nothing moves
        QTest.mouseMove(canvas.scene.native, at(canvas, row + offset, column))
        QTest.qWait(10)
    for _ in range(200):
        if heard and heard[-1] is not None and (heard[-1].row, heard[-1].column) == (row, column):
            break
        QTest.qWait(10)
    canvas.hovered.disconnect(heard.append)
    found = heard[-1]
    assert found is not None
    return found


def mask(canvas: Canvas) -> np.ndarray:
    document = canvas.session.documents.current
    assert document is not None
    return document.mask(canvas.session.view.index)


def wheel(canvas: Canvas, turns: int, modifiers: Qt.KeyboardModifier = PLAIN) -> None:
    middle = QPointF(400, 300)
    QApplication.sendEvent(canvas.scene.native, QWheelEvent(
        middle, middle, QPoint(), QPoint(0, 120 * turns), Qt.MouseButton.NoButton, modifiers,
        Qt.ScrollPhase.NoScrollPhase, False))
    QTest.qWait(30)  # a wheel that turns on passes slices over


def colour_at(canvas: Canvas, row: float, column: float) -> QColor:
    """What the screen really shows at a pixel of the image."""
    QTest.qWait(120)
    place = canvas.scene.native.mapToGlobal(at(canvas, row, column))
    screen = canvas.screen().grabWindow(0, place.x(), place.y(), 1, 1)
    return screen.toImage().pixelColor(0, 0)


# -- painting -------------------------------------------------------------------------------------------------------


def test_a_drag_is_one_stroke_and_undo_takes_it_back_from_document_and_layer(canvas: Canvas) -> None:
    canvas.tools.set_size(9)
    drag(canvas, (40, 40), (40, 60), (60, 70))
    painted = mask(canvas)
    assert painted[40, 50] == 1 and painted[36, 50] == 1 and painted[35, 50] == 0 and painted[60, 70] == 1
    assert np.array_equal(canvas.scene.mask.data, painted)
    assert canvas.session.painting.undo_name == f"Undo: paint {canvas.session.painting.schema.classes[0].name}"
    canvas.session.painting.undo()
    assert not mask(canvas).any() and not canvas.scene.mask.data.any()
    assert canvas.session.painting.undo_name is None  # it was one event
    canvas.session.painting.redo()
    assert np.array_equal(canvas.scene.mask.data, mask(canvas)) and mask(canvas).any()


@pytest.mark.parametrize("scale", [(1.0, 1.0), (1.0, 2.5), (3.0, 1.0)])
@pytest.mark.parametrize("size", [1, 2, 9, 40])
def test_the_brush_paints_the_same_pixels_as_napari_does(qapp: QApplication, size: int,
                                                         scale: tuple[float, float]) -> None:
    ours = MaskLayer(np.zeros((50, 60), np.uint8), scale=scale)
    theirs = Labels(np.zeros((50, 60), np.uint8), scale=scale)
    ours.brush_size = theirs.brush_size = size
    points = [(25.4, 30.6), (0.2, 1.0), (48.5, 59.5), (-2.0, 20.0)]
    ours.stamp(points, 3)
    for point in points:
        theirs.paint(point, 3)
    assert np.array_equal(ours.data, theirs.data) and ours.data.any()


def test_eraser_fill_polygon_and_pick(canvas: Canvas) -> None:
    canvas.tools.choose("polygon")
    native = canvas.scene.native
    for row, column in ((20, 20), (20, 80), (80, 80), (80, 20)):
        QTest.mouseClick(native, LEFT, PLAIN, at(canvas, row, column))
    assert not mask(canvas).any()
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert mask(canvas)[20:81, 20:81].all() and mask(canvas).sum() == 61 * 61
    canvas.tools.choose("eraser")
    canvas.tools.set_size(5)
    drag(canvas, (50, 10), (50, 90))
    assert not mask(canvas)[48:53, 20:81].any() and canvas.session.painting.undo_name == "Undo: erase"
    canvas.session.painting.set_label(2)
    canvas.tools.choose("fill")
    QTest.mouseClick(native, LEFT, PLAIN, at(canvas, 30, 30))
    assert (mask(canvas)[20:48, 20:81] == 2).all() and (mask(canvas)[53:81, 20:81] == 1).all()
    canvas.tools.choose("pick")
    QTest.mouseClick(native, LEFT, PLAIN, at(canvas, 70, 30))
    assert canvas.session.painting.label_value == 1


def test_escape_forgets_the_stroke_under_way(canvas: Canvas) -> None:
    QTest.mousePress(canvas.scene.native, LEFT, PLAIN, at(canvas, 40, 40))
    QTest.mouseMove(canvas.scene.native, at(canvas, 60, 60))
    QApplication.processEvents()
    assert canvas.scene.mask.data.any()
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    QTest.mouseRelease(canvas.scene.native, LEFT, PLAIN, at(canvas, 60, 60))
    assert not canvas.scene.mask.data.any() and not mask(canvas).any() and canvas.session.painting.undo_name is None


def test_painting_follows_flips_and_turns(canvas: Canvas) -> None:
    canvas.tools.set_size(1)
    canvas.view.flip(True)
    canvas.view.turn()
    canvas.view.flip(False)
    drag(canvas, (30, 90), (30, 91))
    rows, columns = np.nonzero(mask(canvas))
    assert set(rows.tolist()) == {30} and set(columns.tolist()) == {90, 91}


def test_the_stroke_is_on_the_screen_where_the_pointer_was(canvas: Canvas) -> None:
    canvas.paint_look.set_opacity(1.0)
    canvas.edges.show_effective(False)
    canvas.tools.set_size(11)
    canvas.view.flip(False)
    drag(canvas, (100, 30), (100, 34))
    canvas.point_at(None)
    shown, wanted = colour_at(canvas, 100, 32), QColor(canvas.session.painting.schema.classes[0].colour)
    assert max(abs(shown.red() - wanted.red()), abs(shown.green() - wanted.green()),
               abs(shown.blue() - wanted.blue())) <= 3


def test_read_only_takes_no_stroke_and_says_so(canvas: Canvas, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[str, str]] = []
    canvas.session.notice.connect(lambda level, text: heard.append((level, text)))
    monkeypatch.setattr(type(canvas.session.documents), "read_only", property(lambda self: True))
    drag(canvas, (40, 40), (50, 50))
    assert not mask(canvas).any() and not canvas.scene.mask.data.any()
    assert heard and heard[0][0] == "warning" and "reading only" in heard[0][1]


def test_brush_in_pixels_and_millimetres(canvas: Canvas, session: Session, tmp_path: Path) -> None:
    canvas.tools.set_width_mm(10)
    geometry = canvas.subject.frame.geometry if canvas.subject.frame else None
    assert geometry is not None
    millimetres = canvas.tools.width_mm
    assert millimetres == pytest.approx(10, abs=2 * geometry.row_spacing)
    size = canvas.tools.size
    canvas.tools.grow()
    assert canvas.tools.size > size
    for _ in range(60):
        canvas.tools.shrink()
    assert canvas.tools.size == 1
    session.documents.open(png(tmp_path / "a.png"))
    assert canvas.tools.width_mm is None


# -- window and values ----------------------------------------------------------------------------------------------


def test_window_of_int16_is_set_in_hounsfield_units(canvas: Canvas) -> None:
    info = canvas.subject.frame
    assert info is not None and info.rescale.intercept == -1024
    canvas.session.view.set_window_level(WindowLevel(40, 400))
    assert canvas.scene.image.contrast_limits == pytest.approx([-160 + 1024, 240 + 1024])
    assert canvas.scene.image.data.dtype == np.int16


def test_monochrome1_is_shown_inverted(canvas: Canvas) -> None:
    document = canvas.session.documents.current
    assert document is not None
    pixels = document.pixels(0)
    brightest = np.unravel_index(np.argmax(pixels), pixels.shape)
    canvas.paint_look.show(False)
    straight = colour_at(canvas, *brightest).lightness()
    canvas.scene.show(replace(document.info, inverted=True), document.info.frames[0], pixels, mask(canvas))
    assert straight > 250 and colour_at(canvas, *brightest).lightness() < 5


def test_right_drag_changes_the_window(canvas: Canvas) -> None:
    canvas.session.view.set_window_level(WindowLevel(40, 400))
    native = canvas.scene.native
    QTest.mousePress(native, RIGHT, PLAIN, QPoint(300, 300))
    QTest.mouseMove(native, QPoint(350, 280))
    QApplication.processEvents()
    window = canvas.session.view.window_level
    assert window is not None and window.width == pytest.approx(480) and window.center == pytest.approx(8)
    assert "W 480" in canvas.overlay.marks.bubble
    QTest.mouseRelease(native, RIGHT, PLAIN, QPoint(350, 280))
    assert canvas.overlay.marks.bubble == "" and not mask(canvas).any()


def test_hover_tells_value_and_place(canvas: Canvas, session: Session, tmp_path: Path) -> None:
    document = session.documents.current
    assert document is not None
    found = hover(canvas, 30, 50)
    assert (found.row, found.column, found.inside) == (30, 50, True)
    assert found.value == f"{int(document.pixels(0)[30, 50]) - 1024} HU"
    geometry = document.info.frames[0].geometry
    assert geometry is not None and geometry.origin is not None and found.position is not None
    assert found.position[0] == pytest.approx(geometry.origin[0] + 50 * geometry.column_spacing, abs=1)
    opened = session.documents.open(png(tmp_path / "a.png"))
    found = hover(canvas, 10, 10)
    assert found.value == "RGB " + " ".join(str(v) for v in opened.pixels(0)[10, 10].tolist())
    assert found.position is None


def test_the_readout_follows_whatever_changes_under_a_pointer_that_rests(
        canvas: Canvas, session: Session, tmp_path: Path) -> None:
    """Slice, candidate, ways to compare, accept, undo, zoom and closing; the pointer is moved once."""
    document = session.documents.open(volume(tmp_path / "v.nii.gz", 3))
    canvas.view.fit()
    session.view.set_index(1)
    QTest.qWait(30)
    heard: list[Hover | None] = []

    def told(value: str) -> bool:
        for _ in range(100):
            QTest.qWait(20)
            if heard and heard[-1] is not None and heard[-1].value == value:
                return True
        return False

    row, column = 22, 12
    hover(canvas, row, column)
    canvas.hovered.connect(heard.append)
    try:
        for index in (0, 2, 1):
            session.view.set_index(index)
            assert told(f"{document.pixels(index)[row, column]}")
        original = document.pixels(1)[row, column]
        heard.clear()
        session.view.set_window_level(WindowLevel(40, 400))
        assert told(f"{original}")
        box = Bounds(10, 5, 30, 30)
        before = document.pixels(1)[box.slices].copy()
        patch = before + np.int16(44)
        patch[0, 0] = before[0, 0]
        canvas.candidate.show(patch, box)
        assert told(f"{original + 44} (original {original})")
        canvas.candidate.flicker(True)
        assert told(f"{original}")
        canvas.candidate.flicker(False)
        canvas.candidate.set_mode("slider")
        canvas.candidate.move_divider(at(canvas, row, column).x() + 20)
        assert told(f"{original}")  # the original lies left of the divider
        canvas.candidate.move_divider(at(canvas, row, column).x() - 20)
        assert told(f"{original + 44} (original {original})")
        canvas.candidate.set_mode("off")
        canvas.candidate.hide()
        assert told(f"{original}")
        part = PixelPart(document.info.frames[1].key, box, before, patch, "")
        session.changed.emit(document.apply(Edit("fill", (part,)), session.people.id))
        assert told(f"{original + 44}")
        session.painting.undo()
        assert told(f"{original}")
        rows = heard[-1].row  # type: ignore[union-attr]
        canvas.view.pan(QPointF(0, 60))
        QTest.qWait(200)
        assert heard[-1] is not None and heard[-1].row < rows
        session.documents.close()
        assert heard[-1] is None
    finally:
        canvas.hovered.disconnect(heard.append)


# -- view -----------------------------------------------------------------------------------------------------------


def test_letters_follow_flips_and_turns(canvas: Canvas) -> None:
    def letters() -> str:
        found = canvas.overlay.marks.letters
        return found.left + found.top + found.right + found.bottom

    assert letters() == "RALP"
    canvas.view.flip(True)
    assert letters() == "LARP"
    canvas.view.flip(True)
    canvas.view.turn()
    assert letters() == "PRAL"
    canvas.view.flip(True)  # of what the screen shows
    assert letters() == "ARPL"
    canvas.view.reset()
    assert letters() == "RALP"


def test_orientation_unknown_is_said(canvas: Canvas, session: Session, tmp_path: Path,
                                     monkeypatch: pytest.MonkeyPatch) -> None:
    def said() -> list[str]:
        return [fact.title for fact in canvas.stage.chips.facts]

    assert said() == []
    document = session.documents.open(grey_tiff(tmp_path / "a.tif"))
    assert said() == ["Modality unknown"] and not canvas.overlay.marks.letters.known  # no DICOM, nothing to miss
    document.info = replace(document.info, modality="CT")
    canvas._show_facts()
    assert said() == ["Orientation unknown"]


def test_pixels_that_are_not_square_are_drawn_so_without_millimetres(canvas: Canvas, session: Session, tmp_path: Path
                                                                     ) -> None:
    dataset = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    del dataset.PixelSpacing
    dataset.PixelAspectRatio = ["2", "1"]
    dataset.save_as(tmp_path / "tall.dcm")
    session.documents.open(tmp_path / "tall.dcm")
    QTest.qWait(20)
    assert canvas.view.scale == (2, 1)
    down, across = at(canvas, 50, 20) - at(canvas, 20, 20), at(canvas, 20, 50) - at(canvas, 20, 20)
    assert down.y() == pytest.approx(2 * across.x(), abs=2)


def test_wheel_goes_through_slices_and_ctrl_wheel_zooms(canvas: Canvas, session: Session,
                                                        tmp_path: Path) -> None:
    zoom = canvas.view.zoom
    wheel(canvas, 1)
    assert canvas.view.zoom > zoom  # one slice: the wheel zooms
    session.documents.open(volume(tmp_path / "v.nii.gz", frames=5))
    assert session.view.index == 2 and canvas._slices.isVisible()
    zoom = canvas.view.zoom
    wheel(canvas, -1)
    assert session.view.index == 3 and canvas.view.zoom == zoom and canvas._slices.slider.value() == 3
    assert "slice 4 of 5" in canvas.overlay.marks.corner
    wheel(canvas, 1, CTRL)
    assert session.view.index == 3 and canvas.view.zoom > zoom
    canvas._slices.slider.setValue(0)
    assert session.view.index == 0 and np.array_equal(canvas.scene.image.data, session.documents.current.pixels(0))
    slider = canvas._slices.slider
    QTest.mouseClick(slider, LEFT, PLAIN, QPoint(round(slider.width() * 0.75), slider.height() // 2))
    assert session.view.index == 3  # a click goes there, not a page on


def test_a_slice_is_told_by_its_place_and_by_its_instance_number(canvas: Canvas, session: Session, tmp_path: Path
                                                                 ) -> None:
    session.documents.open(save_series(tmp_path / "ct", [(0, 0, z) for z in (0.0, 2.5, 5.0, 7.5)]))
    session.view.set_index(0)
    assert "slice 1 of 4, instance 4" in canvas.overlay.marks.corner
    wheel(canvas, -1)
    assert "slice 2 of 4, instance 3" in canvas.overlay.marks.corner


def test_a_wheel_that_turns_fast_draws_the_newest_slice_only(canvas: Canvas, session: Session, tmp_path: Path,
                                                             qtbot: QtBot) -> None:
    document = session.documents.open(volume(tmp_path / "v.nii.gz", frames=60))
    session.view.set_index(0)
    shown: list[int] = []
    session.view.index_changed.connect(shown.append)
    for _ in range(59):
        QApplication.postEvent(canvas.scene.native, QWheelEvent(
            QPointF(400, 300), QPointF(400, 300), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton, PLAIN,
            Qt.ScrollPhase.NoScrollPhase, False))
    qtbot.waitUntil(lambda: shown[-1:] == [59])
    session.view.index_changed.disconnect(shown.append)
    assert shown[0] == 1 and len(shown) <= 4
    assert np.array_equal(canvas.scene.image.data, document.pixels(59))


def test_zoom_keeps_the_point_under_the_pointer_and_pan_moves(canvas: Canvas) -> None:
    place = QPointF(250, 200)
    before = canvas.view.to_image(place)
    canvas.view.zoom_at(place, 2.0)
    assert canvas.view.to_image(place) == pytest.approx(before)
    corner = canvas.view.to_image(QPointF(0, 0))
    QTest.mousePress(canvas.scene.native, MIDDLE, PLAIN, QPoint(300, 300))
    QTest.mouseMove(canvas.scene.native, QPoint(320, 310))
    QTest.mouseRelease(canvas.scene.native, MIDDLE, PLAIN, QPoint(320, 310))
    moved = canvas.view.to_image(QPointF(20, 10))
    assert moved == pytest.approx(corner) and not mask(canvas).any()
    canvas.view.actual_size()
    assert canvas.view.zoom == pytest.approx(1)
    canvas.view.fit()
    assert canvas.view.fitted and canvas.view.image_rect.height() <= canvas.stage.height()


def test_napari_gets_no_keys_and_shows_no_welcome(canvas: Canvas) -> None:
    pressed: list[object] = []
    canvas.scene.widget.canvas._scene_canvas.events.key_press.connect(pressed.append)
    drag(canvas, (40, 40), (50, 50))
    before, layers = mask(canvas).copy(), list(canvas.scene.model.layers)
    for target in (canvas.scene.native, canvas.scene.widget, canvas):
        QTest.keyClick(target, Qt.Key.Key_Z, CTRL)
        QTest.keyClick(target, Qt.Key.Key_W, CTRL)
        QTest.keyClick(target, Qt.Key.Key_M)
    assert not pressed and np.array_equal(mask(canvas), before)
    assert np.array_equal(canvas.scene.mask.data, before) and list(canvas.scene.model.layers) == layers
    assert not canvas.scene.widget._welcome_widget.isVisible()
    assert not canvas.scene.mask._undo_history


def test_torch_stays_out() -> None:
    assert "torch" not in sys.modules


# -- candidates -----------------------------------------------------------------------------------------------------


def test_candidate_is_previewed_without_touching_the_document(canvas: Canvas) -> None:
    document = canvas.session.documents.current
    assert document is not None
    canvas.session.view.set_window_level(WindowLevel(40, 400))
    before = document.pixels(0).copy()
    box = Bounds(40, 40, 80, 90)
    patch = before[box.slices].copy()
    patch[5:-5, 5:-5] = 3000  # white in any window
    dark = colour_at(canvas, 60, 64).lightness()
    assert canvas.stage.chip.isHidden()
    canvas.candidate.show(patch, box)
    assert colour_at(canvas, 60, 64).lightness() > 250 > dark
    assert not canvas.stage.chip.isHidden() and canvas.overlay.marks.synthetic
    canvas.candidate.flicker(True)
    assert colour_at(canvas, 60, 64).lightness() == dark and canvas.stage.chip.isHidden()
    canvas.candidate.flicker(False)
    canvas.candidate.set_mode("slider")
    middle = at(canvas, 60, 65).x()
    canvas.candidate.move_divider(middle)
    assert colour_at(canvas, 58, 75).lightness() > 250 > colour_at(canvas, 58, 55).lightness()
    QTest.mousePress(canvas.scene.native, LEFT, PLAIN, QPoint(middle, 100))
    QTest.mouseMove(canvas.scene.native, QPoint(at(canvas, 60, 45).x(), 100))
    QTest.mouseRelease(canvas.scene.native, LEFT, PLAIN, QPoint(at(canvas, 60, 45).x(), 100))
    assert colour_at(canvas, 58, 55).lightness() > 250 and not mask(canvas).any()
    canvas.candidate.set_mode("side")
    assert canvas.stage.side.isVisible() and not canvas.scene.native.isVisible()
    assert canvas.stage.chip.isVisible()
    canvas.candidate.set_mode("off")
    canvas.candidate.show(None, box)
    assert colour_at(canvas, 60, 64).lightness() == dark and canvas.stage.chip.isHidden()
    assert np.array_equal(document.pixels(0), before)


def test_effective_outline_appears_after_a_stroke_and_can_be_hidden(canvas: Canvas, qtbot: QtBot) -> None:
    drag(canvas, (40, 40), (40, 60))
    qtbot.waitUntil(lambda: bool(canvas.overlay.marks.effective))
    canvas.edges.show_effective(False)
    assert not canvas.overlay.marks.effective
    assert not canvas.overlay.marks.synthetic
