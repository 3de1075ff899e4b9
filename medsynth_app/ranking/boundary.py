"""At the limits of the classes, each class as much as the others: for pools in which some are rare."""

from __future__ import annotations

import heapq
import itertools
from collections import deque

import numpy as np
import numpy.typing as npt

from medsynth_app.ranking.catalogue import Reason
from medsynth_app.ranking.features import Floats
from medsynth_app.ranking.pool import UNLABELLED, Batch, Pool


def balanced_boundary(pool: Pool, batch: Batch, rng: np.random.Generator) -> None:
    """Of the class with the fewest labels so far the cell nearest to its limit; it counts as that class, and so on.

    The limit is where a class's score equals the best of all others. Classes without any label have no limit and are
    not asked for. The idea of asking evenly at the limits of all classes is that of GALAXY (Zhang et al. 2022).
    """
    counts, known = pool.counts.astype(float), np.flatnonzero(pool.counts)
    distances = np.abs(pool.margins)
    orders = {int(k): np.argsort(distances[:, k], kind="stable") for k in known}
    place = dict.fromkeys(orders, 0)
    while not batch.full and place:
        group = min(place, key=lambda k: (counts[k], k))
        order = orders[group]
        while place[group] < len(order):
            row = int(order[place[group]])
            place[group] += 1
            first, second = (int(each) for each in pool.first_two[row])
            if batch.take(pool.open[row], -float(distances[row, group]), Reason.FEW,
                          (group, second if first == group else first)):
                counts[group] += 1
                break
        else:
            del place[group]


def direct(pool: Pool, batch: Batch, rng: np.random.Generator) -> None:
    """Nearest, in the order by likeness to a class, to where labels best separate it (Nuggehalli et al. 2025).

    For each class all cells are sorted by margin; the cut with the fewest labelled cells on the wrong side (the middle
    of the best ones) is where it ends. Classes take turns. Their first phase narrows the cut by labels that come one
    by one; a batch that a person gets at once has only the labels from before.
    """
    turns = []
    for group in np.flatnonzero(pool.counts):
        order, labels, is_open = _sorted(pool, int(group))
        cut = _best_cut(labels, int(group))
        turns.append((int(group), _outward(order, is_open, cut)))
    _take_turns(pool, batch, turns)


def galaxy(pool: Pool, batch: Batch, rng: np.random.Generator) -> None:
    """Halves, in the order by likeness to a class, the shortest gap between labels that differ (Zhang et al. 2022).

    A cell counts as what the classifier takes it for as soon as it is chosen (theirs are labelled one by one); gaps
    that are closed are widened on both sides. Classes take turns.
    """
    turns = []
    for group in np.flatnonzero(pool.counts):
        order, labels, is_open = _sorted(pool, int(group))
        taken_for = np.where(labels == UNLABELLED, UNLABELLED, labels == group)
        guess = np.empty(len(order), np.int64)
        guess[is_open >= 0] = pool.first_two[is_open[is_open >= 0], 0] == group
        turns.append((int(group), _bisected(taken_for, guess, is_open)))
    _take_turns(pool, batch, turns)


def _sorted(pool: Pool, group: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Cells by margin for a class: (their order, label of each, row among the open ones or -1), labelled ones too."""
    known = _margins(pool.model.logits(pool.features[pool.labelled]), group)
    values = np.concatenate([pool.margins[:, group], known])
    cells = np.concatenate([pool.open, pool.labelled])
    rows = np.concatenate([np.arange(len(pool.open)), np.full(len(pool.labelled), -1)])
    order = np.argsort(values, kind="stable")
    return cells[order], pool.labels[cells[order]], rows[order]


def _margins(logits: Floats, group: int) -> Floats:
    others = np.delete(logits, group, axis=1)
    margins: Floats = logits[:, group] - others.max(axis=1)
    return margins


def _best_cut(labels: npt.NDArray[np.int64], group: int) -> int:
    """Position before which the class should end: fewest labelled cells on the wrong side, the middle of the best."""
    inside = np.concatenate([[0], np.cumsum(labels == group)])  # wrongly below a cut
    outside = np.concatenate([[0], np.cumsum((labels != UNLABELLED) & (labels != group))])
    wrong = inside + (outside[-1] - outside)
    best = np.flatnonzero(wrong == wrong.min())
    runs = np.split(best, np.flatnonzero(np.diff(best) > 1) + 1)
    longest = max(runs, key=len)
    return int(longest[len(longest) // 2])


def _outward(order: npt.NDArray[np.int64], is_open: npt.NDArray[np.int64], cut: int) -> list[int]:
    """Rows of open cells by their distance in the order from a cut."""
    places = np.flatnonzero(is_open >= 0)
    return [int(is_open[place]) for place in places[np.argsort(np.abs(places + 0.5 - cut), kind="stable")]]


def _bisected(taken_for: npt.NDArray[np.int64], guess: npt.NDArray[np.int64],
              is_open: npt.NDArray[np.int64]) -> list[int]:
    """Rows of open cells in the order of bisection; `taken_for` is 1, 0 or `UNLABELLED` along the sorted cells."""
    found: list[int] = []
    known = np.flatnonzero(taken_for != UNLABELLED)
    gaps = [(int(right - left), int(left), int(right)) for left, right in itertools.pairwise(known)
            if taken_for[left] != taken_for[right]]
    heapq.heapify(gaps)
    taken_for, cuts, used = taken_for.copy(), [], np.zeros(len(taken_for), bool)
    while gaps:
        _length, left, right = heapq.heappop(gaps)
        if right - left < 2:
            cuts.append((left + right) / 2)
            continue
        middle = (left + right) // 2
        used[middle], taken_for[middle] = True, guess[middle]
        found.append(int(is_open[middle]))
        edge = (left, middle) if taken_for[left] != taken_for[middle] else (middle, right)
        heapq.heappush(gaps, (edge[1] - edge[0], *edge))
    rest = np.flatnonzero((is_open >= 0) & ~used)
    if cuts and len(rest):
        ends = np.sort(np.array(cuts))
        after = np.searchsorted(ends, rest)
        away = np.minimum(np.abs(rest - ends[np.maximum(after - 1, 0)]),
                          np.abs(rest - ends[np.minimum(after, len(ends) - 1)]))
        rest = rest[np.argsort(away, kind="stable")]
    return found + [int(is_open[place]) for place in rest]


def _take_turns(pool: Pool, batch: Batch, turns: list[tuple[int, list[int]]]) -> None:
    waiting = deque((group, iter(rows)) for group, rows in turns)
    while waiting and not batch.full:
        group, rows = waiting.popleft()
        if any(batch.take(pool.open[row], -abs(float(pool.margins[row, group])), Reason.BETWEEN, (group,))
               for row in rows):  # the first that is new
            waiting.append((group, rows))
