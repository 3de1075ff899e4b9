"""Masks of tiles: what a slide costs, and how snapshots bring them back."""

from __future__ import annotations

import sqlite3
import tracemalloc
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.edit import Edit, MaskPart
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import Pixels
from medsynth_app.core.tiles import TILE
from medsynth_app.workspace import masks
from medsynth_app.workspace.blobs import Pins
from medsynth_app.workspace.workspace import Workspace
from tests.workspace.fake import PATH, FakeSource, paint

SIZE = (1300, 1100)
LEFT, RIGHT = Bounds(10, 10, 40, 40), Bounds(1200, 1000, 1290, 1090)
ACROSS = Bounds(500, 500, 530, 540)     # four tiles


def snapshots(folder: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "workspace.db")) as connection:
        return connection.execute('SELECT top, "left", bottom, "right", blob, step_id FROM snapshots '
                                  'ORDER BY top, "left"').fetchall()


def reopened(folder: Path) -> np.ndarray:
    with Workspace.open(folder) as workspace:
        return workspace.documents.open(FakeSource((0,), SIZE), PATH).mask(0).copy()


class Slide(FakeSource):
    """So large that no whole frame of it can be made."""

    def __init__(self) -> None:
        super().__init__((0,), (100_000, 80_000))

    def pixels(self, frame: int) -> Pixels:
        raise AssertionError("a whole slide was read")

    def region(self, frame: int, bounds: Bounds, level: int = 0) -> Pixels:
        return np.zeros((bounds.height, bounds.width), np.int16)


def test_a_slide_costs_what_is_painted(folder: Path) -> None:
    boxes = [Bounds(5, 5, 50, 50), Bounds(50_000, 40_000, 50_200, 40_200), Bounds(99_900, 79_900, 100_000, 80_000)]
    tracemalloc.start()
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(Slide(), PATH)
        key = document.info.frames[0].key
        parts = tuple(MaskPart(key, box, document.mask_region(0, box), np.full((box.height, box.width), k, np.uint8))
                      for k, box in enumerate(boxes, 1))
        document.apply(Edit("paint", parts))
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(Slide(), PATH)
        assert [int(document.mask_region(0, box).min()) for box in boxes] == [1, 2, 3]
        assert document.painted(0) == Bounds(5, 5, 100_000, 80_000) and document.painted_frames() == [0]
        document.undo()
        assert document.painted(0) is None and document.painted_frames() == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 * 2**20     # of 8 GB


def test_a_snapshot_holds_painted_tiles_and_only_those_that_changed_are_written_anew(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource((0,), SIZE), PATH)
        paint(document, LEFT)
        paint(document, RIGHT, 2)
        expected = document.mask(0).copy()
    first = snapshots(folder)
    assert [row[:4] for row in first] == [(0, 0, TILE, TILE), (2 * TILE, TILE, 1300, 2 * TILE),
                                          (2 * TILE, 2 * TILE, 1300, 1100)]
    assert np.array_equal(reopened(folder), expected) and snapshots(folder) == first
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource((0,), SIZE), PATH)
        paint(document, LEFT, 3)
        expected = document.mask(0).copy()
    second = snapshots(folder)
    assert [row[4] for row in second[1:]] == [row[4] for row in first[1:]] and second[0][4] != first[0][4]
    assert len({row[5] for row in second}) == 1     # all of them are as after the last step
    assert len(list((folder / "blobs").glob("*/*"))) == 3 and np.array_equal(reopened(folder), expected)


def test_what_was_erased_leaves_no_tiles_and_is_not_replayed(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource((0,), SIZE), PATH)
        paint(document, ACROSS)
        paint(document, ACROSS, 0)
    with closing(sqlite3.connect(folder / "workspace.db")) as connection, connection:
        connection.execute("UPDATE parts SET payload = x'00'")     # would not be read
    assert not reopened(folder).any() and len(snapshots(folder)) == 1
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource((0,), SIZE), PATH)
        paint(document, RIGHT, 4)
        expected = document.mask(0).copy()
    assert np.array_equal(reopened(folder), expected) and expected.any()


def test_a_snapshot_that_could_not_be_written_is_made_good_by_the_next(folder: Path,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Pins, array: np.ndarray) -> str:
        raise UserError("The disk is full.")

    monkeypatch.setattr(masks, "SNAPSHOT_EVERY", 1)
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource((0,), SIZE), PATH)
        paint(document, LEFT)
        document.close()
        with monkeypatch.context() as patch:
            patch.setattr(Pins, "put_array", full)
            paint(document, ACROSS, 2)
            document.close()        # waits for it
        paint(document, RIGHT, 3)
        expected = document.mask(0).copy()
    assert np.array_equal(reopened(folder), expected)
    assert len(snapshots(folder)) == 6      # each tile that is painted


def test_a_snapshot_of_an_older_version_loads_and_is_replaced(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource((0,), SIZE), PATH)
        for box in (LEFT, ACROSS, RIGHT):
            paint(document, box)
        mask = document.mask(0).copy()
        box = Bounds(10, 10, 1290, 1090)
        blob = workspace.blobs.put_array(mask[box.slices])
    (step,) = {row[5] for row in snapshots(folder)}
    with closing(sqlite3.connect(folder / "workspace.db")) as connection, connection:
        connection.execute("DELETE FROM snapshots")
        connection.execute('INSERT INTO snapshots (frame_id, top, "left", bottom, "right", blob, step_id) '
                           "SELECT id, 10, 10, 1290, 1090, ?, ? FROM frames", (blob, step))
    assert np.array_equal(reopened(folder), mask) and len(snapshots(folder)) == 1
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource((0,), SIZE), PATH)
        paint(document, LEFT, 7)
        mask = document.mask(0).copy()
    assert len(snapshots(folder)) == 6 and np.array_equal(reopened(folder), mask)
    assert blob not in {row[4] for row in snapshots(folder)}


def test_the_whole_mask_stays_live(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource((0,), SIZE), PATH)
    paint(document, LEFT)
    live = document.mask(0)
    paint(document, ACROSS, 2)
    assert live[ACROSS.slices].min() == 2 and np.array_equal(document.mask_region(0, ACROSS), live[ACROSS.slices])
    document.undo()
    assert not live[ACROSS.slices].any() and live[LEFT.slices].all()
    kept = document.mask_region(0, LEFT)
    paint(document, LEFT, 5)
    assert kept.max() == 1      # a copy
