"""A page of cells that look alike, and the share of strangers that it is said to hold."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from medsynth_app.core.cell_page import CHECKS, SIZE, CellPage, next_page, strangers
from medsynth_app.core.learned import Learned, Report


def learned(groups: np.ndarray, sure: np.ndarray | None, classes: int = 3) -> Learned:
    count = len(groups)
    shares = np.empty((0, classes))
    if sure is not None:
        shares = np.repeat(((1 - sure) / (classes - 1))[:, None], classes, axis=1)
        shares[np.arange(count), groups] = sure
    nothing = np.empty(0, np.int32)
    return Learned(tuple("abc"[:classes]), nothing, nothing.astype(np.float32), (), np.empty((0, 2), np.int32),
                   shares.astype(np.float16), groups.astype(np.int32), np.arange(count, dtype=np.int32)[::-1].copy(),
                   np.full((count, 6), -1, np.int32), np.zeros((count, 2), np.float32), nothing, nothing,
                   Report((0,) * classes))


def page_of(expected: float | None, cells: int = SIZE, checks: int = CHECKS) -> tuple[Learned, CellPage]:
    made = learned(np.zeros(cells, int), None if expected is None else np.full(cells, 1 - expected))
    page = next_page(made, np.ones(cells, bool), np.random.default_rng(0), size=cells, checks=checks)
    assert page is not None
    return made, page


def test_a_page_is_what_is_open_of_one_group_in_its_order() -> None:
    groups = np.arange(200) % 2
    made = learned(groups, np.where(groups == 1, 0.9, 0.6))
    is_open = np.arange(200) % 5 != 0
    page = next_page(made, is_open, np.random.default_rng(0))
    assert page is not None and page.group == 1  # the surer one
    expected = [k for k in range(199, -1, -1) if k % 2 == 1 and k % 5 != 0][:SIZE]
    assert page.cells.tolist() == expected
    assert len(set(page.checks.tolist())) == CHECKS and set(page.checks.tolist()) <= set(expected)
    other = next_page(made, is_open, np.random.default_rng(0), group=0, size=7)
    assert other is not None and (groups[other.cells] == 0).all() and len(other.cells) == 7


def test_while_nothing_was_learned_the_largest_cluster_comes_first() -> None:
    page = next_page(learned(np.repeat([4, 7], [3, 5]), None), np.ones(8, bool), np.random.default_rng(0))
    assert page is not None and page.group == 7 and len(page.cells) == 5 and len(page.checks) == 5


def test_nothing_open_is_no_page() -> None:
    made = learned(np.zeros(5, int), np.full(5, 0.9))
    assert next_page(made, np.zeros(5, bool), np.random.default_rng(0)) is None
    assert next_page(made, np.ones(5, bool), np.random.default_rng(0), group=2) is None


def test_checks_are_chosen_by_chance() -> None:
    made = learned(np.zeros(60, int), np.full(60, 0.9))
    seen = np.zeros(60)
    for seed in range(300):
        page = next_page(made, np.ones(60, bool), np.random.default_rng(seed))
        assert page is not None
        seen[page.checks] += 1
    assert seen.min() > 300 * CHECKS / 60 / 2 and seen.max() < 300 * CHECKS / 60 * 2


def test_more_wrong_checks_mean_more_strangers_and_a_surer_classifier_fewer() -> None:
    said = [strangers(*page_of(0.1), named=0, wrong=wrong) for wrong in range(CHECKS + 1)]
    assert all(a.value < b.value for a, b in itertools.pairwise(said))
    assert all(each.low <= each.value <= each.high and each.n == SIZE - CHECKS for each in said)
    assert strangers(*page_of(0.01), named=0, wrong=0).high < strangers(*page_of(0.4), named=0, wrong=0).high
    assert strangers(*page_of(0.1), named=1, wrong=0).value > said[0].value  # another class than the classifier's


def test_when_all_were_checked_nothing_is_left_to_estimate() -> None:
    share = strangers(*page_of(0.2, cells=5), named=0, wrong=2)
    assert (share.value, share.low, share.high, share.n) == (0, 0, 0, 0)


def test_more_wrong_ones_than_checks_are_refused() -> None:
    for wrong in (-1, CHECKS + 1):
        with pytest.raises(ValueError, match="wrong ones"):
            strangers(*page_of(0.2), named=0, wrong=wrong)


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.03, 0.2, 0.5])
def test_the_interval_holds_in_at_least_85_of_100_pages(told: bool, share: float) -> None:
    """Of pages with a known share of strangers, and a classifier that is half right about it or was not asked."""
    rng = np.random.default_rng(0)
    made, page = page_of(1.5 * share if told else None)
    rest = np.setdiff1d(page.cells, page.checks)
    held = 0
    for _page in range(300):
        strange = rng.random(SIZE) < share
        found = strangers(made, page, 0, int(strange[page.checks].sum()))
        held += found.low - 1e-9 <= strange[rest].mean() <= found.high + 1e-9
    assert held / 300 >= 0.85


def test_the_estimate_is_that_of_the_beta_binomial_distribution() -> None:
    from scipy.stats import betabinom

    made, page = page_of(0.25)
    found = strangers(made, page, 0, 3)
    theirs = betabinom(SIZE - CHECKS, 4 * 0.25 + 3, 4 * 0.75 + 5)
    assert found.value == pytest.approx(theirs.mean() / 52, abs=1e-3)
    assert found.low == pytest.approx(theirs.ppf(0.05) / 52) and found.high == pytest.approx(theirs.ppf(0.95) / 52)
    without = strangers(replace(made, probabilities=np.empty((0, 3), np.float16)), page, 0, 3)
    assert without.value == pytest.approx((3.5 / 9), abs=1e-9)
