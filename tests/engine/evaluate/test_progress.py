from __future__ import annotations

import pytest

from medsynth_app.core.errors import Cancelled
from medsynth_app.core.job import JobEvent
from medsynth_app.engine.evaluate.progress import Progress


def test_stages_add_up_to_the_whole_with_the_time_left() -> None:
    events: list[JobEvent] = []
    now = [0.0]
    progress = Progress(events.append, lambda: False, "job", [("draw", 1.0), ("judge", 3.0)], lambda: now[0])
    told = progress.stage("draw")
    for done in range(1, 11):
        now[0] += 1
        told(done, 10)
    assert events[-1].step == 250 and events[-1].message == "draw: 10 of 10"
    assert events[-1].seconds_left == pytest.approx(30, rel=0.01)
    told = progress.stage("judge")
    for done in range(1, 6):
        now[0] += 3
        told(done, 10)
    assert events[-1].step == 625 and events[-1].seconds_left == pytest.approx(15, rel=0.01)
    steps = [event.step for event in events]
    progress.stage("draw")(1, 10)
    assert steps == sorted(steps) and events[-1].step == 625, "a stage that comes again takes nothing back"


def test_waiting_for_the_interactive_lane_is_no_work() -> None:
    now = [0.0]

    def gives_way() -> bool:
        now[0] += 100
        return False

    progress = Progress(lambda event: None, gives_way, now=lambda: now[0])
    progress.stage("judge")(1, 2)
    assert progress.worked() == 0


def test_a_cancel_ends_the_next_step() -> None:
    progress = Progress(lambda event: None, lambda: True)
    with pytest.raises(Cancelled):
        progress.stage("judge")(0, 2)
