"""How much has not been seen yet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Unseen:
    """The share of cells whose class nobody has met yet.

    Attributes
    ----------
    share
        Good-Turing estimate, 0 to 1.
    at_most
        With a confidence of 95 %.
    """

    share: float
    at_most: float


def unseen_share(counts: npt.ArrayLike, confidence: float = 0.95) -> Unseen:
    """Good-Turing estimate of the unseen mass: classes met once, over all labels (Good 1953).

    The bound is that of McAllester and Schapire (2000). Both hold for cells chosen by chance alone; labels that a
    strategy chose overstate it.

    Parameters
    ----------
    counts
        Labels of each class, shape (classes,).

    Raises
    ------
    ValueError
        Without any label.
    """
    found = np.asarray(counts, np.int64)
    total = int(found.sum())
    if total < 1:
        raise ValueError("the unseen share needs at least one label")
    share = float((found == 1).sum()) / total
    return Unseen(share, min(1.0, share + (2 * np.sqrt(2) + np.sqrt(3)) * float(np.sqrt(np.log(3 / (1 - confidence))
                                                                                       / total))))
