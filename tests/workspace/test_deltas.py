from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynth_app.core.bounds import Bounds
from medsynth_app.workspace import deltas


@settings(max_examples=150, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), share=st.sampled_from([0.0, 0.02, 0.3, 1.0]),
       seed=st.integers(0, 10**6))
def test_write_and_take_back(height: int, width: int, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.integers(0, 3, (50, 60), np.uint8)
    bounds = Bounds(7, 9, 7 + height, 9 + width)
    before = mask[bounds.slices].copy()
    after = np.where(rng.random(before.shape) < share, rng.integers(0, 5, before.shape), before).astype(np.uint8)
    data = deltas.encode(before, after)
    if data is None:
        assert np.array_equal(before, after)
        return
    expected = mask.copy()
    expected[bounds.slices] = after
    delta = deltas.decode(data, bounds)
    assert delta.fits(mask) and not delta.fits(mask, undo=True)
    edited = mask.copy()
    delta.write(edited)
    assert np.array_equal(edited, expected) and delta.fits(edited, undo=True)
    delta.write(edited, undo=True)
    assert np.array_equal(edited, mask)


@pytest.mark.parametrize(("kind", "limit"), [("thin", 20_000), ("all", 40_000)])
def test_large_bounds_stay_small(kind: str, limit: int) -> None:
    before = np.zeros((2000, 2000), np.uint8)
    after = before.copy()
    if kind == "thin":
        after[np.arange(2000), np.arange(2000)] = 1
    else:
        after[:] = 2
    data = deltas.encode(before, after)
    assert data is not None and len(data) < limit
    deltas.decode(data, Bounds(0, 0, 2000, 2000)).write(before)
    assert np.array_equal(before, after)
