"""Unsure and unlike each other: batches that a classifier and the distances choose together."""

from __future__ import annotations

import numpy as np

from medsynth_app.ranking.catalogue import Reason
from medsynth_app.ranking.coverage import clusters
from medsynth_app.ranking.features import squared_distances
from medsynth_app.ranking.pool import Batch, Pool


def badge(pool: Pool, batch: Batch, rng: np.random.Generator) -> None:
    """k-means++ on the gradients of the last layer, for the class that is likeliest (Ash et al. 2020).

    A gradient is the outer product of (probabilities - likeliest class) and the feature, which is never written out:
    lengths and inner products of outer products are products of those of their halves.
    """
    features = pool.features[pool.open]
    if not len(features):
        return
    error = pool.probabilities.copy()
    error[np.arange(len(error)), pool.first_two[:, 0]] -= 1
    lengths = np.einsum("ij,ij->i", error, error) * np.einsum("ij,ij->i", features, features)
    chosen, distances = int(lengths.argmax()), np.full(len(features), np.inf)
    for _step in range(len(features)):
        batch.take(pool.open[chosen], float(lengths[chosen]), Reason.TEACHES, pool.first_two[chosen])
        if batch.full:
            return
        inner = (error @ error[chosen]) * (features @ features[chosen])
        np.minimum(distances, np.maximum(lengths + lengths[chosen] - 2 * inner, 0), out=distances)
        distances[chosen] = 0
        total = float(distances.sum())
        if total <= 0:  # all that is left is equal to what was chosen
            break
        chosen = int(rng.choice(len(features), p=distances / total))


def drop_query(pool: Pool, batch: Batch, rng: np.random.Generator, passes: int = 3, hidden: float = 0.75) -> None:
    """Cells whose class changes in most `passes` with a share of features `hidden`, spread (Gupte et al. 2024).

    Of as many k-means clusters as cells are wanted, the one nearest to each middle. Where too few waver, the rest come
    by how often they do.
    """
    features = pool.features[pool.open]
    if not len(features):
        return
    first = pool.first_two[:, 0]
    changed = np.zeros(len(features), np.int64)
    for _pass in range(passes):
        changed += pool.model.logits_in_part(features, hidden, rng).argmax(axis=1) != first
    wavering = np.flatnonzero(changed * 2 > passes)
    if len(wavering) > batch.count:
        groups = clusters(features[wavering], batch.count, rng)
        for group in range(int(groups.max()) + 1):
            members = wavering[groups == group]
            if len(members):
                middle = features[members].mean(axis=0, keepdims=True)
                nearest = int(members[squared_distances(features[members], middle)[:, 0].argmin()])
                batch.take(pool.open[nearest], float(changed[nearest]), Reason.WAVERS, (first[nearest],))
    order = np.argsort(-changed, kind="stable")
    batch.take_all(pool.open[order], changed[order], Reason.WAVERS, first[order, None])
