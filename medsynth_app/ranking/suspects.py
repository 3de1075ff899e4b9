"""Labels that may be wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsynth_app.ranking.features import Floats


@dataclass(frozen=True, eq=False)
class Suspects:
    """Rows whose label may be wrong, the likeliest first, and the class that speaks for itself; shapes (s,)."""

    rows: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int64]


def suspects(probabilities: Floats, labels: npt.NDArray[np.integer]) -> Suspects:
    """Confident learning (Northcutt et al. 2021, arXiv 1911.00068): the cells off the diagonal of its joint.

    A cell counts for a class when its probability for that class is at least the mean probability of the cells that
    are labelled so; for the likeliest one, where there are more. Who counts for another class than its label is
    suspect; the order is that of the difference between the two probabilities.

    Parameters
    ----------
    probabilities
        Shape (m, classes), by a classifier that did not learn from the cell.
    labels
        Shape (m,).
    """
    rows = np.arange(len(labels))
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    totals = np.bincount(labels, weights=probabilities[rows, labels], minlength=probabilities.shape[1])
    limits = np.divide(totals, counts, out=np.full(len(counts), np.inf), where=counts > 0)
    counted = np.where(probabilities >= limits, probabilities, -1)
    likeliest = counted.argmax(axis=1)
    found = np.flatnonzero((counted[rows, likeliest] >= 0) & (likeliest != labels))
    against = probabilities[found, likeliest[found]] - probabilities[found, labels[found]]
    order = found[np.argsort(-against, kind="stable")]
    return Suspects(order, likeliest[order])
