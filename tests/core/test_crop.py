from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.crop import MARGIN, beyond_model, context_bounds, from_model_unit, to_model_unit
from medsynth_app.core.image import Rescale
from medsynth_app.core.intensity import IntensityRange


@st.composite
def painted(draw: st.DrawFn) -> tuple[Bounds, int, int]:
    rows, columns = draw(st.integers(1, 5000)), draw(st.integers(1, 5000))
    top, left = draw(st.integers(0, rows - 1)), draw(st.integers(0, columns - 1))
    bottom, right = draw(st.integers(top + 1, rows)), draw(st.integers(left + 1, columns))
    return Bounds(top, left, bottom, right), rows, columns


@given(painted(), st.sampled_from([32, 128, 512]), st.floats(0, 2))
def test_a_crop_holds_the_padded_mask_and_lies_in_the_frame(
        case: tuple[Bounds, int, int], native: int, context: float) -> None:
    mask, rows, columns = case
    crop = context_bounds(mask, rows, columns, native, context)
    assert crop.clipped(rows, columns) == crop
    pad = max(MARGIN, int(context * max(mask.height, mask.width)))
    padded = mask.padded(pad).clipped(rows, columns)
    assert crop.union(padded) == crop
    assert crop.height == crop.width or crop.height == rows or crop.width == columns
    assert crop.height >= min(native // 2, rows) and crop.width >= min(native // 2, columns)


@given(st.integers(1, 60), st.integers(1, 60), st.floats(0, 2))
def test_the_cost_follows_the_painting_not_the_image(height: int, width: int, context: float) -> None:
    small = context_bounds(Bounds(300, 300, 300 + height, 300 + width), 700, 700, 128, context)
    large = context_bounds(Bounds(3000, 500, 3000 + height, 500 + width), 4096, 4096, 128, context)
    assert (small.height, small.width) == (large.height, large.width)


def test_a_dot_in_a_corner() -> None:
    assert context_bounds(Bounds(0, 0, 1, 1), 512, 512, 128, 0.5) == Bounds(0, 0, 64, 64)
    assert context_bounds(Bounds(511, 511, 512, 512), 512, 512, 128, 0.5) == Bounds(448, 448, 512, 512)


def test_ct_is_seen_through_the_range() -> None:
    stored = np.array([[0, 924, 1024, 1104, 4000]], np.int16)
    unit = to_model_unit(stored, Rescale(1, -1024, "HU"), IntensityRange(0, 80))
    assert unit.shape == (1, 5, 3) and unit.dtype == np.float32
    np.testing.assert_allclose(unit[0, :, 1], [0, 0, 0, 1, 1])
    negative = to_model_unit(stored, Rescale(1, -1024), IntensityRange(0, 80), inverted=True)
    np.testing.assert_allclose(negative[0, :, 0], [1, 1, 1, 0, 0])


@given(st.sampled_from([np.uint8, np.uint16, np.int16]), st.floats(0.1, 4), st.floats(-2000, 2000), st.booleans(),
       st.integers(0, 2**31))
def test_grey_values_inside_the_range_come_back(
        dtype: type[np.integer], slope: float, intercept: float, inverted: bool, seed: int) -> None:
    limits = np.iinfo(dtype)
    stored = np.random.default_rng(seed).integers(limits.min, limits.max, (5, 4), dtype, endpoint=True)
    rescale, full = Rescale(slope, intercept), (int(limits.min), int(limits.max))
    unit = to_model_unit(stored, rescale, None, inverted, full)
    assert unit.min() >= 0 and unit.max() <= 1
    back = from_model_unit(unit, True, rescale, None, inverted, full)
    np.testing.assert_allclose(back, stored, atol=(limits.max - limits.min) * 4e-6 + 1e-3 / slope)


def test_rgb_comes_back_and_grey_is_the_mean_of_the_channels() -> None:
    stored = np.random.default_rng(0).integers(0, 256, (6, 7, 3), np.uint8)
    np.testing.assert_array_equal(np.rint(from_model_unit(to_model_unit(stored), False)), stored)
    assert from_model_unit(np.array([[[0.0, 0.3, 0.6]]]), True)[0, 0] == pytest.approx(0.3 * 255)


def back(original: float, drawn: float, anew: bool = False) -> float:
    """What becomes of a pixel, in HU, of a model that sees -160 to 240."""
    rescale = Rescale(2, -1024, "HU")
    stored = np.array([[round(rescale.to_stored(np.array(original)).item())]], np.int16)
    generated = rescale.to_stored(np.array([[drawn]]))
    kept = beyond_model(stored, generated, rescale, IntensityRange(-160, 240), (0, 4095), anew)
    return float((generated + kept)[0, 0] * 2 - 1024)


def test_what_the_model_could_not_see_comes_back() -> None:
    for drawn in (-160, 40, 240):
        assert back(1240, drawn) == 1240 and back(-1000, drawn) == -1000  # bone and air
        assert back(-160, drawn) == back(100, drawn) == back(240, drawn) == drawn  # seen by the model
    assert back(242, 200) == pytest.approx(202, abs=1)  # just beyond: what was drawn, and those 2 HU
    assert back(340, 200) == pytest.approx(200 + 100 + 20)  # a quarter of a range beyond: half of what was drawn


def test_drawn_anew_it_comes_back_where_that_end_was_drawn_alone() -> None:
    assert back(1240, 240, anew=True) == back(1240, 150, anew=True) == 1240
    assert back(-1000, -160, anew=True) == back(-1000, -70, anew=True) == -1000
    for original in (1240, -1000):
        assert back(original, 40, anew=True) == 40
    assert back(1240, -160, anew=True) == -160 and back(-1000, 240, anew=True) == 240
    assert back(1240, 90, anew=True) == pytest.approx((90 + 1240) / 2)  # in between, without a step


def test_nothing_lies_beyond_all_that_can_be_stored() -> None:
    stored = np.random.default_rng(0).integers(-32768, 32767, (9, 9), np.int16)
    generated = stored.astype(np.float64)
    assert not beyond_model(stored, generated, Rescale(0.3, 7), None, (-32768, 32767)).any()
