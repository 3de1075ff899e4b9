"""The audit: every action that changes something says who did what to which ids."""

from __future__ import annotations

from pathlib import Path

from medsynth_app.actions.accept_result import accept_result
from medsynth_app.actions.audited import audited
from medsynth_app.actions.discard_result import discard_result
from medsynth_app.actions.generate import generate
from medsynth_app.actions.inpaint import inpaint_document
from medsynth_app.actions.open_image import open_image
from medsynth_app.actions.people import switch_person
from medsynth_app.actions.receive import receive
from medsynth_app.actions.remove_picture import remove_picture
from medsynth_app.core.changes import Changes
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import answer, paint, png
from tests.asking import to_generate, to_inpaint


def test_who_did_what_to_which_ids_is_written_down(workspace: Workspace, queue: JobQueue, pack: InstalledPack,
                                                   tmp_path: Path) -> None:
    ann = switch_person(workspace, "Ann").people[0]
    document = open_image(workspace, png(tmp_path / "a.png"))
    paint(document, person=ann)
    job = inpaint_document(queue, document, 0, to_inpaint(seed=7, count=2), pack, person=ann).jobs[0]
    answer(workspace, job, lambda record, event: receive(workspace, record, event))
    first, second = workspace.candidates.of_document(document.id)
    accept_result(workspace, document, first, ann)
    discard_result(workspace, document, [second], ann)
    drawn = generate(queue, pack, to_generate(prompt="a cell", count=1), person=ann).jobs[0]
    answer(workspace, drawn, lambda record, event: receive(workspace, record, event))
    picture, = workspace.pictures.page()
    remove_picture(workspace, picture, ann)
    remove_picture(workspace, picture, ann)  # it has gone: nothing is changed, nothing is written
    told = [(entry.action, entry.person, set(entry.subjects)) for entry in reversed(workspace.audit.entries())]
    assert told[0] == ("switch_person", "", {ann})
    assert told[1:] == [(action, ann, subjects) for action, subjects in (
        ("inpaint", {job, document.id}), ("receive", {job, document.id}), ("receive", {job, document.id}),
        ("accept_result", {first.id, document.id}), ("discard_result", {second.id, document.id}),
        ("generate", {drawn}), ("receive", {drawn, picture.id}), ("remove_picture", {picture.id}))]


def test_nothing_is_written_where_nothing_changed(workspace: Workspace) -> None:
    assert audited(workspace, "remove_picture", Changes(), "ann", "subject") == Changes()
    assert workspace.audit.count == 0
