"""What looks like an example."""

from __future__ import annotations

import numpy as np
import pytest

from medsynth_app.ranking.alike import more_like, most_alike
from tests.ranking.test_rank import cells


def by_hand(features: np.ndarray) -> np.ndarray:
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    return unit @ unit.T


def test_neighbours_are_those_of_the_largest_cosine_and_never_the_cell_itself() -> None:
    features, _truth = cells((20, 20, 20, 20))
    among = np.arange(0, 80, 3)
    cosines = by_hand(features)
    np.fill_diagonal(cosines, -np.inf)
    found = most_alike(features, among, 4)
    assert found.tolist() == among[np.argsort(-cosines[:, among], axis=1)[:, :4]].tolist()


@pytest.mark.parametrize(("among", "expected"), [([], [-1, -1]), ([3], [3, -1]), ([3, 5], None)])
def test_fewer_than_asked_for_are_filled_up(among: list[int], expected: list[int] | None) -> None:
    features, _truth = cells((5, 5, 5, 5))
    found = most_alike(features, np.array(among, np.int64), 2)
    assert found.shape == (20, 2)
    assert found[0].tolist() == (expected or found[0].tolist())
    assert found[3, 0] == (5 if among == [3, 5] else -1)


def test_more_like_one_of_the_examples_by_cosine() -> None:
    features, _truth = cells((20, 20, 20, 20))
    examples = np.array([7, 50])
    found, cosines = more_like(features, examples, 10)
    expected = by_hand(features)[:, examples].max(axis=1)
    expected[examples] = -np.inf
    assert found.tolist() == np.argsort(-expected)[:10].tolist()
    assert cosines == pytest.approx(expected[found], abs=1e-5)
    assert len(more_like(features, examples, 1000)[0]) == 78


def test_near_copies_stand_for_each_other() -> None:
    features, _truth = cells((20, 20, 20, 20))
    twice = np.concatenate([features, features + 1e-4])
    found, _cosines = more_like(twice, np.array([7]), 30, radius=0.01)
    assert 87 not in found
    assert len(set((found % 80).tolist())) == len(found) == 30
