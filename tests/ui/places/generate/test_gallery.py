"""The gallery: pictures are read a page at a time, and thumbnails are made of those that are looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QTest

from medsynth_app.core.provenance import Provenance
from medsynth_app.ui.places.generate.gallery import PAGE
from medsynth_app.workspace.workspace import Workspace
from tests.ui.desk import CTRL, a_desk

pytestmark = pytest.mark.gui
COUNT = 2 * PAGE + 7


def test_pages_come_as_one_scrolls_and_thumbnails_as_one_looks(qapp: Any, tmp_path: Path,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace.open(tmp_path / "work")
    for seed in range(COUNT):
        about = Provenance(action="generate", pack="a", pack_sha256="0" * 64, seed=seed, created="2030-01-01",
                           parameters={"prompt": f"picture {seed}"})
        workspace.pictures.add(f"job-{seed}", 0, np.full((8, 8, 3), seed % 256, np.uint8), about)
    made: list[str] = []
    from medsynth_app.ui.places.generate import thumbnails

    make = thumbnails.thumbnail
    monkeypatch.setattr(thumbnails, "thumbnail",
                        lambda picture, *rest: made.append(picture.id) or make(picture, *rest))
    with a_desk(tmp_path, workspace) as desk:
        grid = desk.pictures
        assert len(grid.model.rows) == PAGE and not made  # nobody looks
        desk.key(Qt.Key.Key_3, CTRL)
        desk.until(lambda: bool(made))
        desk.until(lambda: not grid.thumbnails.busy)
        assert 4 < len(made) < PAGE  # those in view
        grid.model.fetchMore(QModelIndex())
        grid.model.fetchMore(QModelIndex())
        assert len(grid.model.rows) == COUNT and not grid.model.canFetchMore(QModelIndex())
        assert f"{COUNT} pictures" in grid._count.accessibleName()
        grid.choose(COUNT - 1)
        grid.list.scrollToBottom()
        last = grid.chosen
        desk.until(lambda: last.id in made)
        assert f"seed {last.seed}" in grid.model.index(COUNT - 1).data()
        QTest.qWait(20)
        kept = grid.model.row(3)
        desk.session.generate.pictures.remove(grid.model.row(0).id)
        assert grid.model.row(2) == kept and len(grid.model.rows) == COUNT - 1 and grid.chosen.id == last.id
