from __future__ import annotations

import tracemalloc
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.tiles import TILE, TiledMask

ROWS, COLUMNS = 2 * TILE + 100, 3 * TILE - 7


@st.composite
def boxes(draw: st.DrawFn) -> Bounds:
    top, left = draw(st.integers(0, ROWS - 1)), draw(st.integers(0, COLUMNS - 1))
    return Bounds(top, left, draw(st.integers(top + 1, ROWS)), draw(st.integers(left + 1, COLUMNS)))


@settings(max_examples=40, deadline=None)
@given(work=st.lists(st.tuples(boxes(), st.integers(0, 3)), min_size=1, max_size=6), look=boxes(),
       whole=st.integers(0, 8))
def test_tiles_hold_what_one_array_holds(work: list[tuple[Bounds, int]], look: Bounds, whole: int) -> None:
    mask, plain = TiledMask(ROWS, COLUMNS), np.zeros((ROWS, COLUMNS), np.uint8)
    live = None
    for number, (bounds, value) in enumerate(work):
        if number == whole:
            live = mask.whole()
        values = np.full((bounds.height, bounds.width), value, np.uint8)
        values[::2] = 0
        if number % 2:
            mask.write(bounds, values)
        else:
            mask.change(bounds, partial(np.copyto, src=values))
        plain[bounds.slices] = values
        assert np.array_equal(mask.region(look), plain[look.slices])
    assert mask.any() == plain.any() and mask.painted == Bounds.of_mask(plain != 0)
    if live is not None:
        assert np.array_equal(live, plain)
    for key in mask.tiles:
        part = mask.take(key)
        assert (plain[mask.box(key).slices] == (0 if part is None else part)).all()
    assert np.array_equal(mask.whole(), plain)


def test_an_unpainted_slide_costs_nothing_and_a_stroke_its_tiles() -> None:
    tracemalloc.start()
    mask = TiledMask(100_000, 80_000)
    assert mask.nbytes == 0 and not mask.any() and mask.painted is None
    assert mask.region(Bounds(50_000, 40_000, 50_100, 40_100)).max() == 0
    mask.write(Bounds(50_000, 40_000, 50_060, 40_060), np.zeros((60, 60), np.uint8))    # nothing to erase
    assert mask.nbytes == 0
    for top, left in ((100, 100), (99_900, 79_900)):
        mask.write(Bounds(top, left, top + 60, left + 60), np.ones((60, 60), np.uint8))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert mask.nbytes <= 2 * TILE * TILE and peak < 4 * TILE * TILE
    assert mask.painted == Bounds(100, 100, 99_960, 79_960)
    assert len(mask.tiles) == 2


def test_what_is_given_out_cannot_be_written() -> None:
    mask = TiledMask(600, 600)
    mask.write(Bounds(0, 0, 600, 600), np.ones((600, 600), np.uint8))
    for given_out in (mask.region(Bounds(0, 0, 9, 9)), mask.region(Bounds(500, 0, 520, 9)), mask.whole(),
                      mask.region(Bounds(0, 0, 9, 9))):
        with pytest.raises(ValueError, match="read-only"):
            given_out[0, 0] = 2


def test_an_erased_tile_is_let_go() -> None:
    mask = TiledMask(2000, 2000)
    box = Bounds(10, 10, 20, 20)
    mask.write(box, np.ones((10, 10), np.uint8))
    mask.write(box, np.zeros((10, 10), np.uint8))
    assert mask.take((0, 0)) is None and mask.nbytes == 0 and mask.take((3, 3)) is None
