from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics.pairwise import polynomial_kernel  # type: ignore[import-untyped]

from medsynth_app.evaluation import kid


def test_it_agrees_with_the_definition() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(30, 7)), rng.normal(0.3, 1, (30, 7))
    same = [polynomial_kernel(side, degree=3, gamma=1 / 7, coef0=1) for side in (a, b)]
    pairs = [np.mean([kernel[i, j] for i in range(30) for j in range(30) if i != j]) for kernel in same]
    expected = sum(pairs) - 2 * polynomial_kernel(a, b, degree=3, gamma=1 / 7, coef0=1).mean()
    whole = kid.kernel_distance(a, b, rng, subsets=3, subset_size=30)  # every subset is the whole set
    assert whole.mean == pytest.approx(expected) and whole.low == pytest.approx(whole.high)


def test_equal_distributions_are_about_zero_apart_at_any_size_and_others_are_not() -> None:
    rng = np.random.default_rng(1)
    draws = [kid.kernel_distance(rng.normal(size=(60, 16)), rng.normal(size=(n, 16)), rng, subsets=10).mean
             for n in (60, 60, 300, 300) * 8]
    error = np.std(draws) / np.sqrt(len(draws))
    assert abs(np.mean(draws)) < 3 * error  # unbiased: no floor that depends on n
    assert min(draws) < 0 < max(draws)
    moved = kid.kernel_distance(rng.normal(size=(60, 16)), rng.normal(0.5, 1, (60, 16)), rng)
    assert moved.low > max(draws) and moved.n == 60
    assert moved.high - moved.low > 0.1 * moved.mean  # subsets differ, though none was asked to be smaller


def test_the_distance_grows_with_the_shift() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 200, 16))
    found = [kid.kernel_distance(a, b + shift, np.random.default_rng(0)).mean for shift in (0, 0.25, 0.5, 1)]
    assert found == sorted(found) and found[1] > 10 * abs(found[0])


def test_the_same_generator_gives_the_same_number() -> None:
    a, b = np.random.default_rng(3).normal(size=(2, 80, 5))
    first = kid.kernel_distance(a, b, np.random.default_rng(7))
    assert first == kid.kernel_distance(a, b, np.random.default_rng(7))
    assert first != kid.kernel_distance(a, b, np.random.default_rng(8))


def test_the_floor_of_real_images_holds_zero() -> None:
    real = np.random.default_rng(4).normal(size=(400, 16))
    floor = kid.split_half_floor(real, np.random.default_rng(0), repeats=8, subsets=10)
    assert floor.low < 0 < floor.high and floor.n == 200
    assert kid.kernel_distance(real[:200], real[200:] + 0.3, np.random.default_rng(0)).mean > floor.high


def test_wrong_input_is_refused_in_words() -> None:
    good, rng = np.random.default_rng(0).normal(size=(50, 4)), np.random.default_rng(0)
    with pytest.raises(ValueError, match="at least 20"):
        kid.kernel_distance(good, good[:19], rng)
    with pytest.raises(ValueError, match="2 to 40 images, not 41"):
        kid.kernel_distance(good, good[:40], rng, subset_size=41)
    with pytest.raises(ValueError, match="subset"):
        kid.kernel_distance(good, good, rng, subsets=0)
    with pytest.raises(ValueError, match="same encoder"):
        kid.kernel_distance(good, good[:, 1:], rng)
    with pytest.raises(ValueError, match="not finite"):
        kid.kernel_distance(good, good * np.inf, rng)
    with pytest.raises(ValueError, match="at least 40"):
        kid.split_half_floor(good[:39], rng)
    with pytest.raises(ValueError, match="split"):
        kid.split_half_floor(good, rng, repeats=0)
