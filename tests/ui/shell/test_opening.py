"""Opening images: dropped, chosen, refused, asked about, removed."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from medsynth_app.core.errors import Cancelled
from medsynth_app.formats.common import TooLarge
from tests.formats.making import save_series
from tests.ui.desk import TestDesk

pytestmark = pytest.mark.gui


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
    assert "mm" in desk.paint_tools.brush_text.text() and "mm" in window.status.spacing.text()
    desk.open()
    assert "px" in desk.paint_tools.brush_text.text()


def test_a_folder_with_several_series_offers_them(desk: TestDesk, tmp_path: Path) -> None:
    from pydicom.data import get_testdata_file

    for name in ("CT_small.dcm", "MR_small.dcm"):
        (tmp_path / name).write_bytes(Path(str(get_testdata_file(name, download=False))).read_bytes())
    desk.window.open_path(tmp_path)
    desk.until(lambda: not desk.window.opening.busy)
    panel = desk.library_panel
    desk.window.navigator.go("library")
    desk.until(panel.series.isVisible)
    before = desk.session.documents.current
    assert before is not None and len(panel.series.rows.rows) == 2
    other = next(k for k in range(2) if not panel.series.rows.row(k).more.startswith(
        str(before.info.modality)))
    panel.series.activated.emit(panel.series.rows.index(other))
    desk.until(lambda: desk.session.documents.current is not before)
    now = desk.session.documents.current
    assert now is not None and now.info.modality != before.info.modality
    desk.open()
    assert panel.series_group.isHidden()


def test_a_file_that_cannot_be_read_is_told_and_the_image_stays(desk: TestDesk, tmp_path: Path) -> None:
    before = desk.session.documents.current
    (tmp_path / "notes.txt").write_text("no image")
    desk.window.open_path(tmp_path / "notes.txt")
    desk.until(lambda: not desk.window.opening.busy)
    assert desk.banner.level == "error" and "image" in desk.banner.text
    assert [button.text() for button in desk.banner.buttons] == ["Open another…"]
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
    assert "5.0 GB" in desk.banner.text
    desk.banner.buttons[0].click()
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


def held(desk: TestDesk, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Hold whatever is opened until the event is set."""
    gate, load = threading.Event(), desk.session.documents.load

    def slow(path: Path, progress: Any, cancelled: Any, **options: Any) -> Any:
        gate.wait(10)
        return load(path, progress, cancelled, **options)

    monkeypatch.setattr(desk.session.documents, "load", slow)
    return gate


def test_a_first_picture_is_seen_while_a_folder_is_read(desk: TestDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                                        ) -> None:
    folder = save_series(tmp_path / "in", [(0, 0, k) for k in range(3)])
    (folder / "00.dcm").write_bytes(b"\0" * 128 + b"DICM, and no more")  # the first by name is none
    gate, glimpse, before = held(desk, monkeypatch), desk.window.opening.glimpse, desk.session.documents.current
    desk.window.open_path(folder)
    desk.until(glimpse.isVisible)
    (seen,) = (part for part in glimpse.findChildren(QLabel) if not part.pixmap().isNull())
    assert max(seen.pixmap().width(), seen.pixmap().height()) == 224
    assert desk.session.documents.current is before  # it is looked at, and nothing else
    gate.set()
    desk.until(lambda: desk.session.documents.current is not before)
    assert glimpse.isHidden()


