from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.edit import Edit, MaskPart
from medsynth_app.core.errors import UserError
from medsynth_app.workspace import masks
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace
from tests.workspace.fake import PATH, FakeSource, accept, paint, stage

A, B = Bounds(0, 0, 10, 10), Bounds(20, 20, 30, 30)


@pytest.fixture
def document(workspace: Workspace) -> Document:
    return workspace.documents.open(FakeSource(), PATH)


def test_typed_names_and_a_restart_between(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource(), PATH)
        assert document.can_undo() is None and document.can_redo() is None and not document.undo()
        (change,) = paint(document, A, name="paint polyp").documents
        assert (change.kind, change.frame, change.description) == ("mask", document.info.frames[0].key, "paint polyp")
        paint(document, B, name="erase")
        assert document.undo()
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource(), PATH)
        assert (document.can_undo(), document.can_redo()) == ("Undo: paint polyp", "Redo: erase")
        (change,) = document.undo().documents
        assert change.bounds == A and not document.mask(0).any()
        assert document.redo() and document.redo() and not document.redo()
        assert document.mask(0).sum() == 200


def test_redo_takes_back_what_was_undone_last_also_after_a_redo(document: Document) -> None:
    paint(document, A, 1, name="first")
    paint(document, Bounds(5, 5, 15, 15), 2, name="second")
    painted = document.mask(0).copy()
    for step in ("undo", "undo", "redo", "undo", "redo"):
        assert getattr(document, step)()
    assert document.mask(0).sum() == 100 and document.can_redo() == "Redo: second"
    document.redo()
    assert np.array_equal(document.mask(0), painted) and document.can_redo() is None


def test_a_new_edit_ends_the_redo_of_its_person_only(document: Document) -> None:
    paint(document, A, person="ann")
    paint(document, B, person="ben")
    document.undo("ann")
    document.undo("ben")
    paint(document, Bounds(35, 0, 36, 1), person="ann")
    assert document.can_redo("ann") is None and document.can_redo("ben") is not None


def test_a_stroke_that_changes_nothing_leaves_no_step(document: Document) -> None:
    paint(document, A, 0)
    assert document.can_undo() is None
    paint(document, A, 1)
    document.undo()
    paint(document, A, 0)
    assert document.can_redo() is not None


def test_undo_takes_ones_own_only(document: Document) -> None:
    paint(document, A, 1, person="ann")
    paint(document, B, 2, person="ben")
    assert document.can_undo("cid") is None
    document.undo("ann")
    assert not document.mask(0)[A.slices].any() and document.mask(0)[B.slices].all()


def test_undo_is_refused_where_somebody_painted_over_it(document: Document) -> None:
    paint(document, A, 1, person="ann")
    paint(document, Bounds(5, 5, 15, 15), 2, person="ben")
    now = document.mask(0).copy()
    with pytest.raises(UserError, match=r"\"paint polyp\" cannot be undone: somebody else") as refused:
        document.undo("ann")
    assert refused.value.remedy and np.array_equal(document.mask(0), now)
    document.undo("ben")
    document.undo("ann")
    assert not document.mask(0).any()
    with pytest.raises(UserError, match="cannot be redone"):     # ben painted over what ann took back
        document.redo("ben")
    assert not document.mask(0).any()


def test_redo_is_refused_where_somebody_painted_since(document: Document) -> None:
    paint(document, A, 1, person="ann")
    document.undo("ann")
    paint(document, Bounds(5, 5, 15, 15), 2, person="ben")
    with pytest.raises(UserError, match="cannot be redone"):
        document.redo("ann")
    document.undo("ben")
    document.redo("ann")
    assert document.mask(0).sum() == 100


