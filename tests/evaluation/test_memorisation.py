from __future__ import annotations

import numpy as np
import pytest

from medsynth_app.evaluation.intervals import wilson
from medsynth_app.evaluation.memorisation import Pair, memorisation, nearest_training_image

RNG = np.random.default_rng(0)
TRAIN, HELD_OUT, FRESH = RNG.normal(size=(500, 8)), RNG.normal(size=(400, 8)), RNG.normal(size=(300, 8))


def test_planted_copies_are_found_and_come_first() -> None:
    synthetic = FRESH.copy()
    synthetic[[7, 40, 41, 120]] = TRAIN[[3, 99, 250, 499]]
    synthetic[40] += 0.001
    found = memorisation(synthetic, TRAIN, HELD_OUT)
    first = found.closest(4)
    assert {pair.synthetic: pair.train for pair in first} == {7: 3, 40: 99, 41: 250, 120: 499}
    assert first[-1].synthetic == 40 and first[-1].distance == pytest.approx(0.001 * np.sqrt(8))
    assert [pair.distance for pair in first[:3]] == [0, 0, 0] == [pair.ratio for pair in first[:3]]
    clean = memorisation(FRESH, TRAIN, HELD_OUT)
    assert found.count - clean.count in (3, 4)
    assert found.share == found.count / 300 and clean.share < 0.03
    assert wilson(found.count, 300).mean == found.share


def test_the_nearest_training_image_is_the_nearest() -> None:
    found = memorisation(FRESH, TRAIN, HELD_OUT)
    table = np.linalg.norm(FRESH[:, None] - TRAIN[None], axis=2)
    np.testing.assert_array_equal(found.indices, table.argmin(axis=1))
    np.testing.assert_allclose(found.distances, table.min(axis=1))
    reference = np.linalg.norm(HELD_OUT[:, None] - TRAIN[None], axis=2).min(axis=1)
    np.testing.assert_allclose(found.ratios, table.min(axis=1) / np.median(reference))
    assert found.threshold == pytest.approx(np.quantile(reference, 0.01))
    assert np.median(found.ratios) == pytest.approx(1, abs=0.1)
    everything = found.closest(1000)
    assert len(everything) == 300 and everything == sorted(everything, key=lambda pair: pair.distance)
    assert found.closest(0) == [] and isinstance(everything[0], Pair)


@pytest.mark.parametrize("quantile", [0.01, 0.05, 0.5])
def test_held_out_images_fall_below_the_threshold_as_often_as_they_must(quantile: float) -> None:
    found = memorisation(HELD_OUT, TRAIN, HELD_OUT, quantile)
    assert found.held_out_share == pytest.approx(quantile, abs=1 / 400)
    assert found.share == found.held_out_share and found.quantile == quantile


def test_a_copy_is_found_however_far_the_cloud_lies_from_zero() -> None:
    """Expanded squares would lose a step of 0.001 at an offset of a million."""
    far = 1e6
    found = memorisation(np.vstack([FRESH, TRAIN[5:6] + 0.001]) + far, TRAIN + far, HELD_OUT + far)
    assert found.closest(1)[0].synthetic == 300 and found.closest(1)[0].train == 5
    assert found.closest(1)[0].distance == pytest.approx(0.001 * np.sqrt(8), rel=1e-3)


def test_turned_copies_are_found_where_all_views_are_given() -> None:
    """A view stands for a turn of the image: here, the features in reverse."""
    synthetic = FRESH.copy()
    synthetic[[7, 40]] = TRAIN[[3, 99], ::-1]
    alone = memorisation(synthetic, TRAIN, HELD_OUT)
    found = memorisation(np.stack([synthetic, synthetic[:, ::-1]]), TRAIN, np.stack([HELD_OUT, HELD_OUT[:, ::-1]]))
    assert {pair.synthetic: pair.train for pair in found.closest(2)} == {7: 3, 40: 99}
    assert found.distances[[7, 40]].tolist() == [0, 0] and alone.distances[[7, 40]].min() > 0.1
    assert len(found.distances) == 300 and (found.distances <= alone.distances).all()
    assert found.held_out_share == pytest.approx(0.01, abs=1 / 400)
    distances, indices = nearest_training_image(TRAIN[:5, ::-1][None], TRAIN[:, ::-1])
    assert distances.tolist() == [0] * 5 and indices.tolist() == list(range(5))


def test_wrong_input_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="held_out holds 99 samples; at least 100"):
        memorisation(FRESH, TRAIN, HELD_OUT[:99])
    assert memorisation(FRESH, TRAIN, HELD_OUT[:100]).quantile == 0.01
    with pytest.raises(ValueError, match="split the data by patient"):
        memorisation(FRESH, TRAIN, np.vstack([HELD_OUT, TRAIN[:10]]))
    with pytest.raises(ValueError, match="same encoder"):
        memorisation(FRESH, TRAIN[:, :4], HELD_OUT)
    with pytest.raises(ValueError, match="quantile"):
        memorisation(FRESH, TRAIN, HELD_OUT, 0)
    with pytest.raises(ValueError, match="synthetic holds 0"):
        memorisation(FRESH[:0], TRAIN, HELD_OUT)
