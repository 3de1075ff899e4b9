"""Removal without a model, on textures whose right answer is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import scipy

from medsynth_app.core.errors import Cancelled
from medsynth_app.segmentation.fill import fill
from medsynth_app.segmentation.sources import Search

Values = npt.NDArray[np.float64]


def disc(size: int, diameter: float, row: int = -1, column: int = -1) -> npt.NDArray[np.bool_]:
    row, column = (size // 2 if place < 0 else place for place in (row, column))
    rows, columns = np.ogrid[:size, :size]
    return np.asarray((rows - row) ** 2 + (columns - column) ** 2 < (diameter / 2) ** 2)


def noise(size: int, spread: float, seed: int = 0, channels: int = 0) -> Values:
    """Noise as a scanner's: neighbours are alike."""
    shape = (size, size, channels) if channels else (size, size)
    made = scipy.ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), (0.8, 0.8, 0)[:len(shape)])
    return np.asarray(made / made.std() * spread)


def grain(values: Values, where: npt.NDArray[np.bool_]) -> float:
    low = scipy.ndimage.gaussian_filter(values, (2.0, 2.0, 0)[:values.ndim])
    return float((values - low)[where].std())


def with_ball(values: Values, mask: npt.NDArray[np.bool_], height: float = 500) -> Values:
    """What is to be removed: nothing of it may stay, so the answer does not depend on it."""
    return np.where(mask.reshape(mask.shape + (1,) * (values.ndim - 2)), values + height, values)


@pytest.mark.parametrize("value", [0, -1024, 1_000_000])
def test_a_constant_goes_on(value: int) -> None:
    mask = disc(128, 30)
    filled = fill(with_ball(np.full((128, 128), float(value)), mask), mask)
    assert np.abs(filled - value).max() < 1e-3


def test_a_slope_goes_on() -> None:
    rows, columns = np.mgrid[:160, :160]
    plane = 3.0 * rows - 2.0 * columns
    mask = disc(160, 40)
    filled = fill(with_ball(plane, mask), mask)
    assert np.abs(filled - plane)[mask].max() < 6  # two pixels' worth at the steepest


def test_stripes_go_on() -> None:
    stripes = np.tile(100 * np.sin(np.arange(192) * 2 * np.pi / 16), (192, 1))
    mask = disc(192, 44)
    for seed in range(4):
        filled = fill(with_ball(stripes, mask), mask, seed)
        assert np.abs(filled - stripes)[mask].mean() < 8
        assert np.corrcoef(filled[mask], stripes[mask])[0, 1] > 0.98


def test_an_edge_of_two_tissues_goes_on() -> None:
    truth = np.where(np.arange(192) < 96, 40.0, 140.0)[None].repeat(192, 0) + noise(192, 5)
    mask = disc(192, 36)
    filled = fill(with_ball(truth, mask), mask)
    assert np.abs(filled - truth)[mask].mean() < 12  # noise against noise alone is 5.6


@pytest.mark.parametrize("diameter, draws", [(10, 16), (24, 8), (60, 4), (150, 2)])
def test_noise_keeps_its_grain_and_level(diameter: int, draws: int) -> None:
    mask, ratios, errors = disc(320, diameter), [], []
    for seed in range(draws):
        truth = 40 + noise(320, 12, seed)
        filled = fill(with_ball(truth, mask), mask, seed)
        ratios.append(grain(filled, mask) / grain(truth, ~mask))
        errors.append(filled[mask].mean() - 40)
    assert 0.85 < np.median(ratios) < 1.15
    assert abs(np.mean(errors)) < 2.5  # of noise of 12, whose mean in the smallest region alone is off by 4


def test_colours_keep_their_grain_together() -> None:
    grey = noise(160, 10)[..., None]
    truth = np.array([200.0, 120.0, 90.0]) + grey * np.array([1.0, 0.6, 0.3])
    mask = disc(160, 30)
    filled = fill(np.rint(with_ball(truth, mask, 40)).astype(np.uint8), mask)
    assert filled.shape == truth.shape
    assert np.abs(filled[mask].mean(axis=0) - truth[mask].mean(axis=0)).max() < 4
    assert np.corrcoef(filled[mask][:, 0], filled[mask][:, 1])[0, 1] > 0.9


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32])
def test_nothing_outside_the_mask_changes_and_the_input_is_left_alone(dtype: type) -> None:
    given = (noise(96, 9) + 60).astype(dtype)
    before, mask = given.copy(), disc(96, 20)
    filled = fill(given, mask)
    assert filled.dtype == np.float64
    assert (filled[~mask] == given[~mask]).all()
    assert (given == before).all()
    assert not (filled[mask] == given[mask]).all()


def test_what_is_masked_is_never_looked_at() -> None:
    mask, truth = disc(128, 30), noise(128, 10)
    assert (fill(with_ball(truth, mask, 1e6), mask)[mask] == fill(truth, mask)[mask]).all()


def test_values_beyond_any_window_are_kept() -> None:
    bone = np.rint(1900 + noise(128, 40)).astype(np.int16)
    mask = disc(128, 24)
    filled = fill(bone, mask)
    assert 1850 < filled[mask].mean() < 1950
    assert filled[mask].max() > 1950


def test_units_do_not_matter() -> None:
    """The rescaling of a DICOM file changes no picture."""
    mask, stored = disc(128, 30), np.rint(1064 + noise(128, 10))
    assert np.allclose(fill(stored * 2.5 - 1024, mask, 3), fill(stored, mask, 3) * 2.5 - 1024, atol=1e-3)


