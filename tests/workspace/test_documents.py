from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.edit import Edit, MaskPart, PixelPart
from medsynth_app.core.errors import UserError
from medsynth_app.workspace.tables import DocumentRow, PatientRow, SeriesRow, StudyRow
from medsynth_app.workspace.workspace import Workspace
from tests.workspace.fake import PATH, UID, FakeSource, FileSource, accept, paint, stage

BOX = Bounds(3, 4, 10, 20)


def test_another_order_and_a_subset_find_their_masks(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource((0, 1, 2, 3)), PATH)
        paint(document, BOX, 2, frame=2)
        document_id = document.id
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource((3, 2, 1, 0)), PATH)
        assert document.id == document_id
        assert [int(document.mask(k).max()) for k in range(4)] == [0, 2, 0, 0]
        assert document.painted_frames() == [1]
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource((2,)), PATH / "one.dcm")
        assert document.id == document_id and (document.mask(0)[BOX.slices] == 2).all()
        assert document.mask(0).sum() == 2 * BOX.height * BOX.width


def test_slices_opened_one_by_one_become_one_document(workspace: Workspace) -> None:
    single = [workspace.documents.open(FakeSource((k,)), PATH / f"{k}.dcm") for k in range(3)]
    for k, document in enumerate(single):
        paint(document, BOX, k + 1)
        workspace.documents.remember(document.id, "frame", k)
    assert len({document.id for document in single}) == 3
    whole = workspace.documents.open(FakeSource((2, 1, 0, 5)), PATH)
    assert [int(whole.mask(k).max()) for k in range(4)] == [3, 2, 1, 0]
    assert {document.id for document in single} == {whole.id}
    assert len(workspace.documents.recent()) == 1
    paint(single[0], Bounds(20, 20, 22, 22), 7)     # those still open go on, on the same mask
    assert whole.mask(2)[20, 20] == 7
    assert single[1].undo() and whole.mask(1).max() == 0     # its own frames only
    assert whole.undo() and whole.mask(2)[20, 20] == 0


def test_two_openings_share_one_mask(workspace: Workspace) -> None:
    first, second = (workspace.documents.open(FakeSource(), PATH) for _ in range(2))
    paint(first, BOX)
    assert second.mask(0)[BOX.slices].all() and second.can_undo() == "Undo: paint polyp"


def test_the_live_mask_cannot_be_written_past_the_journal(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource(), PATH)
    with pytest.raises(ValueError, match="read-only"):
        document.mask(0)[0, 0] = 1


@pytest.mark.parametrize("colour", [False, True])
def test_pixels_with_accepted_results(folder: Path, colour: bool) -> None:
    source = FakeSource((0, 1), colour=colour)
    original = source.pixels(0)
    patch = np.full((BOX.height, BOX.width, *original.shape[2:]), 77, original.dtype)
    effective = np.zeros((BOX.height, BOX.width), bool)
    effective[2:4, 3:9] = True
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(source, PATH)
        before = document.revision(0, BOX)
        result = stage(workspace, document, BOX, patch, effective=effective)
        (change,) = accept(document, result).documents
        assert (change.kind, change.bounds, change.document_id) == ("pixels", BOX, document.id)
        assert document.revision(0, BOX) != before
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(source, PATH)
        pixels = document.pixels(0)
        assert pixels.dtype == original.dtype and (pixels[BOX.slices] == 77).all()
        outside = np.ones(source.size, bool)
        outside[BOX.slices] = False
        assert np.array_equal(pixels[outside], original[outside])
        found = document.synthetic_mask(0)
        assert found.sum() == 12 and found[BOX.top + 2, BOX.left + 3]
        assert not document.synthetic_mask(1).any() and document.provenance(1) == []
        (record,) = document.provenance(0)
        assert record.seed == 7 and record.source == f"uid:{UID}.0" and record.notices == ("short-trained",)
        document.undo()
        assert np.array_equal(document.pixels(0), original) and document.revision(0, BOX) == before
        assert not document.synthetic_mask(0).any() and document.provenance(0) == []
        assert workspace.candidates.get(result.id).state == "staged"
        document.redo()
        assert workspace.candidates.get(result.id).state == "accepted"


def test_synthetic_pixels_without_a_stored_result(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource(), PATH)
    before = document.pixels(0)[BOX.slices].copy()
    after = before.copy()
    after[0, 0] += 1
    part = PixelPart(document.info.frames[0].key, BOX, before, after, "of another program")
    document.apply(Edit("inpaint", (part,)))
    assert np.argwhere(document.synthetic_mask(0)).tolist() == [[BOX.top, BOX.left]]


def test_a_source_that_changed_is_refused(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource(), PATH)
        accept(document, stage(workspace, document, BOX, np.zeros((BOX.height, BOX.width), np.int16)))
    with Workspace.open(folder) as workspace:
        with pytest.raises(UserError, match="not the one"):     # another size
            workspace.documents.open(FakeSource(size=(41, 50)), PATH)
        changed = workspace.documents.open(FakeSource(change=1), PATH)
        with pytest.raises(UserError, match="not the one"):     # other pixels under the same UID
            changed.pixels(0)
        assert changed.pixels(1).shape == (40, 50)              # nothing stands there
        lying = FakeSource()
        document = workspace.documents.open(lying, PATH)
        lying.size = (39, 50)
        with pytest.raises(UserError, match="not the one"):     # the file was swapped while it is open
            document.pixels(0)


