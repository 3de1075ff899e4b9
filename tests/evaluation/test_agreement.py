"""Kappa against tables of the literature and another library; intervals that hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from medsynth_app.evaluation.agreement import cohen_kappa, fleiss_kappa, share_difference

# 10 cells, 14 people, 5 classes: the worked example of Fleiss' kappa, 0.210.
FLEISS = np.array([[0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
                   [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]])


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def table(first: np.ndarray, second: np.ndarray, classes: int) -> np.ndarray:
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (first, second), 1)
    return counts


def test_kappas_are_those_of_the_literature(rng: np.random.Generator) -> None:
    found = fleiss_kappa(FLEISS, rng)
    assert found is not None and found.mean == pytest.approx(0.210, abs=5e-4) and found.n == 10
    assert found.low < 0.210 < found.high
    two = cohen_kappa(np.array([[20, 5], [10, 15]]), rng)
    assert two is not None and two.mean == pytest.approx(0.4) and two.n == 50
    assert two.low == pytest.approx(0.15, abs=0.03) and two.high == pytest.approx(0.64, abs=0.03)  # 0.4 +- 1.96 * 0.126


def test_kappa_of_two_is_that_of_scikit_learn(rng: np.random.Generator) -> None:
    first = rng.integers(0, 5, 300)
    second = np.where(rng.random(300) < 0.7, first, rng.integers(0, 5, 300))
    found = cohen_kappa(table(first, second, 8), rng)
    assert found is not None and found.mean == pytest.approx(cohen_kappa_score(first, second))


def test_the_interval_holds_the_true_kappa_as_often_as_it_says(rng: np.random.Generator) -> None:
    truth = np.array([[0.3, 0.05, 0.02], [0.03, 0.25, 0.05], [0.02, 0.03, 0.25]])
    kappa = (np.trace(truth) - truth.sum(0) @ truth.sum(1)) / (1 - truth.sum(0) @ truth.sum(1))
    held = 0
    for counts in rng.multinomial(120, truth.ravel(), size=200).reshape(-1, 3, 3):
        found = cohen_kappa(counts, rng)
        assert found is not None
        held += found.low <= kappa <= found.high
    assert 0.88 <= held / 200 <= 0.99


def test_people_who_call_everything_the_same_have_no_kappa(rng: np.random.Generator) -> None:
    assert cohen_kappa(np.array([[40, 0], [0, 0]]), rng) is None
    assert fleiss_kappa(np.array([[3, 0]] * 30), rng) is None


def test_not_everybody_need_have_named_every_cell(rng: np.random.Generator) -> None:
    full = fleiss_kappa(np.array([[3, 0], [0, 3], [3, 0], [1, 2]] * 10), rng)
    some = fleiss_kappa(np.array([[3, 0], [0, 2], [2, 0], [1, 2]] * 10), rng)
    assert full is not None and some is not None and abs(full.mean - some.mean) < 0.05
    perfect = fleiss_kappa(np.array([[3, 0], [0, 2], [2, 0]] * 10), rng)
    assert perfect is not None and (perfect.mean, perfect.low, perfect.high) == (1, 1, 1)


def test_a_cell_that_one_person_named_is_refused(rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match="two or more"):
        fleiss_kappa(np.array([[1, 0], [2, 0]]), rng)
    with pytest.raises(ValueError, match="two people"):
        cohen_kappa(np.zeros((3, 3), np.int64), rng)


def test_the_interval_of_a_difference_is_that_of_newcombe() -> None:
    found = share_difference((56, 70), (48, 80))
    assert (found.mean, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)
    assert found.n == 70
    assert share_difference((0, 10), (0, 20)).low == pytest.approx(-0.1611, abs=1e-4)
