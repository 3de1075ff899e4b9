"""A page of cells that look alike, and the share of strangers that it is said to hold."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from medsynth_app.core.cell_page import CHECKS, SIZE, Draw, next_page, strangers
from medsynth_app.core.learned import Learned, Report

REST = SIZE - CHECKS


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


def lots(seed: int = 0) -> Draw:
    rng = np.random.default_rng(seed)
    return lambda cells: rng.random(len(cells))


def test_a_page_is_what_is_open_of_one_group_in_its_order() -> None:
    groups = np.arange(200) % 2
    made = learned(groups, np.where(groups == 1, 0.9, 0.6))
    is_open = np.arange(200) % 5 != 0
    page = next_page(made, is_open, lots())
    assert page is not None and page.group == 1  # the surer one
    expected = [k for k in range(199, -1, -1) if k % 2 == 1 and k % 5 != 0][:SIZE]
    assert page.cells.tolist() == expected
    assert len(set(page.checks.tolist())) == CHECKS and set(page.checks.tolist()) <= set(expected)
    other = next_page(made, is_open, lots(), group=0, size=7)
    assert other is not None and (groups[other.cells] == 0).all() and len(other.cells) == 7


def test_while_nothing_was_learned_the_largest_cluster_comes_first() -> None:
    page = next_page(learned(np.repeat([4, 7], [3, 5]), None), np.ones(8, bool), lots())
    assert page is not None and page.group == 7 and len(page.cells) == 5 and len(page.checks) == 5


def test_nothing_open_is_no_page() -> None:
    made = learned(np.zeros(5, int), np.full(5, 0.9))
    assert next_page(made, np.zeros(5, bool), lots()) is None
    assert next_page(made, np.ones(5, bool), lots(), group=2) is None


def test_checks_are_chosen_by_chance() -> None:
    made = learned(np.zeros(60, int), np.full(60, 0.9))
    seen = np.zeros(60)
    for seed in range(300):
        page = next_page(made, np.ones(60, bool), lots(seed))
        assert page is not None
        seen[page.checks] += 1
    assert seen.min() > 300 * CHECKS / 60 / 2 and seen.max() < 300 * CHECKS / 60 * 2


def test_a_page_knows_what_the_classifier_expects_of_its_other_cells() -> None:
    made = learned(np.zeros(30, int), np.linspace(0.5, 0.99, 30))
    page = next_page(made, np.ones(30, bool), lots())
    assert page is not None and page.left == 30
    rest = np.setdiff1d(page.cells, page.checks)
    assert page.expected == pytest.approx(1 - made.probabilities[rest, 0].mean(), abs=1e-3)
    without = next_page(replace(made, probabilities=np.empty((0, 3), np.float16)), np.ones(30, bool), lots())
    assert without is not None and without.expected is None


def test_more_wrong_checks_mean_more_strangers_and_a_surer_classifier_fewer() -> None:
    said = [strangers(REST, CHECKS, wrong, 0, 0.1) for wrong in range(CHECKS + 1)]
    assert all(a.value < b.value for a, b in itertools.pairwise(said))
    assert all(each.low <= each.value <= each.high and each.n == REST for each in said)
    assert strangers(REST, CHECKS, 0, 0, 0.01).high < strangers(REST, CHECKS, 0, 0, 0.4).high


def test_strangers_found_beyond_the_checks_are_left_out_and_no_looks_by_chance() -> None:
    for wrong in (0, 1, 3):
        before = strangers(REST, CHECKS, wrong)
        for found in (1, 4, 12):
            after = strangers(REST, CHECKS, wrong, found)
            assert after.n == REST - found
            assert after.low == 0 and after.high * after.n + found >= before.high * before.n - 1e-9
    assert strangers(REST, CHECKS, 0, REST).n == strangers(0, 5, 2).n == 0


def test_more_strangers_than_cells_are_refused() -> None:
    for wrong, found in ((-1, 0), (CHECKS + 1, 0), (0, -1), (0, REST + 1)):
        with pytest.raises(ValueError, match="wrong ones"):
            strangers(REST, CHECKS, wrong, found)


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.03, 0.2, 0.5])
@pytest.mark.parametrize("seen", [0.0, 0.3, 0.8, 1.0])
def test_the_interval_holds_in_at_least_85_of_100_pages(told: bool, share: float, seen: float) -> None:
    """Of pages with a known share of strangers, and a classifier that is half right about it or was not asked.

    `seen` is the share of the strangers beyond the checks that the person sees and crosses out.
    """
    rng = np.random.default_rng(0)
    held = 0
    for _page in range(300):
        strange = rng.random(SIZE) < share
        out = strange[CHECKS:] & (rng.random(REST) < seen)
        found = strangers(REST, CHECKS, int(strange[:CHECKS].sum()), int(out.sum()), 1.5 * share if told else None)
        true = (strange[CHECKS:] & ~out).sum() / (REST - out.sum())
        held += found.low - 1e-9 <= true <= found.high + 1e-9
    assert held / 300 >= 0.85


def test_the_estimate_is_that_of_the_beta_binomial_distribution() -> None:
    from scipy.stats import betabinom

    found = strangers(REST, CHECKS, 3, 0, 0.25)
    theirs = betabinom(REST, 4 * 0.25 + 3, 4 * 0.75 + 5)
    assert found.value == pytest.approx(theirs.mean() / REST, abs=1e-3)
    assert found.low == pytest.approx(theirs.ppf(0.05) / REST) and found.high == pytest.approx(theirs.ppf(0.95) / REST)
    assert strangers(REST, CHECKS, 3).value == pytest.approx((3.5 / 9), abs=1e-9)
