"""A contact sheet: a row of small pictures for each class, so that a person sees what will be learned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import writing
from medsynth_app.datasets.dataset import Sample, TrainingSet, manifest_of, read_pixels
from medsynth_app.datasets.listing import Entry, Listing
from medsynth_app.datasets.picture import opened, seen

COLUMNS, ROWS = 8, 24
EDGE, GAP, LINE = 96, 4, 20  # px
T = TypeVar("T")
GROUND, TEXT, SYNTHETIC = "#FFFFFF", "#18212C", "#6D43C9"


def sheet_of_listing(listing: Listing, path: Path, broken: Iterable[str] = (), synthetic: Iterable[str] = ()) -> None:
    """Write the sheet of a data set as it lies: whole pictures, evenly spread over each class, but for broken ones.

    Those of the names in `synthetic` are marked.
    """
    groups: dict[str, list[Entry]] = {}
    unusable, drawn = set(broken), set(synthetic)
    for entry in listing.entries:
        if entry.name not in unusable:
            groups.setdefault(entry.group, []).append(entry)
    _write([(f"{name}  ({len(entries)})", [_small(entry.file, entry.name in drawn) for entry in _some(entries)])
            for name, entries in groups.items()], path)


def sheet_of_frozen(frozen: Path, path: Path) -> None:
    """Write the sheet of what a run learns from: the crops of the training part, by class, with a caption."""
    groups: dict[str, list[Sample]] = {}
    drawn = {frozen / str(item["file"]) for item in manifest_of(frozen)["items"] if item.get("synthetic")}
    for sample in TrainingSet.load(frozen).samples:
        groups.setdefault(sample.label, []).append(sample)
    rows = []
    for label, samples in sorted(groups.items()):
        shown = tuple(_some(samples))
        pixels = read_pixels(shown, EDGE)
        rows.append((f"{label}  ({len({sample.file for sample in samples})})  “{samples[0].captions[0]}”",
                     [_marked(Image.fromarray(each), sample.file in drawn)
                      for each, sample in zip(pixels, shown, strict=True)]))
    _write(rows, path)


def _some(things: Sequence[T]) -> list[T]:
    places = np.linspace(0, len(things) - 1, min(COLUMNS, len(things))).round().astype(int)
    return [things[place] for place in places]


def _small(path: Path, drawn: bool) -> Image.Image:
    """The middle frame of a file, fitted into a square."""
    square = Image.new("RGB", (EDGE, EDGE), GROUND)
    try:
        with opened(path) as source:
            picture = Image.fromarray(seen(source, len(source.info.frames) // 2))
    except UserError:
        return square
    picture.thumbnail((EDGE, EDGE))
    square.paste(picture, ((EDGE - picture.width) // 2, (EDGE - picture.height) // 2))
    return _marked(square, drawn)


def _marked(picture: Image.Image, drawn: bool) -> Image.Image:
    """With the word SYN in its corner, where a model drew it."""
    if drawn:
        pen = ImageDraw.Draw(picture)
        pen.rectangle((0, 0, 30, 16), fill=SYNTHETIC)
        pen.text((3, 0), "SYN", fill=GROUND, font=ImageFont.load_default(12))
    return picture


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
