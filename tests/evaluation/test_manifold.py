from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynth_app.evaluation import distances
from medsynth_app.evaluation.manifold import ManifoldScores, precision_recall_density_coverage

Floats = npt.NDArray[np.float64]


def _by_hand(real: Floats, synthetic: Floats, k: int) -> ManifoldScores:
    """The definitions of both papers, word for word."""
    def apart(a: Floats, b: Floats) -> Floats:
        found: Floats = np.sqrt(np.square(a[:, None] - b[None]).sum(axis=2))
        return found

    real_ball, synthetic_ball = (np.sort(apart(side, side), axis=1)[:, k] for side in (real, synthetic))
    across = apart(real, synthetic)
    inside = across <= real_ball[:, None]
    return ManifoldScores(inside.any(axis=0).mean(), (across <= synthetic_ball[None]).any(axis=1).mean(),
                          inside.sum(axis=0).mean() / k, inside.any(axis=1).mean())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(8, 40), st.integers(8, 40), st.integers(1, 7))
def test_it_agrees_with_the_definitions(seed: int, n: int, m: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    real, synthetic = rng.normal(size=(n, 3)), rng.normal(0.5, 1.2, (m, 3))
    found, expected = precision_recall_density_coverage(real, synthetic, k), _by_hand(real, synthetic, k)
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name)), name


def test_equal_distributions_have_the_expected_coverage_and_density() -> None:
    rng = np.random.default_rng(0)
    scores = precision_recall_density_coverage(rng.normal(size=(600, 6)), rng.normal(size=(600, 6)), k=5)
    n, k = 600, 5
    miss = np.prod([(n - i) / (2 * n - i) for i in range(1, k + 1)])
    assert scores.coverage == pytest.approx(1 - miss, abs=0.02)
    assert scores.density == pytest.approx(1, abs=0.1)
    assert scores.precision > 0.9 and scores.recall > 0.9


def test_one_good_image_again_and_again_is_precise_and_covers_nothing() -> None:
    rng = np.random.default_rng(1)
    scores = precision_recall_density_coverage(rng.normal(size=(300, 4)), rng.normal(0, 0.02, (300, 4)))
    assert scores.precision == 1 and scores.density >= 1
    assert scores.recall < 0.05 and scores.coverage < 0.3


def test_half_of_the_kinds_missing_halves_the_variety() -> None:
    rng = np.random.default_rng(2)
    kinds = np.repeat([[0.0] * 4, [50.0] * 4], 150, axis=0)
    scores = precision_recall_density_coverage(kinds + rng.normal(size=(300, 4)), rng.normal(size=(300, 4)))
    assert scores.precision > 0.9
    assert 0.4 < scores.recall <= 0.5 and 0.4 < scores.coverage <= 0.5


def test_nothing_in_common_and_all_in_common() -> None:
    real = np.random.default_rng(3).normal(size=(60, 4))
    assert precision_recall_density_coverage(real, real + 100) == ManifoldScores(0, 0, 0, 0)
    same = precision_recall_density_coverage(real, real[::-1])
    assert (same.precision, same.recall, same.coverage) == (1, 1, 1)


def test_an_odd_real_image_inflates_precision_and_not_density() -> None:
    rng = np.random.default_rng(4)
    real, strange = rng.normal(size=(100, 2)), rng.normal([20, 20], 1, (100, 2))
    scores = precision_recall_density_coverage(np.vstack([real, [[40.0, 40.0]]]), strange)
    assert scores.precision == 1 and scores.density < 0.25


def test_pieces_give_what_the_whole_gives() -> None:
    rng = np.random.default_rng(5)
    rows, columns = rng.normal(size=(23, 4)), rng.normal(size=(17, 4))
    parts = list(distances.chunked(rows, columns, chunk=40))
    assert len(parts) == 12
    whole = np.concatenate([part for _, part in parts])
    np.testing.assert_array_equal(whole, next(iter(distances.chunked(rows, columns)))[1])
    np.testing.assert_allclose(whole, np.linalg.norm(rows[:, None] - columns[None], axis=2))


def test_wrong_input_is_refused_in_words() -> None:
    good = np.random.default_rng(0).normal(size=(20, 4))
    with pytest.raises(ValueError, match="at least 6"):
        precision_recall_density_coverage(good, good[:5])
    with pytest.raises(ValueError, match="k must be"):
        precision_recall_density_coverage(good, good, k=0)
    with pytest.raises(ValueError, match="same encoder"):
        precision_recall_density_coverage(good, good[:, 1:])
    with pytest.raises(ValueError, match="not finite"):
        precision_recall_density_coverage(good, np.full_like(good, np.nan))
