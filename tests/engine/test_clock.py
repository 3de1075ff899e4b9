"""Time left."""

from __future__ import annotations

import pytest

from medsynth_app.engine.clock import Clock


def test_time_left() -> None:
    now = [0.0]
    clock = Clock(None, lambda: now[0])
    assert clock.seconds_left(0) is None
    now[0] = 5  # five seconds of reading; half was done by an earlier run
    assert clock.seconds_left(0.5) is None
    now[0] = 15
    assert clock.seconds_left(0.6) == pytest.approx(40)
    with clock.paused():
        now[0] = 1000
    assert clock.seconds_left(0.6) == pytest.approx(40)
    limited = Clock(20, lambda: now[0])
    now[0] += 12
    assert limited.seconds_left(0) == pytest.approx(8)
