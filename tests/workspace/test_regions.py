"""Regions of pixels with the accepted edits, at full resolution and lower ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import Level, Pixels
from medsynth_app.workspace.workspace import Workspace
from tests.workspace.fake import PATH, FakeSource, accept, stage

BOX, OVER = Bounds(3, 4, 10, 20), Bounds(6, 10, 15, 24)


class Pyramid(FakeSource):
    """Two levels: the lower one is a quarter as wide, and cut off at the edges."""

    @property
    def levels(self) -> tuple[Level, ...]:
        rows, columns = self.size
        return Level(rows, columns), Level(rows // 4, columns // 4, 4.0)

    def region(self, frame: int, bounds: Bounds, level: int = 0) -> Pixels:
        pixels = self.pixels(frame)
        return (pixels if level == 0 else pixels[2::4, 2::4][:self.size[0] // 4, :self.size[1] // 4])[bounds.slices]


@pytest.mark.parametrize("colour", [False, True])
def test_a_region_is_a_part_of_the_pixels(workspace: Workspace, colour: bool) -> None:
    document = workspace.documents.open(Pyramid(colour=colour), PATH)
    original = document.pixels(0).copy()
    for number, box in enumerate((BOX, OVER)):
        patch = np.full((box.height, box.width, *original.shape[2:]), 60 + number, original.dtype)
        accept(document, stage(workspace, document, box, patch, job=f"job {number}"))
    for part in (Bounds(0, 0, 40, 50), Bounds(5, 5, 8, 12), Bounds(30, 30, 40, 50), OVER):
        found = document.region(0, part)
        assert found.dtype == original.dtype and np.array_equal(found, document.pixels(0)[part.slices])
    assert np.array_equal(document.region(0, Bounds(30, 30, 40, 50)), original[30:, 30:])
    document.undo()
    document.undo()
    assert np.array_equal(document.region(0, OVER), original[OVER.slices])


def test_a_lower_level_shows_accepted_edits_as_means(workspace: Workspace) -> None:
    source = Pyramid(size=(40, 48))
    document = workspace.documents.open(source, PATH)
    low = Bounds(0, 0, 10, 12)
    before = document.region(0, low, 1).copy()
    box = Bounds(8, 8, 16, 24)
    patch = np.tile(np.array([[100, 200]], np.int16), (8, 8))
    accept(document, stage(workspace, document, box, patch))
    after = document.region(0, low, 1)
    assert (after[2:4, 2:6] == 150).all() and after.dtype == np.int16
    outside = np.ones((10, 12), bool)
    outside[2:4, 2:6] = False
    assert np.array_equal(after[outside], before[outside])
    assert np.array_equal(document.region(0, Bounds(1, 3, 3, 9), 1), after[1:3, 3:9])
    assert np.array_equal(document.region(0, Bounds(6, 0, 10, 12), 1), before[6:])


def test_a_file_that_changed_is_refused_where_an_edit_stands(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource(), PATH)
        accept(document, stage(workspace, document, BOX, np.zeros((BOX.height, BOX.width), np.int16)))
    with Workspace.open(folder) as workspace:
        changed = workspace.documents.open(FakeSource(change=1), PATH)
        with pytest.raises(UserError, match="not the one"):
            changed.region(0, Bounds(0, 0, 5, 9))
        assert changed.region(0, Bounds(30, 30, 40, 50)).shape == (10, 20)
