"""The drawer with many waiting jobs: how late the event loop runs while jobs are submitted, moved and cancelled.

Run: ``python -m tests.benchmarks.bench_drawer`` (on a display). Limit: 50 ms at the 99th percentile.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from medsynth_app.app import application, build_window
from medsynth_app.core.job import JobState
from medsynth_app.settings.settings import SettingsStore
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack, paint, png
from tests.benchmarks.bench_viewer import TICK_MS, LoopDelay

LIMIT_MS = 50.0


def repainting(word: QLabel) -> float:
    """99th percentile of the delay, ms, while one word is painted anew: what the screen itself costs."""
    timer, end, turns = QTimer(), time.monotonic() + 3, count()
    timer.timeout.connect(lambda: word.setText(f"saved {next(turns)}"))
    timer.start(10 * TICK_MS)
    return LoopDelay().measure(lambda: time.monotonic() > end)


def measure(folder: Path, jobs: int, repeats: int) -> tuple[float, float, float, dict[str, float]]:
    """Delay of the event loop in ms: 99th percentile of one word and of the jobs, largest; longest call of a kind."""
    make_pack(folder / "packs")
    application()
    desk = build_window(Workspace.open(folder / "work"), SettingsStore(folder / "config"),
                        pack_folders=[folder / "packs"])
    session, window = desk.session, desk.window
    window.resize(1366, 768)
    window.show()
    QTest.qWaitForWindowExposed(window)
    paint(session.documents.open(png(folder / "image.png")))
    ids = [session.inpaint.run().jobs[0] for _ in range(jobs)]  # the queue is not started: all of them wait
    window.ring.click()
    QTest.qWait(500)
    longest: dict[str, float] = {}

    def timed(name: str, run: Callable[[], object]) -> Callable[[], None]:
        def call() -> None:
            begun = time.perf_counter()
            run()
            longest[name] = max(longest.get(name, 0.0), (time.perf_counter() - begun) * 1000)
        return call

    plain = repainting(window.status.saved)
    deeds: list[Callable[[], None]] = []
    for turn in range(repeats):
        deeds += [timed("submit", lambda: ids.append(session.inpaint.run().jobs[0])),
                  timed("move", lambda turn=turn: session.jobs.move(ids[-1], ids[turn + jobs // 2])),
                  timed("cancel", lambda turn=turn: session.jobs.cancel(ids[turn]))]

    def next_deed() -> None:
        if deeds:
            deeds.pop(0)()

    timer = QTimer()
    timer.timeout.connect(next_deed)
    timer.start(10 * TICK_MS)
    delay = LoopDelay()
    worst = delay.measure(lambda: not deeds)
    timer.stop()
    waiting = sum(entry.record.state is JobState.WAITING for entry in session.jobs.entries)
    assert waiting == jobs, waiting
    desk.close()
    return plain, worst, float(np.max(delay.late)), longest


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        plain, worst, most, longest = measure(Path(folder), options.jobs, options.repeats)
    calls = ", ".join(f"{name} {value:.0f} ms" for name, value in longest.items())
    sys.stdout.write(f"{options.jobs} waiting jobs, drawer open: event loop late by {worst:.1f} ms at the 99th "
                     f"percentile (limit {LIMIT_MS:.0f} ms; {plain:.1f} ms where one word is painted instead), "
                     f"{most:.1f} ms at most; longest call: {calls}\n")
    return int(worst > LIMIT_MS)


if __name__ == "__main__":
    sys.exit(main())
