"""Simulated labelling: the figures mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

from medsynth_app.ranking.simulate import Curve, LabelledCells, rare_pool, simulate
from tests.ranking.test_rank import CLASSES, cells


def sides(counts: tuple[int, ...], seed: int = 0) -> tuple[LabelledCells, LabelledCells]:
    return LabelledCells(*cells(counts, seed)), LabelledCells(*cells((80, 80, 80, 80), seed + 100))


def test_a_curve_is_scored_on_what_was_never_chosen_from_and_ends_at_the_full_score() -> None:
    pool, held_out = sides((40, 40, 40, 40))
    seen: list[int] = []
    curve = simulate(pool, held_out, CLASSES, "random", budget=500, batch=20, seed=1, checkpoint=seen.append)
    assert curve.labels == tuple(range(20, 161, 20)) == tuple(seen)
    assert curve.macro_f1[-1] == pytest.approx(curve.full, abs=0.02)
    assert curve.rare_found is None
    assert curve == simulate(pool, held_out, CLASSES, "random", budget=500, batch=20, seed=1)


def test_rare_classes_are_found_earlier_than_by_chance() -> None:
    found: dict[str, list[Curve]] = {"random": [], "useful": []}
    for seed in range(3):
        pool, held_out = sides((300, 300, 15, 15), seed)
        for name, curves in found.items():
            curves.append(simulate(pool, held_out, CLASSES, name, budget=160, batch=16, seed=seed,
                                   rare=np.array([False, False, True, True])))
    rare = {name: sum(curve.rare_found or 0 for curve in curves) for name, curves in found.items()}
    assert found["random"][0].rare == 30
    assert rare["useful"] > 1.5 * rare["random"]
    assert np.mean([curve.area for curve in found["useful"]]) > np.mean([curve.area for curve in found["random"]])


def test_rare_pool_makes_half_of_the_classes_rare_and_others_with_another_seed() -> None:
    labels = np.repeat(np.arange(8), 100)
    seen = set()
    for seed in range(4):
        chosen, rare = rare_pool(labels, 8, 20, np.random.default_rng(seed))
        counts = np.bincount(labels[chosen], minlength=8)
        assert rare.sum() == 4
        assert (counts[rare] == 5).all()
        assert (counts[~rare] == 100).all()
        seen.add(tuple(rare))
    assert len(seen) > 1
    named = np.arange(8) == 3
    chosen, rare = rare_pool(labels, 8, 20, np.random.default_rng(0), named)
    assert np.bincount(labels[chosen], minlength=8).tolist() == [5 if k == 3 else 100 for k in range(8)]
    assert np.array_equal(rare, named)
    assert len(rare_pool(labels, 8, 1, np.random.default_rng(0))[0]) == 800


def test_figures_of_a_curve() -> None:
    curve = Curve("random", 0, (10, 20, 30), (0.2, 0.8, 0.6), full=0.8)
    assert curve.labels_to(0.9) == 20
    assert curve.labels_to(1.1) is None
    assert curve.area == pytest.approx((0.5 * 10 + 0.7 * 10) / 20)


def test_impossible_simulations_are_refused() -> None:
    pool, held_out = sides((5, 5, 5, 5))
    with pytest.raises(ValueError, match="at least 1"):
        simulate(pool, held_out, CLASSES, "random", budget=0, batch=1, seed=0)
