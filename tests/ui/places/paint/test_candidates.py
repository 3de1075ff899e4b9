"""The staging strip with a real session; the worker's answers are made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from medsynth_app.core.job import EventKind, JobState
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.session.session import Session
from medsynth_app.settings.settings import SettingsStore
from medsynth_app.ui.places.paint.candidates import CandidateStrip
from medsynth_app.ui.places.paint.commands import candidate_commands
from medsynth_app.ui.places.paint.thumbs import Thumb
from medsynth_app.ui.shell.banners import Banners
from medsynth_app.ui.shell.calm import Calm
from medsynth_app.ui.shell.command import Command
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.shell.runner import Runner
from medsynth_app.ui.shell.toasts import Toasts
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.theme.tokens import STRIP_PX
from medsynth_app.ui.viewer import Canvas
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import answer, event, make_pack, paint, png, record_of
from tests.formats.making import save_series, spoil

pytestmark = pytest.mark.gui


class Bench:
    """A canvas and a strip on one session."""

    def __init__(self, folder: Path) -> None:
        make_pack(folder / "packs")
        self.workspace, self.folder, self.opened = Workspace.temporary(), folder, 0
        self.queue = JobQueue(self.workspace.jobs, lambda record, event: self.session.jobs.deliver(record, event))
        self.session = Session(self.workspace, self.queue, SettingsStore(folder / "config"),
                               pack_folders=[folder / "packs"])
        self.window = QWidget()
        self.canvas = Canvas(self.session)
        theme = Theme("light")
        theme.prepare()
        theme.dress(self.window)
        commands = Commands(self.window, theme)
        self.strip = CandidateStrip(theme, self.session, self.canvas, commands)
        self.commands = commands
        self.calm, self.stack = Calm(lambda: False, self.window), QStackedWidget(self.window)
        self.stack.setGeometry(0, 0, 500, 200)
        self.toasts = Toasts(theme, self.stack, self.calm)
        commands.add((Command("view.strip", "Unfold", "View", lambda: None, checked_when=lambda: True),))
        commands.add(candidate_commands(self.session, Runner(Banners(theme, self.window)), self.toasts))
        for signal in (self.session.candidates.changed, self.session.candidates.selected_changed,
                       self.session.jobs.changed, self.session.documents.current_changed):
            signal.connect(lambda: commands.refresh())
        layout = QVBoxLayout(self.window)
        layout.addWidget(self.canvas, 1)
        layout.addWidget(self.strip)
        self.window.resize(900, 700)
        self.window.show()

    def fresh(self) -> None:
        self.opened += 1
        self.canvas.candidate.set_mode("off")
        self.session.documents.open(png(self.folder / f"{self.opened}.png", seed=self.opened))
        QTest.qWait(20)

    def run(self, seed: int = 7, **asked: object) -> str:
        """Paint, start a run of three and answer it."""
        document = self.session.documents.current
        assert document is not None
        paint(document, self.session.view.index)
        self.session.inpaint.set(**{"count": 3, "seed": seed, "prompt": "a cell", "mode": "replace", **asked})
        job_id = self.session.inpaint.run().jobs[0]
        answer(self.workspace, job_id, self.session.jobs.deliver)
        self.queue.cancel(job_id)  # no worker runs here: for the queue it would wait for ever
        self.session.jobs.refresh()
        QTest.qWait(20)
        return job_id


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, qapp: QApplication) -> Iterator[Bench]:
    made = Bench(tmp_path_factory.mktemp("strip"))
    yield made
    made.strip.release()
    made.calm.stop()
    made.canvas.close()
    made.window.close()
    made.queue.close()
    made.workspace.close()


@pytest.fixture
def bench(kept: Bench) -> Bench:
    kept.fresh()
    return kept


def pixels(bench: Bench) -> np.ndarray:
    assert bench.session.documents.current is not None
    return bench.session.documents.current.pixels(0)


def thumbs(bench: Bench) -> list[Thumb]:
    return list(bench.strip.list.thumbs.rows)


def click(bench: Bench, place: int, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    shown = bench.strip.list
    shown.scrollTo(shown.thumbs.index(place))
    corner = shown.visualRect(shown.thumbs.index(place)).topLeft()
    QTest.mouseClick(shown.viewport(), Qt.MouseButton.LeftButton, modifiers, corner + QPoint(20, 40))


def heads(bench: Bench) -> list[str]:
    """What stands over the groups."""
    return [thumb.head for thumb in thumbs(bench) if thumb.lead == 0]


def picked(bench: Bench) -> list[tuple[str, bool]]:
    """Seeds with the mark of the chosen one."""
    return [(thumb.title.rpartition(" ")[2], thumb.chosen) for thumb in thumbs(bench) if thumb.place is not None]


def press(bench: Bench, key: Qt.Key) -> None:
    bench.strip.setFocus()
    QTest.keyClick(bench.strip, key)


def test_its_height_is_that_of_the_window_whatever_it_shows(bench: Bench) -> None:
    assert not thumbs(bench) and bench.strip.minimumSizeHint().height() <= STRIP_PX
    bench.run()
    assert thumbs(bench) and bench.strip.minimumSizeHint().height() <= STRIP_PX


def test_an_empty_strip_says_what_it_is_for(bench: Bench) -> None:
    assert not thumbs(bench) and "before it changes anything" in bench.strip.progress_text.accessibleName()


def test_candidates_stand_beside_the_original_and_the_first_is_previewed(bench: Bench) -> None:
    before = pixels(bench).copy()
    bench.run()
    strip = bench.strip
    assert [thumb.title for thumb in thumbs(bench)] == [
        "Original", "Candidate 1, seed 7", "Candidate 2, seed 8", "Candidate 3, seed 9"]
    assert bench.session.candidates.selected == 0 and thumbs(bench)[1].chosen
    assert bench.canvas.candidate.shown and not bench.canvas.stage.chip.isHidden()
    assert np.array_equal(pixels(bench), before)
    assert sum(line.startswith(("Inside ", "From ", "Noise ")) for line in strip.words.lines) == 3
    assert strip.words.accessibleName() == "  ·  ".join(strip.words.lines)  # however much of it there is room for
    tip = thumbs(bench)[2].tip
    assert tip.startswith("Candidate 2, seed 8\n") and ", around " in tip and "Prompt: " in tip and "Model: " in tip


def test_arrows_choose_enter_accepts_undo_takes_back(bench: Bench) -> None:
    before = pixels(bench).copy()
    bench.run()
    press(bench, Qt.Key.Key_Right)
    assert bench.session.candidates.selected == 1
    result = bench.session.candidates.results[1]
    press(bench, Qt.Key.Key_Return)
    assert np.array_equal(pixels(bench)[result.bounds.slices], result.pixels())
    assert not np.array_equal(pixels(bench), before)
    assert not bench.canvas.candidate.shown  # it is in the image now
    assert not bench.canvas.stage.chip.isHidden() and bench.canvas.overlay.marks.synthetic
    assert thumbs(bench)[2].note == "accepted" and not bench.strip.accept.isEnabled()
    bench.session.painting.undo()
    QTest.qWait(10)
    assert np.array_equal(pixels(bench), before)
    assert np.array_equal(bench.canvas.scene.image.data, before)


def test_home_shows_the_original_and_takes_the_preview_away(bench: Bench) -> None:
    bench.run()
    press(bench, Qt.Key.Key_Home)
    assert bench.session.candidates.selected is None and thumbs(bench)[0].chosen
    assert not bench.canvas.candidate.shown and bench.canvas.stage.chip.isHidden()
    press(bench, Qt.Key.Key_Return)
    assert bench.session.candidates.results[0].state == "staged"  # nothing was chosen, nothing accepted


def test_delete_discards_and_goes_on_to_the_next(bench: Bench) -> None:
    bench.run()
    press(bench, Qt.Key.Key_Delete)
    assert [result.seed for result in bench.session.candidates.results] == [8, 9]
    assert bench.session.candidates.selected == 0
    QTest.qWait(50)
    QTest.mouseClick(bench.strip.clear, Qt.MouseButton.LeftButton)
    assert not bench.session.candidates.results and not thumbs(bench)
    assert not bench.canvas.candidate.shown


def test_discard_does_the_same_from_key_button_and_palette(bench: Bench) -> None:
    deeds = (lambda: press(bench, Qt.Key.Key_Delete), lambda: bench.strip.discard.click(),
             lambda: bench.commands["candidate.discard"].trigger())
    for deed in deeds:
        bench.fresh()
        bench.run()
        bench.session.candidates.select(1)
        deed()
        assert [result.seed for result in bench.session.candidates.results] == [7, 9]
        assert bench.session.candidates.selected == 1


def test_enter_on_a_button_presses_that_button(bench: Bench) -> None:
    bench.run()
    before = pixels(bench).copy()
    bench.strip.discard.setFocus()
    QTest.keyClick(bench.strip.discard, Qt.Key.Key_Return)
    assert np.array_equal(pixels(bench), before)
    assert [result.seed for result in bench.session.candidates.results] == [8, 9]


def test_a_click_on_a_picture_chooses_it(bench: Bench) -> None:
    bench.run()
    click(bench, 3)
    assert bench.session.candidates.selected == 2


def test_live_previews_progress_and_cancel(bench: Bench) -> None:
    document = bench.session.documents.current
    assert document is not None
    paint(document)
    bench.session.inpaint.set(count=2, seed=1)
    job_id = bench.session.inpaint.run().jobs[0]
    assert bench.strip.progress_text.accessibleName() == "Waiting for its turn"
    bench.workspace.jobs.update(job_id, JobState.RUNNING, "")
    running = record_of(bench.workspace, job_id)
    bench.session.jobs.deliver(running, event(job_id, EventKind.STARTED, data={"device": "CPU"}))
    bench.session.jobs.deliver(running, event(job_id, EventKind.PROGRESS, step=4, steps=20, seconds_left=12.0))
    assert bench.strip.progress_text.accessibleName() == "Step 4 of 20, about 12 s left"
    assert bench.strip.progress.value() == 4
    picture = np.zeros((8, 8, 3), np.uint8)
    bench.session.jobs.deliver(running, event(job_id, EventKind.PREVIEW, arrays={"0": picture, "1": picture}))
    assert [thumb.number for thumb in thumbs(bench) if thumb.live is not None] == ["1", "2"]
    QTest.qWait(50)  # laid out
    QTest.mouseClick(bench.strip.cancel, Qt.MouseButton.LeftButton)
    assert bench.queue.state(job_id) is JobState.CANCELLED
    bench.session.jobs.deliver(record_of(bench.workspace, job_id, JobState.CANCELLED),
                               event(job_id, EventKind.CANCELLED))
    assert not thumbs(bench) and not bench.canvas.candidate.shown


def test_compare_buttons_and_canvas_agree(bench: Bench) -> None:
    bench.run()
    bench.canvas.candidate.set_mode("slider")
    assert bench.strip.compare.value() == "slider"
    bench.strip.compare.chosen.emit("difference")
    assert bench.canvas.candidate.mode == "difference"


def test_runs_stand_in_groups_newest_first_and_the_newest_is_chosen_when_it_ends(bench: Bench) -> None:
    bench.run()
    press(bench, Qt.Key.Key_Right)
    bench.run(20, prompt="a neutrophil with a very long description", count=2)
    first, second = heads(bench)[1:]
    assert first.startswith("Replace ") and " · cells" in first and " · a neutrophil with" in first
    assert second.startswith("Replace ") and second.endswith(" · a cell") and heads(bench)[0] == "Original"
    assert picked(bench) == [("20", True), ("21", False), ("7", False), ("8", False), ("9", False)]
    tip = thumbs(bench)[1].tip
    assert "Prompt: a neutrophil with a very long description" in tip and "Drawn: " in tip
    assert "Model: Blood cells" in tip


def test_a_run_that_ends_disturbs_nobody_who_compares(bench: Bench) -> None:
    bench.run()
    bench.canvas.candidate.set_mode("slider")
    press(bench, Qt.Key.Key_Right)
    chosen = bench.session.candidates.current
    bench.run(20)
    assert bench.session.candidates.current == chosen and bench.canvas.candidate.mode == "slider"
    assert len(heads(bench)) == 3
    bench.canvas.candidate.set_mode("off")
    bench.canvas.candidate.flicker(True)  # X is held
    bench.run(40)
    assert bench.session.candidates.current == chosen and len(heads(bench)) == 4
    bench.canvas.candidate.flicker(False)
    bench.run(60)
    assert bench.session.candidates.current != chosen


def test_a_run_that_ends_waits_until_the_button_is_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.run()
    down = [Qt.MouseButton.LeftButton]
    monkeypatch.setattr("medsynth_app.ui.places.paint.candidates.QGuiApplication.mouseButtons", lambda: down[0])
    bench.run(20)
    QTest.qWait(150)
    assert picked(bench)[3] == ("7", True)
    down[0] = Qt.MouseButton.NoButton
    QTest.qWait(150)
    assert picked(bench)[0] == ("20", True)


def test_one_candidate_is_held_against_another(bench: Bench) -> None:
    bench.run()
    before = pixels(bench).copy()
    click(bench, 2)
    click(bench, 3, Qt.KeyboardModifier.ControlModifier)
    candidates, shown = bench.session.candidates, bench.canvas.candidate
    assert candidates.reference is candidates.results[2] and candidates.current is candidates.results[1]
    assert shown.mode == "slider" and shown.names == ("Candidate 3, seed 9", "Candidate 2, seed 8")
    assert thumbs(bench)[3].note == "against" and bench.strip.compare.isEnabled()
    second, third = candidates.results[1], candidates.results[2]
    row, column = np.argwhere(second.effective())[0] + (second.bounds.top, second.bounds.left)
    shown.set_mode("off")
    assert np.array_equal(shown.value_at(row, column), second.pixels()[second.effective()][0])
    shown.flicker(True)  # X is held
    assert np.array_equal(shown.value_at(row, column), third.pixels()[third.effective()][0])
    shown.flicker(False)
    shown.set_mode("side")
    assert shown.sides == ("Candidate 3, seed 9, synthetic", "Candidate 2, seed 8, synthetic")
    pair = shown.pair()
    assert pair is not None and pair[0] != pair[1]
    press(bench, Qt.Key.Key_Left)  # another one, against the same
    assert shown.names == ("Candidate 3, seed 9", "Candidate 1, seed 7")
    click(bench, 0, Qt.KeyboardModifier.ControlModifier)  # against the original again
    assert candidates.reference is None and shown.names == ("Original", "Candidate")
    assert np.array_equal(pixels(bench), before)
    shown.set_mode("off")


def test_candidates_of_two_regions_are_compared_in_the_box_of_both(bench: Bench) -> None:
    bench.run()
    document = bench.session.documents.current
    assert document is not None
    paint(document, box=(0, 0, 60, 80), value=0)
    paint(document, box=(40, 60, 56, 76))
    bench.session.inpaint.set(count=1, seed=50)
    job = bench.session.inpaint.run().jobs[0]
    answer(bench.workspace, job, bench.session.jobs.deliver)
    bench.queue.cancel(job)
    bench.session.jobs.refresh()
    candidates, shown = bench.session.candidates, bench.canvas.candidate
    here, there = candidates.results[0], candidates.results[1]
    candidates.select(0)
    candidates.compare_with(there.id)
    assert shown.bounds == here.bounds.union(there.bounds) and shown.patch is not None
    now = pixels(bench)[shown.bounds.slices].copy()
    now[here.bounds.within(shown.bounds).slices][here.effective()] = here.pixels()[here.effective()]
    assert np.array_equal(shown.patch, now)


def test_the_menu_of_a_picture_compares_too(bench: Bench) -> None:
    bench.run()
    shown = bench.strip.list
    corner = shown.visualRect(shown.thumbs.index(2)).topLeft() + QPoint(20, 40)
    QApplication.sendEvent(shown.viewport(), QContextMenuEvent(QContextMenuEvent.Reason.Mouse, corner,
                                                               shown.viewport().mapToGlobal(corner)))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu) and menu.actions()[0].text() == "Compare with this"
    menu.actions()[0].trigger()
    menu.close()
    assert bench.session.candidates.reference is bench.session.candidates.results[1]
    bench.canvas.candidate.set_mode("off")


def undo_buttons(bench: Bench) -> list[QPushButton]:
    """Those of the toasts, the latest last."""
    return [part for part in bench.toasts.findChildren(QPushButton) if part.text() == "Undo" and part.isVisible()]


def test_discarded_candidates_come_back_from_the_toast_and_from_undo(bench: Bench) -> None:
    bench.run()
    candidates = bench.session.candidates
    bench.commands["candidate.discard_all"].trigger()
    assert not candidates.results and bench.toasts.texts()[-1] == "3 candidates discarded."
    QTest.mouseClick(undo_buttons(bench)[-1], Qt.MouseButton.LeftButton)
    assert [result.seed for result in candidates.results] == [7, 8, 9]
    press(bench, Qt.Key.Key_Right)
    press(bench, Qt.Key.Key_Delete)
    gone = [result.seed for result in candidates.results]
    assert bench.toasts.texts()[-1] == "1 candidate discarded." and len(gone) == 2
    document = bench.session.documents.current
    assert document is not None
    paint(document, box=(2, 2, 6, 6))  # another step
    undo = undo_buttons(bench)[-1]
    QTest.mouseClick(undo, Qt.MouseButton.LeftButton)
    assert len(candidates.results) == 2 and "step after the other" in bench.toasts.texts()[-1]
    bench.session.painting.undo()
    bench.session.painting.undo()
    assert [result.seed for result in candidates.results] == [7, 8, 9]
    bench.session.painting.redo()
    assert [result.seed for result in candidates.results] == gone


def test_what_is_being_drawn_is_seen_in_its_place_and_goes_with_the_run(bench: Bench) -> None:
    document = bench.session.documents.current
    assert document is not None
    paint(document)
    bench.session.inpaint.set(count=2, seed=1)
    before = pixels(bench).copy()
    job = bench.session.inpaint.run().jobs[0]
    running = record_of(bench.workspace, job)
    grey = {str(k): np.full((8, 8, 3), 100 + k, np.uint8) for k in range(2)}
    bench.session.jobs.deliver(running, event(job, EventKind.PREVIEW, arrays=grey))
    shown = bench.canvas.candidate
    assert shown.shown and shown.live and shown.captions == ("", "Being drawn")
    drawing = bench.session.candidates.drawing
    assert drawing is not None and drawing.effective is not None and shown.patch is not None
    assert (shown.patch[drawing.effective] == 100).all()
    assert np.array_equal(shown.patch[~drawing.effective], before[drawing.bounds.slices][~drawing.effective])
    assert thumbs(bench)[1].chosen and not bench.strip.accept.isEnabled()
    click(bench, 2)  # the other one
    assert (shown.patch[drawing.effective] == 101).all()
    later = {"1": np.full((8, 8, 3), 111, np.uint8)}
    bench.session.jobs.deliver(running, event(job, EventKind.PREVIEW, arrays=later))
    assert (shown.patch[drawing.effective] == 111).all()  # the latest
    click(bench, 0)  # the image as it is
    assert not shown.shown
    bench.session.jobs.deliver(running, event(job, EventKind.PREVIEW, arrays=later))
    assert not shown.shown
    click(bench, 1)
    assert shown.live
    shown.set_mode("slider")  # somebody compares
    assert not shown.shown
    shown.set_mode("off")
    assert shown.live
    answer(bench.workspace, job, bench.session.jobs.deliver)
    bench.queue.cancel(job)
    assert shown.shown and not shown.live and bench.session.candidates.selected == 0
    assert np.array_equal(pixels(bench), before)


def test_nothing_is_shown_over_a_slice_that_cannot_be_read(bench: Bench, tmp_path: Path) -> None:
    session, shown = bench.session, bench.canvas.candidate
    folder = save_series(tmp_path / "series", [(0, 0, 3.0 * k) for k in range(3)], series="1.2.81")
    session.documents.open(folder)
    session.view.set_index(1)
    bench.run(mode="remove", count=2)
    job = session.inpaint.run().jobs[0]
    grey = {"0": np.full((8, 8, 3), 100, np.uint8)}
    session.jobs.deliver(record_of(bench.workspace, job), event(job, EventKind.PREVIEW, arrays=grey))
    spoil(folder / "02.dcm")  # the second slice
    session.documents.open(folder)
    session.view.set_index(1)
    assert session.view.state.unreadable is not None and len(session.candidates.results) == 2
    session.candidates.select(0)
    assert not shown.shown
    session.candidates.compare_with(session.candidates.results[1].id)
    assert not shown.shown
    session.candidates.select(None)
    session.jobs.deliver(record_of(bench.workspace, job), event(job, EventKind.PREVIEW, arrays=grey))
    assert not shown.shown and bench.canvas.scene.image is None
    bench.queue.cancel(job)
