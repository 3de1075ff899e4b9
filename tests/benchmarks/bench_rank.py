"""How long the ranking of many cells takes, and what memory; and our core-set beside scikit-activeml's.

Run: ``python -m tests.benchmarks.bench_rank [--cells N]``; the second part wants scikit-activeml installed
(``pip install scikit-activeml==1.0.1``) and is left out without it.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from medsynth_app.core.jobs.rank import RankRequest
from medsynth_app.engine.job import Job
from medsynth_app.engine.rank import run
from medsynth_app.formats.embeddings import Embeddings, write_embeddings
from medsynth_app.ranking.catalogue import STRATEGIES
from medsynth_app.ranking.coverage import k_center
from medsynth_app.ranking.pool import UNLABELLED, Batch, Pool

DIMENSIONS, CLASSES, LABELS, BATCH = 384, 8, 500, 50
LIMITS = {100_000: (20.0, 6.0), 1_000_000: (300.0, 6.0)}  # seconds, GB


def write_cells(folder: Path, count: int) -> None:
    """Eight clouds on a curved sheet, as embeddings are, in pieces: a million are 1.5 GB."""
    rng = np.random.default_rng(0)
    middles, sheet = rng.normal(size=(CLASSES, DIMENSIONS)), rng.normal(size=(24, DIMENSIONS)) / 3
    truth = rng.integers(0, CLASSES, count)
    values = np.empty((count, DIMENSIONS), np.float32)
    for start in range(0, count, 50_000):
        rows = slice(start, min(start + 50_000, count))
        size = rows.stop - rows.start
        values[rows] = (middles[truth[rows]] + rng.normal(size=(size, 24)) @ sheet
                        + 0.3 * rng.normal(size=(size, DIMENSIONS)))
    ids = tuple(f"c{k:07d}" for k in range(count))
    write_embeddings(folder / "E.npz", Embeddings(ids, values, "made up", "ab" * 32))
    chosen = rng.choice(count, LABELS, replace=False)
    (folder / "labels.csv").write_text("cell_id,class\n" + "".join(f"{ids[k]},class {truth[k]}\n" for k in chosen))


def time_job(folder: Path, strategy: str) -> float:
    """Seconds of the whole job: read, rank, write."""
    begun = time.perf_counter()
    run(RankRequest((str(folder / "E.npz"),), strategy, BATCH, str(folder / "ranked.csv"), str(folder / "labels.csv")),
        Job("bench", lambda message: None))
    return time.perf_counter() - begun


def core_sets(count: int = 10_000, dimensions: int = 96) -> tuple[float, float]:
    """Seconds of our core-set and of scikit-activeml's for the same batch of the same cells; ends where they differ."""
    from skactiveml.pool import CoreSet  # type: ignore[import-not-found]

    features = np.random.default_rng(1).normal(size=(count, dimensions)).astype(np.float32)
    labels = np.full(count, UNLABELLED)
    labels[:LABELS] = np.arange(LABELS) % CLASSES
    pool = Pool.of(features, labels, CLASSES)
    ours, theirs = [], []
    for _turn in range(3):
        batch = Batch(pool, BATCH, radius=0)
        begun = time.perf_counter()
        k_center(pool, batch, np.random.default_rng(0))
        ours.append(time.perf_counter() - begun)
        given = np.where(labels == UNLABELLED, np.nan, labels)
        begun = time.perf_counter()
        found = CoreSet(random_state=0).query(features, given, batch_size=BATCH)
        theirs.append(time.perf_counter() - begun)
    if set(found.tolist()) != set(batch.cells):
        raise SystemExit("The two core-sets chose different cells.")
    return min(ours), min(theirs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=100_000)
    parser.add_argument("--strategies", nargs="*", default=[entry.name for entry in STRATEGIES])
    options = parser.parse_args()
    passed = True
    with tempfile.TemporaryDirectory() as made:
        write_cells(Path(made), options.cells)
        seconds, gigabytes = LIMITS.get(options.cells, (np.inf, np.inf))
        for name in options.strategies:
            taken = time_job(Path(made), name)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            passed &= taken <= seconds and peak <= gigabytes
            print(f"{name:20s} {taken:6.1f} s  (limit {seconds:g} s)   peak so far {peak:.2f} GB (limit {gigabytes:g})")
    if importlib.util.find_spec("skactiveml"):
        ours, theirs = core_sets()
        print(f"core-set, {BATCH} of 10,000: ours {ours:.2f} s, scikit-activeml {theirs:.2f} s, "
              f"ratio {ours / theirs:.2f}")
    return 0 if passed else 2


if __name__ == "__main__":
    sys.exit(main())
