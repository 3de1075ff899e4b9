"""Halves of real pictures, for the floor: what real and real are apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def halves_by_group(groups: npt.NDArray[np.str_], rng: np.random.Generator,
                    classes: npt.NDArray[np.str_] | None = None) -> tuple[npt.NDArray[np.int64], ...]:
    """Rows of two halves of equal size that share no group, in random order.

    Parameters
    ----------
    classes
        Of each row. Either half then has as many groups of each class, but for one where they are odd: halves whose
        classes differ by chance lie farther apart, and make whatever is held against them look near. A group is of the
        class of its first row.
    """
    names, first = np.unique(groups, return_index=True)
    kinds = np.zeros(len(names), np.int64) if classes is None else np.unique(classes[first], return_inverse=True)[1]
    turn = rng.permutation(len(names))
    turn = turn[np.argsort(kinds[turn], kind="stable")]  # class after class, each by chance
    one = np.isin(groups, names[turn[::2]])  # every other one: neither half has all the odd ones
    rows = [rng.permutation(np.flatnonzero(side)) for side in (one, ~one)]
    size = min(map(len, rows))
    return rows[0][:size], rows[1][:size]
