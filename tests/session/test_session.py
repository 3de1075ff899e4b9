"""The session: what panels see, and when they are told."""

from __future__ import annotations

from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest

from medsynth_app.actions.demo import demo_images
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobState
from medsynth_app.core.jobs.stored import from_parts
from medsynth_app.core.window_level import WindowLevel
from medsynth_app.session.session import Session
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import answer, event, png, record_of, volume
from tests.formats.making import save_series, spoil
from tests.session.conftest import MakeSession


def stroke(session: Session, box: tuple[int, int, int, int] = (10, 10, 24, 24), value: int = 1) -> None:
    assert session.documents.current is not None
    bounds = Bounds(*box)
    before = session.documents.current.mask(session.view.index)[bounds.slices].copy()
    session.painting.paint(bounds, before, np.full_like(before, value))


def log(session: Session, *names: str) -> list[str]:
    """Names of signals in the order in which they come."""
    heard: list[str] = []
    for name in names:
        attrgetter(name)(session).connect(lambda *_, name=name: heard.append(name), check_nargs=False)
    return heard


def test_opening_tells_the_panels_and_chooses_pack_window_and_classes(session: Session, tmp_path: Path) -> None:
    heard = log(session, "documents.current_changed", "view.window_level_changed", "candidates.changed")
    session.documents.open(png(tmp_path / "a.png"))
    assert heard == ["documents.current_changed", "view.window_level_changed", "candidates.changed"]
    assert session.view.window_level is None  # colour
    assert session.models.pack is not None and session.models.pack.manifest.name == "cells"
    assert session.painting.schema.name == "parts of blood cells"
    session.documents.open(volume(tmp_path / "v.nii.gz"))
    assert session.view.window_level is not None
    assert session.view.index == 1  # the middle
    assert session.models.pack.manifest.name == "hippocampus"
    assert session.painting.schema.name == "hippocampus MRI"
    session.documents.close()
    assert session.documents.current is None and session.candidates.results == ()


def test_stroke_undo_redo(session: Session, tmp_path: Path) -> None:
    document = session.documents.open(png(tmp_path / "a.png"))
    told: list[Changes] = []
    session.changed.connect(told.append)
    stroke(session)
    assert session.painting.undo_name == "Undo: paint cytoplasm"
    assert document.mask(0)[10:24, 10:24].all()
    session.painting.undo()
    assert not document.mask(0).any()
    assert (session.painting.undo_name, session.painting.redo_name) == (None, "Redo: paint cytoplasm")
    session.painting.redo()
    assert document.mask(0).sum() == 14 * 14
    assert [change.kind for changes in told for change in changes.documents] == ["mask"] * 3
    stroke(session, value=0)
    assert session.painting.undo_name == "Undo: erase"
    session.painting.undo()
    assert session.painting.redo_name == "Redo: erase"
    stroke(session, (40, 40, 50, 50))  # which ends what could be made again
    assert (session.painting.undo_name, session.painting.redo_name) == ("Undo: paint cytoplasm", None)
    assert (document.can_undo(session.people.id), document.can_redo(session.people.id)) == (
        session.painting.undo_name, None)  # as the journal says it


def test_undo_goes_to_the_slice_where_it_happened(session: Session, tmp_path: Path) -> None:
    session.documents.open(volume(tmp_path / "v.nii.gz"))
    session.view.set_index(0)
    stroke(session)
    session.view.set_index(2)
    session.painting.undo()
    assert session.view.index == 0


def test_a_run_is_staged_accepted_and_undone(session: Session, tmp_path: Path) -> None:
    document = session.documents.open(png(tmp_path / "a.png"))
    with pytest.raises(UserError, match="Nothing is painted"):
        session.inpaint.run().jobs[0]
    stroke(session)
    session.inpaint.set(prompt="a monocyte", count=3, seed=5)
    job = session.inpaint.run().jobs[0]
    assert session.jobs.active == 1
    original = document.pixels(0).copy()
    heard = log(session, "candidates.changed", "jobs.changed", "jobs.event")
    answer(session.workspace, job, session.jobs.deliver)
    assert {"candidates.changed", "jobs.changed", "jobs.event"} <= set(heard)
    assert [result.seed for result in session.candidates.results] == [5, 6, 7]
    (run,) = session.candidates.runs
    assert (run.job_id, run.places, run.mode, run.prompt) == (job, (0, 1, 2), "replace", "a monocyte")
    with pytest.raises(UserError, match="No candidate is selected"):
        session.candidates.accept()
    session.candidates.select(1)
    session.candidates.accept()
    assert [result.state for result in session.candidates.results] == ["staged", "accepted", "staged"]
    assert session.candidates.selected == 1
    assert document.synthetic_mask(0).any()
    assert session.painting.undo_name == "Undo: inpaint: a monocyte"
    session.painting.undo()
    assert np.array_equal(document.pixels(0), original)
    assert [result.state for result in session.candidates.results] == ["staged"] * 3
    session.candidates.discard(0)
    assert [result.seed for result in session.candidates.results] == [6, 7]
    session.candidates.discard_all()
    assert session.candidates.results == () and session.painting.undo_name == "Undo: discard 2 candidates"
    session.painting.undo()
    assert [result.seed for result in session.candidates.results] == [6, 7]
    session.painting.undo()
    assert [result.seed for result in session.candidates.results] == [5, 6, 7]
    session.painting.redo()
    assert [result.seed for result in session.candidates.results] == [6, 7]


