from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import draw

from medsynth_app.evaluation import shapes
from medsynth_app.evaluation.overlap import iou
from medsynth_app.evaluation.shapes import distribution_distance, nearest_mask, shape_descriptors, split_half_floor_1d

Masks = npt.NDArray[np.uint8]


def _drawn() -> Masks:
    masks = np.zeros((6, 64, 64), np.uint8)
    masks[0][draw.disk((32, 32), 20)] = 2
    masks[1][draw.ellipse(32, 32, 10, 26)] = 2
    masks[2][4:20, 4:12] = masks[2][40:60, 40:60] = 2  # two boxes; the second is the larger
    masks[2][30, 30] = 1
    masks[3][10:50, 10:50] = 2
    masks[3][10:40, 20:50] = 0  # an L
    masks[5][7, 7] = 2  # mask 4 stays empty, this is a single pixel
    return masks


def test_shapes_by_hand() -> None:
    found = shape_descriptors(_drawn(), 2)
    np.testing.assert_array_equal(found.count, [1, 1, 2, 1, 0, 1])
    np.testing.assert_allclose(found.area[2:], [(128 + 400) / 4096, 700 / 4096, 0, 1 / 4096])
    assert found.eccentricity[0] < 0.1
    assert found.eccentricity[1] == pytest.approx(np.sqrt(1 - (10 / 26) ** 2), abs=0.01)
    assert found.eccentricity[2] == pytest.approx(0)  # of the larger box, which is a square
    assert found.solidity[:3].min() > 0.95 and 0.5 < found.solidity[3] < 0.7
    assert np.isnan(found.eccentricity[4]) and np.isnan(found.solidity[4])
    assert (found.eccentricity[5], found.solidity[5]) == (0, 1)
    assert len(found.known("solidity")) == 5 and len(found.known("area")) == 6
    np.testing.assert_array_equal(shape_descriptors(_drawn(), 1).count, [0, 0, 1, 0, 0, 0])


def test_pixels_that_touch_at_a_corner_are_one_object() -> None:
    assert shape_descriptors(np.eye(4, dtype=np.uint8)[None], 1).count == [1]


def test_moving_a_list_by_its_own_spread_is_a_distance_of_one() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(10, 3, 400)
    assert distribution_distance(values, values + values.std(ddof=1)) == pytest.approx(1, rel=2e-3)
    assert distribution_distance(values, rng.permutation(values)) == pytest.approx(0, abs=1e-12)
    assert distribution_distance(values, rng.normal(10, 3, 400)) < 0.2
    assert distribution_distance(values, rng.normal(10, 9, 400)) > 0.4  # equal means, another spread


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.01, 1000), st.floats(-1000, 1000))
def test_units_do_not_matter(seed: int, scale: float, shift: float) -> None:
    a, b = np.random.default_rng(seed).gamma(2, 1, (2, 25))
    expected = distribution_distance(a, b)
    assert distribution_distance(b, a) == pytest.approx(expected)
    assert distribution_distance(a * scale + shift, b * scale + shift) == pytest.approx(expected, rel=1e-6)


def test_lists_of_one_value() -> None:
    assert distribution_distance([1, 1, 1], [1, 1]) == 0
    assert distribution_distance([1, 1, 1], [2, 2]) == np.inf


def test_the_floor_of_real_values() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=401)
    floor = split_half_floor_1d(values, np.random.default_rng(0))
    assert floor.n == 200 and 0 < floor.low < floor.mean < floor.high < 0.3
    assert floor == split_half_floor_1d(values, np.random.default_rng(0))
    assert split_half_floor_1d(values[:40], np.random.default_rng(0)).mean > floor.mean  # few are always far apart
    assert distribution_distance(values, rng.normal(1, 1, 200)) > floor.high


def test_the_nearest_mask_is_the_one_of_largest_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    masks, references = rng.random((7, 9, 9)) < 0.4, rng.random((23, 9, 9)) < 0.4
    masks[3] = references[17]
    table = np.array([[iou(mask, reference) for reference in references] for mask in masks])
    for chunk in (2**24, 5 * 81):  # at once, and in pieces
        monkeypatch.setattr(shapes, "_CHUNK", chunk)
        indices, best = nearest_mask(masks, references)
        np.testing.assert_array_equal(indices, table.argmax(axis=1))
        np.testing.assert_allclose(best, table.max(axis=1))
        assert indices[3] == 17 and best[3] == 1
    assert nearest_mask(masks[:1] & False, references & False)[1] == [1]


def test_pixels_agree_only_in_the_same_label() -> None:
    a = np.array([[[1, 1, 2, 0]]], np.uint8)
    swapped, half = np.array([[[2, 2, 1, 0]]], np.uint8), np.array([[[1, 2, 2, 2]]], np.uint8)
    assert nearest_mask(a, swapped)[1] == [0]
    indices, best = nearest_mask(a, np.concatenate([swapped, half]))
    assert indices == [1] and best == [pytest.approx(2 / 5)]  # 2 shared; 2 + 3 pixel-label pairs in either, 1 and 2


def test_wrong_input_is_refused_in_words() -> None:
    masks, rng = _drawn(), np.random.default_rng(0)
    with pytest.raises(ValueError, match="background"):
        shape_descriptors(masks, 0)
    with pytest.raises(ValueError, match="shape"):
        shape_descriptors(masks[0], 2)
    with pytest.raises(ValueError, match="whole numbers"):
        shape_descriptors(masks / 2, 1)
    with pytest.raises(ValueError, match="at least 2"):
        distribution_distance([1], [1, 2])
    with pytest.raises(ValueError, match="not finite"):
        distribution_distance(shape_descriptors(masks, 2).solidity, [1, 2])
    with pytest.raises(ValueError, match="at least 10"):
        split_half_floor_1d(range(9), rng)
    with pytest.raises(ValueError, match="split"):
        split_half_floor_1d(range(20), rng, repeats=0)
    with pytest.raises(ValueError, match="cannot be compared"):
        nearest_mask(masks, masks[:, :32])
