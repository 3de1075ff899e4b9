"""Finding burned-in text."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from medsynth_app.segmentation.burned_in_text import text_rows


def mucosa(seed: int = 0) -> Image.Image:
    """A red, gently shaded picture."""
    rng = np.random.default_rng(seed)
    shade = np.linspace(0, 40, 256)[:, None, None] + np.array([150, 70, 60]) + rng.normal(0, 3, (256, 256, 3))
    return Image.fromarray(shade.clip(0, 255).astype(np.uint8))


def pixels(image: Image.Image) -> npt.NDArray[np.uint8]:
    return np.asarray(image)


def test_a_burned_in_date_is_found_where_it_stands() -> None:
    image = mucosa()
    ImageDraw.Draw(image).text((4, 100), "12/2013", fill=(235, 235, 235))
    [(left, top, right, bottom)] = text_rows(pixels(image))
    assert left < 15 and 35 < right < 60 and 98 <= top < bottom <= 115


def test_two_lines_are_two_rows() -> None:
    image = mucosa()
    drawing = ImageDraw.Draw(image)
    drawing.text((4, 100), "12/2013", fill=(235, 235, 235))
    drawing.text((4, 120), "11:36:28", fill=(235, 235, 235))
    assert len(text_rows(pixels(image))) == 2


def test_plain_mucosa_and_its_highlights_are_no_text() -> None:
    image = mucosa()
    assert text_rows(pixels(image)) == []
    drawing = ImageDraw.Draw(image)
    for left, top, width, height in ((30, 40, 6, 9), (60, 90, 12, 14), (120, 100, 4, 6), (190, 30, 20, 25)):
        drawing.ellipse((left, top, left + width, top + height), fill=(255, 255, 250))
    assert text_rows(pixels(image)) == []
