"""What a strategy would have saved: an oracle labels a pool whose labels are known, batch after batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsynth_app.ranking.classifier import learn
from medsynth_app.ranking.features import Floats, main_axes
from medsynth_app.ranking.pool import UNLABELLED, Pool
from medsynth_app.ranking.rank import rank

Labels = npt.NDArray[np.int64]
EARLY = 160  # labels among which rare cells are counted


@dataclass(frozen=True, eq=False)
class LabelledCells:
    """Cells whose classes are known.

    Attributes
    ----------
    embeddings
        Shape (n, d).
    labels
        Shape (n,), 0..classes - 1.
    """

    embeddings: npt.NDArray[np.floating]
    labels: Labels


@dataclass(frozen=True)
class Curve:
    """One run of one strategy.

    Attributes
    ----------
    labels
        How many labels had been given, after each batch.
    macro_f1
        On the held-out cells, after each batch; not the best so far.
    full
        Macro-F1 with the whole pool labelled.
    rare_found
        Rare cells among the first `EARLY` labels (or among all, where there are fewer); None without rare classes.
    rare
        How many rare cells the pool holds.
    """

    strategy: str
    seed: int
    labels: tuple[int, ...]
    macro_f1: tuple[float, ...]
    full: float
    rare_found: int | None = None
    rare: int = 0

    def labels_to(self, share: float) -> int | None:
        """Labels at which `share` of the full score is first reached; None where it is not within the budget."""
        return next((count for count, score in zip(self.labels, self.macro_f1, strict=True)
                     if score >= share * self.full), None)

    @property
    def area(self) -> float:
        """Area under the curve of macro-F1 over labels, divided by the range of labels: a mean score."""
        if len(self.labels) < 2:
            return float(self.macro_f1[0]) if self.macro_f1 else 0.0
        return float(np.trapezoid(self.macro_f1, self.labels) / (self.labels[-1] - self.labels[0]))


def rare_pool(labels: Labels, classes: int, imbalance: float, rng: np.random.Generator,
              named: npt.NDArray[np.bool_] | None = None) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Choose cells so that some classes are `imbalance` times as rare as the others.

    Parameters
    ----------
    labels
        Shape (n,).
    imbalance
        1 keeps all cells.
    named
        Which classes are to be rare, shape (classes,), not all; None: half of them, chosen by chance.

    Returns
    -------
    Indices of the chosen cells, sorted, and which classes are rare, shape (classes,).
    """
    rare = np.zeros(classes, bool)
    if imbalance <= 1:
        return np.arange(len(labels)), rare
    if named is None:
        rare[rng.permutation(classes)[:classes // 2]] = True
    else:
        rare = named
    counts = np.bincount(labels, minlength=classes)
    common = int(counts[~rare].min())
    few = max(2, round(common / imbalance))
    chosen = [rng.choice(np.flatnonzero(labels == k), min(few if rare[k] else common, counts[k]), replace=False)
              for k in range(classes)]
    return np.sort(np.concatenate(chosen)), rare


def simulate(pool: LabelledCells, held_out: LabelledCells, classes: int, strategy: str, *, budget: int, batch: int,
             seed: int, rare: npt.NDArray[np.bool_] | None = None,
             checkpoint: Callable[[int], None] = lambda labels: None) -> Curve:
    """Label a pool in the order of a strategy and score the classifier after each batch on cells never chosen from.

    The axes of the features are found on the pool, whose embeddings are known before any label.

    Parameters
    ----------
    budget, batch
        Labels in all, and at a time.
    rare
        Which classes are rare, shape (classes,).
    checkpoint
        Told of the labels given so far; may raise to stop.

    Raises
    ------
    ValueError
        No cells, one class only among them, or a budget or batch below 1.
    """
    if budget < 1 or batch < 1 or not len(pool.labels) or not len(held_out.labels):
        raise ValueError("a simulation needs cells on both sides, and a budget and batch of at least 1")
    rng = np.random.default_rng(seed)
    axes = main_axes(pool.embeddings, rng)
    features, asked = axes.of(pool.embeddings), axes.of(held_out.embeddings)
    full = score(features, pool.labels, asked, held_out.labels, classes)
    known = np.full(len(pool.labels), UNLABELLED, np.int64)
    order: list[int] = []
    counts, scores = [], []
    while len(order) < min(budget, len(known)):
        picks = rank(Pool.of(features, known, classes), strategy, min(batch, budget - len(order)), rng)
        chosen = [pick.cell for pick in picks]
        known[chosen] = pool.labels[chosen]
        order += chosen
        counts.append(len(order))
        scores.append(score(features[order], pool.labels[order], asked, held_out.labels, classes))
        checkpoint(len(order))
    is_rare = rare[pool.labels] if rare is not None and rare.any() else None
    return Curve(strategy, seed, tuple(counts), tuple(scores), full,
                 None if is_rare is None else int(is_rare[order[:EARLY]].sum()),
                 0 if is_rare is None else int(is_rare.sum()))


def score(features: Floats, labels: Labels, asked: Floats, truth: Labels, classes: int) -> float:
    """Macro-F1 on `asked` of what was learned from `features`; with one class alone, of that constant answer."""
    from sklearn.metrics import f1_score  # type: ignore[import-untyped]

    if len(np.unique(labels)) > 1:
        said = learn(features, labels, classes).logits(asked).argmax(axis=1)
    else:
        said = np.full(len(asked), labels[0])
    return float(f1_score(truth, said, labels=np.arange(classes), average="macro", zero_division=0))
