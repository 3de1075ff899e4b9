from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from medsynth_app.core import blend

Mask = npt.NDArray[np.bool_]
STORED = {"rgb": (np.uint8, (0, 255)), "uint8": (np.uint8, (0, 255)), "uint12": (np.uint16, (0, 4095)),
          "uint16": (np.uint16, (0, 65535)), "int12": (np.int16, (-2048, 2047)), "int16": (np.int16, (-32768, 32767))}


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    """Dots, lines, boxes, discs, noise; alone or together, inside, at the borders, or everywhere."""
    rows, columns = draw(st.integers(1, 48)), draw(st.integers(1, 48))
    mask = np.zeros((rows, columns), np.bool_)
    row, column = np.mgrid[:rows, :columns]
    for shape in draw(st.lists(st.sampled_from(["dot", "line", "box", "disc", "noise", "border", "all"]),
                               min_size=1, max_size=3)):
        r, c = draw(st.integers(0, rows - 1)), draw(st.integers(0, columns - 1))
        size = draw(st.integers(1, 30))
        if shape == "dot":
            mask[r, c] = True
        elif shape == "line":
            mask[r, c:c + size] = True
        elif shape == "box":
            mask[r:r + size, c:c + size] = True
        elif shape == "disc":
            mask |= (row - r) ** 2 + (column - c) ** 2 < size**2 / 4
        elif shape == "noise":
            mask |= np.random.default_rng(size).random(mask.shape) < 0.2
        elif shape == "border":
            mask[:, -1] = mask[0] = True
        else:
            mask[:] = True
    return mask


@given(masks(), st.integers(0, 12), st.sampled_from(sorted(STORED)), st.integers(0, 2**31))
def test_pixels_outside_the_effective_mask_are_bit_identical(mask: Mask, feather: int, kind: str, seed: int) -> None:
    dtype, (low, high) = STORED[kind]
    rng = np.random.default_rng(seed)
    shape = (*mask.shape, 3) if kind == "rgb" else mask.shape
    limits = np.iinfo(dtype)  # also values that the header does not allow: they are not ours to mend
    original = rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    kept = original.copy()
    generated = rng.uniform(low - 1000, high + 1000, shape)
    alpha = blend.feather_alpha(mask, feather)
    effective = blend.effective_mask(mask, feather)
    result = blend.composite(original, generated, alpha, (low, high))
    assert result.dtype == original.dtype and result.shape == original.shape
    assert result[~effective].tobytes() == kept[~effective].tobytes()
    np.testing.assert_array_equal(original, kept)
    assert not effective[~mask].any()
    assert blend.largest_change_outside(original, result, effective) == 0
    full = alpha == 1
    np.testing.assert_array_equal(result[full], np.clip(np.rint(generated[full]), low, high).astype(dtype))


@given(masks(), st.integers(0, 12))
def test_the_soft_edge_lies_inside_and_every_painted_pixel_counts(mask: Mask, feather: int) -> None:
    alpha = blend.feather_alpha(mask, feather)
    assert alpha.dtype == np.float32 and alpha.max() <= 1
    np.testing.assert_array_equal(alpha > 0, mask)
    if mask.all() or not mask.any() or not feather:
        np.testing.assert_array_equal(alpha, mask)
        return
    depth = ndimage.distance_transform_edt(mask)
    assert alpha[mask].max() == 1
    assert (alpha >= np.minimum(depth / (feather + 1), 1) - 1e-6).all()
    assert (alpha[depth >= feather + 1] == 1).all()


@pytest.mark.parametrize("feather", [0, 1, 4, 20])
def test_dots_and_lines_are_drawn_in_full(feather: int) -> None:
    mask = np.zeros((64, 64), np.bool_)
    mask[5, 5] = True
    mask[40, 3:60] = True
    alpha = blend.feather_alpha(mask, feather)
    assert alpha[5, 5] == 1 and (alpha[40, 3:60] == 1).all()


