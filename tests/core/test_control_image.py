"""Masks as a ControlNet sees them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsynth_app.core.control_image import checked_labels, control_image, fitted, labels_in, resized
from medsynth_app.core.errors import UserError


def test_each_label_has_its_own_colour() -> None:
    picture = control_image(np.array([[0, 1], [2, 3]], np.uint8))
    assert picture.dtype == np.float32 and picture.shape == (2, 2, 3)
    assert picture.tolist() == [[[0, 0, 0], [1, 0, 0]], [[0, 1, 0], [0, 0, 1]]]
    assert control_image(np.zeros((5, 4, 6), np.uint8)).shape == (5, 4, 6, 3)
    with pytest.raises(ValueError, match="3 labels"):
        control_image(np.array([[4]], np.uint8))


def test_labels_that_the_pack_does_not_know_are_refused_in_words() -> None:
    mask = np.array([[0, 1], [2, 2]], np.uint8)
    assert checked_labels(mask, ("cytoplasm", "nucleus")) is mask
    with pytest.raises(UserError, match=r"value 2, which.*1 polyp"):
        checked_labels(mask, ("polyp",))
    with pytest.raises(UserError, match=r"values 1, 2.*none"):
        checked_labels(mask, ())
    with pytest.raises(UserError, match="value 4"):  # there is no colour for it
        checked_labels(np.array([[4]], np.uint8), ("a", "b", "c", "d"))
    for wrong in (np.zeros((0, 3), np.uint8), np.zeros((2, 2, 3), np.uint8)):
        with pytest.raises(UserError, match="no pixels"):
            checked_labels(wrong, ("polyp",))


def test_black_and_white_masks_mean_the_only_label() -> None:
    mask = np.array([[0, 255]], np.uint8)
    assert checked_labels(mask, ("polyp",)).tolist() == [[0, 1]]
    with pytest.raises(UserError, match="255"):
        checked_labels(mask, ("cytoplasm", "nucleus"))
    with pytest.raises(UserError, match="255"):
        checked_labels(np.array([[1, 255]], np.uint8), ("polyp",))


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 90), st.integers(1, 90))
def test_resizing_invents_no_label_and_keeps_the_order(rows: int, columns: int, height: int, width: int) -> None:
    mask = np.add.outer(np.arange(rows), np.arange(columns)).astype(np.uint8)
    made = resized(mask, height, width)
    assert made.shape == (height, width) and set(np.unique(made)) <= set(np.unique(mask))
    assert (np.diff(made.astype(int), axis=0) >= 0).all() and (np.diff(made.astype(int), axis=1) >= 0).all()


def test_resizing_keeps_places() -> None:
    mask = np.zeros((10, 20), np.uint8)
    mask[2:5, 4:8] = 2
    double = resized(mask, 20, 40)
    assert np.array_equal(double, mask.repeat(2, 0).repeat(2, 1))
    assert np.array_equal(resized(double, 10, 20), mask)
    assert np.array_equal(resized(mask, 10, 20), mask)


@given(st.lists(st.integers(0, 255), max_size=5), st.integers(1, 200), st.integers(0, 9))
def test_the_labels_of_a_mask_are_found_wherever_they_stand(values: list[int], rows: int, seed: int) -> None:
    mask = np.zeros((rows, 7), np.uint8)
    for value, place in zip(values, np.random.default_rng(seed).integers(0, mask.size, len(values)), strict=True):
        mask.flat[place] = value
    assert labels_in(mask) == tuple(int(value) for value in np.unique(mask) if value)
    assert labels_in(mask[:, ::2]) == tuple(int(value) for value in np.unique(mask[:, ::2]) if value)


def test_what_is_too_small_to_be_left_is_told() -> None:
    mask = np.zeros((256, 256), np.uint8)
    mask[60:200, 60:200], mask[0, 0] = 1, 2
    small, lost = fitted(mask, 32, 32, labels_in(mask))
    assert small.shape == (32, 32) and labels_in(small) == (1,) and lost == (2,)
    assert fitted(mask, 256, 256, labels_in(mask))[1] == ()
    mask[mask == 1] = 0
    with pytest.raises(UserError, match="nothing of it is left at 32 x 32"):
        fitted(mask, 32, 32, labels_in(mask))
    empty = mask * 0  # drawn without the thing, as it was asked
    assert not fitted(empty, 32, 32, labels_in(empty))[0].any()
