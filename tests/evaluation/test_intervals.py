from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from medsynth_app.evaluation.intervals import Spread, bootstrap, over_seeds, wilson


@pytest.mark.parametrize(("spread", "text"), [
    (Spread(0.84, 0.8, 0.88, 200), "0.84 (0.80-0.88, n=200)"),
    (Spread(0.00123, 0.0011, 0.0017, 50), "0.0012 (0.0011-0.0017, n=50)"),
    (Spread(12.345, 10, 15, 8), "12.35 (10.00-15.00, n=8)"),
    (Spread(0.1, -0.1, 0.3, 5), "0.10 (-0.10 to 0.30, n=5)"),
    (Spread(0, 0, 0, 5), "0.00 (0.00-0.00, n=5)"),
    (Spread(1, 1, float("inf"), 5), "1.00 (1.00-inf, n=5)")])
def test_a_spread_in_words(spread: Spread, text: str) -> None:
    assert str(spread) == text


def test_wilson_against_published_values() -> None:
    """Newcombe 1998, table I, score method."""
    for successes, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611),
                                    (1, 29, 0.0061, 0.1718)):
        found = wilson(successes, n)
        assert (found.low, found.high) == (pytest.approx(low, abs=6e-5), pytest.approx(high, abs=6e-5))
        assert (found.mean, found.n) == (successes / n, n)


@given(st.integers(1, 500), st.floats(0, 1))
def test_wilson_holds_its_share_and_mirrors(n: int, share: float) -> None:
    successes = round(n * share)
    found, mirrored = wilson(successes, n), wilson(n - successes, n)
    assert 0 <= found.low <= found.mean <= found.high + 1e-12 and found.high <= 1
    assert found.low == pytest.approx(1 - mirrored.high, abs=1e-9)
    assert wilson(successes, n, 0.99).low <= found.low + 1e-12


def test_bootstrap_agrees_with_scipy() -> None:
    values = np.random.default_rng(0).gamma(2, 1, 80)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=4000, method="percentile").confidence_interval
    ours = bootstrap(values, np.random.default_rng(1), resamples=4000)
    assert (ours.low, ours.high) == (pytest.approx(theirs.low, abs=0.03), pytest.approx(theirs.high, abs=0.03))
    assert ours.mean == values.mean() and ours.n == 80
    assert ours == bootstrap(values, np.random.default_rng(1), resamples=4000)


def test_bootstrap_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    inside = [found.low <= 5 <= found.high for found in
              (bootstrap(rng.normal(5, 2, 60), rng, resamples=200, level=0.8) for _ in range(150))]
    assert np.mean(inside) == pytest.approx(0.8, abs=0.1)


def test_bootstrap_takes_other_statistics_and_keeps_pairs_together() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=100)
    pairs = np.column_stack([x, x + rng.normal(0, 0.1, 100)])
    found = bootstrap(pairs, rng, lambda rows: np.corrcoef(rows.T)[0, 1], resamples=300)
    assert 0.98 < found.low <= found.mean <= found.high <= 1
    assert bootstrap([1, 2, 3, 4, 100], rng, np.median, resamples=50).mean == 3


def test_over_seeds_agrees_with_scipy() -> None:
    values = [0.71, 0.78, 0.74, 0.8, 0.77]
    low, high = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
    found = over_seeds(values)
    assert (found.mean, found.low, found.high, found.n) == (
        pytest.approx(0.76), pytest.approx(low), pytest.approx(high), 5)
    assert over_seeds([2, 2, 2]) == Spread(2, 2, 2, 3)
    assert over_seeds(values, 0.5).low > found.low


def test_wrong_input_is_refused_in_words() -> None:
    rng = np.random.default_rng(0)
    for successes, n in ((3, 2), (-1, 2), (0, 0)):
        with pytest.raises(ValueError, match="successes"):
            wilson(successes, n)
    for level in (0, 1, 95):
        with pytest.raises(ValueError, match="level"):
            wilson(1, 2, level)
        with pytest.raises(ValueError, match="level"):
            bootstrap([1, 2], rng, level=level)
        with pytest.raises(ValueError, match="level"):
            over_seeds([1, 2], level)
    with pytest.raises(ValueError, match="at least 2"):
        bootstrap([1], rng)
    with pytest.raises(ValueError, match="NaN"):
        bootstrap([1, np.nan], rng)
    with pytest.raises(ValueError, match="resample"):
        bootstrap([1, 2], rng, resamples=0)
    with pytest.raises(ValueError, match="at least 2"):
        over_seeds([1])
    with pytest.raises(ValueError, match="not finite"):
        over_seeds([1, np.inf])
