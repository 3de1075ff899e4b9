"""How the pixels of a DICOM file are laid out: what its header says, and what is taken where it says nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.datadict import dictionary_description
from pydicom.dataset import Dataset

from medsynth_app.core.errors import UserError
from medsynth_app.formats.dicom.elements import number, text

PALETTE = "PALETTE COLOR"
FULL = "YBR_FULL"
HALVED = "YBR_FULL_422"  # two pixels share their colour differences
GREY = ("MONOCHROME1", "MONOCHROME2")
COLOURS = ("RGB", FULL, HALVED, "YBR_ICT", "YBR_RCT")
MOVED = "The values of this file do not lie in the lowest bits of its words; they were moved there."
NOT_HALVED = "This file calls its colours halved (YBR_FULL_422) but stores them in full; they are read in full."
_SIZES = (1, 2, 4, 8)  # bytes of a sample
_FLOATS = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}


@dataclass(frozen=True)
class Layout:
    """The pixels of a file.

    Attributes
    ----------
    label
        Photometric Interpretation.
    planar
        Whether the samples of a frame follow each other as planes.
    allocated, stored, high
        Bits of a sample in an uncompressed file, bits that are in use, and the highest of these, from 0.
    signed
        Whether grey values are.
    floating
        Whether values are decimal numbers of `allocated` bits.
    """

    rows: int
    columns: int
    frames: int
    samples: int
    label: str
    planar: bool
    allocated: int
    stored: int
    high: int
    signed: bool
    floating: bool = False

    @property
    def colour(self) -> bool:
        return self.samples == 3 or self.label == PALETTE

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of one sample, in the machine's order of bytes."""
        size = math.ceil(self.allocated / 8)
        return np.dtype(f"{'f' if self.floating else 'i' if self.signed else 'u'}{size}")

    @property
    def frame_bits(self) -> int:
        """Length of an uncompressed frame."""
        samples = 2 if self.label == HALVED else self.samples
        return self.rows * self.columns * samples * self.allocated

    @property
    def decoded_bytes(self) -> int:
        """Memory of all frames as they are shown."""
        return self.rows * self.columns * self.frames * (3 if self.colour else self.dtype.itemsize)


def layout_of(header: Dataset, keyword: str, compressed: bool, length: int) -> tuple[Layout, tuple[str, ...]]:
    """What a clean header says of the element `keyword`, of `length` bytes where it is not compressed.

    Returns
    -------
    The layout, and a notice on whatever was missing or contradicted by the length.

    Raises
    ------
    UserError
        When the values are of a kind that cannot be held here.
    """
    rows, columns = _whole(header, "Rows"), _whole(header, "Columns")
    frames = max(1, _whole(header, "NumberOfFrames", 1))
    missing: list[str] = []

    def given(name: str, otherwise: int) -> int:
        if number(header, name) is None:
            missing.append(name)
        return _whole(header, name, otherwise)

    label = text(header, "PhotometricInterpretation").upper()
    if not label:
        missing.append("PhotometricInterpretation")
    samples = given("SamplesPerPixel", 3 if label in COLOURS else 1)
    label = label or ("RGB" if samples == 3 else "MONOCHROME2")
    _check_colours(samples, label)
    floating = keyword in _FLOATS
    allocated = _FLOATS.get(keyword) or given("BitsAllocated", _guessed_bits(length, rows * columns * samples * frames)
                                              if not compressed else 16)
    allocated = _container(allocated, compressed, length, rows * columns * samples * frames)
    stored, high, signed = allocated, allocated - 1, False
    if not floating:
        stored = given("BitsStored", allocated)
        stored = stored if 0 < stored <= allocated else allocated
        high = _whole(header, "HighBit", stored - 1)
        high = high if stored - 1 <= high < allocated else stored - 1
        signed = given("PixelRepresentation", 0) == 1 and samples == 1 and label != PALETTE
    planar = samples == 3 and given("PlanarConfiguration", 0) == 1
    if compressed and "PlanarConfiguration" in missing:
        missing.remove("PlanarConfiguration")  # a compressed picture says it itself
    notices = [_assumed(missing)] if missing else []
    if label == HALVED and not compressed and length >= rows * columns * 3 * frames * allocated // 8:
        label = FULL
        notices.append(NOT_HALVED)
    if not compressed and high >= stored and not floating:
        notices.append(MOVED)
    return Layout(rows, columns, frames, samples, label, planar, allocated, stored, high, signed, floating
                  ), tuple(notices)


def _whole(header: Dataset, keyword: str, otherwise: int = 0) -> int:
    found = number(header, keyword)
    return otherwise if found is None else int(found)


def _check_colours(samples: int, label: str) -> None:
    if samples not in (1, 3):
        raise UserError(f"This DICOM file has {samples} values per pixel, which is not known here.",
                        "Convert it to grey or RGB.")
    if (samples == 3) is (label in (*GREY, PALETTE)) and label in (*GREY, PALETTE, *COLOURS):
        raise UserError(f"This DICOM file contradicts itself: {samples} value{'s' if samples > 1 else ''} per pixel, "
                        f"and “{label}”.", "Export it again from where it came.")
    if samples == 3 and label not in COLOURS:
        raise UserError("The colours of this DICOM file are coded in a way that is not known here.",
                        "Convert it to RGB.", details=label[:16])


def _guessed_bits(length: int, values: int) -> int:
    """Bits of a value where the header does not say: what the length of uncompressed pixels leaves for each."""
    return 8 * max(1, length // values) if values else 16


def _container(allocated: int, compressed: bool, length: int, values: int) -> int:
    """Bits of the whole bytes that a value stands in; 1 for packed bits."""
    if allocated == 1:
        return 1 if not compressed else 8
    size = math.ceil(allocated / 8)
    if size not in _SIZES:
        raise UserError(f"This DICOM file's values have {allocated} bits each, which is not known here.",
                        "Export it again from where it came, with 8 or 16 bits.")
    if allocated % 8 and not compressed and length < values * size:
        raise UserError(f"This DICOM file packs its values of {allocated} bits closely, which is not known here.",
                        "Export it again from where it came, with 8 or 16 bits.")
    return 8 * size


def _assumed(missing: list[str]) -> str:
    names = ", ".join(f"“{dictionary_description(keyword)}”" for keyword in missing)
    return f"This file does not state {names}: the usual was taken. Check that the image looks right."