def test_a_file_that_was_replaced_is_a_new_image_and_says_so(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "cell.png"
    path.write_bytes(b"png")
    with Workspace.open(folder) as workspace:
        first = workspace.documents.open(FileSource("aa" * 32), path)
        paint(first, BOX)
        second = workspace.documents.open(FileSource("bb" * 32), path)
        assert second.id != first.id and not second.mask(0).any() and first.info.notices == ()
        assert "has changed" in second.info.notices[-1]
        third = workspace.documents.open(FileSource("aa" * 32), tmp_path / "moved.png")
        assert third.id == first.id and third.mask(0).any() and third.info.notices == ()


def test_recent_by_pseudonym(workspace: Workspace, tmp_path: Path) -> None:
    for k in range(3):
        source = FakeSource(uid=f"1.2.{k}", pseudonym=f"Subject-{k}")
        (tmp_path / f"{k}").mkdir()
        workspace.documents.open(source, tmp_path / f"{k}")
    workspace.documents.open(FakeSource(uid="1.2.0", pseudonym="Subject-0"), tmp_path / "gone")
    recent = workspace.documents.recent(2)
    assert [item.pseudonym for item in recent] == ["Subject-0", "Subject-2"]
    assert recent[0].path == (tmp_path / "gone").resolve() and not recent[0].exists and recent[1].exists
    assert (recent[1].series, recent[1].modality) == ("CT, series 3", "CT")
    assert recent[0].opened >= recent[1].opened


def test_remember_and_recall(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource(), PATH)
        workspace.documents.remember(document.id, "window", {"center": np.float32(40), "width": 400})
        workspace.documents.remember(document.id, "flips", (True, False))
        workspace.documents.remember(document.id, "flips", (False, True))
        workspace.documents.remember("nobody", "flips", 1)
    with Workspace.open(folder) as workspace:
        assert workspace.documents.recall(document.id, "window") == {"center": 40.0, "width": 400}
        assert workspace.documents.recall(document.id, "flips") == [False, True]
        assert workspace.documents.recall(document.id, "frame", 3) == 3
        assert workspace.documents.recall("nobody", "flips") is None


def test_saved_at_moves_with_every_edit(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource(), PATH)
        opened = document.saved_at
        paint(document, BOX)
        painted = document.saved_at
        document.undo()
        assert opened.tzinfo is not None and opened < painted < document.saved_at
        last = document.saved_at
    with Workspace.open(folder) as workspace:
        assert workspace.documents.open(FakeSource(), PATH).saved_at == last


def test_edits_that_do_not_fit_are_bugs_or_refused(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource(), PATH)
    key = document.info.frames[0].key
    small = np.zeros((2, 2), np.uint8)
    for bounds in (Bounds(39, 0, 41, 2), Bounds(0, 0, 3, 2), Bounds(5, 5, 5, 5), Bounds(-1, 0, 1, 2)):
        with pytest.raises(ValueError, match="does not fit"):
            document.apply(Edit("paint", (MaskPart(key, bounds, small, small + 1),)))
    with pytest.raises(UserError, match="mask has changed"):
        document.apply(Edit("paint", (MaskPart(key, Bounds(0, 0, 2, 2), small + 1, small),)))
    with pytest.raises(UserError, match="image has changed"):
        document.apply(Edit("inpaint", (PixelPart(key, Bounds(0, 0, 2, 2), small, small, ""),)))
    assert document.can_undo() is None


def test_only_the_whitelist_is_stored_and_uids_and_paths_stand_in_one_table_each(folder: Path) -> None:
    assert {row: {column.name for column in row.__table__.columns} for row in (
        PatientRow, StudyRow, SeriesRow, DocumentRow)} == {
        PatientRow: {"id", "key", "pseudonym"}, StudyRow: {"id", "patient_id", "key"},
        SeriesRow: {"id", "study_id", "key", "modality", "text"},
        DocumentRow: {"id", "series_id", "colour", "opened", "saved"}}
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource(), PATH)
        paint(document, BOX)
        accept(document, stage(workspace, document, BOX, document.pixels(0)[BOX.slices] + np.int16(1)))
        workspace.documents.remember(document.id, "key", str(document.info.frames[1].key))
        assert workspace.documents.recall(document.id, "key") == f"uid:{UID}.1#0"
    connection = sqlite3.connect(folder / "workspace.db")
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    holding = {word: {table for table in tables for row in connection.execute(f"SELECT * FROM {table}")
                      if any(word in str(value) for value in row)} for word in (UID, "Mustermann", "QXZ7WK")}
    connection.close()
    assert holding == {UID: {"sources"}, "Mustermann": {"paths"}, "QXZ7WK": {"patients"}}
