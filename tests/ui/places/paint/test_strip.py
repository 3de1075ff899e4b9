"""The strip in the window: keys, and that nothing of it is cut off at any size."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLabel

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.changes import Changes
from medsynth_app.core.provenance import Provenance
from medsynth_app.ui.theme.tokens import STRIP_FOLDED_PX, STRIP_PX
from medsynth_app.ui.widgets.basic import ElidedLabel
from medsynth_app.workspace.workspace import Workspace
from tests.ui.desk import CTRL, TestDesk, a_desk

pytestmark = pytest.mark.gui
BOX = Bounds(10, 10, 50, 50)
SIZES = ((900, 560), (1366, 768), (2560, 1440))


def stage(desk: TestDesk, prompt: str, count: int) -> None:
    """A run whose candidates are there."""
    document, run = desk.session.documents.opened(), uuid.uuid4().hex
    effective = np.zeros((BOX.height, BOX.width), np.bool_)
    effective[10:20, 10:20] = True
    for number in range(count):
        patch = document.region(0, BOX).copy()
        patch[effective] = 10 * number + 5
        about = Provenance("inpaint", "cells", "ab" * 32, 70 + number, "2030-01-01", parameters={
            "mode": "replace", "prompt": prompt, "revision": document.revision(0, BOX)})
        desk.session.workspace.candidates.add(run, document.id, document.info.frames[0].key, BOX, number, patch,
                                              effective, provenance=about)
    desk.session.changed.emit(Changes(candidates=(document.id,)))


@pytest.fixture(scope="module")
def desk(qapp: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with a_desk(tmp_path_factory.mktemp("strip"), Workspace.temporary()) as made:
        made.open()
        made.window.navigator.go("paint")
        stage(made, "a neutrophil with a description that is far too long for a line over four small pictures", 4)
        stage(made, "a cell", 3)
        yield made


def test_any_two_are_compared_with_keys_alone(desk: TestDesk) -> None:
    candidates, shown = desk.session.candidates, desk.window.canvas.candidate
    desk.strip.setFocus()
    desk.key(Qt.Key.Key_Home)
    desk.key(Qt.Key.Key_Right)
    desk.key(Qt.Key.Key_C, Qt.KeyboardModifier.ShiftModifier)
    assert candidates.against == candidates.results[0].id and shown.mode == "slider"
    assert candidates.reference is None and shown.names == ("Original", "Candidate")  # of itself there is no other
    for _ in range(4):
        desk.key(Qt.Key.Key_Right)
    assert candidates.selected == 4 and candidates.reference is candidates.results[0]
    assert shown.names == ("Candidate 1, seed 70", "Candidate 2, seed 71")
    desk.key(Qt.Key.Key_Home)
    desk.key(Qt.Key.Key_Right)
    desk.key(Qt.Key.Key_C, Qt.KeyboardModifier.ShiftModifier)  # no longer
    assert candidates.against == ""
    shown.set_mode("off")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_cut_off(desk: TestDesk, size: tuple[int, int], theme: str) -> None:
    desk.window.choose_theme(theme)
    desk.window.resize(*size)
    desk.session.candidates.select(0)
    QTest.qWait(150)
    strip = desk.strip
    assert strip.height() == STRIP_PX
    for part in strip.findChildren(QAbstractButton):
        if part.isVisible():
            assert part.visibleRegion().boundingRect() == part.rect(), part.accessibleName() or part.text()
            assert part.width() >= part.minimumSizeHint().width(), part.text()
    for part in strip.findChildren(QLabel):
        if part.isVisible() and not isinstance(part, ElidedLabel):
            assert part.width() >= part.sizeHint().width(), part.text()
    shown = strip.list
    first = shown.visualRect(shown.thumbs.index(0))
    assert first.bottom() <= shown.viewport().height(), (first, shown.viewport().height())
    rows = shown.thumbs.rows
    assert [rows[k].lead for k in (1, 2, 3, 4, 5)] == [0, 64, 128, 0, 64]
    assert all(rows[k].room == 4 * 64 for k in (4, 5, 6, 7)) and "far too long" in rows[4].tip
    if shown.horizontalScrollBar().maximum():  # what there is no room for is scrolled to
        desk.session.candidates.select(6)
        QTest.qWait(30)
        assert shown.viewport().rect().contains(shown.visualRect(shown.thumbs.index(7)).center())


def test_folded_it_is_its_head_alone(desk: TestDesk) -> None:
    desk.key(Qt.Key.Key_B, CTRL)
    QTest.qWait(50)
    assert desk.strip.height() == STRIP_FOLDED_PX and not desk.strip.list.isVisible()
    for part in (desk.strip.fold, desk.strip.compare):
        assert part.isVisible() and part.visibleRegion().boundingRect() == part.rect()
    desk.key(Qt.Key.Key_B, CTRL)
    QTest.qWait(50)
    assert desk.strip.height() == STRIP_PX and desk.strip.list.isVisible()