def test_the_image_in_view_stays_while_a_button_is_down_on_it(desk: TestDesk, tmp_path: Path,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.actions.bench import png

    desk.open()
    window, before = desk.window, desk.session.documents.current
    gate, native = held(desk, monkeypatch), window.canvas.scene.native
    start = window.canvas.view.to_screen.map(QPointF(8, 8)).toPoint()
    window.open_path(png(tmp_path / "other.png", seed=5))
    QTest.mousePress(native, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
    try:
        gate.set()
        desk.until(lambda: not window.opening.reading)
        QTest.qWait(50)
        assert desk.session.documents.current is before and window.opening.isHidden()
        QTest.mouseMove(native, start + QPoint(20, 0))
    finally:
        QTest.mouseRelease(native, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start + QPoint(20, 0))
    desk.until(lambda: desk.session.documents.current is not before)
    assert not window.opening.busy and not desk.session.documents.current.mask(0).any()
    desk.open()
    assert desk.session.documents.current.mask(0)[8, 8]  # the stroke went where it was begun
    desk.session.painting.undo()


def test_a_series_among_others_is_shown_as_it_was_seen_before(desk: TestDesk, tmp_path: Path,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    save_series(tmp_path / "in" / "a", [(0, 0, k) for k in range(2)], series="1.2.70", PatientID="A")
    save_series(tmp_path / "in" / "b", [(0, 0, k) for k in range(4)], series="1.2.71", PatientID="B", Modality="MR")
    desk.window.open_path(tmp_path / "in")
    desk.until(lambda: not desk.window.opening.busy and desk.session.documents.current.info.modality == "MR")
    series = desk.session.documents.current.info.identity.series
    glimpse = desk.window.opening.glimpse
    for known, name in ((True, series), (False, "of nobody")):
        gate = held(desk, monkeypatch)
        desk.window.open_path(tmp_path / "in", series=name)
        desk.until(desk.window.opening.isVisible)
        assert glimpse.isVisible() is known  # never the picture of another patient
        desk.window.opening.cancel()
        assert glimpse.isHidden()
        gate.set()
        monkeypatch.undo()
        QTest.qWait(100)


def test_slices_run_from_head_to_feet_where_one_wants_that(desk: TestDesk, tmp_path: Path) -> None:
    window, command = desk.window, desk.window.commands["slice.head_first"]
    window.open_path(save_series(tmp_path / "in", [(0, 0, 2.0 * k) for k in range(5)], series="1.2.60"))
    desk.until(lambda: not window.opening.busy and len(desk.session.documents.current.info.frames) == 5)
    desk.session.view.set_index(1)
    desk.paint()
    assert "slice 2 of 5, instance 4" in window.canvas.overlay.marks.corner and not command.isChecked()
    before = desk.session.documents.current
    command.trigger()
    desk.until(lambda: desk.session.documents.current is not before)
    now = desk.session.documents.current
    assert "slice 4 of 5, instance 4" in window.canvas.overlay.marks.corner and command.isChecked()
    assert now.id == before.id and now.painted_frames() == [3]  # the slice in view is the same, and so is its mask
    desk.key(Qt.Key.Key_Home)
    assert "slice 1 of 5, instance 1" in window.canvas.overlay.marks.corner
    desk.open()
    assert desk.window.commands.reason("slice.head_first") == "Not a stack of axial DICOM slices"
    window.open_path(tmp_path / "in")  # it is kept for what is opened later, and so is the slice
    desk.until(lambda: not window.opening.busy and len(desk.session.documents.current.info.frames) == 5)
    assert "slice 1 of 5, instance 1" in window.canvas.overlay.marks.corner
    command.trigger()
    desk.until(lambda: "slice 5 of 5, instance 1" in window.canvas.overlay.marks.corner)
    assert not desk.settings.current.head_first
    desk.open()


def test_recent_images_are_shown_by_pseudonym(desk: TestDesk) -> None:
    desk.window.navigator.go("library")
    recent = desk.library_panel.recent
    assert recent.isVisible() and len(recent.rows.rows) >= 1
    texts = [line.text for line in recent.rows.rows]
    assert all("image.png" not in text for text in texts) and any("Image-" in text for text in texts)


def test_removing_a_study_asks_without_a_dialog(desk: TestDesk) -> None:
    desk.window.commands["file.remove_study"].trigger()
    assert "Remove this study" in desk.banner.text and desk.session.documents.current is not None
    desk.banner.buttons[0].click()
    assert desk.session.documents.current is None and desk.window.welcome.isVisible()
    assert not desk.window.commands["tool.brush"].isEnabled()
    assert desk.inpaint_panel.hint.accessibleName() == "Open an image first"
    desk.open()
