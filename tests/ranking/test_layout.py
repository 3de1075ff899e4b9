"""Like beside like: in a row, in groups and on a map."""

from __future__ import annotations

import numpy as np
import pytest

from medsynth_app.ranking import layout
from medsynth_app.ranking.features import squared_distances
from medsynth_app.ranking.layout import BAND, in_a_row, likeness_map, near_middle, places_in_groups
from tests.ranking.test_rank import cells


def test_like_stands_beside_like_in_a_row() -> None:
    features, _truth = cells((150, 150, 150, 150))
    order = in_a_row(features, np.random.default_rng(0))
    assert sorted(order.tolist()) == list(range(600))
    beside = np.linalg.norm(np.diff(features[order], axis=0), axis=1).mean()
    by_chance = np.linalg.norm(np.diff(features[np.random.default_rng(1).permutation(600)], axis=0), axis=1).mean()
    assert beside < 0.85 * by_chance
    line = np.random.default_rng(2).permutation(500).astype(np.float32)[:, None] * np.ones(3, np.float32)
    assert np.abs(np.diff(line[in_a_row(line, np.random.default_rng(0)), 0])).max() == 1  # on a line, along it


@pytest.mark.parametrize("count", [0, 1, 2, 3, 40])
def test_a_row_of_few_or_of_equal_cells(count: int) -> None:
    assert sorted(in_a_row(np.ones((count, 4), np.float32), np.random.default_rng(0)).tolist()) == list(range(count))


def test_in_a_group_the_surest_come_first_and_in_bands_like_beside_like() -> None:
    features, _truth = cells((300, 300, 300, 100))
    groups = np.repeat([5, 9], [700, 300])
    sure = np.random.default_rng(3).random(1000).astype(np.float32)
    places = places_in_groups(features, groups, sure, np.random.default_rng(0))
    for group in (5, 9):
        members = np.flatnonzero(groups == group)
        order = members[np.argsort(places[members])]
        assert sorted(places[members].tolist()) == list(range(len(members)))
        assert sure[order[:BAND]].min() > sure[order[BAND:]].max()
        beside = np.linalg.norm(np.diff(features[order[:BAND]], axis=0), axis=1).mean()
        by_chance = np.linalg.norm(np.diff(features[np.sort(order[:BAND])], axis=0), axis=1).mean()
        assert beside < by_chance


def test_near_the_middle_of_the_group() -> None:
    features = np.array([[0, 0], [1, 0], [8, 0], [0, 5], [0, 7]], np.float32)
    assert near_middle(features, np.array([0, 0, 0, 1, 1])).tolist() == [-9, -4, -25, -1, -1]


def test_a_map_keeps_clouds_apart_also_those_of_cells_that_are_no_landmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "LANDMARKS", 200)  # as many as there are take seconds
    truth = np.arange(900) % 4
    features = 8 * np.eye(8)[truth] + np.random.default_rng(0).normal(size=(len(truth), 8))
    features = features.astype(np.float32)
    places = likeness_map(features, np.random.default_rng(0))
    assert places.shape == (len(truth), 2) and places.min() == 0 and places.max() == 1
    table = squared_distances(places[::7], places)
    table[np.arange(len(table)), np.arange(0, len(truth), 7)] = np.inf
    assert (truth[table.argmin(axis=1)] == truth[::7]).mean() > 0.97
    assert np.array_equal(places, likeness_map(features, np.random.default_rng(0)))


@pytest.mark.parametrize("count", [0, 1, 4, 5, 12])
def test_a_map_of_few_or_of_equal_cells(count: int) -> None:
    for features in (np.ones((count, 6), np.float32), np.random.default_rng(0).random((count, 6), np.float32)):
        places = likeness_map(features, np.random.default_rng(0))
        assert places.shape == (count, 2) and np.isfinite(places).all()