def test_results_are_written_before_the_session_hears_of_them(make_session: MakeSession, tmp_path: Path) -> None:
    workspace = Workspace.temporary()
    session = make_session(workspace)
    session.documents.open(png(tmp_path / "a.png"))
    stroke(session)
    later = []
    session.jobs.post = later.append
    job = session.inpaint.run().jobs[0]
    answer(workspace, job, session.jobs.deliver)
    assert session.documents.current is not None
    assert len(workspace.candidates.of_document(session.documents.current.id)) == 4
    assert session.candidates.results == ()  # the window's thread has not run yet
    for news in later:
        news()
    assert len(session.candidates.results) == 4
    workspace.close()


def test_a_failed_write_reaches_the_queue(session: Session, tmp_path: Path) -> None:
    session.documents.open(png(tmp_path / "a.png"))
    stroke(session)
    job = session.inpaint.run().jobs[0]
    broken = event(job, EventKind.RESULT, data={"candidate": 0})
    with pytest.raises(KeyError):
        session.jobs.deliver(record_of(session.workspace, job), broken)


def test_more_like_this_is_a_second_group_before_the_first(session: Session, tmp_path: Path) -> None:
    session.documents.open(png(tmp_path / "a.png"))
    stroke(session)
    session.inpaint.set(count=2, seed=5)
    first = session.inpaint.run().jobs[0]
    answer(session.workspace, first, session.jobs.deliver)
    second = session.inpaint.more_like_this(0).jobs[0]
    answer(session.workspace, second, session.jobs.deliver)
    assert [run.job_id for run in session.candidates.runs] == [second, first]
    assert len({result.seed for result in session.candidates.results}) == 4


def test_previews_are_shown_while_the_job_runs_and_gone_after(session: Session, tmp_path: Path) -> None:
    session.documents.open(png(tmp_path / "a.png"))
    stroke(session)
    job = session.inpaint.run().jobs[0]
    running = record_of(session.workspace, job)
    session.jobs.deliver(running, event(job, EventKind.STARTED, data={"device": "cpu", "dtype": "bfloat16"}))
    assert session.jobs.device_text == "CPU, bfloat16"
    picture = np.zeros((8, 8, 3), np.uint8)
    session.jobs.deliver(running, event(job, EventKind.PREVIEW, arrays={"10": picture + 10, "2": picture + 2}))
    session.jobs.deliver(running, event(job, EventKind.PROGRESS, step=5, steps=20, seconds_left=3.0))
    drawing = session.candidates.drawing
    assert drawing is not None and drawing.job_id == job
    assert {number: int(preview[0, 0, 0]) for number, preview in drawing.previews.items()} == {2: 2, 10: 10}
    session.jobs.deliver(running, event(job, EventKind.PREVIEW, arrays={"11": picture + 11}))  # the next part
    assert session.candidates.drawing is not None and set(session.candidates.drawing.previews) == {2, 10, 11}
    entry = session.jobs.entry(job)
    assert entry is not None and entry.fraction == 0.25 and entry.seconds_left == 3.0
    session.workspace.jobs.update(job, JobState.FAILED, "out of memory")
    session.jobs.deliver(record_of(session.workspace, job, JobState.FAILED),
                    event(job, EventKind.FAILED, message="out of memory", data={"remedy": "fewer candidates"}))
    assert session.candidates.drawing is None
    entry = session.jobs.entry(job)
    assert entry is not None and (entry.message, entry.remedy) == ("out of memory", "fewer candidates")


