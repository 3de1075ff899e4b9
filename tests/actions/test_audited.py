"""The audit: every action that changes something says who did what to which ids."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

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
from medsynth_app.core.errors import UserError
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
    accept_result(document, first, ann)
    discard_result(document, [second], ann)
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


@contextmanager
def no_room_for_the_audit() -> Iterator[None]:
    def refuse(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO audit"):
            raise OperationalError(statement, {}, sqlite3.OperationalError("database or disk is full"))

    event.listen(Engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", refuse)


def test_what_cannot_be_audited_is_not_done(workspace: Workspace, queue: JobQueue, pack: InstalledPack,
                                            tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    paint(document)
    job = inpaint_document(queue, document, 0, to_inpaint(seed=7, count=2), pack).jobs[0]
    answer(workspace, job, lambda record, news: receive(workspace, record, news))
    first, second = workspace.candidates.of_document(document.id)
    drawn = generate(queue, pack, to_generate(prompt="a cell", count=1)).jobs[0]
    answer(workspace, drawn, lambda record, news: receive(workspace, record, news))
    picture, = workspace.pictures.page()
    original, count = document.pixels(0).copy(), workspace.audit.count
    for step in (lambda: accept_result(document, first),
                 lambda: discard_result(document, [second]),
                 lambda: remove_picture(workspace, picture)):
        with no_room_for_the_audit(), pytest.raises(UserError, match="disk may be full"):
            step()
        assert np.array_equal(document.pixels(0), original) and document.provenance(0) == []
        assert [each.state for each in workspace.candidates.of_document(document.id)] == ["staged", "staged"]
        assert workspace.pictures.page() == (picture,) and picture.pixels().any()
        assert document.can_undo() == "Undo: paint region" and workspace.audit.count == count
    accept_result(document, first)  # there is room again
    assert len(document.provenance(0)) == 1
    assert set(workspace.audit.entries(0, 1)[0].subjects) == {first.id, document.id}
