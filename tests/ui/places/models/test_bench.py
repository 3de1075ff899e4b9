"""The training bench: how a run goes, stops, goes on, and is held against another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from medsynth_app.core.job import EventKind, JobEvent, JobState
from medsynth_app.core.jobs.stored import to_parts
from medsynth_app.core.jobs.train import TrainRequest
from medsynth_app.formats.training_log import note
from medsynth_app.ui.places.models.bench import TrainingPage
from medsynth_app.workspace.workspace import Workspace
from tests.ui.desk import TestDesk, a_desk

pytestmark = pytest.mark.gui


@pytest.fixture
def desk(qapp: object, tmp_path: Path) -> Iterator[TestDesk]:
    with a_desk(tmp_path / "desk", Workspace.temporary()) as found:
        found.window.navigator.go("models")
        yield found


def begin(desk: TestDesk, folder: Path, name: str) -> str:
    request = TrainRequest(str(folder / "r.toml"), str(folder), str(folder / name),
                           checkpoints=str(folder / f"{name}.training" / "checkpoints"))
    job_id = desk.session.queue.submit(request)
    record = replace(desk.queue.jobs[job_id], state=JobState.RUNNING)
    desk.session.workspace.jobs.add(record, *to_parts(request))
    desk.queue.jobs[job_id] = record
    desk.session.jobs.refresh()
    return job_id


def tell(desk: TestDesk, job_id: str, step: int, **figures: float) -> None:
    desk.hear(job_id, JobState.RUNNING, JobEvent(
        job_id, EventKind.PROGRESS, step * 2, 1000, 3600.0, f"denoiser {step} of 500: loss",
        data={"stage": "denoiser", "step": step, "steps": 500, **figures}))


def page(desk: TestDesk) -> TrainingPage:
    centre: Any = desk.window.place("models").centre
    assert isinstance(centre.currentWidget(), TrainingPage)
    return centre.currentWidget()


def choose(desk: TestDesk, row: int = 0) -> TrainingPage:
    runs: Any = desk.window.place("models").panel.runs
    QTest.mouseClick(runs.viewport(), Qt.MouseButton.LeftButton, pos=runs.visualRect(runs.model().index(row)).center())
    return page(desk)


def test_a_run_shows_where_it_is_its_curves_and_what_it_draws(desk: TestDesk, tmp_path: Path) -> None:
    panel: Any = desk.window.place("models").panel
    assert not panel.runs.isVisible()
    job_id = begin(desk, tmp_path, "skin")
    for step in (50, 100):
        tell(desk, job_id, step, **{"loss": 1 / step, "loss on held-out pictures": 2 / step})
    shown = choose(desk)
    assert "skin" in shown._title.text() and "Denoiser: step 100 of 500, about 1 h 0 min left" in shown._state.text()
    loss, held = (shown._plots["denoiser", kind].plot for kind in ("loss", "validation"))
    assert [line.points for line in loss.lines] == [((50, 0.02), (100, 0.01))]
    assert [line.name for line in held.lines] == ["loss on held-out pictures"]
    by = "measured in the latents of this model's own autoencoder, by no other encoder"
    assert shown._plots["denoiser", "validation"].about.text() == f"M{by[1:]}."
    assert any(part.text() == "Denoiser: validation" for part in shown.findChildren(QLabel))
    pictures = {str(k): np.full((32, 32, 3), 40 * k, np.uint8) for k in range(3)}
    desk.hear(job_id, JobState.RUNNING, JobEvent(job_id, EventKind.PREVIEW, arrays=pictures | {
        f"nearest {k}": picture for k, picture in enumerate(pictures.values())}))
    desk.until(lambda: shown._pictures.count() == 6)
    drawn = shown._pictures.itemAtPosition(0, 0).widget()
    assert drawn.synthetic and not shown._pictures.itemAtPosition(1, 0).widget().synthetic
    assert "20 %" in panel.runs.rows.row(0).more


def test_it_is_stopped_and_goes_on(desk: TestDesk, tmp_path: Path) -> None:
    job_id = begin(desk, tmp_path, "skin")
    tell(desk, job_id, 50, loss=1.0)
    shown = choose(desk)
    assert shown.stop.isVisible() and not shown.go_on.isVisible()
    QTest.mouseClick(shown.stop, Qt.MouseButton.LeftButton)
    assert ("cancel", job_id) in desk.queue.asked
    desk.hear(job_id, JobState.CANCELLED, JobEvent(job_id, EventKind.CANCELLED))
    assert shown.go_on.isVisible() and "what it learned is kept" in shown._state.text()
    QTest.mouseClick(shown.go_on, Qt.MouseButton.LeftButton)
    assert ("retry", job_id) in desk.queue.asked


def test_the_page_follows_a_run_that_goes_on_from_elsewhere(desk: TestDesk, tmp_path: Path) -> None:
    job_id = begin(desk, tmp_path, "skin")
    shown = choose(desk)
    desk.hear(job_id, JobState.CANCELLED, JobEvent(job_id, EventKind.CANCELLED))
    assert shown.go_on.isVisible()
    other = begin(desk, tmp_path, "skin")  # as "Run this job again" among the jobs does it
    assert shown.run is not None and shown.run.id == other
    assert shown.stop.isVisible() and not shown.go_on.isVisible() and not shown.branch.isEnabled()


def test_curves_come_from_the_log_of_a_run_before_and_beside_those_of_another(desk: TestDesk, tmp_path: Path) -> None:
    for step in (50, 100):
        note(tmp_path / "old.training" / "checkpoints", {"stage": "denoiser", "step": step, "steps": 500, "loss": 3.0})
    begin(desk, tmp_path, "old")
    tell(desk, begin(desk, tmp_path, "new"), 50, loss=1.0)
    names = [run.name for run in desk.session.training.runs]
    shown = choose(desk, names.index("new"))
    shown.other.setCurrentIndex(1)
    shown.other.activated.emit(1)
    assert [(line.name, line.faint, len(line.points)) for line in shown._plots["denoiser", "loss"].plot.lines] == [
        ("loss", False, 1), ("loss, old", True, 2)]


def distances(distance: float, floor: float = 0.12) -> dict[str, float]:
    return {"distance to held-out pictures": distance, "distance of real pictures": floor,
            "distance of real pictures, least": floor - 0.02, "distance of real pictures, most": floor + 0.03,
            "distance through the autoencoder": 0.2, "pictures compared": 24}


def words_on(shown: TrainingPage) -> str:
    QTest.qWait(50)  # new children are shown by an event
    return "\n".join(part.text() for part in shown.findChildren(QLabel) if part.isVisible())


def test_the_distance_to_held_out_pictures_is_a_curve_over_its_floor(desk: TestDesk, tmp_path: Path) -> None:
    job_id = begin(desk, tmp_path, "skin")
    tell(desk, job_id, 50, loss=1.0)
    tell(desk, job_id, 100, loss=0.5, **distances(0.9))
    tell(desk, job_id, 150, loss=0.4)
    tell(desk, job_id, 200, loss=0.3, **distances(0.412))
    shown = choose(desk)
    plot = shown._plots["denoiser", "distance"].plot
    assert [(line.name, list(line.points)) for line in plot.lines] == [
        ("drawn", [(100, 0.9), (200, 0.412)]), ("real", [(50, 0.12), (200, 0.12)]),
        ("real, through the autoencoder", [(50, 0.2), (200, 0.2)])]
    assert list(plot.lines[1].band) == [(0.12 - 0.02, 0.12 + 0.03)] * 2 and not plot.lines[0].band
    said = words_on(shown)
    assert "to held-out pictures 0.412; two real sets of that size: 0.120 (0.100 to 0.150), one of them through the " \
           "autoencoder: 0.200; n = 24" in said
    assert "24 drawn pictures against 24 held-out ones of the same captions" in said and "standard deviations" in said
    assert ("denoiser", "validation") not in shown._plots


def test_too_few_held_out_pictures_are_said_and_no_curve_is_drawn(desk: TestDesk, tmp_path: Path) -> None:
    tell(desk, begin(desk, tmp_path, "skin"), 50, loss=1.0, **{"pictures compared": 3})
    shown = choose(desk)
    assert "not measured: only 3 to compare, and 8 are needed" in words_on(shown)
    assert list(shown._plots) == [("denoiser", "loss")]


@pytest.mark.parametrize("floor, warned", [(0.12, False), (0.3, True)])
def test_distances_of_two_runs_stand_in_one_plot(desk: TestDesk, tmp_path: Path, floor: float, warned: bool) -> None:
    note(tmp_path / "old.training" / "checkpoints",
         {"stage": "denoiser", "step": 50, "steps": 500, "loss": 3.0, **distances(0.7, floor)})
    begin(desk, tmp_path, "old")
    tell(desk, begin(desk, tmp_path, "new"), 50, loss=1.0, **distances(0.5))
    shown = choose(desk, [run.name for run in desk.session.training.runs].index("new"))
    shown.other.setCurrentIndex(1)
    shown.other.activated.emit(1)
    lines = shown._plots["denoiser", "distance"].plot.lines
    assert [(line.name, line.faint) for line in lines] == [
        ("drawn", False), ("real", False), ("real, through the autoencoder", False), ("drawn, old", True)]
    assert ("old was held against other real pictures" in words_on(shown)) is warned


def test_curves_stand_side_by_side_where_there_is_room(desk: TestDesk, tmp_path: Path) -> None:
    job_id = begin(desk, tmp_path, "skin")
    tell(desk, job_id, 50, loss=1.0, **{"loss on held-out pictures": 0.5}, **distances(0.5))
    shown = choose(desk)
    plots = [shown._plots["denoiser", kind].plot for kind in ("loss", "validation", "distance")]
    for width, rows in ((900, 3), (1366, 2), (2200, 1)):
        desk.window.resize(width, 768)
        desk.until(lambda rows=rows: len({plot.parentWidget().y() for plot in plots}) == rows)
        assert all(plot.width() >= 300 for plot in plots)


def test_a_click_on_a_model_shows_its_card_again(desk: TestDesk, tmp_path: Path) -> None:
    tell(desk, begin(desk, tmp_path, "skin"), 50, loss=1.0)
    choose(desk)
    panel: Any = desk.window.place("models").panel
    QTest.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton,
                     pos=panel.list.visualRect(panel.list.model().index(0)).center())
    centre: Any = desk.window.place("models").centre
    assert not isinstance(centre.currentWidget(), TrainingPage)
