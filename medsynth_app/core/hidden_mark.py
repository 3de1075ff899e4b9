"""An invisible mark in a generated picture of 8 bits: 64 bits by which it is found again when its record was lost.

Spread spectrum in the cosine transform of the whole picture (Cox, Kilian, Leighton and Shamoon, Secure spread spectrum
watermarking for multimedia, IEEE Transactions on Image Processing 6, 1997), with informed embedding (Miller, Cox and
Bloom, Informed embedding, ICIP 2000): a bit is the sign of the signed sum of 16 frequencies of the brightness, of 28 to
46 half waves along an edge, and only sums that are of the wrong sign, or small, are changed. Frequencies of the picture
stay where they are when it is made smaller, and signs when it is brightened; cropped, turned or mirrored, the mark is
gone. Which frequencies stands in this file: the mark tells where a picture comes from, and withstands nobody who wants
to take it away or to forge it.

24 of the bits are the same in every picture and say that there is a mark; 40 are the beginning of its hash.
Of a picture without a mark every bit is right by chance: of 24, all but one are so once in 670,000 pictures, and of
all 64, all but `MOST_WRONG` once in 560 million comparisons. `tests/benchmarks/bench_hidden_mark.py` measures what it
survives.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.core.image import Pixels, pixels_sha256
from medsynth_app.core.provenance import Provenance

METHOD = "medsynth-hidden-mark/1"  # a change of anything here that is read back needs another one
BITS, FIXED, DIGITS = 64, 24, 10  # of the mark; of them in every picture; hexadecimal digits of the others
LOWEST, HIGHEST = 28, 46  # half waves along an edge
FULL, SEEN = 0.72, 0.85  # shares of the height: so far it is full, then it fades; below lies the visible mark
STRENGTH = 13.0  # of every sum, in a picture of 128 x 128
ROUNDS = 6  # after rounding and clipping some sums fall short again
SMALLEST = 96  # pixels of an edge: half of it still shows all of these
FIXED_WRONG, MOST_WRONG = 1, 9  # bits, of the fixed ones and of all, that may be wrong
_GREY = np.array([0.299, 0.587, 0.114])

Floats = npt.NDArray[np.float64]
Bits = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class HiddenMark:
    """What is read where a mark would be; `bits` has shape (64,)."""

    bits: Bits

    @property
    def is_there(self) -> bool:
        """Whether there is a mark, of whatever picture."""
        return int((self.bits[:FIXED] != _fixed()).sum()) <= FIXED_WRONG

    def wrong(self, codes: Sequence[str]) -> npt.NDArray[np.int64]:
        """How many of all bits are not those of pictures with these codes, shape (n,)."""
        if not codes:
            return np.zeros(0, np.int64)
        wrong: npt.NDArray[np.int64] = (_bits_of(codes) != self.bits).sum(axis=1)
        return wrong


def code_of(sha256: str) -> str:
    """What the mark says of a picture, whose `core.image.pixels_sha256` this is."""
    return sha256[:DIGITS]


def mark_invisibly(pixels: Pixels, record: Provenance) -> tuple[Pixels, Provenance]:
    """A copy of a generated picture with its mark, and its record, which says so.

    Raises
    ------
    UserError
        When it is smaller than `SMALLEST`.
    """
    code = code_of(pixels_sha256(pixels))
    return hide(pixels, code), replace(record, parameters={
        **record.parameters, "invisible_mark": {"method": METHOD, "code": code}})


def with_its_mark(pixels: Pixels) -> Pixels:
    """The same copy alone."""
    return hide(pixels, code_of(pixels_sha256(pixels)))


def require_room_for_mark(rows: int, columns: int) -> None:
    """Raise `UserError` where a picture of so many pixels is too small."""
    if min(rows, columns) < SMALLEST:
        raise UserError(f"A picture of {columns} x {rows} pixels is too small for an invisible mark.",
                        f"It needs {SMALLEST} along each edge: draw larger ones, or leave the mark away.")


def hide(pixels: Pixels, code: str) -> Pixels:
    """A copy of a picture, uint8 (rows, columns) or (rows, columns, 3), with the mark of this code."""
    rows, columns = pixels.shape[:2]
    require_room_for_mark(rows, columns)
    down, across = _waves(rows) * _fade(rows), _waves(columns)
    wanted = np.where(_bits_of([code])[0], 1.0, -1.0)
    least = STRENGTH / 128 * np.sqrt(rows * columns)
    places, signs = _frequencies()
    added, marked = np.zeros((rows, columns)), pixels.copy()
    for _ in range(ROUNDS):
        short = np.maximum(0.0, least - wanted * _sums(marked, down, across))
        if short.max() < least / 50:
            break
        spread = np.zeros((HIGHEST + 1) ** 2)
        spread[places] = (wanted * short)[:, None] * signs
        added += down.T @ spread.reshape(HIGHEST + 1, HIGHEST + 1) @ across / (_fade(rows)**2).mean()
        drawn = pixels + (added if pixels.ndim == 2 else added[..., None])
        marked = np.clip(np.rint(drawn), 0, 255).astype(np.uint8)
    return marked


def read_mark(pixels: Pixels) -> HiddenMark | None:
    """What a picture of any number type says where a mark would be; None where it is too small for any."""
    rows, columns = pixels.shape[:2]
    if min(rows, columns) <= LOWEST:
        return None
    down, across = _waves(rows) * _fade(rows), _waves(columns)
    return HiddenMark(_sums(pixels, down, across) > 0)


def _sums(pixels: Pixels, down: Floats, across: Floats) -> Floats:
    """The signed sum of each bit."""
    grey = pixels.astype(np.float64)
    if grey.ndim == 3:
        grey = grey @ _GREY
    places, signs = _frequencies()
    found: Floats = ((down @ grey @ across.T).ravel()[places] * signs).sum(axis=1)
    return found


def _waves(pixels: int) -> Floats:
    """The cosines of 0 to `HIGHEST` half waves along an edge, (HIGHEST + 1, pixels); 0 for those that so few pixels
    cannot show."""
    half_waves, places = np.arange(HIGHEST + 1)[:, None], np.arange(pixels)[None, :] + 0.5
    waves: Floats = np.sqrt(2 / pixels) * np.cos(np.pi * half_waves * places / pixels)
    waves[0] /= np.sqrt(2)
    waves[pixels:] = 0
    return waves


def _fade(rows: int) -> Floats:
    """How much of the mark each row bears: without an edge, whose place would move with the size of the picture."""
    place = ((np.arange(rows) + 0.5) / rows - FULL) / (SEEN - FULL)
    fade: Floats = (1 + np.cos(np.pi * np.clip(place, 0, 1))) / 2
    return fade


@cache
def _frequencies() -> tuple[npt.NDArray[np.int64], Floats]:
    """For each bit, which frequencies it is spread over, (64, n) places in a (HIGHEST + 1)² table, and their signs."""
    down, across = np.indices((HIGHEST + 1, HIGHEST + 1))
    far = (down**2 + across**2).ravel()
    ring = np.flatnonzero((far >= LOWEST**2) & (far <= HIGHEST**2))
    stream = hashlib.shake_256(METHOD.encode()).digest(9 * ring.size)
    order = np.argsort(np.frombuffer(stream, "<u8", ring.size), kind="stable")
    each = ring.size // BITS
    signs = np.where(np.frombuffer(stream, np.uint8)[8 * ring.size:] & 1, 1.0, -1.0) / np.sqrt(each)
    return ring[order][:each * BITS].reshape(BITS, each), signs[:each * BITS].reshape(BITS, each)


@cache
def _fixed() -> Bits:
    return _unpacked(hashlib.sha256(METHOD.encode()).digest()[:FIXED // 8])


def _bits_of(codes: Sequence[str]) -> Bits:
    """Of the marks of pictures with these codes, (n, 64)."""
    own = _unpacked(bytes.fromhex("".join(codes))).reshape(len(codes), BITS - FIXED)
    return np.concatenate([np.broadcast_to(_fixed(), (len(codes), FIXED)), own], axis=1)


def _unpacked(data: bytes) -> Bits:
    return np.unpackbits(np.frombuffer(data, np.uint8)).astype(np.bool_)
