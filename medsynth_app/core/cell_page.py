"""A page of cells that look alike, and how many strangers it holds: what labels in groups stand on."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, lgamma

import numpy as np
import numpy.typing as npt

from medsynth_app.core.learned import Learned, Share

SIZE = 60  # cells of a page at most
CHECKS = 8  # cells of it that are looked at first
LEVEL = 0.9  # of the interval
STRENGTH = 4.0  # looks that the classifier's own estimate counts as: with 1 and 2 too few intervals held
SUREST = 0.95  # a classifier's estimate counts as no surer


@dataclass(frozen=True, eq=False)
class CellPage:
    """A page.

    Attributes
    ----------
    group
        Of `Learned.groups`: the class that the cells are taken for, or the cluster.
    cells
        Like beside like; int32.
    checks
        Those of them, chosen by chance, that are looked at first; int32.
    """

    group: int
    cells: npt.NDArray[np.int32]
    checks: npt.NDArray[np.int32]


def next_page(learned: Learned, is_open: npt.NDArray[np.bool_], rng: np.random.Generator, group: int | None = None,
              size: int = SIZE, checks: int = CHECKS) -> CellPage | None:
    """The next cells of a group, the surest first; None where none is open.

    Parameters
    ----------
    is_open
        Which cells may be asked about, shape (n,).
    group
        None: the one whose next page is the surest, or while there are no probabilities the one with the most open
        cells.
    """
    if group is None:
        group = _surest(learned, is_open, size)
    if group is None:
        return None
    cells = _first(learned, is_open, group, size)
    if not len(cells):
        return None
    return CellPage(group, cells, rng.permutation(cells)[:checks])


def _first(learned: Learned, is_open: npt.NDArray[np.bool_], group: int, size: int) -> npt.NDArray[np.int32]:
    members = np.flatnonzero(is_open & (learned.groups == group)).astype(np.int32)
    return members[np.argsort(learned.positions[members], kind="stable")[:size]]


def _surest(learned: Learned, is_open: npt.NDArray[np.bool_], size: int) -> int | None:
    groups, counts = np.unique(learned.groups[is_open], return_counts=True)
    if not len(groups):
        return None
    if not len(learned.probabilities):
        return int(groups[counts.argmax()])
    sure = [float(learned.probabilities[_first(learned, is_open, int(each), size), each].mean(dtype=np.float64))
            for each in groups]
    return int(groups[int(np.argmax(sure))])


def strangers(learned: Learned, page: CellPage, named: int, wrong: int) -> Share:
    """The share of a page's unchecked cells that are of another class, with its interval at `LEVEL`.

    What the checks found is joined with the classifier's own estimate, which counts as `STRENGTH` looks: a posterior
    Beta distribution, and from it how many of the finitely many other cells are strangers (beta-binomial). Without
    probabilities, Jeffreys' prior stands in.

    Parameters
    ----------
    named
        The class that the page is to be labelled as.
    wrong
        How many of the checks are of another one.

    Raises
    ------
    ValueError
        More wrong ones than checks.
    """
    checked = len(page.checks)
    if not 0 <= wrong <= checked:
        raise ValueError(f"{wrong} wrong ones of {checked}")
    rest = np.setdiff1d(page.cells, page.checks)
    if not len(rest):
        return Share(0.0, 0.0, 0.0, 0)
    before, against = 0.5, 0.5
    if len(learned.probabilities):
        expected = 1 - float(learned.probabilities[rest, named].mean(dtype=np.float64))
        before = STRENGTH * min(max(expected, 1 - SUREST), SUREST)
        against = STRENGTH - before
    chances = _beta_binomial(len(rest), before + wrong, against + checked - wrong)
    below = np.cumsum(chances)
    low, high = np.searchsorted(below, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    mean = float(chances @ np.arange(len(chances)))
    return Share(mean / len(rest), int(low) / len(rest), min(int(high), len(rest)) / len(rest), len(rest))


def _beta_binomial(count: int, first: float, second: float) -> npt.NDArray[np.float64]:
    """Probabilities of 0 to `count` hits, when the chance of one is Beta(first, second)."""
    whole = lgamma(first + second) - lgamma(first) - lgamma(second) - lgamma(count + first + second)
    return np.array([exp(whole + lgamma(count + 1) - lgamma(hits + 1) - lgamma(count - hits + 1) + lgamma(hits + first)
                         + lgamma(count - hits + second)) for hits in range(count + 1)])
