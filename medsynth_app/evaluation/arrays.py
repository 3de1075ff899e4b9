"""What every metric asks of the arrays that it is given, said in one place."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def features(values: npt.ArrayLike, name: str, least: int = 1) -> Floats:
    """A feature matrix as float64, checked.

    Parameters
    ----------
    values
        Shape (n, d), any real type.
    name
        What to call it in an error.
    least
        The smallest n that makes sense.

    Raises
    ------
    ValueError
        Not two-dimensional, no columns, too few rows, or a value that is not finite.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"{name} must have the shape (images, features), not {array.shape}.")
    _check_rows(array, name, least)
    return array


def same_space(*matrices: Floats) -> None:
    """Raise ValueError unless all feature matrices have the same number of columns."""
    widths = [matrix.shape[1] for matrix in matrices]
    if len(set(widths)) > 1:
        raise ValueError(f"All features must come from the same encoder; here they are {widths} numbers long.")


def vector(values: npt.ArrayLike, name: str, least: int = 1) -> Floats:
    """A list of numbers as float64, shape (n,), checked as in `features`."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, not of shape {array.shape}.")
    _check_rows(array, name, least)
    return array


def mask_stack(masks: npt.ArrayLike, name: str) -> npt.NDArray[Any]:
    """Masks of shape (n, h, w), boolean or of any integer type, checked.

    Raises
    ------
    ValueError
        Another shape, nothing in it, or fractional values.
    """
    array = np.asarray(masks)
    if array.ndim != 3 or array.size == 0:
        raise ValueError(f"{name} must have the shape (masks, rows, columns), not {array.shape}.")
    if array.dtype.kind not in "bui":
        raise ValueError(f"{name} must hold labels (whole numbers) or booleans, not {array.dtype}.")
    return array


def halves(count: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Indices of two disjoint random halves of equal size; of an odd count one is left out."""
    order = rng.permutation(count)
    half = count // 2
    return order[:half], order[half:2 * half]


def _check_rows(array: Floats, name: str, least: int) -> None:
    if len(array) < least:
        raise ValueError(f"{name} holds {len(array)} samples; at least {least} are needed.")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds values that are not finite (NaN or infinite).")
