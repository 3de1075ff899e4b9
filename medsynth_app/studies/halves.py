"""Halves of real pictures, for the floor: what real and real are apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def halves_by_group(groups: npt.NDArray[np.str_], rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], ...]:
    """Rows of two halves of equal size that share no group, in random order."""
    names = rng.permutation(np.unique(groups))
    one = np.isin(groups, names[:len(names) // 2])
    rows = [rng.permutation(np.flatnonzero(side)) for side in (one, ~one)]
    size = min(map(len, rows))
    return rows[0][:size], rows[1][:size]
