from __future__ import annotations

import numpy as np
import pytest

from medsynth_app.formats.mark import draw_mark


@pytest.mark.parametrize("shape", [(512, 512, 3), (128, 128, 3), (96, 40), (8, 8), (1, 1), (3, 500), (2000, 3000)])
@pytest.mark.parametrize("ground", [0, 255, 128])
def test_the_mark_fits_and_stands_out(shape: tuple[int, ...], ground: int) -> None:
    before = np.full(shape, ground, np.uint8)
    kept = before.copy()
    after = draw_mark(before)
    assert np.array_equal(before, kept) and after.shape == shape and after.dtype == np.uint8
    changed = after != before
    if min(shape[:2]) >= 40:
        assert after[changed].max(initial=0) > 150 or ground == 255  # light letters
        assert after[changed].min(initial=255) < 50 or ground == 0  # dark plate
        assert 0.0005 < changed.mean() < 0.2


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.int32, np.float32])
def test_deep_images_are_marked_with_their_own_values(dtype: type) -> None:
    before = np.linspace(10, 900, 200 * 300).reshape(200, 300).astype(dtype)
    after = draw_mark(before)
    assert after.dtype == dtype and after.min() == before.min() and after.max() == before.max()
    assert np.array_equal(after[:150], before[:150]) and not np.array_equal(after, before)


def test_an_even_deep_image_is_marked_too() -> None:
    before = np.full((100, 200), 1000, np.int16)
    assert (draw_mark(before) != before).any()
