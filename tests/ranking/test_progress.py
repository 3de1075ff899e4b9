"""The learning curve, and what chance would have needed."""

from __future__ import annotations

import numpy as np
import pytest

from medsynth_app.ranking.cross_fit import folds, left_out, temperature
from medsynth_app.ranking.progress import BY_CHANCE, FIRST, course, saved
from tests.ranking.test_rank import CLASSES, cells


def test_a_course_halves_the_labels_in_the_order_in_which_they_were_given() -> None:
    features, truth = cells((30, 30, 30, 30))
    rng = np.random.default_rng(0)
    given = rng.permutation(1000)[:120]
    fold = folds(truth, np.arange(120), rng)
    tested = np.arange(120) % 2 == 0
    last = left_out(features, truth, CLASSES, fold)[tested].argmax(axis=1)
    found = course(features, truth, given, CLASSES, fold, tested, last)
    assert found.labels == (15, 30, 60) and found.said.shape == (3, 60)  # only those that are scored count,
    assert np.array_equal(found.said[-1], last)
    early = given <= np.sort(given[tested])[29]  # but all teach that there were by then
    assert np.array_equal(found.said[-2], left_out(features, truth, CLASSES, fold, early)[tested].argmax(axis=1))
    right = (found.said == truth[tested]).mean(axis=1)
    assert right[0] < right[-1]
    few = np.ones(FIRST, bool)
    assert course(features[:FIRST], truth[:FIRST], given[:FIRST], CLASSES, fold[:FIRST], few,
                  truth[:FIRST]).labels == (FIRST,)


def test_cells_of_one_image_share_a_fold_and_classes_are_spread() -> None:
    truth = np.repeat(np.arange(4), [50, 30, 15, 5])
    alone = folds(truth, np.arange(100), np.random.default_rng(0))
    for k, count in enumerate((50, 30, 15, 5)):
        assert np.bincount(alone[truth == k], minlength=5).tolist() == [count // 5] * 5
    images = np.random.default_rng(1).integers(0, 12, 100)
    shared = folds(truth, images, np.random.default_rng(0))
    assert all(len(set(shared[images == image].tolist())) == 1 for image in range(12))
    assert set(folds(truth, np.arange(100) % 2, np.random.default_rng(0)).tolist()) == {0, 1}
    assert not folds(truth, np.zeros(100, int), np.random.default_rng(0)).any()


def test_a_temperature_makes_probabilities_come_true() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 3)).astype(np.float32) * 2
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(3, p=row / row.sum()) for row in shares.astype(np.float64)])
    assert temperature(logits, labels) == pytest.approx(1, abs=0.08)
    assert temperature(3 * logits, labels) == pytest.approx(3, abs=0.25)
    assert temperature(logits[:5], labels[:5]) == 1
    logits[labels == 2, 2] = -1e4  # classes that a fold never saw tell nothing
    assert 0.1 < temperature(logits, labels) < 10


@pytest.mark.parametrize("rare", [0.25, 0.02])
def test_what_chance_would_need_is_told_within_its_interval(rare: float) -> None:
    """Fifty labels of each of four classes; chance would give fifty of the rarest after 50 / share, and so on."""
    shares = np.array([rare, *[(1 - rare) / 3] * 3])
    needed = (1 / shares).sum() / (4 / 50)
    held, below = 0, 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        found = saved(np.full(4, 50), rng.multinomial(60, shares), 10**7, rng)
        assert found is not None and found.low <= found.random and found.given == 200
        held += found.low <= needed * 1.0001 and (found.high is None or needed <= found.high)
        below += found.low <= needed * 1.05
    assert held / 200 > 0.85 or rare == 0.25  # equal shares are the edge of what can be: there a little is always saved
    assert below / 200 > 0.95


def test_what_chance_would_need_is_not_told_without_enough_chance_and_is_never_more_than_all_cells() -> None:
    rng = np.random.default_rng(0)
    assert saved(np.array([50, 50]), np.array([BY_CHANCE - 1, 0]), 1000, rng) is None
    assert saved(np.array([50, 0]), np.array([100, 0]), 1000, rng) is None
    found = saved(np.array([50, 50]), np.array([100, 0]), 300, rng)
    assert found is not None and found.random == 300 and found.high is None
