"""Pictures made ready to be learned from: what Pillow alone reads right stays where it is, the rest is written anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from medsynth_app.core.intensity import IntensityRange
from medsynth_app.datasets.examined import Facts
from medsynth_app.datasets.listing import Entry
from medsynth_app.datasets.picture import Ranges, opened, seen, series_range

Item = dict[str, Any]
FOLDER = "pictures"  # in a frozen set: 8-bit copies of 16-bit, DICOM, turned, transparent ... pictures


@dataclass(frozen=True)
class Ready:
    """One picture.

    Attributes
    ----------
    file
        As an item names it: the path of the file itself, or relative to the frozen set.
    path
        Where it can be opened by Pillow, to what a model sees.
    name
        A number, unique in its set.
    part
        ``train``, ``val`` or ``test``; empty: left out.
    patient
        A neutral name, the same for all pictures of one; empty where it is not known.
    synthetic
        Whether a model drew it.
    """

    entry: Entry
    file: str
    path: Path
    name: str
    part: str
    patient: str = ""
    synthetic: bool = False

    def said(self) -> Item:
        """What every item of the picture says of it."""
        return {**({"patient": self.patient} if self.patient else {}),
                **({"synthetic": True} if self.synthetic else {})}


def made_ready(entries: Sequence[Entry], facts: Sequence[Facts], parts: Sequence[str], patients: Sequence[str],
               out: Path, named: Ranges) -> Iterator[list[Ready]]:
    """For each entry its pictures: one, or every frame of a file of several."""
    ranges = _series_ranges(entries, facts, named)
    for k, (entry, fact, part, patient) in enumerate(zip(entries, facts, parts, patients, strict=True)):
        name = f"{k:05d}"
        if fact.plain:
            yield [Ready(entry, str(entry.file), entry.file, name, part, patient, fact.synthetic)]
            continue
        made = []
        with opened(entry.file) as source:
            for frame in range(fact.frames if part else 0):
                called = name if fact.frames == 1 else f"{name}-{frame:04d}"
                file = f"{FOLDER}/{called}.png"
                write_png(seen(source, frame, named, ranges.get(fact.series)), out / file)
                made.append(Ready(entry, file, out / file, called, part, patient, fact.synthetic))
        yield made


def _series_ranges(entries: Sequence[Entry], facts: Sequence[Facts], named: Ranges) -> dict[str, IntensityRange]:
    """Of every grey series whose slices lie in several files."""
    series: dict[str, list[Path]] = {}
    for entry, fact in zip(entries, facts, strict=True):
        if fact.series and fact.colour == "grey":
            series.setdefault(fact.series, []).append(entry.file)
    return {key: series_range(files, named) for key, files in series.items() if len(files) > 1}


def write_png(pixels: npt.NDArray[np.uint8], path: Path) -> None:
    """Write labels (rows, columns), or a picture (rows, columns, 3), as PNG."""
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.ascontiguousarray(pixels)).save(path)
