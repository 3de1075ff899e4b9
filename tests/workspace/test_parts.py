"""One step of many parts: several frames, masks and pixels and labels together, one undo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.edit import CandidatePart, Edit, LabelPart, MaskPart, Part, PixelPart
from medsynth_app.core.errors import UserError
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace
from tests.workspace.fake import PATH, FakeSource, paint, stage

A, B = Bounds(0, 0, 10, 10), Bounds(20, 20, 30, 30)


def mask_part(document: Document, frame: int, bounds: Bounds, value: int) -> MaskPart:
    before = document.mask_region(frame, bounds)
    return MaskPart(document.info.frames[frame].key, bounds, before, np.full_like(before, value))


def stroke(document: Document, bounds: Bounds, value: int = 1, person: str = "", frames: tuple[int, ...] = (0, 1, 2)
           ) -> None:
    """One stroke through slices."""
    document.apply(Edit("paint lesion", tuple(mask_part(document, k, bounds, value) for k in frames)), person)


def values(document: Document) -> list[int]:
    return [int(document.mask(k).sum()) for k in range(len(document.info.frames))]


def test_a_stroke_through_slices_is_one_undo_and_survives(folder: Path) -> None:
    source = FakeSource((0, 1, 2))
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(source, PATH)
        changes = document.apply(Edit("paint lesion", tuple(mask_part(document, k, A, k + 1) for k in range(3))))
        assert [(change.frame, change.bounds, change.kind) for change in changes.documents] == [
            (frame.key, A, "mask") for frame in document.info.frames]
        assert {change.description for change in changes.documents} == {"paint lesion"} and changes.candidates == ()
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(source, PATH)
        assert values(document) == [100, 200, 300] and document.painted_frames() == [0, 1, 2]
        assert document.can_undo() == "Undo: paint lesion"
        assert len(document.undo().documents) == 3 and values(document) == [0, 0, 0] and document.can_undo() is None
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(source, PATH)
        assert values(document) == [0, 0, 0] and len(document.redo().documents) == 3
        assert values(document) == [100, 200, 300] and document.can_redo() is None


def test_masks_pixels_and_labels_in_one_step(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource(), PATH)
        original = document.pixels(1).copy()
        result = stage(workspace, document, B, np.full((10, 10), 5, np.int16), frame=1)
        parts: tuple[Part, ...] = (
            mask_part(document, 0, A, 2), LabelPart("cell-7", None, {"class": "neutrophil", "sure": True}),
            PixelPart(document.info.frames[1].key, B, original[B.slices], result.pixels(), result.id))
        changes = document.apply(Edit("all at once", parts), "ann")
        assert [change.kind for change in changes.documents] == ["mask", "pixels"]
        assert changes.labels == ("cell-7",) and changes.candidates == (document.id,)
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource(), PATH)
        assert document.label("cell-7") == {"class": "neutrophil", "sure": True} and document.label("cell-8") is None
        assert (document.pixels(1)[B.slices] == 5).all() and document.mask(0).max() == 2
        assert workspace.candidates.get(result.id).state == "accepted"
        assert document.undo("ann").labels == ("cell-7",)
        assert document.label("cell-7") is None and not document.mask(0).any()
        assert np.array_equal(document.pixels(1), original) and workspace.candidates.get(result.id).state == "staged"
        document.redo("ann")
        assert document.label("cell-7") is not None and workspace.candidates.get(result.id).state == "accepted"


def test_labels_are_ones_own_to_undo_and_refused_where_somebody_labelled_since(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource(), PATH)
    document.apply(Edit("label", (LabelPart("one", None, "a"), LabelPart("two", None, "a"))), "ann")
    document.apply(Edit("label", (LabelPart("two", "a", "b"),)), "ben")
    with pytest.raises(UserError, match="label has been changed"):
        document.apply(Edit("label", (LabelPart("three", None, "c"), LabelPart("two", "a", "c"))), "ann")
    assert document.label("three") is None      # all or nothing
    with pytest.raises(UserError, match="cannot be undone"):
        document.undo("ann")
    assert (document.label("one"), document.label("two")) == ("a", "b")
    assert not document.apply(Edit("label", (LabelPart("one", "a", "a"),)), "cid") and document.can_undo("cid") is None
    document.undo("ben")
    document.undo("ann")
    assert (document.label("one"), document.label("two")) == (None, None)


def test_undo_is_refused_where_one_part_was_painted_over_and_changes_nothing(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource((0, 1, 2)), PATH)
    stroke(document, A, person="ann")
    paint(document, Bounds(5, 5, 15, 15), 2, frame=2, person="ben")
    now = values(document)
    with pytest.raises(UserError, match="somebody else"):
        document.undo("ann")
    assert values(document) == now
    paint(document, B, 3, frame=1, person="ben")
    document.undo("ben")
    document.undo("ben")
    document.undo("ann")
    assert values(document) == [0, 0, 0]
    paint(document, A, 1, frame=1, person="ben")
    with pytest.raises(UserError, match="cannot be redone"):
        document.redo("ann")
    assert values(document) == [0, 100, 0]


def test_a_part_that_no_longer_fits_changes_none_of_the_others(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource((0, 1, 2)), PATH)
    parts = tuple(mask_part(document, k, A, 1) for k in range(3))
    paint(document, B, 1, frame=2)
    paint(document, Bounds(9, 9, 12, 12), 1, frame=2)
    with pytest.raises(UserError, match="mask has changed"):
        document.apply(Edit("paint", parts))
    assert values(document) == [0, 0, 109] and document.can_undo() == "Undo: paint polyp"


def test_parts_that_change_nothing_are_left_out(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource((0, 1, 2)), PATH)
    paint(document, A, 1, frame=1)
    changes = document.apply(Edit("paint", tuple(mask_part(document, k, A, 1) for k in range(3))))
    assert [change.frame for change in changes.documents] == [document.info.frames[k].key for k in (0, 2)]
    assert not document.apply(Edit("paint", tuple(mask_part(document, k, A, 1) for k in range(3))))
    document.undo()
    assert values(document) == [0, 100, 0]


def test_two_parts_must_not_change_the_same(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource(), PATH)
    for parts in ((mask_part(document, 0, A, 1), mask_part(document, 0, Bounds(9, 9, 12, 12), 1)),
                  (LabelPart("one", None, "a"), LabelPart("one", None, "b"))):
        with pytest.raises(ValueError, match="change the same"):
            document.apply(Edit("paint", parts))
    document.apply(Edit("paint", (mask_part(document, 0, A, 1), mask_part(document, 0, B, 1))))
    assert values(document) == [200, 0]


def test_a_step_through_slices_that_are_not_open_is_refused_in_words(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        stroke(workspace.documents.open(FakeSource((0, 1, 2)), PATH), A)
    with Workspace.open(folder) as workspace:
        single = workspace.documents.open(FakeSource((1,)), PATH / "1.dcm")
        assert single.can_undo() == "Undo: paint lesion"
        with pytest.raises(UserError, match="not open") as refused:
            single.undo()
        assert "whole series" in refused.value.remedy and single.mask(0).any()
        whole = workspace.documents.open(FakeSource((2, 1, 0)), PATH)
        whole.undo()
        assert not single.mask(0).any() and values(whole) == [0, 0, 0]


def test_hundreds_of_slices_are_one_step(workspace: Workspace) -> None:
    count = 1200
    document = workspace.documents.open(FakeSource(range(count), (12, 12)), PATH)
    stroke(document, A, person="ann", frames=tuple(range(count)))
    paint(document, Bounds(11, 11, 12, 12), 1, frame=700, person="ben")
    assert len(document.undo("ann").documents) == count
    assert document.painted_frames() == [700]


def test_one_candidate_is_not_accepted_and_staged_in_one_step_nor_accepted_twice(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource(), PATH)
    key, original = document.info.frames[0].key, document.pixels(0)[A.slices].copy()
    result = stage(workspace, document, A, np.full((10, 10), 5, np.int16))
    pixels = PixelPart(key, A, original, result.pixels(), result.id)
    staged = CandidatePart(key, A, result.id, "accepted", "staged")
    for parts in ((pixels, staged), (staged, pixels)):
        with pytest.raises(ValueError, match="change the same"):
            document.apply(Edit("itself", parts))
    document.apply(Edit("inpaint", (pixels,)))
    again = PixelPart(key, A, result.pixels(), result.pixels(), result.id)
    with pytest.raises(UserError, match="in the image already"):
        document.apply(Edit("again", (again,)))
    assert len(document.provenance(0)) == 1 and document.can_undo() == "Undo: inpaint"
