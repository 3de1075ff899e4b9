"""How long many cells take to be submitted, and what another thread's small writes wait for meanwhile.

Run: ``python -m tests.benchmarks.bench_queue``
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.embed import EmbedRequest, PictureList
from medsynth_app.core.jobs.request import ModelRef
from medsynth_app.core.jobs.stored import to_parts
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.workspace import Workspace

TARGETS = {"submit": 0.2, "row": 10_000}  # seconds, bytes


def cells(count: int) -> EmbedRequest:
    """Cells of slides of 2,000 each, with boxes that a detector would find."""
    corners = np.random.default_rng(0).integers(0, 40_000, (count, 2))
    pictures = PictureList.of([f"slide-{k // 2000:04d}-cell-{k:07d}" for k in range(count)],
                              [f"/data/pathology/2026/slide-{k // 2000:04d}.tiff" for k in range(count)],
                              np.concatenate([corners, corners + 48], axis=1))
    return EmbedRequest(ModelRef("/packs/encoder", "ab" * 32), pictures, "/data/E.npz")


class Writer(threading.Thread):
    """Small writes, one after the other, as strokes are."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(daemon=True)
        self._workspace, self._stop_now = workspace, threading.Event()
        self.waits: list[float] = []

    def run(self) -> None:
        while not self._stop_now.is_set():
            begun = time.perf_counter()
            self._workspace.jobs.move("none", 1.0)
            self.waits.append(time.perf_counter() - begun)
            time.sleep(0.002)

    def stop(self) -> float:
        """The 99th percentile of the waits, in seconds."""
        self._stop_now.set()
        self.join()
        return float(np.quantile(self.waits, 0.99))


def measure(count: int) -> dict[str, float]:
    """Seconds to make and to submit a list, and what writes waited, alone and meanwhile."""
    with tempfile.TemporaryDirectory() as folder, Workspace.open(Path(folder) / "workspace") as workspace:
        queue = JobQueue(workspace.jobs, lambda record, event: None, lanes=(Lane.BACKGROUND,))  # never started
        alone = Writer(workspace)
        alone.start()
        time.sleep(1)
        quiet = alone.stop()
        beside = Writer(workspace)
        begun = time.perf_counter()
        request = cells(count)
        made = time.perf_counter()
        beside.start()
        queue.submit(request)
        submitted = time.perf_counter()
        waited = beside.stop()
        queue.close()
    return {"list made": made - begun, "submit": submitted - made, "write alone": quiet, "write meanwhile": waited}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    runs = [measure(options.cells) for _ in range(options.repeats)]
    row = len(str(to_parts(cells(options.cells))[0]))
    print(f"{options.cells} cells; median of {options.repeats}; writes: 99th percentile")
    for name in runs[0]:
        target = f"   target {TARGETS[name]}" if name in TARGETS else ""
        print(f"{name:<18}{statistics.median(run[name] for run in runs):>9.3f} s{target}")
    print(f"{'row':<18}{row:>9} bytes   target {TARGETS['row']}")
    return 2 if row > TARGETS["row"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