def test_a_preview_is_seen_in_its_place_and_stored_nowhere(session: Session, tmp_path: Path) -> None:
    document = session.documents.open(volume(tmp_path / "v.nii.gz"))
    session.models.set_pack(next(pack for pack in session.models.packs if pack.manifest.colour == "grey"))
    stroke(session)
    job = session.inpaint.run().jobs[0]
    before = document.pixels(1).copy()
    seen = from_parts(*session.workspace.jobs.load(job)).image.intensity_range
    session.jobs.deliver(record_of(session.workspace, job), event(
        job, EventKind.PREVIEW, arrays={"0": np.full((16, 16, 3), 255, np.uint8)}))
    drawing = session.candidates.drawing
    assert drawing is not None and drawing.effective is not None and drawing.effective.any()
    now = document.pixels(1)[drawing.bounds.slices]
    shown = drawing.seen(0, document.info, document.info.frames[1], now)
    assert shown.dtype == now.dtype and np.array_equal(shown[~drawing.effective], now[~drawing.effective])
    white = shown[drawing.effective]  # white is the end of the range that the model sees
    assert seen is not None and abs(white - seen.high).max() <= 1
    assert np.array_equal(drawing.seen(3, document.info, document.info.frames[1], now), now)  # none of that number
    assert np.array_equal(document.pixels(1), before) and session.candidates.results == ()


def test_previews_are_shown_on_their_own_slice_only(session: Session, tmp_path: Path) -> None:
    session.documents.open(volume(tmp_path / "v.nii.gz"))
    jobs = {}
    for frame in (0, 2):
        session.view.set_index(frame)
        stroke(session)
        jobs[frame] = session.inpaint.run().jobs[0]
    picture = np.zeros((8, 8, 3), np.uint8)
    for frame, job in jobs.items():
        session.jobs.deliver(record_of(session.workspace, job),
                             event(job, EventKind.PREVIEW, arrays={"0": picture + frame}))
    for frame, shown in ((2, jobs[2]), (1, ""), (0, jobs[0])):
        session.view.set_index(frame)
        drawing = session.candidates.drawing
        assert (drawing.job_id if drawing is not None else "") == shown
        assert drawing is None or [int(preview[0, 0, 0]) for preview in drawing.previews.values()] == [frame]
    session.workspace.jobs.update(jobs[0], JobState.CANCELLED)
    session.jobs.deliver(record_of(session.workspace, jobs[0], JobState.CANCELLED), event(jobs[0], EventKind.CANCELLED))
    assert session.candidates.drawing is None
    session.view.set_index(2)
    assert session.candidates.drawing is not None and session.candidates.drawing.job_id == jobs[2]
    session.documents.close()
    assert session.candidates.drawing is None


def test_a_job_that_ran_twice_is_staged_once(session: Session, tmp_path: Path) -> None:
    session.documents.open(png(tmp_path / "a.png"))
    stroke(session)
    session.inpaint.set(count=2)
    job = session.inpaint.run().jobs[0]
    answer(session.workspace, job, session.jobs.deliver, end=False)
    answer(session.workspace, job, session.jobs.deliver)     # the program ended meanwhile
    assert [result.candidate for result in session.candidates.results] == [0, 1]


def test_more_like_this_works_as_long_as_undo_brings_a_result_back(session: Session, tmp_path: Path) -> None:
    session.documents.open(png(tmp_path / "a.png"))
    stroke(session)
    session.inpaint.set(count=2)
    job = session.inpaint.run().jobs[0]
    answer(session.workspace, job, session.jobs.deliver)
    session.candidates.discard(1)
    last = session.candidates.results[0]
    assert session.workspace.jobs.plain(job)
    assert session.inpaint.more_like_this(0).jobs[0] != job
    session.candidates.discard(0)
    with pytest.raises(UserError, match="No candidate is selected"):
        session.inpaint.more_like_this()
    session.painting.undo()
    assert session.candidates.results == (last,) and session.inpaint.more_like_this(0).jobs[0] != job


def test_the_effective_mask_follows_paint_and_class(session: Session, tmp_path: Path) -> None:
    session.documents.open(png(tmp_path / "a.png"))
    assert session.inpaint.effective_mask() is None
    stroke(session)
    stroke(session, (30, 30, 40, 40), 2)
    region = session.inpaint.effective_mask()
    assert region is not None and region[15, 15] and region[35, 35] and not region[0, 0]
    session.painting.set_label(2)
    session.painting.set_fills_one_class(True)
    region = session.inpaint.effective_mask(0)
    assert region is not None and not region[15, 15] and region[35, 35]


