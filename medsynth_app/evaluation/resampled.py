"""Scores of a classifier with intervals, from counts that are drawn again: fast enough for every batch of labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from medsynth_app.evaluation.intervals import Spread

RESAMPLES = 1000
Counts = npt.NDArray[np.integer]


def macro_f1_of(counts: Counts) -> npt.NDArray[np.float64]:
    """Mean F1 over the classes that occur among the labels, of tables of shape (..., classes, classes).

    A row for each class as labelled, a column for each as named. NaN for an empty table.
    """
    hits, labelled = np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1)
    return _mean_where(2 * hits / np.maximum(labelled + counts.sum(axis=-2), 1), labelled > 0)


def balanced_accuracy_of(counts: Counts) -> npt.NDArray[np.float64]:
    """Mean recall over the classes that occur among the labels; as `macro_f1_of`."""
    hits, labelled = np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1)
    return _mean_where(hits / np.maximum(labelled, 1), labelled > 0)


def _mean_where(values: npt.NDArray[np.float64], where: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    total = np.where(where, values, 0).sum(axis=-1)
    number = where.sum(axis=-1)
    mean: npt.NDArray[np.float64] = np.divide(total, number, out=np.full(np.shape(total), np.nan), where=number > 0)
    return mean


def redrawn(counts: Counts, rng: np.random.Generator, times: int = RESAMPLES) -> npt.NDArray[np.int64]:
    """Tables of as many cells, drawn from a table with replacement; shape (times, classes, classes)."""
    total = int(counts.sum())
    return rng.multinomial(total, counts.ravel() / total, size=times).reshape(times, *counts.shape)


def with_interval(value: float, drawn: npt.NDArray[np.float64], n: int, level: float = 0.95) -> Spread:
    """A value with the percentile interval of what was drawn (Efron 1979), widened where that leaves it out."""
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Spread(value, min(float(low), value), max(float(high), value), n)


def tables(labels: npt.NDArray[np.integer], said: npt.NDArray[np.integer], classes: int,
           weights: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Tables of counts, each cell counted as often as its weight says.

    Parameters
    ----------
    labels, said
        Shape (n,), 0..classes - 1.
    weights
        Shape (tables, n), such as a bootstrap draws them: one drawing for several classifiers pairs their scores.

    Returns
    -------
    Shape (tables, classes, classes).
    """
    placed = np.zeros((len(labels), classes * classes), np.int64)
    placed[np.arange(len(labels)), labels * classes + said] = 1
    found: npt.NDArray[np.int64] = (weights @ placed).reshape(len(weights), classes, classes)
    return found
