"""Scores after more and more labels, and whether still more are worth while."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsynth_app.evaluation.intervals import Spread
from medsynth_app.evaluation.resampled import macro_f1_of, tables, with_interval

RESAMPLES = 400
FLAT_FROM = 100  # labels, before which nobody is advised to stop
# On labels that a strategy chose, gains look two to four times what they are on all cells (simulated, blood cells).
LITTLE = 0.03  # macro-F1 that the last doubling of the labels brought, below which a curve is flat,
AT_MOST = 0.06  # and what it may have brought at most, at 95 % (one-sided)


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """Macro-F1 of several classifiers on the same cells.

    Attributes
    ----------
    macro_f1, errors
        Of each, with its standard error by bootstrap over the cells; shape (points,).
    gain
        Of the last over the one before it, on the same cells, with its 90 % interval; None for one point alone.
    """

    macro_f1: npt.NDArray[np.float64]
    errors: npt.NDArray[np.float64]
    gain: Spread | None

    def is_flat(self, labels: int) -> bool:
        """Whether the last doubling, to `labels` labels, brought little, and surely not much."""
        return (self.gain is not None and labels >= FLAT_FROM and self.gain.mean < LITTLE
                and self.gain.high < AT_MOST)


def learning_curve(labels: npt.NDArray[np.integer], said: npt.NDArray[np.integer], classes: int,
                   rng: np.random.Generator) -> LearningCurve:
    """Score what classifiers said.

    Parameters
    ----------
    labels
        Shape (n,), 0..classes - 1, n >= 1.
    said
        Shape (points, n).
    """
    count = len(labels)
    weights = np.concatenate([np.ones((1, count), np.int64),
                              rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)])
    scores = np.array([macro_f1_of(tables(labels, each, classes, weights)) for each in said])
    gain = None
    if len(scores) > 1:
        steps = scores[-1] - scores[-2]
        gain = with_interval(float(steps[0]), steps[1:], count, 0.9)
    return LearningCurve(scores[:, 0], scores[:, 1:].std(axis=1), gain)