def test_feathering_is_what_it_was() -> None:
    """Golden numbers: the edge must not change from one version to the next."""
    mask = np.zeros((9, 11), np.bool_)
    mask[1:8, 1:8] = True
    mask[4, 9:] = True  # a line that leaves the image
    alpha = blend.feather_alpha(mask, 2)
    third, two, full = 1 / 3, 2 / 3, 1.0
    golden = np.array([
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, third, third, third, third, third, third, third, 0, 0, 0],
        [0, third, two, two, two, two, two, third, 0, 0, 0],
        [0, third, two, full, full, full, two, third, 0, 0, 0],
        [0, third, two, full, full, full, two, third, 0, 1, 1],
        [0, third, two, full, full, full, two, third, 0, 0, 0],
        [0, third, two, two, two, two, two, third, 0, 0, 0],
        [0, third, third, third, third, third, third, third, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]], np.float32)
    np.testing.assert_allclose(alpha, golden, atol=1e-6)


def test_a_change_outside_is_found() -> None:
    before = np.array([[-5, 7, 9]], np.int16)
    after = np.array([[-5, 1, 30000]], np.int16)
    assert blend.largest_change_outside(before, after, np.array([[False, True, False]])) == 29991
    assert blend.largest_change_outside(before, after, np.array([[False, True, True]])) == 0


def test_seam_measure() -> None:
    mask = np.zeros((5, 5), np.bool_)
    mask[2, 2] = True
    pixels = np.full((5, 5), 10, np.uint8)
    assert blend.seam_measure(pixels, mask) == 0
    pixels[2, 2] = 3  # unsigned: 3 - 10 must not wrap
    assert blend.seam_measure(pixels, mask) == 7
    assert blend.seam_measure(np.repeat(pixels[:, :, None], 3, axis=2), mask) == 7
    assert blend.seam_measure(pixels, np.ones_like(mask)) == 0


@given(masks(), st.integers(0, 2**31))
def test_a_fill_keeps_what_is_known_and_stays_between_its_values(mask: Mask, seed: int) -> None:
    values = np.random.default_rng(seed).random((*mask.shape, 3)).astype(np.float32)
    filled = blend.fill_smooth(values, mask)
    np.testing.assert_array_equal(filled[~mask], values[~mask])
    known = values if mask.all() else values[~mask].reshape(-1, 3)
    assert filled.min() >= known.min() - 1e-5 and filled.max() <= known.max() + 1e-5


def test_a_fill_forgets_what_was_painted_over() -> None:
    ramp = np.repeat(np.linspace(0, 1, 64, dtype=np.float32)[None], 64, axis=0)
    mask = np.zeros((64, 64), np.bool_)
    mask[20:44, 20:44] = True
    spoilt = ramp.copy()
    spoilt[mask] = 50
    assert np.abs(blend.fill_smooth(spoilt, mask) - ramp).max() < 0.2


def _scene(channels: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any], Mask]:
    rng = np.random.default_rng(0)
    shape = (64, 64) if channels == 1 else (64, 64, channels)
    original = rng.normal(1000, 20, shape)
    generated = np.full(shape, 900.0)  # too dark and too smooth
    mask = np.zeros((64, 64), np.bool_)
    mask[20:44, 20:44] = True
    return original, generated, mask


@pytest.mark.parametrize("channels", [1, 3])
def test_matching_brings_mean_and_noise_to_the_surroundings(channels: int) -> None:
    original, generated, mask = _scene(channels)
    matched = blend.match_seam(generated, original, mask, seed=3)
    assert matched.shape == generated.shape
    assert abs(matched[mask].mean() - 1000) < 10
    assert 14 < matched[mask].std() < 26
    np.testing.assert_array_equal(matched, blend.match_seam(generated, original, mask, seed=3))
    assert not np.array_equal(matched, blend.match_seam(generated, original, mask, seed=4))


def test_matching_without_surroundings_changes_nothing() -> None:
    original, generated, mask = _scene(1)
    np.testing.assert_array_equal(blend.match_seam(generated, original, np.ones_like(mask)), generated)
