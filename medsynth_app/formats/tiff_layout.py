"""What the tags of a TIFF say of its pixels: which numbers are grey, colour or alpha, which way up, how many pictures.

The tags decide (TIFF 6.0: PhotometricInterpretation, SamplesPerPixel, ExtraSamples, PlanarConfiguration, ColorMap,
YCbCrCoefficients, ReferenceBlackWhite, Orientation), never the number of samples.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tifffile

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import Pixels
from medsynth_app.formats.pixels import (
    FROM_PALETTE,
    ON_WHITE,
    UPRIGHT,
    from_ycbcr,
    laid_on_white,
    packed,
    stored_range,
    to_colour8,
    upright,
)

_BASE = {"MINISBLACK": 1, "MINISWHITE": 1, "PALETTE": 1, "RGB": 3, "YCBCR": 3}  # samples that a colour model needs
_ASSOCIATED, _UNASSOCIATED = 1, 2  # values of ExtraSamples that mean alpha
_ORIENTATION, _COEFFICIENTS, _BLACK_WHITE = 274, 529, 532
_LUMA = (0.299, 0.587, 0.114)
_FULL_RANGE = (0, 255, 128, 255, 128, 255)


class Layout:
    """How the arrays of a series become frames.

    Parameters
    ----------
    mask
        Whether values mean labels: a palette's own numbers are taken then, and what is transparent is 0.

    Attributes
    ----------
    pages
        Planes of the series, each of `channels` frames: those of a page follow each other.
    channels
        Grey pictures that one plane holds; 1 of a colour.
    samples
        Numbers of a pixel as it is stored.
    bits
        That are in use of each number; 0 where the type says it all.
    """

    def __init__(self, series: Any, mask: bool = False) -> None:
        self._mask = mask
        page = series.keyframe
        photometric = getattr(page.photometric, "name", str(page.photometric))
        if "Y" not in series.axes or "X" not in series.axes:
            raise UserError("This TIFF holds no picture with rows and columns.", "Open another file.")
        if photometric not in _BASE:
            raise UserError(f"This TIFF uses the colour model {photometric.lower()}, which is not known here.",
                            "Convert it to grey or RGB.")
        self.axes, self.shape, self.dtype = series.axes, series.shape, np.dtype(series.dtype)
        self._rows, self._columns = (series.shape[series.axes.index(axis)] for axis in "YX")
        self.samples = samples = series.shape[series.axes.index("S")] if "S" in series.axes else 1
        self.pages = math.prod(series.shape) // max(1, self._rows * self._columns * samples)
        if not self.pages:
            raise UserError("This TIFF holds an empty picture.", "Open another file.")
        base = _BASE[photometric]
        if samples < base:
            raise UserError(f"This TIFF says to be {photometric}, but its pixels hold {samples} of {base} numbers.",
                            "Save it again as grey or RGB.")
        said = [int(kind) for kind in page.extrasamples][:samples - base]
        extra = said + [0] * (samples - base - len(said))
        self._alpha = next((base + k for k, kind in enumerate(extra) if kind in (_ASSOCIATED, _UNASSOCIATED)), None)
        self._premultiplied = self._alpha is not None and extra[self._alpha - base] == _ASSOCIATED
        unknown = [base + k for k, kind in enumerate(extra) if kind not in (_ASSOCIATED, _UNASSOCIATED)]
        self.palette = _colours(page) if photometric == "PALETTE" and not mask else None
        self.colour = base == 3 or self.palette is not None
        self._grey = [0, *unknown] if not self.colour else []
        self._unseen = len(unknown) if self.colour else 0
        self.channels = max(1, len(self._grey))
        self.inverted = photometric == "MINISWHITE"
        bits = page.bitspersample
        self.bits = bits if isinstance(bits, int) and self.dtype.kind in "ub" and bits < 8 * self.dtype.itemsize else 0
        self._ycbcr = _ycbcr(page) if photometric == "YCBCR" and not decoded_by_codec(page) else None
        self._turns = _orientations(series, self.pages)

    @property
    def frames(self) -> int:
        return int(self.pages * self.channels)

    @property
    def deep(self) -> bool:
        """Whether colours have more than 8 bits."""
        return self.colour and self.palette is None and self.dtype.itemsize > 1

    @property
    def _blends(self) -> bool:
        """Whether what is transparent is laid on white: of colours, and of whole grey values of one channel."""
        return self._alpha is not None and (self.colour or (self.channels == 1 and self.dtype.kind == "u"
                                                            and self.dtype.itemsize <= 4))

    @property
    def stretched(self) -> bool:
        """Whether colours are stretched over the bits in use: a camera's 12 bits often lie in 16."""
        return self.deep and not self.bits and self.dtype.kind in "iu" and not self._premultiplied

    @property
    def frame_range(self) -> tuple[int, int]:
        """Smallest and largest value that a frame can hold, where the file's own type is kept."""
        return (0, 255) if self.colour else stored_range(np.dtype(np.uint8) if self.dtype.kind == "b" else self.dtype,
                                                         self.bits)

    def orientation(self, frame: int) -> int:
        return self._turns[frame // self.channels]

    def turned(self, frame: int) -> bool:
        """Whether the rows of a frame are seen as columns."""
        return self.orientation(frame) >= 5

    def size(self, frame: int) -> tuple[int, int]:
        """Rows and columns as they are seen."""
        return (self._columns, self._rows) if self.turned(frame) else (self._rows, self._columns)

    def places(self, frame: int) -> dict[str, int]:
        """Where a frame lies on each axis that counts frames, by the letter of the axis."""
        counted = [(axis, size) for axis, size in zip(self.axes, self.shape, strict=True) if axis not in "YXS"]
        index = np.unravel_index(frame // self.channels, [size for _, size in counted] or [1])
        at = {axis: int(place) for (axis, _), place in zip(counted, index, strict=False)}
        if self.channels > 1:
            at["C"] = at.get("C", 0) * self.channels + frame % self.channels
        return at

    def count(self) -> int:
        """Channels that frames are of."""
        return self.channels * (self.shape[self.axes.index("C")] if "C" in self.axes else 1)

    def planes(self, values: Pixels, axes: str | None = None) -> Pixels:
        """Values as (pages, rows, columns[, samples]), pages in the file's order."""
        axes = self.axes if axes is None else axes
        order = [k for k, axis in enumerate(axes) if axis not in "YXS"] + [axes.index("Y"), axes.index("X")]
        order += [axes.index("S")] if "S" in axes else []
        moved = values.transpose(order)
        tail = moved.shape[len(order) - (3 if "S" in axes else 2):]
        return moved.reshape(-1, *tail)

    def grey(self, plane: Pixels, frame: int) -> Pixels:
        """The values of one grey frame, of any number type, (rows, columns) as seen."""
        values = plane[..., self._grey[frame % self.channels]] if plane.ndim == 3 else plane
        if self._blends and self._alpha is not None:
            white = 2 ** (self.bits or 8 * values.dtype.itemsize) - 1
            values = self._opaque(values.astype(values.dtype.newbyteorder("=")), plane[..., self._alpha], white)
        return upright(values, self.orientation(frame))

    def picture(self, plane: Pixels, frame: int, bits: int = 0) -> Pixels:
        """One frame as grey values of the file's own type or as RGB uint8, as it is seen.

        Parameters
        ----------
        plane
            (rows, columns[, samples]) as they are stored; a part of a plane will do.
        bits
            That are in use of colours of more than 8; 0: all.
        """
        if not self.colour:
            values = self.grey(plane, frame)
            kind = np.dtype(np.uint8) if values.dtype.kind == "b" else values.dtype.newbyteorder("=")
            return np.ascontiguousarray(values, kind)
        if self.palette is not None:
            numbers = plane[..., 0] if plane.ndim == 3 else plane
            rgb = self.palette[numbers.astype(np.uint8) if numbers.dtype.kind == "b" else numbers]
        elif self._ycbcr is not None:
            rgb = from_ycbcr(plane, *self._ycbcr)
        else:
            rgb = to_colour8(plane, bits or self.bits)
        if self._alpha is not None:
            share = to_colour8(plane[..., self._alpha:self._alpha + 1], self.bits)[..., 0]
            rgb = self._opaque(rgb, share, 255)
        return packed(upright(rgb, self.orientation(frame)))

    def _opaque(self, values: Pixels, share: Pixels, white: int) -> Pixels:
        """Values without what is transparent: of a mask it is 0, up to the middle of a soft brush's edge."""
        if self._mask:
            values[share <= share.max(initial=0) // 2] = 0
            return values
        return laid_on_white(values, share, white, self._premultiplied)

    def stored(self, bounds: Bounds, frame: int, rows: int, columns: int) -> Bounds:
        """Where a part of a frame lies among the pixels as they are stored; seen it has `rows` x `columns`."""
        turn = self.orientation(frame)
        top, left, bottom, right = bounds.top, bounds.left, bounds.bottom, bounds.right
        if turn in (3, 4, 7, 8):
            top, bottom = rows - bottom, rows - top
        if turn in (2, 3, 6, 7):
            left, right = columns - right, columns - left
        return Bounds(left, top, right, bottom) if turn >= 5 else Bounds(top, left, bottom, right)

    def notices(self, bits: int = 0) -> tuple[str, ...]:
        """What is done to the pixels, in words; `bits` are those in use of colours of more than 8."""
        notices = []
        if self.count() > 1:
            notices.append(f"This file holds {self.count()} channels; each is a frame of its own.")
        if self._unseen:
            notices.append("Beside its colours this picture has more channels, of unknown meaning (infrared, for "
                           f"example): {self._unseen}. They are not shown.")
        if self.palette is not None:
            notices.append(FROM_PALETTE)
        if self._alpha is not None:
            notices.append(ON_WHITE if self._blends else "How transparent this picture is has been left out.")
        if self.deep:
            notices.append("This picture has more than 8 bits per colour; it is shown and edited with 8."
                           + (f" Only {bits} bits are in use; they are stretched." if 0 < bits < 8 * self.dtype.itemsize
                              else ""))
        if any(turn > 1 for turn in self._turns):
            notices.append(UPRIGHT)
        return tuple(notices)


def decoded_by_codec(page: Any) -> bool:
    """Whether the codec of a page turns luma and chroma into RGB itself: JPEG and its like do."""
    return page.compression in tifffile.TIFF.IMAGE_COMPRESSIONS or int(page.compression) in (6, 7, 33007, 34892)


def _colours(page: Any) -> Pixels:
    """The table of a palette, (entries, 3) uint8. Many writers put 8-bit values into its 16 bits, as libtiff knows."""
    if page.colormap is None:
        raise UserError("This TIFF needs a table of colours and holds none.", "Save it again as grey or RGB.")
    table = np.asarray(page.colormap).T
    return np.ascontiguousarray(table if table.max(initial=0) < 256 else table >> 8, np.uint8)


def _ycbcr(page: Any) -> tuple[tuple[float, float, float], Any]:
    """YCbCrCoefficients and ReferenceBlackWhite, or what stands for them where they are missing."""
    if page.dtype != np.uint8:
        raise UserError("This TIFF holds luma and chroma of more than 8 bits, which is not known here.",
                        "Convert it to RGB.")
    red, green, blue = _fractions(page, _COEFFICIENTS, 3) or _LUMA
    return (red, green, blue), np.array(_fractions(page, _BLACK_WHITE, 6) or _FULL_RANGE, np.float64)


def _fractions(page: Any, tag: int, count: int) -> tuple[float, ...]:
    """The numbers of a tag; none where it is missing or senseless."""
    value = page.tags.valueof(tag)
    if value is None or len(value) not in (count, 2 * count):
        return ()
    pairs = zip(value[::2], value[1::2], strict=True) if len(value) == 2 * count else ((one, 1) for one in value)
    numbers = tuple(above / below if below else math.nan for above, below in pairs)
    return numbers if all(math.isfinite(number) for number in numbers) and any(numbers) else ()


def _orientations(series: Any, pages: int) -> tuple[int, ...]:
    """The tag of each plane; pages that tifffile has not read in full have that of the first."""
    first = _orientation(series.keyframe)
    if len(series.pages) != pages:
        return (first,) * pages
    return tuple(_orientation(page) if isinstance(page, tifffile.TiffPage) else first for page in series.pages)


def _orientation(page: Any) -> int:
    value = page.tags.valueof(_ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1