def test_pixels_are_undone_in_one_stack_with_masks_but_do_not_block_each_other(workspace: Workspace,
                                                                              document: Document) -> None:
    original = document.pixels(0).copy()
    paint(document, A, person="ann")
    result = stage(workspace, document, A, np.full((10, 10), 5, np.int16))
    accept(document, result, person="ann")
    paint(document, A, 3, person="ben")
    assert document.can_undo("ann") == "Undo: inpaint: a polyp"
    document.undo("ann")
    assert np.array_equal(document.pixels(0), original) and document.mask(0)[0, 0] == 3
    with pytest.raises(UserError):      # but ben's stroke lies on ann's stroke
        document.undo("ann")


def test_redo_of_pixels_wants_the_ground_that_it_was_made_on(workspace: Workspace, document: Document) -> None:
    accept(document, stage(workspace, document, A, np.full((10, 10), 1, np.int16), job="1"), person="ben")
    accept(document, stage(workspace, document, A, np.full((10, 10), 2, np.int16), job="2"), person="ann")
    document.undo("ann")
    document.undo("ben")
    now = document.pixels(0).copy()
    with pytest.raises(UserError, match="cannot be redone"):
        document.redo("ann")
    assert np.array_equal(document.pixels(0), now)


@pytest.mark.parametrize("broken", [False, True])
def test_thousands_of_strokes_come_back_at_once(folder: Path, broken: bool) -> None:
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource(), PATH)
        for k in range(2 * masks.SNAPSHOT_EVERY + 10):
            paint(document, Bounds(k % 30, k % 40, k % 30 + 3, k % 40 + 2), 1 + k % 200)
        for _ in range(7):
            document.undo()
        expected = document.mask(0).copy()
    assert len(list((folder / "blobs").glob("*/*"))) == 1      # old snapshots are gone
    if broken:      # a snapshot is only quicker: the journal holds everything
        for path in (folder / "blobs").glob("*/*"):
            path.write_bytes(b"damaged")
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource(), PATH)
        assert np.array_equal(document.mask(0), expected)
        assert document.undo() and document.redo()
        assert np.array_equal(document.mask(0), expected)


def test_a_stroke_in_a_large_mask_costs_what_its_bounds_cost(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource((0,), (4096, 4096)), PATH)
    key = document.info.frames[0].key

    def stroke(k: int) -> float:
        bounds = Bounds(100 + k, 3000 - k, 160 + k, 3080 - k)
        before = document.mask(0)[bounds.slices].copy()
        edit = Edit("paint", (MaskPart(key, bounds, before, np.full_like(before, 1 + k % 250)),))
        start = time.perf_counter()
        document.apply(edit)
        return time.perf_counter() - start

    for k in range(5):
        stroke(k)
    best = min(stroke(k) for k in range(5, 40))
    rows = document.mask(0)
    start = time.perf_counter()
    np.array_equal(rows, rows.copy())
    whole = time.perf_counter() - start
    assert best < max(0.01, 2 * whole)      # far from touching the whole mask several times
    size = (workspace.folder / "workspace.db-wal").stat().st_size
    assert size < 4096 * 4096       # only the bounds are journalled


# --- any sequence of work, by two people, against a simple model


@dataclass
class Entry:
    person: str
    frame: int
    bounds: Bounds
    before: np.ndarray
    after: np.ndarray
    state: str = "done"
    applied: int = 0
    touched: int = 0


