"""Removing a study from the workspace."""

from __future__ import annotations

from pathlib import Path

import pytest

from medsynth_app.actions.inpaint import inpaint_document
from medsynth_app.actions.open_image import open_image
from medsynth_app.actions.receive import receive
from medsynth_app.actions.recent import recent_documents
from medsynth_app.actions.remove_study import remove_study
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import event, paint, png, record_of
from tests.asking import to_inpaint

PARAMETERS = to_inpaint(prompt="a neutrophil", seed=7, count=2)


def test_rows_and_files_go_and_the_source_stays(workspace: Workspace, tmp_path: Path) -> None:
    path = png(tmp_path / "a.png")
    document = open_image(workspace, path)
    paint(document)
    assert remove_study(workspace, document).removed == (document.id,)
    assert recent_documents(workspace, 5) == [] and path.exists()
    assert not open_image(workspace, path).mask(0).any()


def test_another_study_is_left_alone(workspace: Workspace, tmp_path: Path) -> None:
    kept = open_image(workspace, png(tmp_path / "kept.png", seed=1))
    paint(kept)
    remove_study(workspace, open_image(workspace, png(tmp_path / "gone.png", seed=2)))
    assert open_image(workspace, tmp_path / "kept.png").mask(0).any()


def test_its_jobs_go_with_it(workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    path = png(tmp_path / "a.png")
    document, other = open_image(workspace, path), open_image(workspace, png(tmp_path / "b.png", seed=3))
    for each in (document, other):
        paint(each)
    (gone,) = inpaint_document(queue, document, 0, PARAMETERS, pack).jobs
    (kept,) = inpaint_document(queue, other, 0, PARAMETERS, pack).jobs
    late = record_of(workspace, gone)
    assert remove_study(workspace, document, queue).jobs == (gone,)
    assert [record.id for record in queue.records()] == [kept]
    assert [record.id for record in workspace.jobs.records()] == [kept]
    again = open_image(workspace, path)     # a result on its way does not land in the study opened anew
    with pytest.raises(UserError, match="removed") as refused:
        receive(workspace, late, event(gone, EventKind.RESULT, data={"candidate": 0}))
    assert "free space" not in str(refused.value)
    assert workspace.candidates.of_document(again.id) == []


def test_a_read_only_workspace_refuses(workspace: Workspace, tmp_path: Path) -> None:
    path = png(tmp_path / "a.png")
    open_image(workspace, path)
    second = Workspace.open(workspace.folder)
    try:
        with pytest.raises(UserError, match="read-only"):
            remove_study(second, open_image(second, path))
    finally:
        second.close()
