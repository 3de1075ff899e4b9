"""Grain: its strength and its spectrum, where the right answer is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from medsynth_app.core import blend
from medsynth_app.core.grain import LIMITS, Split, regrain, spread

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def noise(sigma: Any, strength: float = 12.0, size: int = 128, seed: int = 0) -> Floats:
    """Correlated over about `sigma` pixels, of a standard deviation that is known."""
    field = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((size, size)), sigma, mode="wrap")
    return field / field.std() * strength


def disc(size: int = 128, radius: float = 24) -> Mask:
    row, column = np.ogrid[:size, :size]
    found: Mask = (row - size / 2) ** 2 + (column - size / 2) ** 2 < radius**2
    return found


def ratio(found: Floats, original: Floats, mask: Mask) -> float:
    """Grain inside by grain around."""
    return Split.of(found, mask).grain / Split.of(original, ~mask).grain


def related(values: Floats, mask: Mask, axis: int) -> float:
    """Correlation of grain with that of the next pixel along an axis."""
    fine = Split.of(values, mask).fine
    first = fine[:-1] if axis == 0 else fine[:, :-1]
    second = fine[1:] if axis == 0 else fine[:, 1:]
    both = (mask[:-1] & mask[1:]) if axis == 0 else (mask[:, :-1] & mask[:, 1:])
    return float(np.corrcoef(first[both], second[both])[0, 1])


def test_structure_and_grain_are_the_whole_and_nothing_beside_has_a_part() -> None:
    values, mask = 40 + noise(1), disc()
    part = Split.of(values, mask)
    structure, fine = part.structure, part.fine
    np.testing.assert_allclose((structure + fine)[mask], values[mask])
    other = np.where(mask, values, 30_000)
    np.testing.assert_array_equal(Split.of(other, mask).fine, fine)
    assert not structure[~mask].any() and not fine[~mask].any()


def test_spread_is_the_standard_deviation_and_a_few_wild_values_count_for_nothing() -> None:
    values = np.random.default_rng(0).normal(5, 7, 20_000)
    values[:100] = 1e30
    assert spread(values) == pytest.approx(7, rel=0.03) and spread(np.empty(0)) == 0


@pytest.mark.parametrize("sigma", [0.4, 0.8, 1.2, (0.3, 1.2)])
@pytest.mark.parametrize("had", [0.0, 0.5, 2.5])
def test_a_fill_gets_the_variance_and_the_correlation_of_its_surroundings(sigma: Any, had: float) -> None:
    """What was drawn was smooth, half as noisy with white pepper, or far too noisy."""
    mask = disc()
    original = 40 + noise(sigma)
    drawn = 40 + np.random.default_rng(9).normal(0, 12 * had, mask.shape)
    found = regrain(drawn, np.where(mask, 900, original), mask, seed=5)
    assert LIMITS[0] <= ratio(found, original, mask) <= LIMITS[1]
    true, made = Split.of(original, mask).fine[mask], Split.of(found, mask).fine[mask]
    assert made.var() / true.var() == pytest.approx(1, abs=0.4)
    if had == 0:  # what is there of another kind stays of its kind
        for axis in (0, 1):
            assert related(found, mask, axis) == pytest.approx(related(original, mask, axis), abs=0.1)
    np.testing.assert_array_equal(found[~mask], drawn[~mask])


def channels(*weights: tuple[float, ...]) -> Floats:
    """Colour grain of known correlations, (h, w, channels): mixed from fields that know nothing of each other."""
    fields = np.stack([noise(0.4 + 0.4 * k, 1.0, seed=20 + k) for k in range(len(weights[0]))], axis=-1)
    return fields @ np.array(weights).T


def correlations(values: Floats, mask: Mask) -> Floats:
    return np.corrcoef([Split.of(layer, mask).fine[mask] for layer in np.moveaxis(values, 2, 0)])


@pytest.mark.parametrize("weights", [
    ((9, 0, 0), (9, 0, 0), (9, 0, 0)),       # that of a grey picture
    ((8, 3, 0), (8, -1, 2), (8, -2, -4)),    # that of a camera: brightness fine and colour coarse
    ((12, 0, 0), (0, 6, 0), (0, 0, 3))])     # channels that know nothing of each other
@pytest.mark.parametrize("had", [0.0, 0.2])
def test_colour_gets_the_strength_the_correlation_and_the_colour_of_its_surroundings(
        weights: tuple[tuple[float, ...], ...], had: float) -> None:
    mask, original = disc(), np.array([200.0, 120, 90]) + channels(*weights)
    smooth_colour = np.random.default_rng(9).normal(0, had, original.shape) + original.mean(axis=(0, 1))
    found = regrain(smooth_colour, np.where(mask[..., None], 900, original), mask, seed=5)
    for made, true in zip(np.moveaxis(found, 2, 0), np.moveaxis(original, 2, 0), strict=True):
        assert LIMITS[0] <= ratio(made, true, mask) <= LIMITS[1]
        for axis in (0, 1):
            assert related(made, mask, axis) == pytest.approx(related(true, mask, axis), abs=0.12)
    np.testing.assert_allclose(correlations(found, mask), correlations(original, mask), atol=0.15)
    np.testing.assert_array_equal(found[~mask], smooth_colour[~mask])


def test_texture_that_was_drawn_in_colour_stays() -> None:
    mask, original = disc(), np.array([200.0, 120, 90]) + channels((2, 0, 0), (2, 0, 0), (2, 0, 0))
    drawn = original + noise(0.8, 20)[..., None]
    np.testing.assert_array_equal(regrain(drawn, original, mask), drawn)


def test_white_noise_would_fail_where_grain_is_correlated() -> None:
    """Guards the test above: the measure tells pepper from grain."""
    mask = disc()
    assert related(noise(1.2), mask, 0) > 0.5
    assert abs(related(np.random.default_rng(0).normal(0, 12, mask.shape), mask, 0)) < 0.1


def test_the_seed_decides() -> None:
    mask, original = disc(), 40 + noise(0.8)
    drawn = np.full(mask.shape, 40.0)
    made = [regrain(drawn, original, mask, seed) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])


def test_the_grain_is_that_of_the_tissue_that_was_drawn_not_of_air_or_edges() -> None:
    mask = disc(radius=16)
    original = 40 + noise(0.8)
    original[:, :40] = -1000          # air without any noise
    original[20:24, 40:] = 1200       # a bone
    found = regrain(np.full(mask.shape, 40.0), original, mask)
    assert Split.of(found, mask).grain == pytest.approx(Split.of(noise(0.8), mask).grain, rel=0.2)
    flat = regrain(np.full(mask.shape, -1000.0), np.full(mask.shape, -1000.0), mask)
    np.testing.assert_allclose(flat, -1000)


def test_edges_that_were_drawn_stay_when_grain_is_taken_away() -> None:
    mask = disc()
    drawn = 40 + np.random.default_rng(1).normal(0, 30, mask.shape)
    drawn[60:68, 50:78] += 600
    found = regrain(drawn, 40 + noise(0.8, 6), mask)
    assert found[62:66, 55:73].mean() == pytest.approx(drawn[62:66, 55:73].mean(), rel=0.1)
    assert Split.of(found, mask).grain < 10


@pytest.mark.parametrize("mask", [np.zeros((20, 20), np.bool_), np.ones((20, 20), np.bool_)])
def test_without_a_region_or_surroundings_nothing_changes(mask: Mask) -> None:
    drawn = np.random.default_rng(0).normal(0, 5, mask.shape)
    np.testing.assert_array_equal(regrain(drawn, drawn + 3, mask), drawn)


def test_a_matched_grey_seam_has_real_grain_and_level() -> None:
    mask, original = disc(), 1000 + noise(0.8, 20)
    found = blend.match_seam(np.full(mask.shape, 900.0), np.where(mask, 0, original), mask, seed=3)
    assert found[mask].mean() == pytest.approx(1000, abs=10)
    assert LIMITS[0] <= ratio(found, original, mask) <= LIMITS[1]
    assert related(found, mask, 1) == pytest.approx(related(original, mask, 1), abs=0.1)
