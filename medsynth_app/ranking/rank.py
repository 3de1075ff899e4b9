"""Put cells in the order in which an expert should label them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from medsynth_app.ranking.boundary import balanced_boundary, direct, galaxy
from medsynth_app.ranking.catalogue import DEFAULT, strategy_of
from medsynth_app.ranking.coverage import chance, k_center, max_herding, typi_clust
from medsynth_app.ranking.diverse import badge, drop_query
from medsynth_app.ranking.features import copy_radius, neighbours
from medsynth_app.ranking.pool import Batch, Pick, Pool
from medsynth_app.ranking.synthetic import synthetic
from medsynth_app.ranking.uncertainty import entropy, margin, sadafi

Strategy = Callable[..., None]  # of a pool, a batch, a generator of chance, and weights where it has any
LARGE = 100_000  # open cells above which only neighbours of labelled ones are looked at
NEAR = 200  # neighbours of each labelled cell that are
RANDOM = "random"  # the measure of all others: nothing is put off
COLD = 16  # labels before a classifier is asked by the default; with 32 and 48 fewer rare cells were found


def useful(pool: Pool, batch: Batch, rng: np.random.Generator) -> None:
    """`max_herding` until there are `COLD` labels of two classes, then `balanced_boundary`."""
    if len(pool.labelled) < COLD or not pool.learnable:
        max_herding(pool, batch, rng)
    else:
        balanced_boundary(pool, batch, rng)


_FUNCTIONS: dict[str, Strategy] = {
    DEFAULT: useful, RANDOM: chance, "balanced-boundary": balanced_boundary, "margin": margin, "entropy": entropy,
    "k-center": k_center, "typiclust": typi_clust, "maxherding": max_herding, "badge": badge, "dropquery": drop_query,
    "sadafi": sadafi, "galaxy": galaxy, "direct": direct,
    "synthetic": synthetic}


def rank(pool: Pool, strategy: str, budget: int, rng: np.random.Generator,
         weights: tuple[float, ...] = ()) -> tuple[Pick, ...]:
    """The cells to label first, at most `budget`, each with its reason.

    Above `LARGE` open cells a strategy that asks a classifier looks at the neighbours of labelled cells and at as many
    others chosen by chance (SEALS, Coleman et al. 2020, arXiv 2007.00077). Cells that are nearly the same as one
    before them, or as a labelled one, come after all others.

    Parameters
    ----------
    strategy
        A name in `catalogue.STRATEGIES`; one that learns, without labels of two classes, is `max_herding`.
    budget
        At least 1; above the number of open cells all of them are ranked.
    weights
        One for each of the strategy's (`StrategyEntry.weights`), at least 0; empty: as usual.

    Raises
    ------
    KeyError
        For no such strategy.
    ValueError
        For a budget below 1, or other weights.
    """
    entry = strategy_of(strategy)
    if budget < 1:
        raise ValueError(f"a budget of {budget}")
    if weights and (len(weights) != len(entry.weights) or not all(0 <= weight < np.inf for weight in weights)):
        raise ValueError(f"the weights {weights} for {strategy}")
    wanted = min(budget, len(pool.open))
    asked = pool
    if entry.learns and pool.learnable and len(pool.open) > max(LARGE, 2 * wanted):
        asked = _near_labels(pool, wanted, rng)
    batch = Batch(asked, wanted, 0.0 if strategy == RANDOM or not wanted else copy_radius(pool.features, rng))
    function = _FUNCTIONS[strategy if pool.learnable or not entry.learns else "maxherding"]
    function(asked, batch, rng, **({"weights": weights} if weights else {}))
    for rest in (max_herding, chance):  # what a strategy left out: it looked at a part only
        if len(batch.picks) < wanted:
            rest(replace(pool, open=np.setdiff1d(pool.open, batch.cells)), batch, rng)
    return (*batch.picks, *batch.copies[:wanted - len(batch.picks)])


def _near_labels(pool: Pool, wanted: int, rng: np.random.Generator) -> Pool:
    labelled = pool.labelled if len(pool.labelled) <= 1000 else rng.choice(pool.labelled, 1000, replace=False)
    near = np.intersect1d(neighbours(pool.features, np.sort(labelled), NEAR), pool.open)
    others = rng.choice(pool.open, min(len(pool.open), max(len(near), 10 * wanted)), replace=False)
    return replace(pool, open=np.union1d(near, others))
