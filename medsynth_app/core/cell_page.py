"""A page of cells that look alike, and how many strangers it holds: what labels in groups stand on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, lgamma
from typing import Protocol

import numpy as np
import numpy.typing as npt

from medsynth_app.core.learned import Share

SIZE = 60  # cells of a page at most
CHECKS = 8  # cells of it that are looked at first
LEVEL = 0.9  # of the interval
STRENGTH = 4.0  # looks that the classifier's own estimate counts as: with 1 and 2 too few intervals held
SUREST = 0.95  # a classifier's estimate counts as no surer


class Grouped(Protocol):
    """Cells in groups, as `core.learned.Learned` has them."""

    @property
    def probabilities(self) -> npt.NDArray[np.float16]: ...

    @property
    def groups(self) -> npt.NDArray[np.int32]: ...

    @property
    def positions(self) -> npt.NDArray[np.int32]: ...


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
    expected
        Share of strangers among the others by the classifier's own probabilities; None while there are none.
    left
        Cells of the group that are open, these among them.
    """

    group: int
    cells: npt.NDArray[np.int32]
    checks: npt.NDArray[np.int32]
    expected: float | None
    left: int


Draw = Callable[[npt.NDArray[np.int32]], Sequence[float] | npt.NDArray[np.float64]]
"""A number by chance for each of some cells: who has the smallest is looked at first."""


def next_page(alike: Grouped, is_open: npt.NDArray[np.bool_], draw: Draw, group: int | None = None,
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
        group = _surest(alike, is_open, size)
    if group is None:
        return None
    members = _members(alike, is_open, group)
    cells = members[:size]
    if not len(cells):
        return None
    chosen = checked(cells, draw, checks)
    rest = np.setdiff1d(cells, chosen)
    expected = None
    if len(alike.probabilities) and len(rest):
        expected = 1 - float(alike.probabilities[rest, group].mean(dtype=np.float64))
    return CellPage(group, cells, chosen, expected, len(members))


def checked(cells: npt.NDArray[np.int32], draw: Draw, checks: int = CHECKS) -> npt.NDArray[np.int32]:
    """Those of a page that are looked at first, in an order by chance."""
    return cells[np.argsort(draw(cells), kind="stable")[:checks]]


def _members(alike: Grouped, is_open: npt.NDArray[np.bool_], group: int) -> npt.NDArray[np.int32]:
    members = np.flatnonzero(is_open & (alike.groups == group)).astype(np.int32)
    return members[np.argsort(alike.positions[members], kind="stable")]


def _surest(alike: Grouped, is_open: npt.NDArray[np.bool_], size: int) -> int | None:
    groups, counts = np.unique(alike.groups[is_open], return_counts=True)
    if not len(groups):
        return None
    if not len(alike.probabilities):
        return int(groups[counts.argmax()])
    sure = [float(alike.probabilities[_members(alike, is_open, int(each))[:size], each].mean(dtype=np.float64))
            for each in groups]
    return int(groups[int(np.argmax(sure))])


def strangers(rest: int, checks: int, wrong: int, found: int = 0, expected: float | None = None) -> Share:
    """Share of strangers among the cells of a page that a key would label unseen, with its interval at `LEVEL`.

    What the checks showed is joined with the classifier's own estimate, which counts as `STRENGTH` looks: a posterior
    Beta distribution, and from it how many of the finitely many other cells are strangers (beta-binomial). Without
    an estimate, Jeffreys' prior stands in. Strangers that were found beyond the checks are no looks by chance: they
    say that there are at least so many, and nothing of the cells beside them, but that these may have been looked at
    as well: none of them may be strange.

    Parameters
    ----------
    rest
        Cells of the page that are no checks.
    wrong, found
        Strangers among the checks, and among the rest; none of them is labelled.
    expected
        As `CellPage` has it.

    Returns
    -------
    Of the `n` = rest - found cells that are left; 0 where none is.

    Raises
    ------
    ValueError
        More strangers than cells.
    """
    if not 0 <= wrong <= checks or not 0 <= found <= rest:
        raise ValueError(f"{wrong} wrong ones of {checks}, {found} of {rest}")
    left = rest - found
    if not left:
        return Share(0.0, 0.0, 0.0, 0)
    before, against = 0.5, 0.5
    if expected is not None:
        before = STRENGTH * min(max(expected, 1 - SUREST), SUREST)
        against = STRENGTH - before
    chances = _beta_binomial(rest, before + wrong, against + checks - wrong)[found:]
    chances = chances / chances.sum()
    low, high = np.searchsorted(np.cumsum(chances), ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    if found:
        low = 0
    mean = float(chances @ np.arange(len(chances)))
    return Share(mean / left, int(low) / left, min(int(high), left) / left, left)


def _beta_binomial(count: int, first: float, second: float) -> npt.NDArray[np.float64]:
    """Probabilities of 0 to `count` hits, when the chance of one is Beta(first, second)."""
    whole = lgamma(first + second) - lgamma(first) - lgamma(second) - lgamma(count + first + second)
    return np.array([exp(whole + lgamma(count + 1) - lgamma(hits + 1) - lgamma(count - hits + 1) + lgamma(hits + first)
                         + lgamma(count - hits + second)) for hits in range(count + 1)])
