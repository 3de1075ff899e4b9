"""Removing a patient from the workspace, and all series of a study."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from medsynth_app.actions.inpaint import inpaint_document
from medsynth_app.actions.remove_patient import remove_patient, scope_of_patient
from medsynth_app.actions.remove_study import remove_study, scope_of_study
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import Identity
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.removal import Scope
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import paint
from tests.asking import to_inpaint
from tests.workspace.fake import FakeSource

PARAMETERS = to_inpaint(prompt="a lesion", seed=7, count=1)


def opened(workspace: Workspace, uid: str, patient: str, study: str) -> Document:
    source = FakeSource(uid=uid, size=(64, 64), colour=True, pseudonym=f"Subject-{patient}",
                        identity=Identity(patient, study, uid))
    return workspace.documents.open(source, Path("/somewhere") / uid)


@pytest.mark.parametrize(("scope", "remove", "count"), [
    (scope_of_study, remove_study, 2), (scope_of_patient, remove_patient, 3)])
def test_all_of_it_goes_with_its_jobs_and_nothing_of_others(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, count: int,
        scope: Callable[[Workspace, Document], Scope], remove: Callable[..., Changes]) -> None:
    documents = [opened(workspace, "1.2.1", "ann", "one"), opened(workspace, "1.2.2", "ann", "one"),
                 opened(workspace, "1.2.3", "ann", "two"), opened(workspace, "1.2.4", "ben", "three")]
    jobs: list[str] = []
    for document in documents:
        paint(document)
        jobs += inpaint_document(queue, document, 0, PARAMETERS, pack).jobs
    meant = scope(workspace, documents[0])
    assert set(meant.documents) == {document.id for document in documents[:count]}
    changes = remove(workspace, documents[0], queue, "ann")
    assert set(changes.removed) == set(meant.documents) and set(changes.jobs) == set(jobs[:count])
    assert {record.id for record in queue.records()} == set(jobs[count:])
    assert {record.id for record in workspace.jobs.records()} == set(jobs[count:])
    assert [document.read_only for document in documents] == [k < count for k in range(4)]
    assert all(document.mask(0).any() for document in documents[count:])


def test_a_read_only_workspace_refuses(workspace: Workspace) -> None:
    opened(workspace, "1.2.1", "ann", "one")
    second = Workspace.open(workspace.folder)
    try:
        with pytest.raises(UserError, match="read-only"):
            remove_patient(second, opened(second, "1.2.1", "ann", "one"))
    finally:
        second.close()
