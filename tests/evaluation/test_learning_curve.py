"""Scores with intervals that are fast enough for every batch of labels."""

from __future__ import annotations

import numpy as np
import pytest

from medsynth_app.evaluation.classification import balanced_accuracy, confusion, macro_f1
from medsynth_app.evaluation.learning_curve import FLAT_FROM, learning_curve
from medsynth_app.evaluation.resampled import balanced_accuracy_of, macro_f1_of, redrawn, tables, with_interval


def answers(count: int = 300, right: float = 0.7, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, count)
    return truth, np.where(rng.random(count) < right, truth, rng.integers(0, 3, count))


def test_scores_of_a_table_are_those_of_its_cells() -> None:
    truth, said = answers()
    counts = confusion(truth, said, range(4))  # the last class never occurs
    assert macro_f1_of(counts) == pytest.approx(macro_f1(truth, said))
    assert balanced_accuracy_of(counts) == pytest.approx(balanced_accuracy(truth, said))
    assert np.isnan(macro_f1_of(np.zeros((3, 3), int)))


def test_tables_are_weighted_counts() -> None:
    truth, said = answers()
    weights = np.random.default_rng(1).multinomial(300, np.full(300, 1 / 300), size=3)
    found = tables(truth, said, 3, weights)
    for table, row in zip(found, weights, strict=True):
        again = np.repeat(np.arange(300), row)
        assert np.array_equal(table, confusion(truth[again], said[again], range(3)))


def test_an_interval_of_redrawn_tables_holds_the_value_and_narrows_with_n() -> None:
    widths = []
    for count in (50, 1000):
        counts = confusion(*answers(count), range(3))
        drawn = macro_f1_of(redrawn(counts, np.random.default_rng(0)))
        found = with_interval(float(macro_f1_of(counts)), drawn, count)
        assert found.low <= found.mean <= found.high and found.n == count
        widths.append(found.high - found.low)
    assert widths[1] < widths[0] / 3


def test_a_curve_gives_scores_errors_and_the_gain_of_its_last_step() -> None:
    truth, late = answers(400, 0.9)
    early = answers(400, 0.5)[1]
    curve = learning_curve(truth, np.stack([early, late]), 3, np.random.default_rng(0))
    assert curve.macro_f1 == pytest.approx([macro_f1(truth, early), macro_f1(truth, late)])
    assert curve.gain is not None and curve.gain.mean == pytest.approx(curve.macro_f1[1] - curve.macro_f1[0])
    assert curve.gain.low > 0.15 and not curve.is_flat(400)
    assert 0.01 < curve.errors[0] < 0.04


def test_a_curve_is_flat_when_the_last_doubling_surely_brought_little() -> None:
    truth, said = answers(800, 0.8)
    again = said.copy()
    again[:4] = truth[:4]
    flat = learning_curve(truth, np.stack([said, again]), 3, np.random.default_rng(0))
    assert flat.is_flat(200) and not flat.is_flat(FLAT_FROM - 1)
    unsure = learning_curve(truth[:30], np.stack([answers(30, 0.8, 1)[1], answers(30, 0.8, 2)[1]]), 3,
                            np.random.default_rng(0))
    assert not unsure.is_flat(200)  # few cells cannot tell
    assert not learning_curve(truth, said[None], 3, np.random.default_rng(0)).is_flat(200)
