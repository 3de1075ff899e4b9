"""Colour tables: what an index is shown as. PS3.3 C.7.6.3.1.5, C.7.6.3.1.6 and C.7.9."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut

from medsynth_app.core.image import Pixels
from medsynth_app.formats.dicom.elements import listed, text

_COLOURS = ("Red", "Green", "Blue")
_WORD = "PaletteColorLookupTable"


@dataclass(frozen=True, eq=False)
class Palette:
    """Colours (entries, 3) uint8; the first is that of the index `first` and of all below, the last of all above."""

    first: int
    colours: npt.NDArray[np.uint8]

    def __call__(self, indices: Pixels) -> Pixels:
        """(rows, columns) to (rows, columns, 3) uint8."""
        return self.colours[np.clip(indices.astype(np.int64) - self.first, 0, len(self.colours) - 1)]


def palette_of(header: Dataset) -> Palette:
    """The colour table of a file; raises whatever a damaged one is made of, to be caught by `reading`."""
    if f"Red{_WORD}Data" not in header:
        return _computed(header)
    entries, first, bits = (int(value) for value in listed(header[f"Red{_WORD}Descriptor"].value))
    entries = entries or 65_536
    little = header.original_encoding[1] is not False
    columns = [_entries(header[f"{colour}{_WORD}Data"].value, entries, little) for colour in _COLOURS]
    return Palette(first, _eight_bits(np.stack(columns, axis=1), bits))


def _entries(data: bytes, entries: int, little: bool) -> npt.NDArray[Any]:
    """Entries of one colour: as many bytes each as the data has for them, whatever the descriptor says."""
    size = 2 if len(data) >= 2 * entries else 1
    return np.frombuffer(data, f"{'<' if little else '>'}u{size}", entries)


def _eight_bits(table: npt.NDArray[Any], bits: int) -> npt.NDArray[np.uint8]:
    """Scaled by what the entries hold: words are often filled with 8 bits alone, at either end."""
    highest = int(table.max(initial=0))
    if highest <= 255:
        return table.astype(np.uint8)
    top = 2**bits - 1 if 8 < bits < 16 and highest < 2**bits else 65_535
    return np.rint(table / top * 255).astype(np.uint8)


def _computed(header: Dataset) -> Palette:
    """A table in segments, or one of the standard's own: read by pydicom."""
    known = None if f"SegmentedRed{_WORD}Data" in header else text(header, f"{_WORD}UID")
    if known:
        return Palette(0, np.asarray(apply_color_lut(np.arange(256, dtype=np.uint8), palette=known), np.uint8))
    entries, first, bits = (int(value) for value in listed(header[f"Red{_WORD}Descriptor"].value))
    indices = np.arange(first, first + (entries or 65_536), dtype=np.int32)
    return Palette(first, _eight_bits(apply_color_lut(indices, header), bits))
