"""Simulated labelling in groups: the figures mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

from medsynth_app.core.cell_page import CHECKS, SIZE
from medsynth_app.ranking.simulate_groups import TOO_MANY, simulate_groups
from tests.ranking.test_rank import CLASSES
from tests.ranking.test_simulate import sides


def test_pages_give_several_labels_for_each_decision_and_their_intervals_hold() -> None:
    pool, held_out = sides((400, 400, 400, 400))
    seen: list[int] = []
    run = simulate_groups(pool, held_out, CLASSES, budget=200, seed=0, first=48, checkpoint=seen.append)
    assert run.decisions == tuple(seen) and run.decisions[:3] == (16, 32, 48) and run.decisions[-1] >= 200
    labels, decisions = sum(page.labels for page in run.pages), sum(page.decisions for page in run.pages)
    assert labels > 4 * decisions and decisions == run.decisions[-1] - 48
    assert np.mean([page.held for page in run.pages]) >= 0.85
    assert run.macro_f1[-1] > 0.8 * run.full
    assert run == simulate_groups(pool, held_out, CLASSES, budget=200, seed=0, first=48)


def test_who_sees_every_stranger_gives_no_wrong_label_and_who_sees_none_gives_some() -> None:
    pool, held_out = sides((200, 200, 200, 200))
    careful, blind = (simulate_groups(pool, held_out, CLASSES, budget=120, seed=1, first=32, seen=share)
                      for share in (1.0, 0.0))
    assert not sum(page.mistaken for page in careful.pages)
    assert sum(page.mistaken for page in blind.pages) == sum(
        round(page.strangers * (SIZE - CHECKS)) for page in blind.pages if page.labels == SIZE)
    assert all(page.decisions == CHECKS + 1 for page in blind.pages if page.labels == SIZE)


def test_a_page_with_too_many_strangers_is_not_labelled_as_one() -> None:
    pool, held_out = sides((60, 60, 60, 60))
    mixed = np.random.default_rng(0).permutation(pool.labels)  # classes that nothing tells apart
    run = simulate_groups(type(pool)(pool.embeddings, mixed), held_out, CLASSES, budget=120, seed=0, first=32)
    assert all(page.labels == page.decisions == CHECKS for page in run.pages if page.estimate.value >= TOO_MANY)
    assert sum(page.estimate.value >= TOO_MANY for page in run.pages) > len(run.pages) / 2


def test_impossible_simulations_are_refused() -> None:
    pool, held_out = sides((5, 5, 5, 5))
    with pytest.raises(ValueError, match="at least 1"):
        simulate_groups(pool, held_out, CLASSES, budget=0, seed=0)
