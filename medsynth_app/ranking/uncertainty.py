"""Where the classifier is unsure, one cell at a time."""

from __future__ import annotations

import numpy as np

from medsynth_app.ranking.catalogue import Reason
from medsynth_app.ranking.classifier import softmax
from medsynth_app.ranking.pool import Batch, Pool


def margin(pool: Pool, batch: Batch, rng: np.random.Generator) -> None:
    """Smallest difference of the two largest probabilities first (Scheffer et al. 2001)."""
    sure = np.take_along_axis(pool.probabilities, pool.first_two, 1)
    _unsure_first(pool, batch, 1 - (sure[:, 0] - sure[:, 1]))


def entropy(pool: Pool, batch: Batch, rng: np.random.Generator) -> None:
    """Largest entropy of the probabilities first (Settles 2009)."""
    shares = pool.probabilities
    _unsure_first(pool, batch, -(shares * np.log(np.maximum(shares, 1e-12))).sum(axis=1))


def _unsure_first(pool: Pool, batch: Batch, scores: np.ndarray) -> None:
    order = np.argsort(-scores, kind="stable")
    batch.take_all(pool.open[order], scores[order], Reason.UNSURE, pool.first_two[order])


def sadafi(pool: Pool, batch: Batch, rng: np.random.Generator, passes: int = 20, hidden: float = 0.5) -> None:
    """Images of unsurely classified cells and rare classes first (Sadafi et al. 2019), their cells most telling first.

    Theirs is a detector with dropout; here the classifier on the embedding has it, and the detector's own confidence
    is multiplied in where it is known. A cell's confidence is the mean probability, over `passes` with a share of
    `hidden` features left out, of the class that is likeliest on the whole; the rareness of its class is 1 less the
    share of that class among all open cells as they are classified. A cell tells (1 - confidence) x rareness, an image
    as much as its cells together.
    """
    features = pool.features[pool.open]
    mean = np.zeros((len(features), pool.classes), np.float32)
    for _pass in range(passes):
        mean += softmax(pool.model.logits_in_part(features, hidden, rng)) / passes
    taken_for = mean.argmax(axis=1)
    confidence = mean.max(axis=1)
    if pool.confidence is not None:
        confidence = confidence * pool.confidence[pool.open]
    rareness = 1 - np.bincount(taken_for, minlength=pool.classes) / max(len(taken_for), 1)
    tells = (1 - confidence) * rareness[taken_for]
    order = np.argsort(-tells, kind="stable")
    if pool.images is not None:
        images = pool.images[pool.open]
        _names, of = np.unique(images, return_inverse=True)
        totals = np.bincount(of, weights=tells)
        order = order[np.argsort(-totals[of[order]], kind="stable")]
    batch.take_all(pool.open[order], tells[order], Reason.RARE, taken_for[order, None])
