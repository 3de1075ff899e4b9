"""How long a person waits: first preview and staged candidates from a warm worker.

Run: ``python -m tests.benchmarks.bench_worker --pack resources/packs/blood-cells``
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np

from medsynth_app.core.job import EventKind, JobEvent, JobRecord, JobState
from medsynth_app.core.jobs.inpaint import InpaintRequest
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.jobs.store import MemoryJobStore
from tests.asking import inpaint_of

TARGETS = {"first preview": 3.0, "all candidates": 20.0}


class Bench:
    """A queue with a clock on every event."""

    def __init__(self) -> None:
        self.times: dict[str, list[tuple[EventKind, float]]] = {}
        self.ready: list[float] = []
        self.queue = JobQueue(MemoryJobStore(), self._hear,
                              on_ready=lambda info: self.ready.append(time.perf_counter()))

    def _hear(self, record: JobRecord, event: JobEvent) -> None:
        self.times.setdefault(event.job_id, []).append((event.kind, time.perf_counter()))

    def seconds(self, request: InpaintRequest) -> dict[str, float]:
        """Seconds from submit to each mark of one job."""
        begun = time.perf_counter()
        job = self.queue.submit(request, title="benchmark")
        record = self.queue.wait(job, 600)
        if record.state is not JobState.DONE:
            raise SystemExit(f"the job {record.state}: {record.message}")
        told = self.times[job]
        marks = {name: next((at for kind, at in told if kind is wanted), None)
                 for name, wanted in (("first step", EventKind.PROGRESS), ("first preview", EventKind.PREVIEW),
                                      ("first candidate", EventKind.RESULT))}
        marks["all candidates"] = max((at for kind, at in told if kind is EventKind.RESULT), default=None)
        return {name: at - begun for name, at in marks.items() if at is not None}


def request_of(pack: Path, size: int, options: argparse.Namespace) -> InpaintRequest:
    """A disc in the middle of a `size` x `size` RGB crop."""
    rows, columns = np.ogrid[:size, :size]
    mask = (rows - size / 2) ** 2 + (columns - size / 2) ** 2 < (size / 5) ** 2
    crop = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    return inpaint_of(
        crop=crop, mask=mask, bounds=(0, 0, size, size), document_id="benchmark", frame_key="benchmark",
        revision="", source="benchmark", pack=str(pack), pack_sha256="", prompt=options.prompt, steps=options.steps,
        count=options.count, seed=1, preview_every=options.preview_every, device=options.device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--prompt", default="a neutrophil in a peripheral blood smear")
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--preview-every", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    manifest = options.pack / "pack.json"
    size = int(json.loads(manifest.read_text())["native_size"]) if manifest.exists() else 512
    bench = Bench()
    bench.queue.start()
    try:
        begun = time.perf_counter()
        bench.queue.warm_up(str(options.pack.resolve()), options.device)
        while not bench.ready:
            time.sleep(0.05)
        if "error" in bench.queue.info:
            raise SystemExit(bench.queue.info["error"])
        warm = bench.ready[0] - begun
        runs = [bench.seconds(request_of(options.pack.resolve(), size, options)) for _ in range(options.repeats)]
    finally:
        bench.queue.close()
    print(f"{bench.queue.info.get('device')}; {size} x {size}, {options.count} candidates, {options.steps} steps, "
          f"preview every {options.preview_every}; median of {options.repeats}")
    print(f"{'from submit to':<18}{'seconds':>9}{'target':>9}")
    print(f"{'(warm-up)':<18}{warm:>9.2f}{'':>9}")
    for name in runs[0]:
        target = f"{TARGETS[name]:.0f}" if name in TARGETS else ""
        print(f"{name:<18}{statistics.median(run[name] for run in runs):>9.2f}{target:>9}")


if __name__ == "__main__":
    main()