class Model:
    """A list of entries; the mask is what those that stand give, one after the other."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.undone: dict[str, list[Entry]] = {"ann": [], "ben": []}    # the last one undone is the last
        self.clock = 0

    def mask(self, frame: int) -> np.ndarray:
        mask = np.zeros((40, 50), np.uint8)
        for entry in sorted((e for e in self.entries if e.state == "done" and e.frame == frame),
                            key=lambda e: e.applied):
            part = mask[entry.bounds.slices]
            part[:] = np.where(entry.before != entry.after, entry.after, part)
        return mask

    def paint(self, person: str, frame: int, bounds: Bounds, value: int) -> None:
        before = self.mask(frame)[bounds.slices].copy()
        if (before == value).all():
            return
        self.clock += 1
        for entry in self.undone[person]:
            entry.state = "dropped"
        self.undone[person].clear()
        self.entries.append(Entry(person, frame, bounds, before, np.full_like(before, value), "done",
                                  self.clock, self.clock))

    def turn(self, person: str, undo: bool) -> bool | None:
        """True: done; None: nothing to do; False: refused."""
        standing = sorted((e for e in self.entries if e.person == person and e.state == "done"),
                          key=lambda e: e.applied)
        mine = standing if undo else self.undone[person]
        if not mine:
            return None
        entry = mine[-1]
        if any(e.person != person and e.state == "done" and e.frame == entry.frame and e.applied > entry.touched
               and e.bounds.overlaps(entry.bounds) for e in self.entries):
            return False
        changed = entry.before != entry.after
        now, wanted = self.mask(entry.frame)[entry.bounds.slices], entry.after if undo else entry.before
        if (now != wanted)[changed].any():
            return False
        self.clock += 1
        entry.touched = self.clock
        entry.state = "undone" if undo else "done"
        if undo:
            self.undone[person].append(entry)
        else:
            self.undone[person].remove(entry)
            entry.applied = self.clock
        return True


people = st.sampled_from(["ann", "ben"])
boxes = st.builds(lambda top, left, height, width: Bounds(top, left, top + height, left + width),
                  st.integers(0, 20), st.integers(0, 25), st.integers(1, 20), st.integers(1, 25))
work = st.lists(st.one_of(
    st.tuples(st.just("paint"), people, st.integers(0, 1), boxes, st.integers(0, 3)),
    st.tuples(st.just("undo"), people), st.tuples(st.just("redo"), people), st.tuples(st.just("reopen"))),
    min_size=4, max_size=20)


@settings(max_examples=30, deadline=None)
@given(steps=work)
def test_any_history_gives_what_the_model_gives(template: Path, steps: list[tuple]) -> None:
    model = Model()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(shutil.copytree(template, Path(name) / "workspace"))
        workspace = Workspace.open(folder)
        document = workspace.documents.open(FakeSource(), PATH)
        for kind, *rest in steps:
            if kind == "reopen":
                workspace.close()
                workspace = Workspace.open(folder)
                document = workspace.documents.open(FakeSource(), PATH)
            elif kind == "paint":
                person, frame, bounds, value = rest
                model.paint(person, frame, bounds, value)
                paint(document, bounds, value, frame, person)
            else:
                expected = model.turn(rest[0], kind == "undo")
                if expected is False:
                    with pytest.raises(UserError):
                        getattr(document, kind)(rest[0])
                else:
                    assert bool(getattr(document, kind)(rest[0])) is bool(expected)
            for frame in range(2):
                assert np.array_equal(document.mask(frame), model.mask(frame)), kind
        workspace.close()


turns = st.lists(st.sampled_from(["undo", "redo"]), min_size=5, max_size=14)


@settings(max_examples=25, deadline=None)
@given(bounds=st.lists(boxes, min_size=2, max_size=4), turns=turns)
def test_one_person_alone_walks_to_and_fro_through_the_same_masks(
        template: Path, bounds: list[Bounds], turns: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name, Workspace.open(Path(
            shutil.copytree(template, Path(name) / "workspace"))) as workspace:
        document = workspace.documents.open(FakeSource(), PATH)
        known = [document.mask(0).copy()]
        for value, box in enumerate(bounds, 1):
            paint(document, box, value)
            known.append(document.mask(0).copy())
        at = len(bounds)
        for turn in turns:
            wanted = at + (1 if turn == "redo" else -1)
            assert bool(getattr(document, turn)()) is (0 <= wanted < len(known))
            at = min(max(wanted, 0), len(known) - 1)
            assert np.array_equal(document.mask(0), known[at])
