"""What labelling in groups would have saved, and whether its estimates hold: pages of an oracle that sees strangers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsynth_app.core.cell_page import CHECKS, SIZE, next_page, strangers
from medsynth_app.core.learned import Share
from medsynth_app.ranking.catalogue import DEFAULT
from medsynth_app.ranking.features import Floats, main_axes
from medsynth_app.ranking.grouping import calibration, thought_alike
from medsynth_app.ranking.pool import UNLABELLED, Pool
from medsynth_app.ranking.rank import rank
from medsynth_app.ranking.simulate import LabelledCells, Labels, score

FIRST = 64  # labels one by one before the first page
TOO_MANY = 0.25  # estimated share of strangers from which on a page is not labelled as one


@dataclass(frozen=True)
class PageRun:
    """What came of one page.

    Attributes
    ----------
    labels, decisions
        That it gave, and that it took: a look at each check, a click on each stranger that was seen, one key.
    estimate
        Share of strangers among the cells that were not checked, as it was said before any of them was clicked.
    strangers
        What it was.
    mistaken
        Cells that were labelled wrongly.
    """

    labels: int
    decisions: int
    estimate: Share
    strangers: float
    mistaken: int

    @property
    def held(self) -> bool:
        """Whether the interval held."""
        return self.estimate.low - 1e-9 <= self.strangers <= self.estimate.high + 1e-9


@dataclass(frozen=True)
class GroupRun:
    """One run: pages, and macro-F1 on held-out cells after so many decisions; `full` with the whole pool labelled."""

    seed: int
    pages: tuple[PageRun, ...]
    decisions: tuple[int, ...]
    macro_f1: tuple[float, ...]
    full: float


def simulate_groups(pool: LabelledCells, held_out: LabelledCells, classes: int, *, budget: int, seed: int,
                    seen: float = 1.0, first: int = FIRST, batch: int = 16,
                    checkpoint: Callable[[int], None] = lambda decisions: None) -> GroupRun:
    """Label `first` cells, at most a quarter, one by one as the default chooses them, then page after page.

    Parameters
    ----------
    budget
        Decisions in all; a label that is given alone is one.
    seen
        Share of the strangers on a page that the person sees and leaves out; the others get a wrong label.
    checkpoint
        Told of the decisions so far; may raise to stop.

    Raises
    ------
    ValueError
        No cells, one class only among them, or a budget below 1.
    """
    if budget < 1 or not len(pool.labels) or not len(held_out.labels):
        raise ValueError("a simulation needs cells on both sides, and a budget of at least 1")
    rng = np.random.default_rng(seed)
    axes = main_axes(pool.embeddings, rng)
    features, asked = axes.of(pool.embeddings), axes.of(held_out.embeddings)
    given, alone = np.full(len(pool.labels), UNLABELLED, np.int64), np.zeros(len(pool.labels), bool)
    decisions, scores, pages, spent = [], [], [], 0

    def scored() -> None:
        known = given != UNLABELLED
        decisions.append(spent)
        scores.append(score(features[known], given[known], asked, held_out.labels, classes))
        checkpoint(spent)

    first = min(first, len(given) // 4)
    while spent < min(budget, len(given)) and (spent < first or len(np.unique(given)) < 3):  # UNLABELLED is one
        picks = rank(Pool.of(features, given, classes), DEFAULT, min(batch, budget - spent), rng)
        chosen = [pick.cell for pick in picks]
        given[chosen], alone[chosen] = pool.labels[chosen], True
        spent += len(chosen)
        scored()
    while spent < budget and (given == UNLABELLED).any():
        made = _label_page(features, pool.labels, given, alone, classes, seen, rng)
        pages.append(made)
        spent += made.decisions
        scored()
    return GroupRun(seed, tuple(pages), tuple(decisions), tuple(scores),
                    score(features, pool.labels, asked, held_out.labels, classes))


def _label_page(features: Floats, truth: Labels, given: Labels, alone: npt.NDArray[np.bool_], classes: int, seen: float,
                rng: np.random.Generator) -> PageRun:
    """Write the labels of one page to `given`, and to `alone` which cells were looked at alone."""
    pool = Pool.of(features, given, classes)
    alike = thought_alike(pool, calibration(pool, alone[pool.labelled], rng), rng)
    page = next_page(alike, given == UNLABELLED, lambda cells: rng.random(len(cells)), size=SIZE, checks=CHECKS)
    assert page is not None  # some cell is open
    named = int(np.bincount(truth[page.checks], minlength=classes).argmax())
    wrong = truth[page.checks] != named
    rest = np.setdiff1d(page.cells, page.checks)
    estimate = strangers(len(rest), len(wrong), int(wrong.sum()), expected=page.expected)
    strange = truth[rest] != named
    given[page.checks], alone[page.checks] = truth[page.checks], wrong  # those left out are labelled one by one
    share = float(strange.mean()) if len(rest) else 0.0
    if estimate.value >= TOO_MANY or not len(rest):
        return PageRun(len(page.checks), len(page.checks), estimate, share, 0)
    clicked = strange & (rng.random(len(rest)) < seen)
    given[rest[~clicked]] = named
    return PageRun(len(page.checks) + int((~clicked).sum()), len(page.checks) + int(clicked.sum()) + 1, estimate, share,
                   int((strange & ~clicked).sum()))
