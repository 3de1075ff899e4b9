from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg

from medsynth_app.evaluation import frechet

Floats = npt.NDArray[np.float64]


def _exactly(mean: Floats, root: Floats, n: int, rng: np.random.Generator) -> Floats:
    """A sample whose own mean and covariance (root'root) are exactly these."""
    values = rng.normal(size=(n, len(mean)))
    values -= values.mean(axis=0)
    values @= np.linalg.inv(np.linalg.cholesky(np.cov(values.T)).T)
    return values @ root + mean


def test_two_gaussians_on_the_same_axes_have_the_textbook_distance() -> None:
    rng = np.random.default_rng(0)
    means, spreads = rng.normal(size=(2, 8)), rng.uniform(0.2, 3, (2, 8))
    a, b = (_exactly(mean, np.diag(spread), n, rng) for mean, spread, n in zip(means, spreads, (60, 90), strict=True))
    expected = np.square(means[0] - means[1]).sum() + np.square(spreads[0] - spreads[1]).sum()
    assert frechet.frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("n", "m", "d"), [(300, 200, 12), (60, 80, 100), (60, 500, 100)])
def test_it_agrees_with_the_matrix_square_root(n: int, m: int, d: int) -> None:
    """Also where there are fewer images than dimensions, so that the covariances are singular."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)), rng.normal(1, 2, (m, d))
    first, second = np.cov(a.T), np.cov(b.T)
    half = linalg.sqrtm(first + 1e-12 * np.eye(d)).real
    values = np.clip(linalg.eigvalsh(half @ second @ half), 0, None)
    gap = a.mean(axis=0) - b.mean(axis=0)
    expected = gap @ gap + np.trace(first) + np.trace(second) - 2 * np.sqrt(values).sum()
    assert frechet.frechet_distance(a, b) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("n", "floor", "room"), [(16, 1.78, 0.03), (240, 0.76, 0.01), (1000, 0.19, 0.01)])
def test_the_bias_of_few_samples_is_what_it_is_known_to_be(n: int, floor: float, room: float) -> None:
    """Two samples of the same 384-d Gaussian, as a share of its trace: the figures that we warn with."""
    rng = np.random.default_rng(2)
    distance = frechet._distance(rng.normal(size=(n, 384)), rng.normal(size=(n, 384)))
    assert distance / 384 == pytest.approx(floor, abs=room)


def test_the_floor_is_the_distance_of_two_samples_of_half_the_size() -> None:
    real = np.random.default_rng(3).normal(size=(480, 384))
    floor = frechet.split_half_floor(real, np.random.default_rng(0))
    assert floor.n == 240 and floor.low < floor.mean < floor.high
    assert floor.mean / 384 == pytest.approx(0.76, abs=0.02)
    assert floor == frechet.split_half_floor(real, np.random.default_rng(0))
    assert floor != frechet.split_half_floor(real, np.random.default_rng(1))
    shifted = real[:240] + 0.1
    assert frechet.frechet_distance(real[240:], shifted) > floor.high


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.1, 100), st.floats(-1000, 1000))
def test_turning_moving_and_swapping_change_nothing_and_scaling_squares(seed: int, scale: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(50, 6)), rng.normal(0.5, 2, (70, 6))
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    distance = frechet.frechet_distance(a, b)
    assert frechet.frechet_distance(b, a) == pytest.approx(distance)
    assert frechet.frechet_distance(a @ turn + shift, b @ turn + shift) == pytest.approx(distance, rel=1e-6)
    assert frechet.frechet_distance(a * scale, b * scale) == pytest.approx(distance * scale**2)
    assert 0 <= frechet.frechet_distance(a, a[::-1]) < 1e-9


def test_wrong_input_is_refused_in_words() -> None:
    good, rng = np.random.default_rng(0).normal(size=(100, 4)), np.random.default_rng(0)
    with pytest.raises(ValueError, match="at least 50 images per side, not 49"):
        frechet.frechet_distance(good, good[:49])
    with pytest.raises(ValueError, match="at least 100 real images"):
        frechet.split_half_floor(good[:99], rng)
    with pytest.raises(ValueError, match="same encoder"):
        frechet.frechet_distance(good, good[:, :3])
    with pytest.raises(ValueError, match="not finite"):
        frechet.frechet_distance(good, np.where(good > 2, np.nan, good))
    with pytest.raises(ValueError, match="shape"):
        frechet.frechet_distance(good[0], good)
    with pytest.raises(ValueError, match="split"):
        frechet.split_half_floor(good, rng, repeats=0)
