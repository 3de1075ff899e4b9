"""A contact sheet: a row of small pictures for each class, so that a person sees what will be learned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import writing
from medsynth_app.datasets.dataset import Sample, TrainingSet, read_pixels
from medsynth_app.datasets.listing import Listing
from medsynth_app.datasets.picture import opened, seen

COLUMNS, ROWS = 8, 24
EDGE, GAP, LINE = 96, 4, 20  # px
T = TypeVar("T")
GROUND, TEXT = "#FFFFFF", "#18212C"


def sheet_of_listing(listing: Listing, path: Path, broken: Iterable[str] = ()) -> None:
    """Write the sheet of a data set as it lies, whole pictures, evenly spread over each class."""
    groups: dict[str, list[Path]] = {}
    unusable = set(broken)
    for entry in listing.entries:
        if entry.name not in unusable:
            groups.setdefault(entry.group, []).append(entry.file)
    _write([(f"{name}  ({len(files)})", [_small(file) for file in _some(files)]) for name, files in groups.items()],
           path)


def sheet_of_frozen(frozen: Path, path: Path) -> None:
    """Write the sheet of what a run learns from: the crops of the training part, by class, with a caption."""
    groups: dict[str, list[Sample]] = {}
    for sample in TrainingSet.load(frozen).samples:
        groups.setdefault(sample.label, []).append(sample)
    rows = []
    for label, samples in sorted(groups.items()):
        pixels = read_pixels(tuple(_some(samples)), EDGE)
        rows.append((f"{label}  ({len(samples)})  “{samples[0].captions[0]}”",
                     [Image.fromarray(each) for each in pixels]))
    _write(rows, path)


def _some(things: Sequence[T]) -> list[T]:
    places = np.linspace(0, len(things) - 1, min(COLUMNS, len(things))).round().astype(int)
    return [things[place] for place in places]


def _small(path: Path) -> Image.Image:
    """The middle frame of a file, fitted into a square."""
    square = Image.new("RGB", (EDGE, EDGE), GROUND)
    try:
        with opened(path) as source:
            picture = Image.fromarray(seen(source, len(source.info.frames) // 2))
    except UserError:
        return square
    picture.thumbnail((EDGE, EDGE))
    square.paste(picture, ((EDGE - picture.width) // 2, (EDGE - picture.height) // 2))
    return square


def _write(rows: Sequence[tuple[str, Sequence[Image.Image]]], path: Path) -> None:
    shown = rows[:ROWS]
    more = f"and {len(rows) - ROWS} more classes" if len(rows) > ROWS else ""
    height = len(shown) * (LINE + EDGE + GAP) + (LINE if more else 0) + GAP
    sheet = Image.new("RGB", (COLUMNS * (EDGE + GAP) + GAP, height), GROUND)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for at, (title, pictures) in enumerate(shown):
        top = GAP + at * (LINE + EDGE + GAP)
        pen.text((GAP, top + 2), title, fill=TEXT, font=font)
        for k, picture in enumerate(pictures):
            sheet.paste(picture, (GAP + k * (EDGE + GAP), top + LINE))
    if more:
        pen.text((GAP, height - LINE), more, fill=TEXT, font=font)
    with writing(path) as part:
        sheet.save(part, "PNG")
