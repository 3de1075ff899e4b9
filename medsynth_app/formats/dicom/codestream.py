"""What a compressed picture says of itself, read from its own first bytes before anything is decoded.

JPEG: ISO/IEC 10918-1 B.2; JPEG-LS: ISO/IEC 14495-1 C.2; JPEG 2000: ISO/IEC 15444-1 A.5.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_STANDALONE = frozenset((0x01, *range(0xD0, 0xD9)))
_NO_FRAME = frozenset((0xC4, 0xC8, 0xCC))  # tables among the start-of-frame markers
_LOSSLESS = frozenset((0xC3, 0xC7, 0xCB, 0xCF, 0xF7))
_SIZ = b"\xff\x4f\xff\x51"


@dataclass(frozen=True)
class Codestream:
    """The head of a compressed picture.

    Attributes
    ----------
    precision
        Bits of a sample.
    signed
        Whether samples are; JPEG and JPEG-LS cannot say so.
    colours
        ``"RGB"`` or ``"YBR"`` where markers, the names of components or how they are coded tell; empty where they
        do not.
    """

    rows: int
    columns: int
    components: int
    precision: int
    signed: bool = False
    lossless: bool = False
    colours: str = ""


def of_jpeg(data: bytes) -> Codestream | None:
    """Head of a JPEG or JPEG-LS picture; None where none is found."""
    place, colours = 2, ""
    if data[:2] != b"\xff\xd8":
        return None
    while (place := data.find(b"\xff", place)) >= 0 and place + 4 <= len(data):
        marker = data[place + 1]
        if marker in (0x00, 0xFF):
            place += 1
            continue
        if marker in _STANDALONE:
            place += 2
            continue
        if marker in (0xD9, 0xDA):
            return None
        length, = struct.unpack_from(">H", data, place + 2)
        part = data[place + 4:place + 2 + length]
        if marker == 0xE0 and part.startswith(b"JFIF\0"):
            colours = colours or "YBR"
        elif marker == 0xEE and part.startswith(b"Adobe") and len(part) >= 12:
            colours = "RGB" if part[11] == 0 else "YBR"
        elif (0xC0 <= marker <= 0xCF and marker not in _NO_FRAME) or marker == 0xF7:
            if len(part) < 6:
                return None
            precision, rows, columns, components = struct.unpack_from(">BHHB", part)
            names, sampled, tables = (part[6 + k:6 + 3 * components:3] for k in range(3))
            if names in (b"RGB", b"rgb"):
                colours = "RGB"
            elif marker not in _LOSSLESS and len(set(sampled)) + len(set(tables)) > 2:
                colours = colours or "YBR"  # colour differences are coded more coarsely; red, green and blue all alike
            return Codestream(rows, columns, components, precision, lossless=marker in _LOSSLESS, colours=colours)
        place += 2 + length
    return None


def of_jpeg2000(data: bytes) -> Codestream | None:
    """Head of a JPEG 2000 codestream, bare or in a JP2 file; None where none is found."""
    start = data.find(_SIZ, 0, 65_536)
    if start < 0 or len(data) < start + 43:
        return None
    right, bottom, left, top = struct.unpack_from(">4L", data, start + 8)
    components, depth = struct.unpack_from(">HB", data, start + 40)
    return Codestream(bottom - top, right - left, components, (depth & 0x7F) + 1, bool(depth & 0x80))
