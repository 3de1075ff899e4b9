"""The canvas against bare napari: a 500-point stroke on 4096 x 4096, and how late the window's event loop runs.

Run: ``python -m tests.benchmarks.bench_viewer --pack resources/packs/blood-cells`` (on a display).
Without a pack only the stroke is measured.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import tifffile
from PySide6.QtCore import QEvent, QPointF, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from medsynth_app.jobs.queue import JobQueue
from medsynth_app.session.session import Session
from medsynth_app.settings.settings import SettingsStore
from medsynth_app.ui.viewer import Canvas
from medsynth_app.ui.viewer.embed import Labels, QtViewer, ViewerModel
from medsynth_app.workspace.workspace import Workspace

EDGE, POINTS, BRUSH = 4096, 500, 41
STROKE_LIMIT, LOOP_LIMIT, LOOP_MS = 1.2, 1.2, 50.0
TICK_MS = 5


def spiral() -> np.ndarray:
    """(POINTS, 2) rows and columns of a stroke 4000 pixels long, 8 from point to point, as a hand draws it."""
    turn = np.linspace(0, 4 * np.pi, POINTS)
    radius = np.linspace(150, 480, POINTS)
    return np.column_stack([EDGE / 2 + radius * np.sin(turn), EDGE / 2 + radius * np.cos(turn)])


class Napari:
    """A bare QtViewer with the same image and a uint8 Labels layer, with napari's own undo history."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.model = ViewerModel()
        self.widget = QtViewer(self.model)
        self.model.add_image(pixels, rgb=True)
        self.layer = self.model.add_layer(Labels(np.zeros((EDGE, EDGE), np.uint8)))
        self.layer.brush_size = BRUSH
        self.widget.resize(900, 700)
        self.widget.show()

    def stroke(self, between: Callable[[], None]) -> float:
        points = spiral()
        begun = time.perf_counter()
        with self.layer.block_history():
            for point in points:
                self.layer.paint(point, 1)
                between()
        spent = time.perf_counter() - begun
        self.layer.undo()
        return spent


class Ours:
    """The canvas on a real session: mouse events in, a journalled stroke out."""

    def __init__(self, folder: Path, pixels: np.ndarray, pack: Path | None) -> None:
        path = folder / "image.tif"
        tifffile.imwrite(path, pixels, photometric="rgb")
        self.workspace = Workspace.temporary()
        self.queue = JobQueue(self.workspace.jobs, lambda record, event: self.session.jobs.deliver(record, event))
        self.session = Session(self.workspace, self.queue, SettingsStore(folder / "config"),
                               pack_folders=[pack.resolve().parent] if pack else [folder],
                               post=lambda news: QTimer.singleShot(0, self.canvas, news))
        self.canvas = Canvas(self.session)
        self.canvas.resize(900, 700)
        self.canvas.show()
        self.session.documents.open(path)
        self.canvas.tools.set_size(BRUSH)

    def _send(self, kind: QEvent.Type, place: QPointF) -> None:
        left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
        moving, released = kind is QEvent.Type.MouseMove, kind is QEvent.Type.MouseButtonRelease
        event = QMouseEvent(kind, place, place, none if moving else left, none if released else left,
                            Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(self.canvas.scene.native, event)

    def stroke(self, between: Callable[[], None]) -> float:
        """Like napari's, and in it all of ours: hover, journal, one edit in the workspace."""
        places = [self.canvas.view.to_screen.map(QPointF(column, row)) for row, column in spiral().tolist()]
        begun = time.perf_counter()
        self._send(QEvent.Type.MouseButtonPress, places[0])
        for place in places[1:]:
            self._send(QEvent.Type.MouseMove, place)
            between()
        self._send(QEvent.Type.MouseButtonRelease, places[-1])
        spent = time.perf_counter() - begun
        assert self.session.documents.current is not None and self.session.documents.current.mask(0).any()
        self.session.painting.undo()
        return spent

    def close(self) -> None:
        self.canvas.close()
        self.queue.close()
        self.workspace.close()


class LoopDelay:
    """How much later than asked a timer of the event loop fires, in milliseconds."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self._due = 0.0
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    def _tick(self) -> None:
        now = time.perf_counter()
        self.late.append(max(0.0, (now - self._due) * 1000))
        self._due = now + TICK_MS / 1000

    def measure(self, until: Callable[[], bool]) -> float:
        """The 99th percentile of the delay while `until` is not yet true."""
        self._due = time.perf_counter() + TICK_MS / 1000
        self._timer.start(TICK_MS)
        while not until():
            QTest.qWait(20)
        self._timer.stop()
        return float(np.percentile(self.late, 99))


def drawing(every: int) -> Callable[[], None]:
    """Lets the window draw at every n-th call; never where `every` is 0."""
    calls = count(1)

    def between() -> None:
        if every and next(calls) % every == 0:
            QApplication.processEvents()

    return between


def measure_strokes(ours: Ours, napari: Napari, repeats: int) -> bool:
    """Print both ways to take the time; True when the limit is kept."""
    kept = True
    for title, every in (("painting alone", 0), ("drawn at every tenth point", 10)):
        own, bare = [], []
        for _ in range(repeats):  # alternately, so that the machine's moods meet both
            bare.append(napari.stroke(drawing(every)))
            QTest.qWait(50)
            own.append(ours.stroke(drawing(every)))
            QTest.qWait(400)
        ratio = statistics.median(own) / statistics.median(bare)
        kept &= ratio <= STROKE_LIMIT
        sys.stdout.write(f"{POINTS}-point stroke on {EDGE} x {EDGE}, {title}: ours {statistics.median(own):.3f} s, "
                         f"Labels.paint {statistics.median(bare):.3f} s, ratio {ratio:.2f} "
                         f"(limit {STROKE_LIMIT})\n")
    return kept


def measure_loop(ours: Ours, seconds: float) -> bool:
    """The event loop idle, and while a run draws into the open image."""
    ours.queue.start()
    end = time.monotonic() + seconds
    idle = LoopDelay().measure(lambda: time.monotonic() > end)
    ours.stroke(lambda: None)
    ours.session.painting.redo()
    ours.session.inpaint.set(count=4, seed=1)
    job_id = ours.session.inpaint.run().jobs[0]
    busy = LoopDelay().measure(lambda: ours.queue.state(job_id).ended)
    state = ours.queue.state(job_id)
    limit = max(LOOP_LIMIT * idle, LOOP_MS)
    sys.stdout.write(f"event loop, 99th percentile of the delay: idle {idle:.1f} ms, during a run ({state}) "
                     f"{busy:.1f} ms (limit {limit:.0f} ms)\n")
    return busy <= limit and state == "done"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--idle-seconds", type=float, default=5.0)
    options = parser.parse_args()
    app = QApplication.instance() or QApplication([])
    pixels = np.random.default_rng(0).integers(0, 256, (EDGE, EDGE, 3), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        ours, napari = Ours(Path(folder), pixels, options.pack), Napari(pixels)
        QTest.qWait(500)
        try:
            kept = measure_strokes(ours, napari, options.repeats)
            napari.widget.close()
            if options.pack is not None:
                kept &= measure_loop(ours, options.idle_seconds)
            sys.stdout.write(f"torch in the window's process: {'torch' in sys.modules}\n")
        finally:
            ours.close()
    del app
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