def test_warnings_are_shown_before_the_run_and_stay_with_the_result(session: Session, tmp_path: Path) -> None:
    session.documents.open(png(tmp_path / "a.png", 300, 300))
    assert any("modality" in text for text in session.inpaint.warnings)
    stroke(session, (20, 20, 220, 220))
    assert any("soft" in text for text in session.inpaint.warnings)
    told = session.inpaint.warnings
    job = session.inpaint.run().jobs[0]
    answer(session.workspace, job, session.jobs.deliver)
    assert session.candidates.results[0].notices == told


def test_window_and_slice_are_remembered_with_the_document(make_session: MakeSession, tmp_path: Path) -> None:
    workspace = Workspace.temporary()
    session = make_session(workspace)
    path, other = volume(tmp_path / "v.nii.gz"), png(tmp_path / "a.png")
    session.documents.open(path)
    session.view.set_window_level(WindowLevel(100, 300, "Mine"))
    session.view.set_window_level(WindowLevel(1, 2), remember=False)
    session.view.set_index(2)
    session.documents.open(other)
    again = make_session(workspace)
    again.documents.open(path)
    assert again.view.window_level == WindowLevel(100, 300, "Mine")
    assert again.view.index == 2
    workspace.close()


def test_the_chosen_pack_is_remembered_with_the_document(session: Session, tmp_path: Path) -> None:
    path = png(tmp_path / "a.png")
    session.documents.open(path)
    assert session.inpaint.parameters.conditioning.prompt == "a cells prompt"
    hippocampus = next(pack for pack in session.models.packs if pack.manifest.name == "hippocampus")
    session.models.set_pack(hippocampus)
    assert session.inpaint.parameters.conditioning.prompt == "a hippocampus prompt"
    session.inpaint.set(prompt="my own words")
    session.documents.close()
    session.documents.open(png(tmp_path / "b.png", seed=3))
    assert session.models.pack is not None and session.models.pack.manifest.name == "cells"
    assert session.inpaint.parameters.conditioning.prompt == "my own words"  # what was typed is never replaced
    session.documents.open(path)
    assert session.models.pack.manifest.name == "hippocampus"


def test_undo_acts_on_ones_own_strokes_only(session: Session, tmp_path: Path) -> None:
    document = session.documents.open(png(tmp_path / "a.png"))
    session.people.switch("Anna")
    stroke(session)
    session.people.switch("Ben")
    assert session.painting.undo_name is None and not session.painting.undo()
    stroke(session, (40, 40, 50, 50), 2)
    assert session.painting.undo_name == "Undo: paint nucleus"
    session.people.switch(" anna ")
    assert session.people.current is not None and session.people.current.name == "Anna"
    session.painting.undo()
    assert not (document.mask(0) == 1).any() and (document.mask(0) == 2).any()
    assert len(session.people.all()) == 2


def test_a_second_window_is_read_only_and_says_so(make_session: MakeSession, tmp_path: Path) -> None:
    workspace = Workspace.temporary()
    first = make_session(workspace)
    path = png(tmp_path / "a.png")
    first.documents.open(path)
    stroke(first)
    seen = Workspace.open(workspace.folder)
    second = make_session(seen)
    document = second.documents.open(path)
    assert second.documents.read_only and not first.documents.read_only
    assert document.mask(0).any()
    for refused in (lambda: stroke(second), second.painting.undo, second.inpaint.run, second.documents.remove_study):
        with pytest.raises(UserError, match="read-only"):
            refused()
    second.view.set_window_level(WindowLevel(1, 2))  # looking is not writing
    seen.close()
    workspace.close()


def test_generated_pictures_are_listed_newest_first(session: Session) -> None:
    session.generate.set(prompt="a cell", count=2, seed=9)
    job = session.generate.run().jobs[0]
    heard = log(session, "generate.pictures.changed")
    sent = answer(session.workspace, job, session.jobs.deliver)
    assert heard == ["generate.pictures.changed"] * 2
    assert session.generate.pictures.count == 2
    shown = [picture.pixels() for picture in session.generate.pictures.page(0, session.generate.pictures.count)]
    assert all(any(np.array_equal(one, two) for two in shown) for one in sent)


def test_waiting_jobs_can_be_moved_cancelled_and_run_again(session: Session, tmp_path: Path) -> None:
    session.documents.open(png(tmp_path / "a.png"))
    stroke(session)
    first, second = session.inpaint.run().jobs[0], session.inpaint.run().jobs[0]
    session.jobs.move(second, first)
    assert [entry.record.id for entry in session.jobs.entries] == [second, first]
    session.jobs.cancel(first)
    assert session.jobs.active == 1
    entry = session.jobs.entry(first)
    assert entry is not None and entry.record.state is JobState.CANCELLED
    again = session.jobs.retry(first).jobs[0]
    assert session.jobs.active == 2 and session.jobs.entry(again) is not None


