"""Sheets of pictures for the eye, kept in the cache: they may hold real pictures, which no pack may carry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from tests.benchmarks.packs.data import cache_folder

LINE = 18
COLOURS = np.array([(0, 0, 0), (230, 159, 0), (86, 180, 233), (0, 158, 115)], np.uint8)  # Okabe-Ito, as in the window


def sheet(rows: Sequence[Sequence[npt.NDArray[Any]]], captions: Sequence[str], heading: str, pack: str, name: str,
          edge: int = 112, columns: int = 4) -> Path:
    """Write tiles side by side, `columns` groups a line, each group under its caption; returns the file.

    Parameters
    ----------
    rows
        For every group its tiles: (h, w, 3) or (h, w) uint8, or masks made visible by `coloured`.
    """
    wide = max(len(row) for row in rows)
    lines = -(-len(rows) // columns)
    canvas = Image.new("RGB", (columns * (wide * edge + 8), LINE + lines * (edge + LINE)), "white")
    draw = ImageDraw.Draw(canvas)
    draw.text((4, 3), heading, fill="black")
    for k, (row, caption) in enumerate(zip(rows, captions, strict=True)):
        left, top = (k % columns) * (wide * edge + 8), LINE + (k // columns) * (edge + LINE)
        draw.text((left + 2, top + 3), caption[:wide * edge // 6], fill="black")
        for place, tile in enumerate(row):
            picture = Image.fromarray(np.ascontiguousarray(tile)).convert("RGB").resize((edge, edge))
            canvas.paste(picture, (left + place * edge, top + LINE))
    path = cache_folder() / "pictures" / pack / name
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas.save(path, quality=90)
    return path


def coloured(mask: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """A label mask (h, w) as colours, (h, w, 3)."""
    return COLOURS[np.minimum(mask.astype(np.int64), len(COLOURS) - 1)]
