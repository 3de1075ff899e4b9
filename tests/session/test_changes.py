"""One hook, and small signals: what each kind of change refreshes, and what it leaves alone."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from psygnal import SignalInstance

import medsynth_app.session
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.changes import Changes
from medsynth_app.core.job import EventKind
from medsynth_app.session.session import Session
from tests.actions.bench import answer, event, make_pack, png, record_of

NOUNS = ("people", "documents", "view", "jobs", "models", "painting", "candidates", "inpaint", "generate", "exports",
         "training")


def signals(session: Session) -> dict[str, SignalInstance]:
    """All signals of the session and its nouns, by name."""
    found = {"changed": session.changed, "notice": session.notice}
    parts = {**{name: getattr(session, name) for name in NOUNS}, "pictures": session.generate.pictures}
    for noun, part in parts.items():
        for name in dir(type(part)) + list(vars(part)):
            if isinstance(value := getattr(part, name), SignalInstance) and value is not session.changed:
                found[f"{noun}.{name}"] = value
    return found


@pytest.fixture
def heard(session: Session, tmp_path: Path) -> list[str]:
    """The signals that come once an image is open, in their order."""
    session.documents.open(png(tmp_path / "a.png"))
    names: list[str] = []
    for name, signal in signals(session).items():
        signal.connect(lambda *_, name=name: names.append(name), check_nargs=False)
    return names


def stroke(session: Session, box: tuple[int, int, int, int] = (10, 10, 24, 24)) -> Changes:
    document, bounds = session.documents.opened(), Bounds(*box)
    before = document.mask(session.view.index)[bounds.slices].copy()
    return session.painting.paint(bounds, before, np.ones_like(before))


def test_a_keystroke_in_the_prompt_says_nothing_but_that(session: Session, heard: list[str]) -> None:
    told: list[frozenset[str]] = []
    session.inpaint.parameters_changed.connect(told.append)
    session.inpaint.set(prompt="a")
    session.inpaint.set(prompt="a")  # the same again is no news
    session.inpaint.set(prompt="a cell")
    assert heard == ["inpaint.parameters_changed"] * 2 and told == [frozenset({"prompt"})] * 2
    heard.clear()
    session.generate.set(prompt="a cell", count=2)
    assert heard == ["generate.parameters_changed"]


def test_a_mode_sets_where_its_strength_starts(session: Session, heard: list[str]) -> None:
    told: list[frozenset[str]] = []
    session.inpaint.parameters_changed.connect(told.append)
    session.inpaint.set(mode="vary")
    session.inpaint.set(mode="replace", strength=0.5)
    assert told == [frozenset({"mode", "strength"}), frozenset({"mode"})]


def test_what_is_looked_at_and_painted_with_says_just_that(session: Session, heard: list[str]) -> None:
    said: dict[str, Callable[[], object]] = {
        "painting.label_changed": lambda: session.painting.set_label(2),
        "painting.mask_value_changed": lambda: session.painting.set_fills_one_class(True),
        "painting.schema_changed": lambda: session.painting.set_schema(session.painting.schemas[0]),
        "candidates.selected_changed": lambda: session.candidates.select(None),
    }
    for name, act in said.items():
        heard.clear()
        act()
        assert heard == [name]
    heard.clear()
    session.painting.set_label(1)  # what a run fills follows the class of the brush
    assert session.painting.mask_value == 1 and heard == ["painting.label_changed", "painting.mask_value_changed"]


def test_a_stroke_and_its_undo_refresh_the_history_alone(session: Session, heard: list[str]) -> None:
    assert stroke(session).documents
    assert heard == ["changed", "painting.history_changed"]
    heard.clear()
    assert session.painting.undo().documents[0].kind == "mask"
    assert heard == ["documents.settling", "changed", "painting.history_changed"]
    heard.clear()
    assert not session.painting.undo() and heard == ["documents.settling"]  # there is nothing more


def test_candidates_refresh_the_strip_and_accepting_the_image_too(session: Session, heard: list[str]) -> None:
    stroke(session)
    session.inpaint.set(count=2)
    heard.clear()
    changes = session.inpaint.run()
    assert heard == ["documents.settling", "jobs.changed", "changed"] and len(changes.jobs) == 1
    heard.clear()
    answer(session.workspace, changes.jobs[0], session.jobs.deliver, end=False)
    once = ["jobs.progressed", "changed", "candidates.changed", "jobs.event"]
    assert heard == once * 2
    heard.clear()
    accepted = session.candidates.accept(0)
    assert accepted.documents[0].kind == "pixels" and accepted.candidates == (session.documents.opened().id,)
    assert heard == ["documents.settling", "changed", "painting.history_changed", "candidates.changed"]
    heard.clear()
    assert session.candidates.discard(1).candidates
    assert heard == ["documents.settling", "changed", "painting.history_changed", "candidates.changed"]


def test_what_is_derived_is_fresh_when_a_view_is_told(session: Session, heard: list[str]) -> None:
    stroke(session)
    session.inpaint.set(count=1)
    seen: list[tuple[int, int]] = []
    session.changed.connect(lambda _changes: seen.append((len(session.candidates.results), session.jobs.active)))
    answer(session.workspace, session.inpaint.run().jobs[0], session.jobs.deliver)
    assert seen == [(0, 1), (1, 1), (1, 1)]  # submitted, a candidate, ended (this queue has no worker that ends it)
    other = png(session.documents.opened().path.parent / "b.png", seed=4)
    session.documents.current_changed.connect(lambda: seen.append((len(session.candidates.results), 0)))
    session.documents.open(other)
    assert seen[3] == (0, 0)


def test_progress_and_previews_do_not_list_the_jobs_again(session: Session, heard: list[str]) -> None:
    stroke(session)
    job = session.inpaint.run().jobs[0]
    running = record_of(session.workspace, job)
    heard.clear()
    session.jobs.deliver(running, event(job, EventKind.PROGRESS, step=1, steps=4))
    assert heard == ["jobs.progressed", "jobs.event"]
    heard.clear()
    session.jobs.deliver(running, event(job, EventKind.PREVIEW, arrays={"0": np.zeros((8, 8, 3), np.uint8)}))
    assert heard == ["jobs.progressed", "candidates.previews_changed", "jobs.event"]


def test_all_that_wait_are_cancelled_at_once(session: Session, heard: list[str]) -> None:
    stroke(session)
    jobs = {session.inpaint.run().jobs[0] for _ in range(3)}
    heard.clear()
    assert set(session.jobs.cancel_waiting().jobs) == jobs and session.jobs.active == 0
    assert heard.count("changed") == 1
    heard.clear()
    assert not session.jobs.cancel_waiting() and heard == []


def test_a_picture_that_came_or_went_refreshes_the_pictures(session: Session, heard: list[str]) -> None:
    session.generate.set(prompt="a cell", count=1)
    job = session.generate.run().jobs[0]
    heard.clear()
    answer(session.workspace, job, session.jobs.deliver, end=False)
    assert heard == ["jobs.progressed", "pictures.changed", "changed", "jobs.event"]
    picture, = session.generate.pictures.page(0, 9)
    assert session.generate.pictures.get(picture.id) == picture and session.generate.pictures.page(1, 9) == ()
    heard.clear()
    assert session.generate.pictures.remove(picture.id).pictures == (picture.id,)
    assert heard == ["pictures.changed", "changed"] and session.generate.pictures.count == 0
    assert session.generate.pictures.get(picture.id) is None and not session.generate.pictures.remove(picture.id)


def test_a_pack_that_came_is_found(session: Session, heard: list[str], tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "packs", "new")
    assert session.models.refresh().packs == (pack.manifest.sha256,)
    assert heard[0] == "models.changed" and heard[-1] == "changed" and pack in session.models.packs
    heard.clear()
    assert not session.models.refresh() and heard == ["models.changed"]
    heard.clear()
    session.models.set_pack(pack)
    assert "models.pack_changed" in heard and "changed" not in heard
    prompts = [each.parameters.conditioning.prompt for each in (session.inpaint, session.generate)]
    assert prompts == ["a new prompt"] * 2


def test_the_person_and_what_is_removed(session: Session, heard: list[str]) -> None:
    assert session.people.switch("Anna").people == (session.people.id,)
    assert heard == ["people.changed", "painting.history_changed", "changed"]
    stroke(session)
    job = session.inpaint.run().jobs[0]
    document = session.documents.opened()
    assert session.documents.study.documents == session.documents.patient.documents == (document.id,)
    heard.clear()
    changes = session.documents.remove_patient()
    assert changes.removed == (document.id,) and changes.jobs == (job,) and session.jobs.entries == ()
    assert {"documents.current_changed", "jobs.changed", "changed"} <= set(heard)


def test_an_error_in_a_document_reaches_whoever_shows_it(session: Session, tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    session.documents.open(png(tmp_path / "before.png", seed=1))
    document = session.documents.load(png(tmp_path / "a.png"))
    shown: list[object] = []
    session.documents.current_changed.connect(lambda: shown.append(session.documents.current))

    def broken(_frame: int) -> None:
        raise OSError("the disk has gone")

    monkeypatch.setattr(document, "pixels", broken)
    with pytest.raises(OSError, match="the disk has gone"):
        session.documents.show(document)
    assert shown == [None] and session.documents.current is None  # neither this one nor the one before
    assert session.view.state.document == "" and not session.candidates.results


def test_no_noun_knows_the_session_and_none_goes_round_in_a_circle() -> None:
    folder = Path(medsynth_app.session.__file__).parent
    known: dict[str, set[str]] = {}
    for path in folder.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        known[path.stem] = {node.module.rsplit(".", 1)[1] for node in ast.walk(tree)
                            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                                "medsynth_app.session.")}
    assert not any("session" in imports for imports in known.values())
    while known:  # take away whoever needs nobody that is left
        free = {name for name, imports in known.items() if not imports & known.keys()}
        assert free, f"a circle among {sorted(known)}"
        known = {name: imports for name, imports in known.items() if name not in free}