def test_removing_a_study_leaves_nothing_of_it(session: Session, tmp_path: Path) -> None:
    path = png(tmp_path / "a.png")
    session.documents.open(path)
    stroke(session)
    session.documents.remove_study()
    assert session.documents.current is None
    assert session.documents.recent() == []
    assert path.exists()
    assert not session.documents.open(path).mask(0).any()


def test_news_of_a_removed_study_are_not_heard(session: Session, tmp_path: Path) -> None:
    session.documents.open(png(tmp_path / "a.png"))
    stroke(session)
    job = session.inpaint.run().jobs[0]
    running = record_of(session.workspace, job)
    later = []
    session.jobs.post = later.append
    session.jobs.deliver(running, event(job, EventKind.PROGRESS, step=1, steps=9))
    session.documents.remove_study()
    for news in later:
        news()
    assert session.jobs.entries == () and session.queue.records() == [] and session.workspace.jobs.records() == []


def test_settings_and_logs_hold_neither_paths_nor_names(
        session: Session, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "Mueller_Anna"
    folder.mkdir()
    with caplog.at_level("DEBUG"):
        session.people.switch("Dr Weiss")
        session.documents.open(png(folder / "Mueller-1950.png"))
        stroke(session)
        session.settings.change(place="paint")
        with pytest.raises(UserError):
            session.documents.open(folder / "missing-Mueller.png")
    texts = [file.read_text() for file in (tmp_path / "config").iterdir()]
    assert texts and session.settings.current.place == "paint"
    for text in [*texts, caplog.text]:
        assert "Mueller" not in text and "Weiss" not in text and str(tmp_path) not in text


def test_the_time_of_a_run_is_learned_from_the_last_one(session: Session, tmp_path: Path) -> None:
    session.documents.open(png(tmp_path / "a.png"))
    stroke(session)
    session.inpaint.set(count=1, steps=10)
    assert session.inpaint.expected_seconds is None
    job = session.inpaint.run().jobs[0]
    session.jobs.deliver(record_of(session.workspace, job), event(job, EventKind.STARTED))
    answer(session.workspace, job, session.jobs.deliver)
    once = session.inpaint.expected_seconds
    assert once is not None and once > 0
    session.inpaint.set(count=4)
    assert session.inpaint.expected_seconds == pytest.approx(4 * once)


def test_an_image_that_no_pack_knows_is_removed_from_without_a_model(session: Session, tmp_path: Path) -> None:
    ct = next(image.path for image in demo_images() if image.path.name == "CT_small.dcm")
    assert session.inpaint.parameters.conditioning.prompt == "a cells prompt"
    session.documents.open(ct)
    assert session.inpaint.unknown_kind == "No installed model knows CT images"
    assert session.inpaint.parameters.conditioning.prompt == ""
    session.inpaint.set(mode="remove")
    assert session.inpaint.without_model and session.inpaint.pack is None
    stroke(session, (20, 20, 40, 40))
    assert session.inpaint.warnings == () and session.inpaint.followed == ((), False)
    job = session.inpaint.run().jobs[0]
    request = from_parts(*session.workspace.jobs.load(job))
    assert request.model is None
    answer(session.workspace, job, session.jobs.deliver)
    again = session.inpaint.more_like_this(0).jobs[0]
    assert from_parts(*session.workspace.jobs.load(again)).model is None
    session.inpaint.choose(session.models.packs[0])
    assert not session.inpaint.without_model and session.inpaint.pack is session.models.packs[0]
    assert any("not on" in text for text in session.inpaint.warnings)
    session.documents.open(png(tmp_path / "a.png"))
    assert session.inpaint.parameters.classical is None
    assert session.inpaint.parameters.conditioning.prompt == "a cells prompt"


def test_a_series_whose_middle_slice_is_damaged_is_the_one_at_work(session: Session, tmp_path: Path) -> None:
    assert session.models.pack is not None
    session.documents.open(png(tmp_path / "before.png"))
    folder = save_series(tmp_path / "ct", [(0, 0, 2.0 * place) for place in range(3)])
    spoil(folder / "02.dcm")
    shown: list[Document | None] = []
    session.documents.current_changed.connect(lambda: shown.append(session.documents.current))
    document = session.documents.open(folder)
    assert shown == [document] and session.documents.current is document
    assert session.view.state.document == document.id and session.view.index == 1
    assert session.view.state.unreadable is not None and session.view.pixels is None
    session.view.set_index(0)
    assert session.view.pixels is not None and session.view.state.unreadable is None
