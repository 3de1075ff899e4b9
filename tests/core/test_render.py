from __future__ import annotations

import numpy as np
import pytest

from medsynth_app.core.image import Rescale
from medsynth_app.core.render import to_rgb, to_screen, to_unit
from medsynth_app.core.window_level import WindowLevel

HU = Rescale(2.0, -1000.0, "HU")
WINDOW = WindowLevel(40, 400)  # -160 to 240


def test_a_window_shows_its_ends_black_and_white() -> None:
    stored = np.array([[0, 420, 520, 620, 4000]], np.int16)  # -1000, -160, 40, 240, 7000 HU
    assert to_screen(stored, HU, WINDOW).tolist() == [[0, 0, 128, 255, 255]]
    assert to_screen(stored, HU, WINDOW, inverted=True).tolist() == [[255, 255, 128, 0, 0]]
    assert np.array_equal(to_rgb(stored, HU, WINDOW), np.repeat(to_screen(stored, HU, WINDOW)[..., None], 3, axis=2))
    unit = to_unit(stored, HU, WINDOW)
    assert unit.dtype == np.float32 and unit.tolist() == [[0, 0, 0.5, 1, 1]]


def test_colour_is_shown_as_it_is() -> None:
    colour = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    for render in (to_screen, to_rgb):
        assert np.array_equal(render(colour, Rescale(), None), colour)
        assert np.array_equal(render(colour, HU, WINDOW, True), colour)


def test_grey_needs_a_window() -> None:
    with pytest.raises(ValueError, match="window"):
        to_screen(np.zeros((2, 2), np.uint8), Rescale(), None)
