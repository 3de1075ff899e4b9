"""Generate while pictures are drawn, and a picture that goes on to Paint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from medsynth_app.core.changes import Changes
from medsynth_app.core.job import EventKind, JobEvent, JobState
from medsynth_app.core.provenance import Provenance
from medsynth_app.session.pictures import Sketch
from medsynth_app.workspace.workspace import Workspace
from tests.ui.desk import CTRL, TestDesk, a_desk

pytestmark = pytest.mark.gui


@pytest.fixture
def desk(qapp: Any, tmp_path: Path) -> Iterator[TestDesk]:
    with a_desk(tmp_path, Workspace.open(tmp_path / "work")) as made:
        made.key(Qt.Key.Key_3, CTRL)
        yield made


def add(desk: TestDesk, seed: int, masked: bool = False) -> None:
    about = Provenance("generate", "cells", "ab" * 32, seed, "2030-01-01", parameters={"prompt": "a neutrophil"})
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)
    made = desk.session.workspace.pictures.add(f"job-{seed}", 0, pixels, about,
                                               mask=np.ones((16, 16), np.uint8) if masked else None)
    desk.session.changed.emit(Changes(pictures=(made.id,)))


def hear(desk: TestDesk, job: str, kind: EventKind, state: JobState = JobState.RUNNING, **news: Any) -> None:
    desk.hear(job, state, JobEvent(job, kind, **news))
    QTest.qWait(30)


def previews(*values: int) -> dict[str, np.ndarray]:
    return {str(k): np.full((8, 8, 3), value, np.uint8) for k, value in enumerate(values)}


def test_pictures_are_seen_while_they_are_drawn(desk: TestDesk) -> None:
    grid, pictures = desk.pictures, desk.session.generate.pictures
    desk.session.generate.set(prompt="a neutrophil", count=2)
    job = desk.session.generate.run().jobs[0]
    assert grid.empty.isVisible() and not grid.list.isVisible()
    hear(desk, job, EventKind.PREVIEW, arrays=previews(10, 20))
    assert [(row.number, int(row.pixels[0, 0, 0])) for row in grid.model.rows] == [(0, 10), (1, 20)]
    assert grid.list.isVisible() and grid.card.isVisible() and grid.chosen is None
    assert grid.card.large.synthetic and "being drawn" in grid.model.index(0).data()
    hear(desk, job, EventKind.PREVIEW, arrays=previews(11, 21))
    assert [int(row.pixels[0, 0, 0]) for row in grid.model.rows] == [11, 21]
    assert desk.window.commands.reason("generate.open") == "It is still being drawn"
    assert not pictures.count and not grid.card.save.isEnabled()
    about = Provenance("generate", "cells", "ab" * 32, 7, "2030-01-01").to_dict()
    hear(desk, job, EventKind.RESULT, data={"candidate": 0, "provenance": about},
         arrays={"picture": np.full((16, 16, 3), 77, np.uint8)})
    assert [type(row) is Sketch for row in grid.model.rows] == [True, False] and pictures.count == 1
    hear(desk, job, EventKind.CANCELLED, JobState.CANCELLED)
    assert [type(row) is Sketch for row in grid.model.rows] == [False]
    assert grid.chosen is not None and grid.chosen.seed == 7 and grid.card.save.isEnabled()


def test_what_somebody_looks_at_stays_while_others_are_drawn(desk: TestDesk) -> None:
    for seed in (1, 2, 3):
        add(desk, seed)
    grid = desk.pictures
    grid.choose(1)
    chosen = grid.chosen
    job = desk.session.generate.run().jobs[0]
    hear(desk, job, EventKind.PREVIEW, arrays=previews(10, 20))
    assert grid.chosen == chosen and len(grid.model.rows) == 5
    assert not grid.model.canFetchMore(grid.list.rootIndex())
    hear(desk, job, EventKind.FAILED, JobState.FAILED)
    assert grid.chosen == chosen and len(grid.model.rows) == 3


def test_a_picture_is_opened_in_paint(desk: TestDesk) -> None:
    add(desk, 5)
    QTest.qWait(50)
    picture = desk.pictures.chosen
    QTest.mouseClick(desk.pictures.card.open, Qt.MouseButton.LeftButton)
    desk.until(lambda: desk.session.documents.current is not None)
    document = desk.session.documents.current
    assert document is not None and document.info.synthetic
    assert np.array_equal(document.pixels(0), picture.pixels())
    assert desk.window.navigator.current.id == "paint"
    assert not desk.window.canvas.stage.chip.isHidden()


@pytest.mark.parametrize("masked", [False, True])
def test_nothing_is_clipped_in_the_smallest_window(desk: TestDesk, masked: bool) -> None:
    desk.window.resize(900, 560)
    add(desk, 5, masked)
    QTest.qWait(80)
    card = desk.pictures.card
    for part in card.findChildren(QPushButton):
        if part.isVisible():
            assert part.width() >= part.sizeHint().width(), part.text()
            assert part.visibleRegion().boundingRect() == part.rect(), part.text()
    grid = desk.pictures
    assert card.geometry().right() <= grid.width() and grid._title.width() >= grid._title.sizeHint().width()
    assert grid.width() == desk.window.view.width()
    assert card.save.text() == ("Save picture and mask…" if masked else "Save picture…")