def test_seeds_differ_and_repeat() -> None:
    mask, truth = disc(160, 30), noise(160, 10)
    drawn = [fill(truth, mask, seed)[mask] for seed in range(16)]
    for one in range(16):
        for other in range(one):
            assert np.abs(drawn[one] - drawn[other]).mean() > 2
    assert (drawn[5] == fill(truth, mask, 5)[mask]).all()


def test_pieces_of_a_large_region_repeat_too() -> None:
    mask, truth = disc(256, 140), noise(256, 10)
    one, other = fill(truth, mask, 7), fill(truth, mask, 8)
    assert (one == fill(truth, mask, 7)).all()
    assert not (one == other).all()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_tiny_region(size: int) -> None:
    mask = np.zeros((64, 64), bool)
    mask[30:30 + size, 40:40 + size] = True
    truth = 100 + noise(64, 5)
    assert np.abs(fill(with_ball(truth, mask), mask)[mask] - 100).max() < 30


@pytest.mark.parametrize("row, column", [(0, 0), (0, 64), (127, 64), (127, 127)])
def test_a_region_at_the_border(row: int, column: int) -> None:
    mask = disc(128, 50, row, column)
    truth = 40 + noise(128, 10)
    filled = fill(with_ball(truth, mask), mask)
    assert abs(filled[mask].mean() - 40) < 6
    assert 0.7 < grain(filled, mask) / grain(truth, ~mask) < 1.3


def test_a_mask_that_covers_nearly_everything() -> None:
    """No source is left; noise of the spectrum of what is known fills it."""
    truth = 40 + noise(96, 10)
    mask = np.ones((96, 96), bool)
    mask[:6] = False
    filled = fill(with_ball(truth, mask), mask)
    assert np.isfinite(filled).all()
    assert abs(filled[mask].mean() - 40) < 8
    assert 0.5 < grain(filled, mask) / grain(truth, ~mask) < 1.5
    assert not (filled == fill(truth, mask, 1)).all()


def test_two_regions_are_both_filled() -> None:
    mask = disc(192, 24, 50, 50) | disc(192, 24, 140, 140)
    truth = 40 + noise(192, 8)
    filled = fill(with_ball(truth, mask), mask)
    assert filled[mask].max() < 100


def test_grain_runs_the_way_it_runs_around() -> None:
    """Streaks rise to the right; elsewhere, and mirrored, they fall: such a source would be seen at once."""
    made = np.random.default_rng(3).standard_normal((256, 256))
    rising = sum(np.roll(made, (-step, step), (0, 1)) for step in range(6))
    falling = rising[::-1]
    truth = np.where(np.arange(256) < 128, rising / rising.std(), falling / falling.std()) * 10
    mask = disc(256, 26, 128, 60)
    for seed in range(4):
        grain_of = fill(with_ball(truth, mask), mask, seed)
        inner = scipy.ndimage.binary_erosion(mask, iterations=2)
        along, across = (np.corrcoef(grain_of[inner], np.roll(grain_of, shift, (0, 1))[inner])[0, 1]
                         for shift in ((-1, 1), (1, 1)))
        assert along > 0.6 > 0.3 > across


def test_a_band_goes_on_though_nothing_smooth_lets_expect_it() -> None:
    rows = np.mgrid[:256, :256][0]
    truth = 40 + 100.0 * (np.abs(rows - 128) < 10) + noise(256, 5)
    mask = disc(256, 40, 128, 160)
    for seed in range(4):
        assert np.abs(fill(with_ball(truth, mask), mask, seed) - truth)[mask].mean() < 15


def test_another_ball_is_not_copied_in() -> None:
    truth = 40 + noise(192, 8)
    mask, other = disc(192, 24, 60, 60), disc(192, 24, 130, 130)
    given = with_ball(with_ball(truth, mask, 60), other, 60)
    for seed in range(16):
        filled = fill(given, mask, seed)
        assert scipy.ndimage.gaussian_filter(filled, 4)[mask].max() < 55


def test_a_region_larger_than_a_block_is_filled_in_bounded_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medsynth_app.segmentation.fill.BLOCK", 64)
    monkeypatch.setattr("medsynth_app.segmentation.fill.REACH", 64)
    sizes, known = [], Search.__init__

    def noted(self: Search, values: Values, given: npt.NDArray[np.bool_]) -> None:
        sizes.append(max(given.shape))
        known(self, values, given)

    monkeypatch.setattr(Search, "__init__", noted)
    truth, mask, told = 40 + noise(400, 10), disc(400, 120), []
    filled = fill(with_ball(truth, mask), mask, progress=lambda done, of: told.append((done, of)))
    assert len(sizes) == 4 and max(sizes) <= 64 + 2 * 64
    assert 0.85 < grain(filled, mask) / grain(truth, ~mask) < 1.15
    assert abs(filled[mask].mean() - 40) < 2 and filled[mask].max() < 100
    assert told == sorted(told) and told[-1] == (400, 400)


@pytest.mark.parametrize("mask", [np.zeros((32, 32), bool), np.ones((32, 32), bool)])
def test_nothing_or_everything_masked_is_refused(mask: npt.NDArray[np.bool_]) -> None:
    with pytest.raises(ValueError, match="masked"):
        fill(np.zeros((32, 32)), mask)


def test_progress_is_told_and_can_cancel() -> None:
    mask, told = disc(256, 150), []
    fill(noise(256, 5), mask, progress=lambda done, of: told.append((done, of)))
    assert told[0][0] == 0 and told[-1][0] == told[-1][1] > 3
    assert [done for done, _ in told] == sorted(done for done, _ in told)

    def stop(done: int, of: int) -> None:
        if done >= 20:
            raise Cancelled

    with pytest.raises(Cancelled):
        fill(noise(256, 5), mask, progress=stop)
