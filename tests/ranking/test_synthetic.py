"""Generated cells: those that look real and are new come first, odd ones and copies late."""

from __future__ import annotations

import numpy as np
import pytest

from medsynth_app.ranking.catalogue import Reason, strategy_of
from medsynth_app.ranking.pool import UNLABELLED, Pick, Pool
from medsynth_app.ranking.rank import rank

GOOD, COPIES, ODD = 30, 10, 10


def ranked(weights: tuple[float, ...] = (), labelled: slice = slice(0, 0), budget: int = 50) -> tuple[list[Pick], Pool]:
    """A cloud of real cells, and thirty drawn from it, ten copies of real ones and ten that lie far outside."""
    rng = np.random.default_rng(0)
    real = rng.normal(size=(300, 8))
    drawn = np.concatenate([rng.normal(size=(GOOD, 8)), real[:COPIES] + 0.02 * rng.normal(size=(COPIES, 8)),
                            5 + rng.normal(size=(ODD, 8))])
    labels = np.full(350, UNLABELLED)
    labels[labelled] = 0
    pool = Pool.of(np.concatenate([real, drawn]).astype(np.float32), labels, 2,
                   real=np.arange(350) < 300)
    return list(rank(pool, "synthetic", budget, np.random.default_rng(1), weights)), pool


def places(picks: list[Pick], first: int, count: int) -> float:
    """Mean place of some generated cells."""
    order = [pick.cell - 300 for pick in picks]
    return float(np.mean([order.index(k) for k in range(first, first + count)]))


def test_generated_cells_come_first_and_say_why() -> None:
    picks, _pool = ranked(budget=60)
    assert all(pick.cell >= 300 for pick in picks[:50]) and all(pick.cell < 300 for pick in picks[50:])
    assert {pick.reason for pick in picks[:40]} == {Reason.NEW}


def test_odd_cells_and_copies_come_late() -> None:
    picks, _pool = ranked()
    good, copies, odd = places(picks, 0, GOOD), places(picks, GOOD, COPIES), places(picks, GOOD + COPIES, ODD)
    assert good < 0.7 * copies and good < 0.5 * odd


def test_a_weight_of_0_leaves_one_out() -> None:
    odd_first = places(ranked((0, 1, 1))[0], GOOD + COPIES, ODD)
    assert odd_first < places(ranked((1, 1, 1))[0], GOOD + COPIES, ODD)
    copies_allowed = places(ranked((1, 0, 0))[0], GOOD, COPIES)
    assert copies_allowed < places(ranked((1, 0, 1))[0], GOOD, COPIES)


def test_novelty_is_the_distance_to_what_has_a_label_or_was_chosen() -> None:
    picks, pool = ranked((0, 1, 0), slice(0, 300))
    known = list(range(300))
    for pick in picks[:5]:
        away = np.linalg.norm(pool.features[300:, None] - pool.features[known], axis=2).min(axis=1)
        assert pick.cell == 300 + int(away.argmax())
        known.append(pick.cell)


def test_without_generated_or_enough_real_cells_it_still_ranks() -> None:
    features = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
    nothing = np.full(12, UNLABELLED)
    for real in (None, np.ones(12, bool), np.zeros(12, bool), np.arange(12) < 3):
        picks = rank(Pool.of(features, nothing, 2, real=real), "synthetic", 12, np.random.default_rng(0))
        assert len({pick.cell for pick in picks}) == 12


def test_weights_are_checked() -> None:
    assert len(strategy_of("synthetic").weights) == 3
    for weights in ((1.0,), (1.0, -1.0, 1.0), (1.0, float("nan"), 1.0)):
        with pytest.raises(ValueError, match="weights"):
            ranked(weights)
