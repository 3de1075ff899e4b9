from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import JobState
from medsynth_app.core.jobs.stored import to_parts
from medsynth_app.core.options import changed
from medsynth_app.workspace.workspace import Workspace
from tests.asking import generate_of
from tests.workspace.fake import PATH, UID, FakeSource, accept, paint, provenance, stage
from tests.workspace.test_jobs import RECORD, request

BOX, OTHER_UID = Bounds(3, 4, 9, 12), "1.3.12.2.1107.5.1"
WORDS = (UID, "QXZ7WK", "Mustermann", "series-0815", "a polyp of this patient")


def holders(folder: Path, word: str) -> list[str]:
    """Files of the workspace in which the bytes of a word stand (a running log included)."""
    return [path.name for path in folder.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]


def fill(workspace: Workspace) -> tuple[str, str]:
    """Two studies; the first is to go."""
    ids = []
    for uid, pseudonym, path in ((UID, "Subject-QXZ7WK", PATH), (OTHER_UID, "Subject-KEEPME", Path("/elsewhere"))):
        document = workspace.documents.open(FakeSource(uid=uid, pseudonym=pseudonym), path)
        for k in range(60):
            paint(document, Bounds(k % 20, 3, 30, 9 + k % 20), 1 + k % 3)
        document.undo()
        patch = np.arange(48, dtype=np.int16).reshape(6, 8) + len(ids)
        accept(document, stage(workspace, document, BOX, patch, job=f"job {len(ids)}"))
        workspace.jobs.add(replace(RECORD, id=f"job {len(ids)}", document_id=document.id),
                           *to_parts(changed(request(document.id), prompt=f"a polyp of this patient {len(ids)}"
                                             if not ids else "another")))
        workspace.documents.remember(document.id, "frame", str(document.info.frames[0].key))
        ids.append(document.id)
    workspace.backup()
    return ids[0], ids[1]


def test_nothing_of_a_removed_study_is_left_in_any_byte(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        gone, kept = fill(workspace)
        assert all(holders(folder, word) for word in WORDS)
        counts = workspace.removal.remove(workspace.removal.of_study(gone))
        assert counts["frames"] == 2 and counts["edits"] == 61 and counts["results"] == 1 and counts["jobs"] == 1
        assert counts["files"] >= 1
        assert {word: holders(folder, word) for word in WORDS} == {word: [] for word in WORDS}    # while it runs
        assert [item.id for item in workspace.documents.recent()] == [kept]
    assert {word: holders(folder, word) for word in WORDS} == {word: [] for word in WORDS}
    assert holders(folder, "KEEPME")
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource(uid=OTHER_UID, pseudonym="Subject-KEEPME"), Path("/elsewhere"))
        assert document.id == kept and document.mask(0).any() and document.synthetic_mask(0).sum() == 48
        assert document.pixels(0)[3, 4] == 1
        crop = workspace.jobs.load("job 1")[1]["image.crop"]      # by content the same as of the study that went
        assert np.array_equal(crop, request().image.crop)
        again = workspace.documents.open(FakeSource(), PATH)
        assert again.id != gone and not again.mask(0).any() and again.can_undo() is None
        referenced = len(list(workspace.blobs.all()))
        workspace.removal.remove(workspace.removal.of_study(kept))
        workspace.removal.remove(workspace.removal.of_study(again.id))
        assert referenced and list(workspace.blobs.all()) == []


def test_an_open_document_becomes_read_only(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource(), PATH)
    paint(document, BOX)
    workspace.removal.remove(workspace.removal.of_study(document.id))
    assert document.read_only
    with pytest.raises(UserError, match="removed"):
        paint(document, BOX, 2)
    with pytest.raises(UserError, match="removed"):
        document.undo()
    again = workspace.documents.open(FakeSource(), PATH)        # the first one still lives
    assert again.id != document.id and not again.read_only and not again.mask(0).any()
    paint(again, BOX, 2)
    assert again.mask(0).max() == 2


def test_wiping_that_was_interrupted_is_finished_at_the_next_opening(folder: Path,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    with Workspace.open(folder) as workspace:
        gone, _ = fill(workspace)
        monkeypatch.setattr(workspace.removal, "finish", lambda: None)      # as if it was killed there
        workspace.removal.remove(workspace.removal.of_study(gone))
    assert holders(folder, "QXZ7WK")
    Workspace.open(folder).close()
    assert not any(holders(folder, word) for word in WORDS)


def test_a_reader_in_another_window_only_delays_the_wiping(folder: Path) -> None:
    workspace = Workspace.open(folder)
    gone, _ = fill(workspace)
    reader = sqlite3.connect(folder / "workspace.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM documents").fetchall()
    workspace.removal.remove(workspace.removal.of_study(gone))
    assert workspace.documents.recent()[0].pseudonym == "Subject-KEEPME"
    reader.close()
    workspace.close()
    Workspace.open(folder).close()
    assert not any(holders(folder, word) for word in WORDS)


def test_pictures_that_follow_its_masks_go_with_a_study(workspace: Workspace) -> None:
    first = workspace.documents.open(FakeSource((0,)), PATH)
    second = workspace.documents.open(FakeSource((1,)), PATH)
    other = workspace.documents.open(FakeSource(uid=OTHER_UID), Path("/elsewhere"))
    pixels, mask = np.zeros((8, 8, 3), np.uint8), np.ones((8, 8), np.uint8)
    for k, document in enumerate((first, second, other, None)):
        owner = document.id if document is not None else ""
        workspace.jobs.add(replace(RECORD, id=f"job {k}", kind="generate", state=JobState.DONE, document_id=owner),
                           *to_parts(generate_of(pack="/packs/blood", pack_sha256="cd" * 32, prompt="a cell")))
        workspace.pictures.add(f"job {k}", 0, pixels + k, provenance(k), mask=mask + k if owner else None,
                                      document_id=owner)
    workspace.jobs.prune(datetime.now(UTC) + timedelta(days=400))
    assert workspace.jobs.records() == []  # the pictures remember by themselves
    both = workspace.documents.open(FakeSource((0, 1)), PATH)  # the two slices are one study now
    assert workspace.removal.remove(workspace.removal.of_study(both.id))["pictures"] == 2
    assert [picture.seed for picture in workspace.pictures.page()] == [3, 2]
    assert len(list(workspace.blobs.all())) == 3  # two pictures and the mask of one
    workspace.removal.remove(workspace.removal.of_study(other.id))
    assert [picture.document_id for picture in workspace.pictures.page()] == [""]
    assert len(list(workspace.blobs.all())) == 1


def test_a_picture_of_a_removed_study_is_refused(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource(), PATH)
    workspace.removal.remove(workspace.removal.of_study(document.id))
    with pytest.raises(UserError, match="removed"):
        workspace.pictures.add("job", 0, np.zeros((8, 8, 3), np.uint8), provenance(),
                                      mask=np.ones((8, 8), np.uint8), document_id=document.id)
    assert workspace.pictures.count == 0 and list(workspace.blobs.all()) == []
