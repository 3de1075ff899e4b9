"""Which cells are thought alike: the groups whose pages one key labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsynth_app.ranking.classifier import softmax
from medsynth_app.ranking.coverage import clusters
from medsynth_app.ranking.cross_fit import folds_of, left_out, temperature
from medsynth_app.ranking.layout import near_middle, places_in_groups
from medsynth_app.ranking.pool import Pool

CLUSTERS = 40  # at most, while there is no classifier


@dataclass(frozen=True, eq=False)
class Grouping:
    """Groups of n cells (`core.cell_page.Grouped`).

    Attributes
    ----------
    probabilities
        Of each class, calibrated: float16, (n, k). Shape (0, k) where no classifier could learn.
    groups
        Likeliest class of each cell, or number of its cluster: int32, (n,).
    positions
        Place in its group, like beside like, the surest pages first: int32, (n,).
    """

    probabilities: npt.NDArray[np.float16]
    groups: npt.NDArray[np.int32]
    positions: npt.NDArray[np.int32]


def thought_alike(pool: Pool, heat: float | None, rng: np.random.Generator) -> Grouping:
    """Groups by the classifier, whose scores `heat` makes probabilities, or None: clusters by likeness alone."""
    count = len(pool.features)
    if heat is not None:
        logits = pool.model.logits(pool.features)
        probabilities, groups = softmax(logits / heat), logits.argmax(axis=1)
        sure = probabilities.max(axis=1)
    else:
        probabilities = np.empty((0, pool.classes), np.float32)
        groups = clusters(pool.features, min(CLUSTERS, max(1, round(np.sqrt(count / 2)))), rng)
        sure = near_middle(pool.features, groups)
    return Grouping(probabilities.astype(np.float16), groups.astype(np.int32),
                    places_in_groups(pool.features, groups, sure, rng))


def calibration(pool: Pool, told: npt.NDArray[np.bool_], rng: np.random.Generator) -> float | None:
    """What the classifier's scores are divided by (`cross_fit.temperature`); None where it cannot learn.

    Parameters
    ----------
    told
        Which of the labelled cells may tell, shape (len(pool.labelled),).
    """
    if not pool.learnable:
        return None
    fold = folds_of(pool, rng)
    if fold is None:
        return 1.0
    features, labels = pool.features[pool.labelled], pool.labels[pool.labelled]
    return temperature(left_out(features, labels, pool.classes, fold)[told], labels[told])
