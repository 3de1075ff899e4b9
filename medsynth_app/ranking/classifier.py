"""The classifier behind the ranking: linear on features, every class of equal weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsynth_app.ranking.features import Floats, blocks

STRENGTH = 0.1  # C of the L2 penalty, for features of variance 1


@dataclass(frozen=True, eq=False)
class Linear:
    """Multinomial logistic regression.

    Attributes
    ----------
    weights, bias
        Shapes (d, classes) and (classes,), float32.
    """

    weights: Floats
    bias: Floats

    def logits(self, features: Floats) -> Floats:
        """Scores before the softmax, shape (n, classes)."""
        found = np.empty((len(features), len(self.bias)), np.float32)
        for rows in blocks(len(features)):
            found[rows] = features[rows] @ self.weights + self.bias
        return found

    def logits_in_part(self, features: Floats, hidden: float, rng: np.random.Generator) -> Floats:
        """As `logits`, with a share of `hidden` of each row's features left out by chance and the rest scaled up."""
        found = np.empty((len(features), len(self.bias)), np.float32)
        for rows in blocks(len(features)):
            kept = rng.random(features[rows].shape, np.float32) >= hidden
            found[rows] = (features[rows] * kept) @ (self.weights / (1 - hidden)) + self.bias
        return found


def learn(features: Floats, labels: npt.NDArray[np.integer], classes: int) -> Linear:
    """Fit by L-BFGS, weights inverse to the classes' counts (scikit-learn's "balanced").

    Parameters
    ----------
    features
        Shape (m, d).
    labels
        Shape (m,), 0..classes - 1, at least two of them present. A class that is absent gets the score of one that
        never wins.

    Raises
    ------
    ValueError
        One class only.
    """
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    present = np.unique(labels)
    if len(present) < 2:
        raise ValueError("A classifier needs labels of at least two classes.")
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=2000, tol=1e-3)
    model.fit(features.astype(np.float64), labels)
    coefficients, intercepts = model.coef_, model.intercept_
    if len(present) == 2:  # one row stands for both
        coefficients = np.concatenate([-coefficients, coefficients]) / 2
        intercepts = np.concatenate([-intercepts, intercepts]) / 2
    weights = np.zeros((features.shape[1], classes), np.float32)
    bias = np.full(classes, -1e4, np.float32)
    weights[:, present], bias[present] = coefficients.T, intercepts
    return Linear(weights, bias)


def softmax(logits: Floats) -> Floats:
    """Probabilities, rows add up to 1."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares
