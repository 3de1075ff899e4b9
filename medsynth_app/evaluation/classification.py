"""How well labels were named: overall, per class, and which were mixed up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.evaluation.intervals import Spread, wilson

Labels = npt.NDArray[Any]
Label = int | str


def label_array(values: npt.ArrayLike, name: str) -> Labels:
    """Labels as an array of shape (n,): whole numbers, booleans or texts.

    Raises
    ------
    ValueError
        Empty, another shape, or fractional numbers.
    """
    array = np.asarray(values)
    if array.dtype.kind == "O":
        array = np.asarray([*array.ravel()]).reshape(array.shape)  # what a table hands over as objects
    if array.ndim != 1 or len(array) == 0:
        raise ValueError(f"{name} must be a list of at least one label, not of shape {array.shape}.")
    if array.dtype.kind not in "biuU":
        raise ValueError(f"{name} must be whole numbers or texts, not {array.dtype}.")
    return array


def accuracy(labels: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Share of right answers; both of shape (n,). ValueError if the lengths or kinds of labels differ."""
    truth, said = _pair(labels, predicted)
    return float((truth == said).mean())


def balanced_accuracy(labels: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Mean recall over the classes that occur in `labels`: rare classes count as much as common ones.

    ValueError as in `accuracy`. Brodersen et al. 2010.
    """
    from sklearn.metrics import recall_score  # type: ignore[import-untyped]

    truth, said = _pair(labels, predicted)
    return float(recall_score(truth, said, labels=np.unique(truth), average="macro"))


def macro_f1(labels: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Mean F1 over the classes that occur in either array; F1 is 2 hits / (times labelled + times said).

    ValueError as in `accuracy`.
    """
    from sklearn.metrics import f1_score

    truth, said = _pair(labels, predicted)
    return float(f1_score(truth, said, labels=np.union1d(truth, said), average="macro"))


def confusion(labels: npt.ArrayLike, predicted: npt.ArrayLike, classes: Sequence[Label]) -> npt.NDArray[np.int64]:
    """Counts, int64, shape (classes, classes): row = the label, column = what was said, in the order of `classes`.

    Raises
    ------
    ValueError
        As in `accuracy`; a class named twice; a label or an answer that is not among the classes.
    """
    from sklearn.metrics import confusion_matrix

    truth, said = _pair(labels, predicted)
    if len(set(classes)) < len(classes):
        raise ValueError("A class is named twice.")
    unknown = set(np.union1d(truth, said).tolist()) - set(classes)
    if unknown:
        raise ValueError(f"Not among the classes: {', '.join(sorted(map(str, unknown)))}.")
    counts: npt.NDArray[np.int64] = confusion_matrix(truth, said, labels=list(classes))
    return counts


def per_class_recall(labels: npt.ArrayLike, predicted: npt.ArrayLike, classes: Sequence[Label],
                     level: float = 0.95) -> dict[Label, Spread]:
    """For each class the share of its members that were named rightly, with Wilson's interval and n.

    In the order of `classes`; a class without members has no recall and is left out.

    Raises
    ------
    ValueError
        As in `confusion`.
    """
    counts = confusion(labels, predicted, classes)
    return {each: wilson(int(row[place]), int(row.sum()), level)
            for place, (each, row) in enumerate(zip(classes, counts, strict=True)) if row.sum()}


def _pair(labels: npt.ArrayLike, predicted: npt.ArrayLike) -> tuple[Labels, Labels]:
    truth, said = label_array(labels, "labels"), label_array(predicted, "predicted")
    if len(truth) != len(said):
        raise ValueError(f"{len(truth)} labels but {len(said)} predictions.")
    if (truth.dtype.kind == "U") is not (said.dtype.kind == "U"):
        raise ValueError("Labels and predictions must both be texts or both be numbers.")
    return truth, said
