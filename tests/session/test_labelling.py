"""Labelling as the window does it, without a worker."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent, JobState
from medsynth_app.session.label_clock import LONGEST, LabelClock
from medsynth_app.session.session import Session
from medsynth_app.session.teaching import Stage
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack, png
from tests.session.conftest import MakeSession


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    folder = tmp_path / "cells"
    folder.mkdir()
    for k in range(12):
        png(folder / f"{k}.png", 16, 16, seed=k)
    return folder


@pytest.fixture
def bench(session: Session, cells: Path) -> Session:
    session.people.switch("Ann")
    lab = session.labelling
    lab.new("May", next(schema for schema in lab.schemas if schema.id == "blood"))
    lab.add(lab.gather(cells))
    return session


def test_cells_come_by_chance_where_there_is_no_encoder_and_it_is_said(bench: Session) -> None:
    lab = bench.labelling
    assert lab.asked is not None and lab.asked.reason == "chosen by chance"
    assert lab.teaching.obstacle is not None and "no encoder" in lab.teaching.obstacle
    assert lab.suggestion(lab.asked) == ""


def test_one_answer_brings_the_next_cell_and_undo_brings_it_back(bench: Session) -> None:
    lab, told = bench.labelling, []
    lab.asked_changed.connect(lambda: told.append(lab.asked))
    first = lab.asked
    assert first is not None
    lab.answer(first, "monocyte")
    assert lab.asked is not None and lab.asked.place != first.place and told[-1] == lab.asked
    assert (lab.undo_name, lab.tally.answers, lab.tally.per_class) == ("Undo: label monocyte", 1, {"monocyte": 1})
    lab.undo()
    assert lab.asked.place == first.place and lab.redo_name == "Redo: label monocyte" and lab.tally.answers == 0
    lab.redo()
    assert lab.tally.per_class == {"monocyte": 1} and lab.redo_name is None


def test_a_group_is_one_step(bench: Session) -> None:
    lab = bench.labelling
    lab.answer_group([0, 1, 2, 3], "platelet", checked=[1])
    assert lab.tally.per_class == {"platelet": 4} and lab.undo_name == "Undo: label 4 cells platelet"
    one, other = lab.label_of(1), lab.label_of(2)
    assert one is not None and other is not None and (one.group, one.checked, other.checked) == (4, True, False)
    lab.undo()
    assert lab.tally.labelled == 0


def test_another_person_starts_anew_and_undoes_their_own(bench: Session) -> None:
    lab = bench.labelling
    assert lab.asked is not None
    place = lab.asked.place
    lab.answer(lab.asked, "monocyte")
    bench.people.switch("Bob")
    assert lab.undo_name is None and lab.tally.answers == 0 and lab.label_of(place) is None
    bench.people.switch("Ann")
    assert lab.undo_name == "Undo: label monocyte"


def test_one_goes_on_where_one_stopped(bench: Session) -> None:
    lab = bench.labelling
    for _ in range(3):
        assert lab.asked is not None
        lab.answer(lab.asked, "ig")
    ahead = lab.asked
    lab.close()
    assert lab.asked is None
    lab.open_last()
    assert lab.asked == ahead and lab.tally.answers == 3
    with pytest.raises(UserError):
        lab.close()
        lab.opened()


def test_classes_and_options_can_be_changed_and_labels_stay(bench: Session) -> None:
    lab = bench.labelling
    assert lab.asked is not None
    lab.answer(lab.asked, "ig")
    lab.change(name="June", strategy="random", budget=5)
    assert lab.opened().name == "June" and lab.tally.planned == 5 and lab.tally.answers == 1
    assert lab.asked is not None and lab.asked.control
    with pytest.raises(UserError):
        lab.change(control=2.0)


def test_how_cells_are_looked_at_changes_neither_the_asked_cell_nor_what_is_learned(bench: Session) -> None:
    lab, forgotten = bench.labelling, []
    assert lab.asked is not None
    lab.answer(lab.asked, "ig")
    lab.ask(lab.upcoming(6)[5].place)
    asked = lab.asked
    lab.teaching.learned_changed.connect(lambda: forgotten.append(1))
    lab.change(name="June", suggest=False, budget=7, batch=3, repeats=0.1)
    assert lab.asked == asked and not forgotten and lab.opened().name == "June"
    lab.undo()
    assert lab.tally.answers == 0 and lab.tally.planned == 7
    lab.change(strategy="random")
    assert forgotten


def test_cells_are_embedded_where_there_is_an_encoder(bench: Session, tmp_path: Path) -> None:
    make_pack(tmp_path / "packs", "cell-encoder", kind="encoder")
    bench.models.refresh()
    waiting = [entry.record for entry in bench.jobs.entries if entry.record.state is JobState.WAITING]
    assert [record.kind for record in waiting] == ["embed"]


def test_cells_whose_embedding_was_stopped_are_embedded_when_it_is_asked_for(bench: Session, tmp_path: Path) -> None:
    make_pack(tmp_path / "packs", "cell-encoder", kind="encoder")
    bench.models.refresh()
    teaching, first = bench.labelling.teaching, bench.jobs.entries[-1].record
    bench.jobs.deliver(replace(first, state=JobState.CANCELLED), JobEvent(first.id, EventKind.CANCELLED))
    assert not teaching.busy and teaching.obstacle is not None and "stopped" in teaching.obstacle
    teaching.start()
    assert teaching.busy and len(bench.jobs.entries) == 2


def test_files_are_read_away_from_the_session_and_what_is_out_of_date_is_dropped(
        make_session: MakeSession, workspace: Workspace, cells: Path, tmp_path: Path) -> None:
    asked: list[tuple[Callable[[], Any], Callable[[Any], None]]] = []
    make_pack(tmp_path / "packs", "cell-encoder", kind="encoder")
    session = make_session(workspace, away=lambda work, then: asked.append((work, then)))
    lab = session.labelling
    schema = next(schema for schema in lab.schemas if schema.id == "blood")
    lab.new("May", schema)
    lab.add(lab.gather(cells))
    first = asked[-1]
    assert lab.teaching.busy and lab.teaching.stage is Stage.EMBEDDING and not session.jobs.entries
    lab.new("June", schema)  # without cells: nothing is read for it
    first[1](first[0]())
    assert not session.jobs.entries and not lab.teaching.busy
    lab.open(next(info.id for info in lab.sets if info.name == "May"))
    work, then = asked[-1]
    then(work())
    assert [entry.record.kind for entry in session.jobs.entries] == ["embed"]


def test_a_folder_that_cannot_be_written_is_told_and_cells_come_by_chance(
        make_session: MakeSession, workspace: Workspace, cells: Path, tmp_path: Path) -> None:
    def full(work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        opened = session.labelling.opened()
        if opened.folder.is_dir():
            shutil.rmtree(opened.folder)
            opened.folder.write_bytes(b"")  # where a folder should be
        then(work())

    make_pack(tmp_path / "packs", "cell-encoder", kind="encoder")
    session = make_session(workspace, away=full)
    lab = session.labelling
    lab.new("May", next(schema for schema in lab.schemas if schema.id == "blood"))
    lab.add(lab.gather(cells))
    assert lab.teaching.obstacle == "The folder of these cells cannot be written." and not lab.teaching.busy
    assert lab.asked is not None


def test_a_fault_while_files_are_read_is_raised_and_nobody_waits_for_its_end(
        make_session: MakeSession, workspace: Workspace, cells: Path, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise MemoryError

    make_pack(tmp_path / "packs", "cell-encoder", kind="encoder")
    asked: list[tuple[Callable[[], Any], Callable[[Any], None]]] = []
    session = make_session(workspace, away=lambda work, then: asked.append((work, then)))
    lab = session.labelling
    lab.new("May", next(schema for schema in lab.schemas if schema.id == "blood"))
    monkeypatch.setattr("medsynth_app.session.teaching.embed_cells", broken)
    lab.add(lab.gather(cells))
    work, then = asked[-1]
    with pytest.raises(MemoryError):
        then(work())
    assert not lab.teaching.busy and lab.teaching.stage is Stage.NOTHING


def test_a_set_goes_and_nothing_is_open_then(bench: Session) -> None:
    lab = bench.labelling
    lab.remove(lab.opened().id)
    assert lab.current is None and lab.sets == [] and lab.asked is None and lab.tally.planned == 0


def test_the_clock_stands_still_while_nobody_is_there() -> None:
    now = [0.0]
    clock = LabelClock(lambda: now[0])
    clock.start()
    now[0] = 2.0
    clock.pause()
    now[0] = 100.0
    clock.resume()
    now[0] = 103.0
    assert clock.seconds == 5.0 and clock.running
    now[0] = 1000.0
    assert clock.seconds == 2.0 + LONGEST and not clock.running
    clock.start()
    assert clock.seconds == 0.0
