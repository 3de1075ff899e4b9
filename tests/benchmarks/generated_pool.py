"""What a person gains by labelling generated cells: are bad ones found early, and do the others teach anything?

Run: ``python -m tests.benchmarks.generated_pool REAL.npz GENERATED.npz --labels labels.csv`` on what `peer_embeddings`
wrote of real cells and of generated ones (names: CLASS/...), so that nothing judges that was trained on either. Bring
the real ones to the size of the generated ones first: the network sees a blur before it sees a cell.

A generated cell counts as *bad* where a classifier of all real training cells (multinomial, balanced, half whitened
axes) either names another class than the asked one or gives its best class less than `UNSURE`. The same rule on real
test cells tells how often it is wrong. An oracle then answers: a bad cell is implausible and teaches nothing, any other
is of its asked class. The first `KNOWN` real labels are drawn by chance and known before.
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from medsynth_app.evaluation.intervals import over_seeds
from medsynth_app.formats.embeddings import Embeddings, read_embeddings
from medsynth_app.ranking.classifier import learn, softmax
from medsynth_app.ranking.features import Floats, main_axes
from medsynth_app.ranking.pool import UNLABELLED, Pool
from medsynth_app.ranking.rank import rank
from medsynth_app.ranking.simulate import score

SEEDS, BATCH, KNOWN = 5, 20, 80
UNSURE = 0.5
EARLY = (100, 200)
REAL_LABELS = (40, 80, 160, 320)
ORDERS = ("random", "useful", "entropy", "synthetic")
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Cells:
    """Features (n, d) and classes (n,) of real cells to learn from, of held-out ones, and of generated ones."""

    train: Floats
    train_is: Codes
    test: Floats
    test_is: Codes
    generated: Floats
    asked: Codes
    classes: tuple[str, ...]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("real", type=Path)
    parser.add_argument("generated", type=Path)
    parser.add_argument("--labels", type=Path, required=True)
    options = parser.parse_args()
    cells = read(read_embeddings(options.real), read_embeddings(options.generated), options.labels)
    model = learn(cells.train, cells.train_is, len(cells.classes))
    console, bad = Console(width=180), judged(model.logits(cells.generated), cells.asked)
    wrong = judged(model.logits(cells.test), cells.test_is)
    console.print(f"{len(bad)} generated cells, {bad.mean():.1%} bad; by the same rule {wrong.mean():.1%} of "
                  f"{len(wrong)} real test cells")
    console.print(", ".join(f"{name} {bad[cells.asked == k].mean():.0%} (real {wrong[cells.test_is == k].mean():.0%})"
                            for k, name in enumerate(cells.classes)))
    found = Table("order", *(f"bad among {count}" for count in EARLY), box=None)
    taught = {name: [order_of(cells, bad, name, seed) for seed in range(SEEDS)] for name in ORDERS}
    for name, orders in taught.items():
        found.add_row(name, *(said([float(bad[order[:count]].sum()) for order in orders]) for count in EARLY))
    console.print(found)
    gains = Table("real labels", "alone", *(f"{EARLY[-1]} by {name}" for name in ORDERS), "all, as asked",
                  f"{EARLY[-1]} real more", box=None)
    for count in REAL_LABELS:
        gains.add_row(str(count), *(said(values) for values in gain(cells, bad, taught, count)))
    console.print("macro-F1 on held-out real cells")
    console.print(gains)
    return 0


def read(real: Embeddings, generated: Embeddings, labels: Path) -> Cells:
    """On the axes of the real training cells."""
    with labels.open(newline="", encoding="utf-8") as stream:
        known = {row["file"]: row for row in csv.DictReader(stream)}
    rows = [known[name] for name in real.ids]
    classes = tuple(sorted({row["class"] for row in rows}))
    code = np.array([classes.index(row["class"]) for row in rows])
    train, test = (np.array([row["split"] == part for row in rows]) for part in ("train", "test"))
    asked = np.array([next(classes.index(part) for part in Path(name).parts if part in classes)
                      for name in generated.ids])
    axes = main_axes(real.values[train], np.random.default_rng(0))
    return Cells(axes.of(real.values[train]), code[train], axes.of(real.values[test]), code[test],
                 axes.of(generated.values), asked, classes)


def judged(logits: Floats, asked: Codes) -> npt.NDArray[np.bool_]:
    """Which cells are bad."""
    shares = softmax(logits)
    found: npt.NDArray[np.bool_] = (shares.argmax(axis=1) != asked) | (shares.max(axis=1) < UNSURE)
    return found


def order_of(cells: Cells, bad: npt.NDArray[np.bool_], strategy: str, seed: int) -> Codes:
    """In which order `EARLY` generated cells are asked for, beside `KNOWN` real labels."""
    rng = np.random.default_rng(seed)
    known = rng.permutation(len(cells.train))[:KNOWN]
    features = np.concatenate([cells.train[known], cells.generated])
    labels = np.concatenate([cells.train_is[known], np.full(len(bad), UNLABELLED)])
    is_real = np.arange(len(features)) < KNOWN
    order: list[int] = []
    while len(order) < EARLY[-1]:
        pool = Pool.of(features, labels, len(cells.classes), real=is_real)
        pool = replace(pool, open=np.setdiff1d(pool.open, np.array(order, np.int64) + KNOWN))
        for pick in rank(pool, strategy, BATCH, rng):
            cell = pick.cell - KNOWN
            order.append(cell)
            labels[pick.cell] = UNLABELLED if bad[cell] else cells.asked[cell]
    return np.array(order)


def gain(cells: Cells, bad: npt.NDArray[np.bool_], taught: dict[str, list[Codes]], count: int) -> list[list[float]]:
    """Macro-F1 of each column by seed: real labels alone, with the good ones of those labelled, with all, with real."""
    columns: list[list[float]] = []

    def scored(add: Codes | None, seed: int, more: int = 0) -> float:
        known = np.random.default_rng((seed, count)).permutation(len(cells.train))[:count + more]
        features, labels = [cells.train[known]], [cells.train_is[known]]
        if add is not None:
            features.append(cells.generated[add])
            labels.append(cells.asked[add])
        return score(np.concatenate(features), np.concatenate(labels), cells.test, cells.test_is, len(cells.classes))

    columns.append([scored(None, seed) for seed in range(SEEDS)])
    for orders in taught.values():
        columns.append([scored(order[~bad[order]], seed) for seed, order in enumerate(orders)])
    columns.append([scored(np.arange(len(bad)), seed) for seed in range(SEEDS)])
    columns.append([scored(None, seed, EARLY[-1]) for seed in range(SEEDS)])
    return columns


def said(values: list[float]) -> str:
    spread = over_seeds(values)
    digits = 3 if spread.mean < 1 else 0
    return f"{spread.mean:.{digits}f} ({spread.low:.{digits}f}-{spread.high:.{digits}f})"


if __name__ == "__main__":
    sys.exit(main())
