from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.neighbors import KNeighborsClassifier  # type: ignore[import-untyped]

from medsynth_app.evaluation.neighbours import knn_accuracy, linear_probe

Floats = npt.NDArray[np.float64]


def _kinds(rng: np.random.Generator, n: int, noise: float) -> tuple[Floats, npt.NDArray[np.int64]]:
    labels = rng.integers(0, 3, n)
    return np.eye(3, 6)[labels] + rng.normal(0, noise, (n, 6)), labels


def test_it_agrees_with_scikit_learn_where_there_are_no_ties() -> None:
    rng = np.random.default_rng(0)
    (train, labels), (test, truth) = _kinds(rng, 200, 0.7), _kinds(rng, 150, 0.7)
    labels, truth = labels % 2, truth % 2  # two classes and an odd k: no ties
    for k in (1, 3, 5):
        judge = KNeighborsClassifier(k, metric="cosine", algorithm="brute").fit(train, labels)
        assert knn_accuracy(train, labels, test, truth, k) == pytest.approx(judge.score(test, truth))


def test_only_the_direction_counts_for_the_vote() -> None:
    rng = np.random.default_rng(1)
    (train, labels), (test, truth) = _kinds(rng, 120, 0.4), _kinds(rng, 80, 0.4)
    stretched = train * rng.uniform(0.01, 100, (120, 1))
    assert knn_accuracy(stretched, labels, test, truth) == knn_accuracy(train, labels, test, truth) > 0.7


def test_of_equal_votes_the_nearer_win() -> None:
    def at(*degrees: float) -> Floats:
        return np.column_stack([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))])

    train, labels = at(10, 20, -11, -40, 90), ["b", "b", "a", "a", "c"]
    assert knn_accuracy(train, labels, at(0), ["b"], k=4) == 1
    assert knn_accuracy(train, labels, at(0), ["b"], k=5) == 1
    assert knn_accuracy(at(10, 20, -11, -15), labels[:4], at(0), ["a"], k=4) == 1
    assert knn_accuracy(at(0, 60, 70), ["a", "b", "b"], at(0), ["b"], k=3) == 1  # two votes beat a nearer one


def test_the_probe_reads_what_a_plane_can_separate_and_nothing_else() -> None:
    rng = np.random.default_rng(2)
    (train, labels), (test, truth) = _kinds(rng, 300, 0.1), _kinds(rng, 200, 0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as a solver that did not converge
        assert linear_probe(train, labels, test, truth) == 1
        faint = np.array([1e-6, 1e-6, 1e-6, 1, 1, 1])  # what tells the classes apart, in other units
        assert linear_probe(train * faint, labels, test * faint, truth) == 1
        assert linear_probe(train, rng.permutation(labels), test, truth) < 0.55
        assert linear_probe(train, labels, test, truth, seed=1) == linear_probe(train, labels, test, truth, seed=2)


def test_names_serve_as_labels_and_a_class_that_was_never_seen_is_wrong() -> None:
    rng = np.random.default_rng(3)
    train, codes = _kinds(rng, 90, 0.05)
    names = np.array(["basophil", "eosinophil", "monocyte"])[codes]
    test = np.eye(3, 6)
    for judge in (knn_accuracy, linear_probe):
        assert judge(train, names, test, ["basophil", "eosinophil", "monocyte"]) == 1
        assert judge(train, names, test, ["basophil", "eosinophil", "blast"]) == pytest.approx(2 / 3)


def test_wrong_input_is_refused_in_words() -> None:
    train, labels = _kinds(np.random.default_rng(4), 30, 0.1)
    for judge in (knn_accuracy, linear_probe):
        with pytest.raises(ValueError, match="30 images but 29 labels"):
            judge(train, labels[:29], train, labels)
        with pytest.raises(ValueError, match="same encoder"):
            judge(train, labels, train[:, 1:], labels)
        with pytest.raises(ValueError, match="not finite"):
            judge(train, labels, train * np.nan, labels)
    with pytest.raises(ValueError, match="length 0"):
        knn_accuracy(train, labels, train * 0, labels)
    with pytest.raises(ValueError, match="k must be"):
        knn_accuracy(train, labels, train, labels, k=0)
    with pytest.raises(ValueError, match="at least 31"):
        knn_accuracy(train, labels, train, labels, k=31)
    with pytest.raises(ValueError, match="2 classes"):
        linear_probe(train, np.zeros(30, int), train, labels)
