"""The invisible mark: read again after what happens to pictures, seen by nobody, and never where there is none."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from medsynth_app.core.errors import UserError
from medsynth_app.core.hidden_mark import MOST_WRONG, SEEN, code_of, hide, mark_invisibly, read_mark
from medsynth_app.core.image import pixels_sha256
from medsynth_app.core.provenance import Provenance

Picture = npt.NDArray[Any]
CODE = "0123456789"


def scene(seed: int, rows: int = 128, columns: int = 128) -> Picture:
    """Something with structure at every scale, as pictures have it."""
    rng = np.random.default_rng(seed)
    layers = [np.asarray(Image.fromarray(rng.integers(0, 256, (2**k, 2**k, 3), np.uint8)).resize(
        (columns, rows), Image.Resampling.BICUBIC), np.float64) / 2**k for k in range(1, 7)]
    return np.clip(np.rint(128 + 1.4 * (sum(layers) - np.mean(sum(layers)))), 0, 255).astype(np.uint8)


def wrong(pixels: Picture, code: str = CODE) -> int:
    mark = read_mark(pixels)
    assert mark is not None
    return int(mark.wrong([code])[0])


def jpeg(pixels: Picture, quality: int) -> Picture:
    kept = io.BytesIO()
    Image.fromarray(pixels).save(kept, "JPEG", quality=quality)
    return np.asarray(Image.open(kept))


def sized(pixels: Picture, share: float) -> Picture:
    rows, columns = pixels.shape[:2]
    return np.asarray(Image.fromarray(pixels).resize((round(columns * share), round(rows * share))))


@pytest.mark.parametrize("plain", [scene(1), scene(2)[..., 0], scene(3, 96, 160), scene(4, 250, 200)],
                         ids=["colour", "grey", "wide", "larger"])
def test_it_is_read_again_after_what_happens_to_pictures(plain: Picture) -> None:
    marked = hide(plain, CODE)
    mean = np.mean((marked.astype(float) - plain) ** 2)
    assert 0 < mean < 255**2 / 10**4 and marked.dtype == np.uint8  # above 40 dB
    below = int(np.ceil(SEEN * len(plain)))
    assert np.array_equal(marked[below:], plain[below:])  # where the visible mark lies
    for changed in (marked, jpeg(marked, 90), jpeg(marked, 60), sized(marked, 0.5), sized(sized(marked, 0.5), 2),
                    sized(marked, 0.43), np.clip(marked * 1.1, 0, 255).astype(np.uint8),
                    marked.astype(np.uint16) * 200 + 7):
        assert wrong(changed) <= 3
    marked[below:] = 0
    mark = read_mark(marked)
    assert mark is not None and mark.is_there and mark.wrong([CODE, "9876543210", code_of("ab" * 32)])[0] == 0
    assert not mark.wrong([]).size


def test_where_there_is_none_none_is_read() -> None:
    marks = [read_mark(scene(seed)[..., 0]) for seed in range(60)]
    assert not any(mark is None or mark.is_there or mark.wrong([CODE])[0] <= MOST_WRONG for mark in marks)
    assert wrong(hide(scene(1), "ffffffffff")) > MOST_WRONG
    flat = read_mark(np.full((80, 80), 7, np.uint8))
    assert flat is not None and not flat.is_there
    assert read_mark(np.zeros((20, 300), np.uint8)) is None


@pytest.mark.parametrize("plain", [np.zeros((96, 96), np.uint8), np.full((100, 120, 3), 255, np.uint8),
                                   (np.indices((96, 96)).sum(0) % 2 * 255).astype(np.uint8)],
                         ids=["black", "white", "checks"])
def test_it_holds_where_there_is_no_room_on_one_side(plain: Picture) -> None:
    assert wrong(hide(plain, CODE)) == 0


def test_the_record_says_that_it_is_there_and_small_pictures_hold_none() -> None:
    record = Provenance("generate", "cells", "ab" * 32, 3, "2030", parameters={"prompt": "a cell"})
    plain = scene(5)
    marked, told = mark_invisibly(plain, record)
    assert told.parameters == {"prompt": "a cell", "invisible_mark": {
        "method": "medsynth-hidden-mark/1", "code": pixels_sha256(plain)[:10]}}
    assert wrong(marked, pixels_sha256(plain)[:10]) == 0 and record.parameters == {"prompt": "a cell"}
    with pytest.raises(UserError, match="60 x 200 pixels is too small"):
        mark_invisibly(np.zeros((200, 60), np.uint8), record)


def test_a_mark_that_was_hidden_by_this_version_is_read_by_every_later_one() -> None:
    with Image.open(Path(__file__).parent / "data" / "hidden-mark-1.png") as image:
        assert wrong(np.array(image), "c0ffee0123") == 0
