"""Agreement of people who name the same things, corrected for chance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from medsynth_app.evaluation.intervals import Spread, wilson
from medsynth_app.evaluation.resampled import RESAMPLES, redrawn, with_interval

Counts = npt.NDArray[np.integer]
Floats = npt.NDArray[np.float64]


def cohen_kappa(counts: Counts, rng: np.random.Generator) -> Spread | None:
    """Agreement of two people beyond chance, with its 95 % bootstrap interval over the cells.

    Parameters
    ----------
    counts
        Shape (classes, classes): how often the first called a cell the row's class and the second the column's.

    Returns
    -------
    None where both called all cells the same: then chance explains everything.

    Raises
    ------
    ValueError
        No cells, or counts of another shape.
    """
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.sum():
        raise ValueError(f"cells that two people have named are needed, not a table of {counts.shape}")
    value = float(_cohen(counts))
    if np.isnan(value):
        return None
    return with_interval(value, _cohen(redrawn(counts, rng)), int(counts.sum()))


def fleiss_kappa(counts: Counts, rng: np.random.Generator) -> Spread | None:
    """Agreement of several people beyond chance, with its 95 % bootstrap interval over the cells.

    As Fleiss (1971) where every cell was named as often; where not, each cell counts alike in the agreement seen, and
    each answer alike in that by chance.

    Parameters
    ----------
    counts
        Shape (cells, classes): how many people called each cell what; two or more in every row.

    Returns
    -------
    None where all called all cells the same.

    Raises
    ------
    ValueError
        No cells, or one that fewer than two have named.
    """
    if counts.ndim != 2 or not len(counts) or counts.sum(axis=1).min() < 2:
        raise ValueError("cells that two or more people have named are needed")
    rows, times = np.unique(counts, axis=0, return_counts=True)
    value = float(_fleiss(rows, times[np.newaxis])[0])
    if np.isnan(value):
        return None
    drawn = rng.multinomial(len(counts), times / len(counts), size=RESAMPLES)
    return with_interval(value, _fleiss(rows, drawn), len(counts))


def share_difference(first: tuple[int, int], second: tuple[int, int], level: float = 0.95) -> Spread:
    """The first share less the second, each (successes, n) of other cells, with Newcombe's interval (1998, method 10).

    `Spread.n` is the smaller n. ValueError as in `intervals.wilson`.
    """
    one, other = wilson(*first, level), wilson(*second, level)
    value = one.mean - other.mean
    return Spread(value, value - float(np.hypot(one.mean - one.low, other.high - other.mean)),
                  value + float(np.hypot(one.high - one.mean, other.mean - other.low)), min(one.n, other.n))


def _cohen(counts: Counts) -> Floats:
    """Of tables (..., classes, classes); NaN where chance agreement is complete."""
    total = counts.sum(axis=(-2, -1)).astype(np.float64)
    seen = np.trace(counts, axis1=-2, axis2=-1) / total
    return _beyond(seen, (counts.sum(axis=-1) * counts.sum(axis=-2)).sum(axis=-1) / total**2)


def _fleiss(rows: Counts, times: Counts) -> Floats:
    """Of tables in which each of `rows` stands so often; `times` has shape (tables, rows)."""
    named = rows.sum(axis=1)
    same = ((rows.astype(np.float64)**2).sum(axis=1) - named) / (named * (named - 1))
    shares = (times @ rows) / (times @ named)[:, np.newaxis]
    return _beyond(times @ same / times.sum(axis=1), (shares**2).sum(axis=1))


def _beyond(seen: Floats, by_chance: Floats) -> Floats:
    room = 1 - np.asarray(by_chance, np.float64)
    found: Floats = np.divide(seen - by_chance, room, out=np.full(room.shape, np.nan), where=room > 1e-12)
    return found
