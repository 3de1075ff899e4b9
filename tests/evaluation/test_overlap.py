from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from medsynth_app.evaluation.overlap import Mask, area_change, dice, iou

MASKS = hnp.arrays(np.bool_, (5, 6))


def test_by_hand() -> None:
    a, b = np.zeros((2, 4, 4), np.bool_)
    a[0, :3], b[0, 1:] = True, True  # 3 pixels each, 2 shared
    assert dice(a, b) == pytest.approx(4 / 6) and iou(a, b) == pytest.approx(2 / 4)
    empty = np.zeros_like(a)
    assert dice(empty, empty) == iou(empty, empty) == 1
    assert dice(a, empty) == iou(a, empty) == 0


def test_labels_are_compared_one_by_one() -> None:
    a = np.array([[0, 1, 1, 2], [0, 0, 2, 2]], np.uint8)
    b = np.array([[0, 1, 2, 2], [0, 0, 2, 5]], np.uint8)
    assert dice(a, b) == {1: pytest.approx(2 / 3), 2: pytest.approx(4 / 6), 5: 0}
    assert iou(a, b) == {1: pytest.approx(1 / 2), 2: pytest.approx(2 / 4), 5: 0}
    assert dice(a, b, labels=[1, 7]) == {1: pytest.approx(2 / 3), 7: 1}  # neither holds a 7
    assert iou(a, b, labels=[0]) == {0: 1}
    assert dice(a * 0, b * 0) == {}


@given(MASKS, MASKS)
def test_both_are_symmetric_and_one_follows_from_the_other(a: Mask, b: Mask) -> None:
    assert dice(a, b) == dice(b, a) and iou(a, b) == iou(b, a)
    assert dice(a, b) == pytest.approx(2 * iou(a, b) / (1 + iou(a, b)))
    assert dice(a, a) == iou(a, a) == 1
    assert 0 <= iou(a, b) <= dice(a, b) <= 1
    assert (iou(a, b) == 1) is bool((a == b).all())
    assert dice(a.astype(np.uint8), b.astype(np.uint8), labels=[1]) == {1: dice(a, b)}


@given(st.integers(0, 30))
def test_change_of_area(kept: int) -> None:
    before, after = np.zeros((2, 5, 6), np.uint8)
    before[:2, :5] = 3  # 10 pixels
    after.ravel()[:kept] = 1
    assert area_change(before, after) == pytest.approx(kept / 10 - 1)


def test_change_of_area_may_be_asked_of_one_place() -> None:
    before, after, place = np.zeros((3, 4, 4), np.bool_)
    before[:2], after[1:], place[:2] = True, True, True
    assert area_change(before, after) == 0.5
    assert area_change(before, after, place) == -0.5
    assert area_change(before, np.zeros_like(before)) == -1


def test_wrong_input_is_refused_in_words() -> None:
    flag, code = np.ones((3, 3), np.bool_), np.ones((3, 3), np.uint8)
    for judge in (dice, iou):
        with pytest.raises(ValueError, match="same shape"):
            judge(flag, flag[:2])
        with pytest.raises(ValueError, match="Both masks"):
            judge(flag, code)
        with pytest.raises(ValueError, match="whole numbers"):
            judge(code * 0.5, code * 0.5)
        with pytest.raises(ValueError, match="no labels"):
            judge(flag, flag, [1])
    with pytest.raises(ValueError, match="Nothing is marked"):
        area_change(~flag, flag)
    with pytest.raises(ValueError, match="Nothing is marked"):
        area_change(flag, flag, ~flag)
    with pytest.raises(ValueError, match="same shape"):
        area_change(flag, flag[:2])
