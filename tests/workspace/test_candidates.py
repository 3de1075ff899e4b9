from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import FrameKey
from medsynth_app.workspace.candidates import CandidateState
from medsynth_app.workspace.tables import CandidateRow
from medsynth_app.workspace.workspace import Workspace
from tests.workspace.fake import PATH, UID, FakeSource, discard, provenance, stage

STAGED, DISCARDED = CandidateState.STAGED, CandidateState.DISCARDED
BOX = Bounds(3, 4, 9, 12)


def test_results_are_lossless_and_survive(folder: Path) -> None:
    rng = np.random.default_rng(1)
    patch = rng.integers(-1024, 3071, (6, 8), np.int16)
    effective, alpha = rng.random((6, 8)) > 0.5, rng.random((6, 8), np.float32)
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource(), PATH)
        made = workspace.candidates.add("job", document.id, str(document.info.frames[1].key), BOX, np.int64(2), patch,
                                     effective, alpha=alpha, provenance=provenance(11), notices=("outside its field",))
        assert not (folder / "blobs").joinpath("x").exists()
    with Workspace.open(folder) as workspace:
        (result,) = workspace.candidates.of_document(document.id)
        assert result == made == workspace.candidates.get(made.id)
        assert (result.bounds, result.candidate, result.seed, result.state) == (BOX, 2, 11, "staged")
        assert result.frame_key == document.info.frames[1].key and result.seam == 0.5
        assert result.notices == ("outside its field",) and result.provenance == provenance(11)
        assert result.pixels().dtype == np.int16 and np.array_equal(result.pixels(), patch)
        assert result.effective().dtype == bool and np.array_equal(result.effective(), effective)
        assert np.array_equal(result.alpha(), alpha)
        assert stage(workspace, document, BOX, patch).alpha() is None


def test_states(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource(), PATH)
    first, second = (stage(workspace, document, BOX, np.zeros((6, 8), np.int16), candidate=k) for k in (1, 0))
    assert [r.id for r in workspace.candidates.of_document(document.id)] == [second.id, first.id]
    discard(document, first)
    assert workspace.candidates.get(first.id).state == "discarded"
    assert [r.id for r in workspace.candidates.of_document(document.id)] == [second.id]
    assert [r.id for r in workspace.candidates.of_document(document.id, "discarded")] == [first.id]
    with pytest.raises(KeyError):
        workspace.candidates.get("nobody")


def test_a_job_that_ran_twice_leaves_one_candidate(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource(), PATH)
    stage(workspace, document, BOX, np.zeros((6, 8), np.int16))
    files = len(list(workspace.blobs.all()))
    again = stage(workspace, document, BOX, np.ones((6, 8), np.int16))
    assert len(list(workspace.blobs.all())) == files        # the first patch went
    (result,) = workspace.candidates.of_document(document.id)
    assert result.id == again.id and result.pixels().all()
    discard(document, result)
    assert stage(workspace, document, BOX, np.zeros((6, 8), np.int16)).state == "discarded"


def test_a_result_of_a_removed_study_is_refused(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource(), PATH)
    workspace.removal.remove(workspace.removal.of_study(document.id))
    with pytest.raises(UserError, match="removed"):
        stage(workspace, document, BOX, np.zeros((6, 8), np.int16))
    assert len(list(workspace.blobs.all())) <= 2


def test_the_uid_in_a_provenance_comes_back(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource(), PATH)
    result = stage(workspace, document, BOX, np.zeros((6, 8), np.int16), frame=1)
    assert workspace.candidates.get(result.id).provenance.source == f"uid:{UID}.1"


def test_those_of_one_frame_are_read_without_the_others(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource(), PATH)
    for frame, job in ((0, "b"), (1, "other"), (0, "a")):
        for k in (1, 0):
            stage(workspace, document, BOX, np.zeros((6, 8), np.int16), frame, job, candidate=k)
    discard(document, next(each for each in workspace.candidates.of_document(document.id) if each.job_id == "a"))
    read: list[str] = []

    def hear(row: CandidateRow, *_: object) -> None:
        read.append(row.id)

    for k, about in enumerate(document.info.frames):
        expected = [each for each in workspace.candidates.of_document(document.id, STAGED, DISCARDED)
                    if each.frame_key == about.key]
        event.listen(CandidateRow, "load", hear)
        found = workspace.candidates.of_frame(about.key, STAGED, DISCARDED)
        assert workspace.candidates.of_frame(str(about.key), STAGED, DISCARDED) == found == expected
        event.remove(CandidateRow, "load", hear)
        assert len(found) == (4, 2)[k] and sorted(read) == sorted([each.id for each in found] * 2)
        read.clear()
    assert [each.candidate for each in workspace.candidates.of_frame(document.info.frames[0].key)] == [0, 1, 1]
    assert workspace.candidates.of_frame(FrameKey("uid:9.9.9")) == []
