"""The staging strip with a real session; the worker's answers are made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from medsynth_app.core.job import EventKind, JobState
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.session.session import Session
from medsynth_app.settings.settings import SettingsStore
from medsynth_app.ui.places.paint.candidates import CandidateStrip
from medsynth_app.ui.places.paint.commands import candidate_commands
from medsynth_app.ui.places.paint.thumbs import Thumb
from medsynth_app.ui.shell.banners import Banners
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.shell.runner import Runner
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.theme.tokens import STRIP_PX
from medsynth_app.ui.viewer import Canvas
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import answer, event, make_pack, paint, png, record_of

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
        commands = Commands(self.window, theme)
        self.strip = CandidateStrip(theme, self.session, self.canvas, commands)
        self.commands = commands
        commands.add(candidate_commands(self.session, Runner(Banners(theme, self.window))))
        for signal in (self.session.candidates.changed, self.session.candidates.selected_changed,
                       self.session.jobs.changed, self.session.documents.current_changed):
            signal.connect(lambda: commands.refresh())
        layout = QVBoxLayout(self.window)
        layout.addWidget(self.canvas, 1)
        layout.addWidget(self.strip)
        commands["view.strip"].setCheckable(True)
        commands["view.strip"].setChecked(True)
        self.window.resize(900, 700)
        self.window.show()

    def fresh(self) -> None:
        self.opened += 1
        self.canvas.candidate.set_mode("off")
        self.session.documents.open(png(self.folder / f"{self.opened}.png", seed=self.opened))
        QTest.qWait(20)

    def run(self) -> str:
        """Paint, start a run of three and answer it."""
        document = self.session.documents.current
        assert document is not None
        paint(document)
        self.session.inpaint.set(count=3, seed=7)
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


def click(bench: Bench, place: int) -> None:
    shown = bench.strip.list
    QTest.mouseClick(shown.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
                     shown.visualRect(shown.thumbs.index(place)).center())


def press(bench: Bench, key: Qt.Key) -> None:
    bench.strip.setFocus()
    QTest.keyClick(bench.strip, key)


def test_its_height_is_that_of_the_window_whatever_it_shows(bench: Bench) -> None:
    assert not thumbs(bench) and bench.strip.minimumSizeHint().height() <= STRIP_PX
    bench.run()
    assert thumbs(bench) and bench.strip.minimumSizeHint().height() <= STRIP_PX


def test_candidates_stand_beside_the_original_and_the_first_is_previewed(bench: Bench) -> None:
    before = pixels(bench).copy()
    bench.run()
    strip = bench.strip
    assert [thumb.title for thumb in thumbs(bench)] == ["Original", "1:  7", "2:  8", "3:  9"]
    assert bench.session.candidates.selected == 0 and thumbs(bench)[1].chosen
    assert bench.canvas.candidate.shown and not bench.canvas.stage.chip.isHidden()
    assert np.array_equal(pixels(bench), before)
    assert "Inside " in strip.words.text() and "around it " in strip.words.text() and "edge" in strip.words.text()


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
    assert not bench.session.candidates.results
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
    assert bench.strip.progress_text.text() == "Waiting for its turn"
    bench.workspace.jobs.update(job_id, JobState.RUNNING, "")
    running = record_of(bench.workspace, job_id)
    bench.session.jobs.deliver(running, event(job_id, EventKind.STARTED, data={"device": "CPU"}))
    bench.session.jobs.deliver(running, event(job_id, EventKind.PROGRESS, step=4, steps=20, seconds_left=12.0))
    assert bench.strip.progress_text.text() == "Step 4 of 20, about 12 s left" and bench.strip.progress.value() == 4
    picture = np.zeros((8, 8, 3), np.uint8)
    bench.session.jobs.deliver(running, event(job_id, EventKind.PREVIEW, arrays={"0": picture, "1": picture}))
    assert [thumb.title for thumb in thumbs(bench) if thumb.live] == ["1   drawing", "2   drawing"]
    QTest.qWait(50)  # laid out
    QTest.mouseClick(bench.strip.cancel, Qt.MouseButton.LeftButton)
    assert bench.queue.state(job_id) is JobState.CANCELLED
    bench.session.jobs.deliver(record_of(bench.workspace, job_id, JobState.CANCELLED),
                               event(job_id, EventKind.CANCELLED))
    assert not thumbs(bench)


def test_compare_buttons_and_canvas_agree(bench: Bench) -> None:
    bench.run()
    bench.canvas.candidate.set_mode("slider")
    assert bench.strip.compare.value() == "slider"
    bench.strip.compare.chosen.emit("difference")
    assert bench.canvas.candidate.mode == "difference"
