"""What a classifier says of labelled cells that it did not learn from, and how sure it may be."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from medsynth_app.ranking.classifier import learn, softmax
from medsynth_app.ranking.features import Floats
from medsynth_app.ranking.pool import Pool

Labels = npt.NDArray[np.integer]
FOLDS = 5
ABSENT = -1e4  # score of a class that a fold never saw
FEWEST = 20  # cells that a temperature is found on


def folds(labels: Labels, images: Labels, rng: np.random.Generator, count: int = FOLDS) -> npt.NDArray[np.int64]:
    """Fold of each cell, 0 to count - 1: cells of one image lie in one fold, and classes are spread evenly.

    Images come in an order by chance, those with most cells first; each goes where the sum of squared counts of its
    classes grows least.

    Parameters
    ----------
    labels, images
        Shapes (m,), whole numbers from 0.
    """
    _names, group, sizes = np.unique(images, return_inverse=True, return_counts=True)
    count = min(count, len(sizes))
    held = np.zeros((len(sizes), int(labels.max(initial=0)) + 1), np.int64)
    np.add.at(held, (group, labels), 1)
    filled = np.zeros((count, held.shape[1]), np.int64)
    fold = np.empty(len(sizes), np.int64)
    mixed = rng.permutation(len(sizes))
    for each in mixed[np.argsort(-sizes[mixed], kind="stable")]:
        growth = (filled * held[each]).sum(axis=1)
        best = np.flatnonzero(growth == growth.min())
        fold[each] = best[filled[best].sum(axis=1).argmin()]
        filled[fold[each]] += held[each]
    return fold[group]


def folds_of(pool: Pool, rng: np.random.Generator) -> npt.NDArray[np.int64] | None:
    """`folds` of the labelled cells of a pool, each an image of its own where images are not known; None for one fold.
    """
    cells = pool.labelled
    found = folds(pool.labels[cells], pool.images[cells] if pool.images is not None else cells, rng)
    return found if found.any() else None


def left_out(features: Floats, labels: Labels, classes: int, fold: npt.NDArray[np.int64],
             teaching: npt.NDArray[np.bool_] | None = None) -> Floats:
    """Scores of cells by classifiers that learned from all other folds.

    Parameters
    ----------
    features, labels, fold
        Shapes (m, d), (m,), (m,).
    teaching
        Cells that are learned from, shape (m,); None: all.
    """
    found = np.empty((len(labels), classes), np.float32)
    for each in np.unique(fold):
        rows, taught = fold == each, fold != each
        if teaching is not None:
            taught &= teaching
        present = np.unique(labels[taught])
        if len(present) > 1:
            found[rows] = learn(features[taught], labels[taught], classes).logits(features[rows])
        else:
            found[rows] = ABSENT if len(present) else 0
            found[np.ix_(rows, present)] = 0
    return found


def temperature(logits: Floats, labels: Labels) -> float:
    """What scores are divided by so that probabilities come true (Guo et al. 2017, arXiv 1706.04599).

    1 where fewer than `FEWEST` cells can tell. A cell whose class its classifier never saw tells nothing.
    """
    from scipy.optimize import minimize_scalar

    told = logits[np.arange(len(labels)), labels] > ABSENT / 2
    if told.sum() < FEWEST:
        return 1.0
    scores, truth = logits[told].astype(np.float64), labels[told]

    def loss(log: float) -> float:
        shares = softmax(scores / np.exp(log))[np.arange(len(truth)), truth]
        return float(-np.log(np.maximum(shares, 1e-9)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.1), np.log(10)), method="bounded").x))
