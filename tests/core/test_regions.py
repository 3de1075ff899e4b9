"""Which parts of a mask are drawn together, and which each in a crop of its own."""

from __future__ import annotations

import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.crop import context_bounds
from medsynth_app.core.regions import MOST, crops_apart, painted_regions

Box = tuple[int, int, int, int]


def masked(boxes: list[Box], rows: int = 300, columns: int = 400) -> np.ndarray:
    mask = np.zeros((rows, columns), np.bool_)
    for top, left, height, width in boxes:
        mask[top:top + height, left:left + width] = True
    return mask


def crops(mask: np.ndarray, native: int = 32, context: float = 0.5) -> tuple[Bounds, ...]:
    return crops_apart(mask, lambda region: context_bounds(region, *mask.shape, native, context))


some_boxes = st.lists(st.tuples(st.integers(0, 299), st.integers(0, 399), st.integers(1, 60), st.integers(1, 60)),
                      min_size=1, max_size=40)


@settings(deadline=None)  # the first waits for SciPy
@given(some_boxes, st.sampled_from([16, 64]), st.floats(0, 1))
def test_no_two_crops_overlap_and_together_they_hold_all_that_is_painted(
        boxes: list[Box], native: int, context: float) -> None:
    mask = masked(boxes)
    found = crops(mask, native, context)
    held = np.zeros_like(mask, np.uint8)
    for crop in found:
        assert crop.clipped(*mask.shape) == crop and mask[crop.slices].any()
        held[crop.slices] += 1
    assert (held[mask] == 1).all() and held.max() == 1
    assert 1 <= len(found) <= MOST


@settings(deadline=None)
@given(st.integers(0, 299), st.integers(0, 399), st.integers(1, 200), st.integers(1, 200), st.floats(0, 1))
def test_one_region_has_the_crop_that_it_always_had(
        top: int, left: int, height: int, width: int, context: float) -> None:
    mask = masked([(top, left, height, width)])
    painted = Bounds.of_mask(mask)
    assert painted is not None
    assert crops(mask, 32, context) == (context_bounds(painted, *mask.shape, 32, context),)


def test_dots_in_opposite_corners_are_each_seen_at_their_own_scale() -> None:
    mask = np.zeros((4096, 4096), np.bool_)
    mask[10:20, 10:20] = mask[4070:4080, 4000:4010] = True
    begun = time.process_time()
    found = crops(mask, native=128)
    assert time.process_time() - begun < 1  # it is asked after every stroke
    assert found == (Bounds(0, 0, 64, 64), Bounds(4032, 3973, 4096, 4037))


def test_what_is_near_is_drawn_together() -> None:
    near = masked([(100, 100, 10, 10), (100, 116, 10, 10)])
    assert len(crops(near)) == 1 and len(painted_regions(near)) == 2
    chain = masked([(100, 14 * k, 8, 8) for k in range(15)])  # the first and the last are far apart
    assert len(crops(chain)) == 1
    far = masked([(100, 100, 10, 10), (100, 140, 10, 10)])
    assert len(crops(far)) == 2


def test_a_ring_and_what_lies_in_it_share_a_crop() -> None:
    mask = masked([(50, 50, 200, 200)])
    mask[60:240, 60:240] = False
    mask[140:150, 140:150] = True
    assert len(painted_regions(mask)) == 2 and len(crops(mask)) == 1


def test_many_specks_cost_no_run_each() -> None:
    mask = np.zeros((4096, 4096), np.bool_)
    mask[::100, ::100] = True  # 1681, each alone
    begun = time.process_time()
    found = crops(mask)
    assert 1 <= len(found) <= MOST and time.process_time() - begun < 5
    few = np.zeros((4096, 4096), np.bool_)
    few[::1000, ::1300] = True
    assert len(crops(few)) == 20


def test_nothing_painted_has_no_crop() -> None:
    assert crops(np.zeros((20, 30), np.bool_)) == ()
