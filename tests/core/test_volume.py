from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from medsynth_app.core.geometry import Geometry
from medsynth_app.core.volume import Grid, NoVolume, Volume, grid_of

PLACE = Geometry(0.5, 0.7, 2.0, (10.0, -20.0, 30.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))


def _stack(places: Sequence[Sequence[float]], first: Geometry = PLACE) -> list[Geometry | None]:
    return [replace(first, origin=(x, y, z)) for x, y, z in places]


def _even(count: int = 3) -> list[Geometry | None]:
    return _stack([(10, -20, 30 + 2 * k) for k in range(count)])


def test_an_even_stack_says_where_each_voxel_lies() -> None:
    grid = grid_of(_even(), 40, 50)
    assert isinstance(grid, Grid) and grid.shape == (3, 40, 50) and grid.spacing == pytest.approx((2, 0.5, 0.7))
    assert grid.to_mm((0, 0, 0)) == pytest.approx((10, -20, 30))
    assert grid.to_mm((2, 4, 10)) == pytest.approx((17, -18, 34))
    index = np.random.default_rng(0).uniform(-5, 50, (4, 6, 3))
    assert np.allclose(grid.to_index(grid.to_mm(index)), index)
    assert grid.holds([(0, 0, 0), (2.4, 39.4, 49.4), (-0.6, 0, 0), (0, 40, 0)]).tolist() == [True, True, False, False]


def test_slices_may_run_against_their_normal_and_lie_obliquely() -> None:
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    row, column, normal = turn.T
    if np.cross(row, column) @ normal < 0:
        normal = -normal
    for way in (1, -1):
        origins = [np.array((1, 2, 3)) + way * 1.5 * k * normal for k in range(4)]
        place = Geometry(0.5, 0.7, 1.5, (0, 0, 0), tuple(row.tolist()), tuple(column.tolist()))
        grid = grid_of(_stack(origins, place), 8, 9)
        assert isinstance(grid, Grid) and grid.spacing == pytest.approx((1.5, 0.5, 0.7))
        assert np.allclose(grid.to_mm((3, 2, 1)), origins[3] + 2 * 0.5 * column + 0.7 * row)


@pytest.mark.parametrize(("stack", "reason"), [
    ([PLACE], NoVolume.SINGLE),
    ([PLACE, None], NoVolume.UNPLACED),
    ([PLACE, replace(PLACE, origin=None)], NoVolume.UNPLACED),
    ([PLACE, replace(PLACE, origin=(10.0, -20.0, 32.0), row_spacing=0.6)], NoVolume.UNLIKE),
    ([PLACE, replace(PLACE, origin=(10.0, -20.0, 32.0), column_direction=(0.0, 0.0, 1.0))], NoVolume.UNLIKE),
    (_stack([(0, 0, 0), (0, 0, 1), (0, 0, 3)]), NoVolume.UNEVEN),
    (_stack([(0, 0, 0), (0, 1, 2), (0, 2, 4)]), NoVolume.TILTED),
    (_stack([(0, 0, 0), (0, 0, 0)]), NoVolume.REPEATED),
])
def test_what_is_no_volume_says_why(stack: list[Geometry | None], reason: NoVolume) -> None:
    assert grid_of(stack, 8, 8) is reason


def test_slices_are_read_when_they_are_asked_for() -> None:
    asked: list[int] = []

    def read(k: int) -> np.ndarray:
        asked.append(k)
        return np.full((4, 5), k, np.int16)

    grid = grid_of(_even(), 4, 5)
    assert isinstance(grid, Grid)
    volume = Volume(grid, read)
    assert volume.slice(1)[0, 0] == 1 and asked == [1]
    with pytest.raises(IndexError):
        volume.slice(3)
    assert volume.array().shape == (3, 4, 5) and volume.array()[2, 3, 4] == 2
