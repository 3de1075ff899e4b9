from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.workspace.workspace import Workspace
from tests.workspace.fake import PATH, UID, FakeSource, provenance, stage

BOX = Bounds(3, 4, 9, 12)


def test_entries_are_paged_newest_first_and_survive(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        for k in range(5):
            workspace.audit.add("paint_mask", "ann", [f"document{k}", f"document{k}"])
        workspace.audit.add("generate", "")
    with Workspace.open(folder) as workspace:
        assert workspace.audit.count == 6
        last, before = workspace.audit.entries(0, 2)
        assert (last.action, last.person, last.subjects) == ("generate", "", ())
        assert (before.action, before.person, before.subjects) == ("paint_mask", "ann", ("document4",))
        assert before.at.utcoffset() is not None and before.at <= last.at
        assert [entry.subjects for entry in workspace.audit.entries(4, 9)] == [("document1",), ("document0",)]


@pytest.mark.parametrize("text", [UID, "uid:1.2.3", "/home/ann/study", "Mustermann^Erika", "Erika Mustermann", ""])
def test_what_is_no_id_is_refused(workspace: Workspace, text: str) -> None:
    with pytest.raises(ValueError, match="ids alone"):
        workspace.audit.add("paint_mask", "", ["fine", text])
    assert workspace.audit.count == 0


def test_what_was_removed_is_named_no_more_but_that_something_was_removed(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource(), PATH)
    kept = workspace.documents.open(FakeSource(uid="1.9.9"), PATH)
    candidate = stage(workspace, document, BOX, np.zeros((6, 8), np.int16))
    picture = workspace.pictures.add("another", 0, np.zeros((8, 8, 3), np.uint8), provenance(),
                                     mask=np.ones((8, 8), np.uint8), document_id=document.id)
    for subjects in ([document.id], [candidate.id, "pack"], [picture.id], [kept.id, document.id], [kept.id]):
        workspace.audit.add("something", "ann", subjects)
    scope = workspace.removal.of_study(document.id)
    workspace.removal.remove(scope, "remove_study", "ann")
    entries = workspace.audit.entries()
    assert [(entry.action, entry.subjects) for entry in entries] == [
        ("remove_study", ()), ("something", (kept.id,)), ("something", (kept.id,)), ("something", ("pack",))]
    assert entries[0].person == "ann"


def test_a_read_only_workspace_writes_none(folder: Path, workspace: Workspace) -> None:
    workspace.audit.add("generate", "ann")
    with Workspace.open(folder) as second:
        assert second.audit.count == 1
        with pytest.raises(UserError, match="read-only"):
            second.audit.add("generate", "ann")
