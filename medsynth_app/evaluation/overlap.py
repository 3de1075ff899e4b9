"""How far two masks agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
LabelMask = npt.NDArray[np.integer[Any]]


@overload
def dice(a: Mask, b: Mask) -> float: ...
@overload
def dice(a: LabelMask, b: LabelMask, labels: Sequence[int] | None = None) -> dict[int, float]: ...
def dice(a: npt.NDArray[Any], b: npt.NDArray[Any], labels: Sequence[int] | None = None) -> float | dict[int, float]:
    """Twice the shared area over the sum of both (Dice 1945); 1 where both are empty.

    Parameters
    ----------
    a, b
        Both boolean, or both of whole numbers (one per label, 0 = background), of equal shape and any dimensions.
    labels
        For masks of whole numbers: which to report. By default all that occur in either mask, but for 0.

    Returns
    -------
    A number for boolean masks, else one for each label.

    Raises
    ------
    ValueError
        Shapes differ, masks hold fractions, one is boolean and the other is not, or labels for boolean masks.
    """
    return _compare(a, b, labels, _dice)


@overload
def iou(a: Mask, b: Mask) -> float: ...
@overload
def iou(a: LabelMask, b: LabelMask, labels: Sequence[int] | None = None) -> dict[int, float]: ...
def iou(a: npt.NDArray[Any], b: npt.NDArray[Any], labels: Sequence[int] | None = None) -> float | dict[int, float]:
    """Shared area over joint area (Jaccard 1912); 1 where both are empty. Otherwise as `dice`."""
    return _compare(a, b, labels, _iou)


def area_change(before: npt.NDArray[Any], after: npt.NDArray[Any], inside: Mask | None = None) -> float:
    """Change of the marked area in proportion to what it was: -1 = gone, -0.8 = four fifths gone, 0 = as before.

    Parameters
    ----------
    before, after
        Masks of equal shape, boolean or of whole numbers; all that is not 0 counts.
    inside
        Where to look, same shape; by default everywhere.

    Raises
    ------
    ValueError
        Shapes differ, masks hold fractions, or nothing was marked before.
    """
    _check(before, after)
    first, second = before != 0, after != 0
    if inside is not None:
        _check(before, inside)
        first, second = first & inside.astype(np.bool_), second & inside.astype(np.bool_)
    area = int(first.sum())
    if not area:
        raise ValueError("Nothing is marked in the first mask, so a change in proportion to it is not defined.")
    return (int(second.sum()) - area) / area


def _compare(a: npt.NDArray[Any], b: npt.NDArray[Any], labels: Sequence[int] | None,
             score: Callable[[Mask, Mask], float]) -> float | dict[int, float]:
    _check(a, b)
    kinds = {each.dtype.kind == "b" for each in (a, b)}
    if len(kinds) > 1:
        raise ValueError("Both masks must be boolean, or both must hold labels.")
    if kinds == {True}:
        if labels is not None:
            raise ValueError("Boolean masks have no labels to choose from.")
        return score(a, b)
    chosen = np.union1d(a, b).tolist() if labels is None else labels
    return {int(label): score(a == label, b == label) for label in chosen if label or labels is not None}


def _check(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> None:
    if a.shape != b.shape or not a.size:
        raise ValueError(f"Masks must have the same shape and pixels to compare, not {a.shape} and {b.shape}.")
    if a.dtype.kind not in "bui" or b.dtype.kind not in "bui":
        raise ValueError(f"Masks must be boolean or whole numbers, not {a.dtype} and {b.dtype}.")


def _dice(a: Mask, b: Mask) -> float:
    total = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / total if total else 1.0


def _iou(a: Mask, b: Mask) -> float:
    joint = int((a | b).sum())
    return int((a & b).sum()) / joint if joint else 1.0
