"""How good an encoder's features are, asked by two simple classifiers on top of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from medsynth_app.evaluation.arrays import Floats, features, same_space
from medsynth_app.evaluation.classification import Labels, accuracy, label_array
from medsynth_app.evaluation.distances import nearest


def knn_accuracy(train: npt.ArrayLike, train_labels: npt.ArrayLike, test: npt.ArrayLike, test_labels: npt.ArrayLike,
                 k: int = 5) -> float:
    """Accuracy of a vote among the k training images of highest cosine similarity.

    The usual first look at frozen features (Wu et al. 2018, arXiv 1805.01978, without their weights). Classes with
    equal votes: the one whose voters are nearer on average wins.

    Parameters
    ----------
    train, test
        Features from one encoder, shapes (n, d) and (m, d), n >= k.
    train_labels, test_labels
        Whole numbers or texts, shapes (n,) and (m,).

    Raises
    ------
    ValueError
        k below 1, too few images, labels that do not fit, a vector of length 0, different encoders, values not finite.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}.")
    known, asked = features(train, "train", k), features(test, "test")
    labels, truth = _checked_labels(known, train_labels, asked, test_labels)
    distances, indices = nearest(_unit(asked, "test"), _unit(known, "train"), k)
    classes, codes = np.unique(labels, return_inverse=True)
    return accuracy(truth, classes[_vote(codes[indices], distances**2 / 2, len(classes))])


def linear_probe(train: npt.ArrayLike, train_labels: npt.ArrayLike, test: npt.ArrayLike, test_labels: npt.ArrayLike,
                 seed: int = 0) -> float:
    """Accuracy of a multinomial logistic regression (L2, C = 1) on features standardised by the training part.

    Alain and Bengio 2016 (arXiv 1610.01644).

    Parameters
    ----------
    train, test, train_labels, test_labels
        As in `knn_accuracy`; at least two classes in training.
    seed
        Given to the solver; the present one (L-BFGS) draws nothing.

    Raises
    ------
    ValueError
        One class only, labels that do not fit, different encoders, or values that are not finite.
    """
    known, asked = features(train, "train", 2), features(test, "test")
    labels, truth = _checked_labels(known, train_labels, asked, test_labels)
    return accuracy(truth, fitted_probe(known, labels, seed)(asked))


def fitted_probe(train: npt.ArrayLike, train_labels: npt.ArrayLike, seed: int = 0) -> Callable[[Floats], Labels]:
    """The classifier of `linear_probe`: from features (m, d) to the classes that it names, shape (m,)."""
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
    from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
    from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]

    known, labels = features(train, "train", 2), label_array(train_labels, "train_labels")
    if len(np.unique(labels)) < 2:
        raise ValueError("A probe needs at least 2 classes in the training part.")
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, random_state=seed)).fit(known, labels)
    return lambda asked: np.asarray(probe.predict(asked))


def _checked_labels(train: Floats, train_labels: npt.ArrayLike, test: Floats,
                    test_labels: npt.ArrayLike) -> tuple[Labels, Labels]:
    same_space(train, test)
    known, truth = label_array(train_labels, "train_labels"), label_array(test_labels, "test_labels")
    for name, labels, matrix in (("train", known, train), ("test", truth, test)):
        if len(labels) != len(matrix):
            raise ValueError(f"{name}: {len(matrix)} images but {len(labels)} labels.")
    return known, truth


def _unit(values: Floats, name: str) -> Floats:
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    if not lengths.all():
        raise ValueError(f"{name} holds a feature vector of length 0, which has no direction to compare.")
    directions: Floats = values / lengths
    return directions


def _vote(codes: npt.NDArray[np.int64], distances: Floats, classes: int) -> npt.NDArray[np.int64]:
    """The winning class of every row; `codes` and cosine `distances` (0 to 2) have the shape (n, k)."""
    rows, k = np.arange(len(codes)), codes.shape[1]
    score = np.zeros((len(codes), classes))
    for column in range(k):
        # The distances of all voters add up to less than one vote: they break ties and nothing else.
        score[rows, codes[:, column]] += 1 - distances[:, column] / (2 * k + 1)
    winners: npt.NDArray[np.int64] = score.argmax(axis=1)
    return winners
