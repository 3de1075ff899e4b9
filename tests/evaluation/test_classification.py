from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics  # type: ignore[import-untyped]

from medsynth_app.evaluation import classification as c

LABELS = ["a", "a", "a", "b", "b", "c"]
SAID = ["a", "a", "b", "b", "a", "b"]


def test_by_hand() -> None:
    assert c.accuracy(LABELS, SAID) == 0.5
    assert c.balanced_accuracy(LABELS, SAID) == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert c.macro_f1(LABELS, SAID) == pytest.approx((4 / 6 + 2 / 5 + 0) / 3)
    np.testing.assert_array_equal(c.confusion(LABELS, SAID, ["c", "b", "a"]), [[0, 1, 0], [0, 1, 1], [0, 1, 2]])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_it_agrees_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    labels, said = np.array(pairs).T
    assert c.accuracy(labels, said) == pytest.approx(metrics.accuracy_score(labels, said))
    assert c.macro_f1(labels, said) == pytest.approx(metrics.f1_score(labels, said, average="macro"))
    recalls = metrics.recall_score(labels, said, average=None, labels=np.unique(labels))
    assert c.balanced_accuracy(labels, said) == pytest.approx(recalls.mean())
    np.testing.assert_array_equal(c.confusion(labels, said, range(4)),
                                  metrics.confusion_matrix(labels, said, labels=range(4)))


def test_recall_per_class_comes_with_its_number_and_interval() -> None:
    found = c.per_class_recall(LABELS, SAID, ["b", "a", "d", "c"])
    assert list(found) == ["b", "a", "c"]  # nobody is a d
    assert (found["a"].mean, found["a"].n) == (pytest.approx(2 / 3), 3)
    assert found["c"].mean == found["c"].low == 0 and found["c"].high > 0.7


def test_always_the_common_class_is_accurate_and_worthless() -> None:
    labels = [0] * 95 + [1] * 5
    assert c.accuracy(labels, [0] * 100) == 0.95
    assert c.balanced_accuracy(labels, [0] * 100) == 0.5


def test_a_column_of_a_table_is_as_good_as_a_list() -> None:
    assert c.accuracy(np.array(LABELS, object), SAID) == 0.5


def test_wrong_input_is_refused_in_words() -> None:
    for judge in (c.accuracy, c.balanced_accuracy, c.macro_f1):
        with pytest.raises(ValueError, match="6 labels but 5 predictions"):
            judge(LABELS, SAID[:5])
        with pytest.raises(ValueError, match="texts"):
            judge(LABELS, [0, 0, 0, 0, 0, 0])
        with pytest.raises(ValueError, match="at least one label"):
            judge([], [])
        with pytest.raises(ValueError, match="whole numbers"):
            judge([0.0, np.nan], [0.0, 1.0])
    with pytest.raises(ValueError, match="Not among the classes: c"):
        c.confusion(LABELS, SAID, ["a", "b"])
    with pytest.raises(ValueError, match="twice"):
        c.confusion(LABELS, SAID, ["a", "b", "c", "a"])
