"""What readers do to pixels so that all are alike: whole numbers for grey, 8 bits for colours; each change in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.core.image import Pixels, Rescale

STEPS = 65_535
LOSSY_DECIMALS = "This image holds decimal numbers; they are shown and edited in 65536 even steps."
ON_WHITE = "What is transparent in this picture is laid on white."
UPRIGHT = "This picture is turned upright, as the file says that it is to be seen."
FROM_PALETTE = "The colours of this picture stand in a table; it is shown and edited as RGB."

_LARGEST = float(np.finfo(np.float32).max) / 4
_PART = 2**19  # values that are worked on at once, so that nothing beside the picture itself is large
_WILD, _AROUND, _RARE = 256, 16, 1e-3  # see `_tamed`


def parts(shape: tuple[int, ...]) -> Iterator[tuple[int | slice, ...]]:
    """Indices that cut an array into blocks of rows, each of about `_PART` values, in order."""
    if len(shape) > 2 and shape[-1] > 4:
        for k in range(shape[0]):
            yield from ((k, *rest) for rest in parts(shape[1:]))
        return
    step = max(1, _PART // max(1, math.prod(shape[1:])))
    yield from ((slice(top, top + step),) for top in range(0, shape[0], step))


def as_integers(frames: Sequence[Pixels] | Pixels) -> tuple[list[Pixels], Rescale, tuple[str, ...]]:
    """Grey frames as integers of at most 32 bits, their one rescale, and what was changed, in words.

    Whole numbers stay what they are. Others become 65536 even steps between the smallest and the largest value. What
    is no number becomes the smallest (infinity the largest); a few values so far from all others that these would fall
    on a few steps are clipped.

    Raises
    ------
    UserError
        When the values are neither whole nor decimal, or larger than 32-bit decimals can be.
    """
    kind = frames[0].dtype
    if kind == np.bool_:
        return [frame.astype(np.uint8) for frame in frames], Rescale(), ()
    if kind.kind in "iu" and kind.itemsize <= 4:
        return [np.ascontiguousarray(frame, kind.newbyteorder("=")) for frame in frames], Rescale(), ()
    if kind.kind not in "iuf":
        raise UserError("This image holds values of a kind that cannot be shown.",
                        "Convert it to whole or decimal numbers.", details=str(kind))
    extent, notices = _Extent.of(frames), []
    if extent.odd:
        notices.append(f"This image holds values that are no numbers or infinite ({extent.odd}); they are kept as the "
                       "smallest or the largest of the others.")
    low, high, dtype = extent.low, extent.high, extent.dtype
    if dtype is None and (limits := _tamed(frames, extent)) is not None:
        low, high, outside = limits
        ends = [f"{end:.6g}" for end, found in ((low, extent.low), (high, extent.high)) if end != found]
        notices.append(f"This image holds values far from all others ({outside}, as far as "
                       f"{max(extent.low, extent.high, key=abs):.3g}); they are kept as {' or '.join(ends)}.")
        dtype = _fitting(low, high) if extent.whole else None
    if max(abs(low), abs(high)) > _LARGEST:
        raise UserError("This image holds numbers too large to be shown.", "Divide them by a constant, then open it "
                        "again.")
    slope = 1.0 if dtype is not None else (high - low) / STEPS or 1.0
    stored = []
    for frame in frames:
        whole = np.empty(frame.shape, np.uint16 if dtype is None else dtype)
        for part in parts(frame.shape):
            numbers = np.nan_to_num(frame[part].astype(np.float64), nan=low, posinf=high, neginf=low).clip(low, high)
            whole[part] = np.rint(numbers if dtype is not None else (numbers - low) / slope)
        stored.append(whole)
    if dtype is not None:
        return stored, Rescale(), tuple(notices)
    return stored, Rescale(slope, low), (LOSSY_DECIMALS, *notices)


def _blocks(frames: Sequence[Pixels] | Pixels) -> Iterator[Pixels]:
    for frame in frames:
        for part in parts(frame.shape):
            yield frame[part]


@dataclass(frozen=True)
class _Extent:
    """Smallest and largest finite value, whether all are whole, how many are not finite, and how many there are."""

    low: float
    high: float
    whole: bool
    odd: int
    size: int

    @staticmethod
    def of(frames: Sequence[Pixels] | Pixels) -> _Extent:
        low, high, whole, odd, size = math.inf, -math.inf, True, 0, 0
        for block in _blocks(frames):
            size += block.size
            if block.dtype.kind == "f":
                finite = np.isfinite(block)
                odd += int(finite.size - np.count_nonzero(finite))
                block = block[finite]
                whole = whole and bool((block == np.rint(block)).all())
            if block.size:
                low, high = min(low, float(block.min())), max(high, float(block.max()))
        return _Extent(low, high, whole, odd, size) if low <= high else _Extent(0.0, 0.0, True, odd, size)

    @property
    def dtype(self) -> type[np.integer[Any]] | None:
        return _fitting(self.low, self.high) if self.whole else None


def _fitting(low: float, high: float) -> type[np.integer[Any]] | None:
    """The smallest type that holds whole numbers between two."""
    return next((dtype for dtype in (np.uint8, np.int16, np.uint16, np.int32)
                 if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max), None)


def _tamed(frames: Sequence[Pixels] | Pixels, extent: _Extent) -> tuple[float, float, int] | None:
    """Limits without a few wild values, and how many lie beyond; None where nothing is wild.

    Of the different values of a sample the middle 99 % count. Beyond `_AROUND` times their width lies what is wild,
    where it is rare (at most 1 in 1000) and the whole is over `_WILD` times as wide.
    """
    step = max(1, extent.size // 1_000_000)
    sample = np.unique(np.concatenate([block.reshape(-1)[::step].astype(np.float64) for block in _blocks(frames)]))
    sample = sample[np.isfinite(sample)]
    if sample.size < 8:
        return None
    edge = max(1, math.ceil(0.005 * sample.size))
    first, last = float(sample[edge]), float(sample[-1 - edge])
    width = last - first
    if not width > 0 or extent.high / _WILD - extent.low / _WILD <= width:
        return None
    low, high = max(extent.low, first - _AROUND * width), min(extent.high, last + _AROUND * width)
    if extent.whole:
        low, high = math.floor(low), math.ceil(high)
    outside = sum(int(np.count_nonzero(np.isfinite(block) & ((block < low) | (block > high))))
                  for block in _blocks(frames))
    return (low, high, outside) if 0 < outside <= max(8, _RARE * extent.size) else None


def stored_range(dtype: np.dtype[Any], bits: int = 0) -> tuple[int, int]:
    """What a type can hold; `bits` are those in use of an unsigned one (0: all)."""
    limits = np.iinfo(dtype)
    return (0, 2**bits - 1) if bits and limits.min == 0 else (int(limits.min), int(limits.max))


def bits_in_use(colours: Pixels) -> int:
    """How many bits the largest of some integer colours needs, at least 8."""
    return max(8, int(colours.max(initial=0)).bit_length())


def to_colour8(pixels: Pixels, bits: int = 0) -> Pixels:
    """Colour of any integer depth to (rows, columns, 3) uint8; `bits` are those in use (0: all of the type's)."""
    rgb = pixels[..., :3]
    if rgb.dtype == np.uint8 and bits in (0, 8):
        return packed(rgb)
    if rgb.dtype.kind == "f":
        highest = 1.0 if (largest := float(rgb.max(initial=0))) <= 1 else max(255.0, largest)
    else:
        highest = 2 ** (bits or rgb.dtype.itemsize * 8) - 1
    eight = np.empty(rgb.shape, np.uint8)
    if rgb.dtype.kind == "u" and rgb.dtype.itemsize == 2:
        table = np.rint(np.arange(65_536, dtype=np.float32) * np.float32(255 / highest)).clip(0, 255).astype(np.uint8)
        for part in parts(rgb.shape):
            eight[part] = table[rgb[part]]
        return eight
    for part in parts(rgb.shape):
        unit = np.nan_to_num(rgb[part].astype(np.float32), posinf=highest) * np.float32(255 / highest)
        eight[part] = np.rint(np.clip(unit, 0, 255))
    return eight


def laid_on_white(colours: Pixels, share: Pixels, white: int = 255, premultiplied: bool = False) -> Pixels:
    """Colours or grey values over white, by how opaque each pixel is; changed in place and returned.

    Parameters
    ----------
    colours
        (rows, columns[, samples]), unsigned.
    share
        (rows, columns) of the same type: 0 is transparent, `white` opaque.
    premultiplied
        Whether `colours` are multiplied by it already (TIFF's associated alpha).
    """
    wide = np.dtype(np.uint16 if white == 255 else np.uint64)  # that hold white * white
    for part in parts(colours.shape):
        opaque = share[part].astype(wide)
        if (opaque >= white).all():
            continue
        ground = (white - opaque) * wide.type(1 if premultiplied else white)
        block = colours[part]
        for plane in np.moveaxis(block, 2, 0) if block.ndim == 3 else (block,):  # far faster than three by three
            over = plane.astype(wide)
            if premultiplied:
                plane[...] = np.minimum(over + ground, wide.type(white))
                continue
            over *= opaque
            over += ground
            over += wide.type((white + 1) // 2)
            if white == 255:
                over += over >> 8  # with the shift below: division by 255, exact for such numbers
                over >>= 8
            else:
                over //= wide.type(white)
            plane[...] = over
    return colours


def packed(pixels: Pixels) -> Pixels:
    """Pixels without gaps between them, copied where there are some."""
    if pixels.flags.c_contiguous or pixels.ndim < 3:
        return np.ascontiguousarray(pixels)
    whole = np.empty(pixels.shape, pixels.dtype)
    for k in range(pixels.shape[-1]):  # far faster than three by three
        whole[..., k] = pixels[..., k]
    return whole


def upright(stored: Pixels, orientation: int) -> Pixels:
    """A view, turned and mirrored as the tag Orientation of TIFF and EXIF says (1 to 8; others say nothing).

    `stored` is (rows, columns[, samples]).
    """
    seen = stored.swapaxes(0, 1) if orientation in (5, 6, 7, 8) else stored
    return _mirrored(seen, orientation)


def as_stored(seen: Pixels, orientation: int) -> Pixels:
    """The inverse of `upright`, a view: what is written to it as a file stores pixels can be seen in `seen`."""
    stored = _mirrored(seen, orientation)
    return stored.swapaxes(0, 1) if orientation in (5, 6, 7, 8) else stored


def _mirrored(seen: Pixels, orientation: int) -> Pixels:
    return seen[::-1 if orientation in (3, 4, 7, 8) else 1, ::-1 if orientation in (2, 3, 6, 7) else 1]


def from_ycbcr(pixels: Pixels, coefficients: tuple[float, float, float], black_white: npt.NDArray[np.float64]
               ) -> Pixels:
    """Y, Cb, Cr (rows, columns, 3) uint8 to RGB, by TIFF 6.0, section 21.

    Parameters
    ----------
    coefficients
        YCbCrCoefficients: shares of red, green and blue in luma.
    black_white
        ReferenceBlackWhite: codes of black and white of each of the three.
    """
    red, green, blue = coefficients
    ends = black_white.reshape(3, 2).astype(np.float32)
    scale = np.array([255, 127, 127], np.float32) / np.where(ends[:, 1] == ends[:, 0], 1, ends[:, 1] - ends[:, 0])
    rgb = np.empty(pixels.shape, np.uint8)
    for part in parts(pixels.shape):
        luma, cb, cr = np.moveaxis((pixels[part].astype(np.float32) - ends[:, 0]) * scale, -1, 0)
        r, b = luma + cr * (2 - 2 * red), luma + cb * (2 - 2 * blue)
        g = (luma - blue * b - red * r) / (green or 1)
        rgb[part] = np.rint(np.clip(np.stack([r, g, b], axis=-1), 0, 255))
    return rgb
