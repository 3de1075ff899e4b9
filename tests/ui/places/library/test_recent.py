"""Rows of what was opened lately, and the way back to the last image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest

from medsynth_app.jobs.queue import JobQueue
from medsynth_app.ui.theme import tokens as look
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack
from tests.actions.test_export import fill
from tests.formats.making import save_series
from tests.ui.desk import TestDesk, a_desk

pytestmark = pytest.mark.gui


@pytest.fixture
def desk(qapp: Any, tmp_path: Path) -> Iterator[TestDesk]:
    """A window on a workspace that knows a series, changed in two slices, and a picture opened after it."""
    work = tmp_path / "work"
    with a_desk(tmp_path, Workspace.open(work), place="library") as found:
        found.window.open_path(save_series(tmp_path / "in", [(0, 0, 2.0 * k) for k in range(6)],
                                           BodyPartExamined="HEAD", Modality="MR"))
        found.until(lambda: found.session.documents.current is not None)
        document = found.session.documents.current
        queue = JobQueue(found.session.workspace.jobs, lambda record, event: None)
        for k in (1, 4):
            fill(found.session.workspace, queue, make_pack(tmp_path / str(k)), document, k)
        queue.close()
        found.session.view.set_index(5)
        yield found


def shown(desk: TestDesk) -> list[str]:
    rows = desk.library_panel.recent.rows
    return [rows.data(rows.index(k), Qt.ItemDataRole.AccessibleTextRole) for k in range(rows.rowCount())]


def pixels(image: QImage) -> Any:
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    data = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return data[:, :image.width() * 3].reshape(image.height(), image.width(), 3).copy()


def test_a_row_tells_one_image_from_another(desk: TestDesk) -> None:
    desk.open()
    desk.until(lambda: len(shown(desk)) == 2)
    picture, series = shown(desk)
    assert picture.startswith("Image-") and "slice" not in picture
    assert series.startswith("Subject-") and "MRI head, series 3\n6 slices, 2 slices changed" in series
    assert "image.png" not in picture and "Doe" not in series


def test_a_row_has_a_picture_and_says_what_is_synthetic_in_words(desk: TestDesk) -> None:
    desk.open()
    desk.until(lambda: len(shown(desk)) == 2)
    recent = desk.library_panel.recent
    QTest.qWait(50)
    rows = [pixels(recent.viewport().grab(recent.visualRect(recent.rows.index(k))).toImage()) for k in range(2)]
    colour = QColor(look.LIGHT.synthetic)
    chip = [int((row == (colour.red(), colour.green(), colour.blue())).all(axis=2).sum()) for row in rows]
    assert chip[0] == 0 and chip[1] > 100  # the chip SYN stands on the changed series alone
    assert all(row[10:50, 12:56].std() > 20 for row in rows)


def test_rows_follow_what_is_accepted_and_undone(desk: TestDesk) -> None:
    desk.window.navigator.go("paint")
    desk.window.navigator.go("library")
    assert "2 slices changed" in shown(desk)[0]
    desk.session.painting.undo()
    assert "1 slice changed" in shown(desk)[0]


def test_a_click_on_a_row_opens_it_where_it_was_left(desk: TestDesk) -> None:
    desk.open()
    desk.until(lambda: len(shown(desk)) == 2)
    recent = desk.library_panel.recent
    QTest.mouseClick(recent.viewport(), Qt.MouseButton.LeftButton, pos=recent.visualRect(recent.rows.index(1)).center())
    desk.until(lambda: desk.session.documents.current.info.modality == "MR")
    assert desk.session.view.index == 5


def test_the_empty_page_leads_back_to_the_last_image_and_slice(desk: TestDesk) -> None:
    last = desk.window.welcome.last
    desk.window.commands["file.close"].trigger()
    desk.until(last.isVisible)
    assert "MRI head, series 3, slice 6 of 6" in last.button.accessibleName()
    QTest.mouseClick(last.button, Qt.MouseButton.LeftButton)
    desk.until(lambda: desk.session.documents.current is not None)
    assert desk.session.view.index == 5
    assert desk.window.commands.reason("file.reopen") == "An image is open"


def test_nothing_is_offered_where_there_is_nothing(qapp: Any, tmp_path: Path) -> None:
    with a_desk(tmp_path, Workspace.temporary()) as desk:
        assert desk.window.welcome.isVisible() and not desk.window.welcome.last.isVisible()
        assert desk.window.commands.reason("file.reopen") == "There is none"
