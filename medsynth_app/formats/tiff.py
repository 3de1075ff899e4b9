"""TIFF and OME-TIFF: planes as frames, physical pixel size; of tiles and pyramids no more is decoded than is asked."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import tifffile

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.files import file_sha256, writing
from medsynth_app.core.geometry import Geometry
from medsynth_app.core.image import Channel, FrameInfo, FrameKey, ImageInfo, ImageSource, Level, Pixels
from medsynth_app.core.provenance import Provenance
from medsynth_app.formats import provenance as records
from medsynth_app.formats.common import (
    ALLOWED_BYTES,
    ArraySource,
    Mask,
    check_inside,
    check_size,
    image_pseudonym,
    mask_values,
    reading,
)
from medsynth_app.formats.kinds import Kind, name_of
from medsynth_app.formats.libraries import prepare_tifffile
from medsynth_app.formats.mark import draw_mark
from medsynth_app.formats.pixels import as_integers, bits_in_use, stored_range
from medsynth_app.formats.tiff_decode import page_values
from medsynth_app.formats.tiff_layout import Layout
from medsynth_app.formats.tiff_metadata import channels_of, geometry_of

KIND = name_of(Kind.TIFF)
KEPT_FRAMES = 8


def open_image(path: Path, *, allow_bytes: int = ALLOWED_BYTES, salt: bytes = b"") -> ImageSource:
    """Open the largest image of a TIFF; channels, slices and time points become frames.

    Raises
    ------
    UserError
        When it is damaged, of an unknown colour model, or would need more than `allow_bytes` (`TooLarge`).
    """
    return _opened(path, allow_bytes)


def _opened(path: Path, allow_bytes: int, mask: bool = False) -> ImageSource:
    """As `open_image`; of a `mask` the numbers of a palette count, and what is transparent is 0."""
    prepare_tifffile()
    with reading(KIND), tifffile.TiffFile(path) as tiff:
        place, pyramid = _largest(tiff)
        series = pyramid[0]
        layout = Layout(series, mask)
        check_size(math.prod(series.shape) * series.dtype.itemsize * (3 if layout.palette is not None else 1),
                   allow_bytes)
        sha256 = file_sha256(path)
        info = ImageInfo(
            image_pseudonym(sha256), None, KIND if layout.frames == 1 else f"{KIND}, {layout.frames} planes",
            "rgb" if layout.colour else "grey", (), inverted=layout.inverted,
            synthetic=records.claims_synthetic(str(tiff.pages.first.description)))
        frame = FrameInfo(FrameKey(f"sha256:{sha256}"), 0, 0, geometry=geometry_of(tiff, series))
        channels = channels_of(tiff, layout.count())
        paged = (len(series.pages) == layout.pages and series.dtype.kind in "iub" and series.dtype.itemsize <= 4)
        bits = max((bits_in_use(layout.planes(*page_values(page))[0][..., :3]) for page in series.pages), default=0) \
            if paged and layout.stretched else 0
        several = (f"This file holds {len(tiff.series)} images; the largest is open.",) if len(tiff.series) > 1 else ()
        if not paged or (layout.pages == 1 and not series.keyframe.is_tiled):
            info = replace(info, notices=(*several, *layout.notices(bits)))
            return _in_memory(info, frame, layout, channels, _planes(series, layout, paged), bits)
        info = replace(info, frames=_frames(replace(frame, stored_range=layout.frame_range), layout),
                       notices=(*several, *layout.notices(bits)))
        source = TiffSource(path, place, layout, bits, info, channels, _levels(pyramid, layout))
    source.pixels(0)
    source.pixels(layout.frames - 1)
    return source


def _largest(tiff: Any) -> tuple[int, Sequence[Any]]:
    """The number of the largest image of a file, and its resolutions."""
    place = max(range(len(tiff.series)), key=lambda k: math.prod(tiff.series[k].levels[0].shape))
    return place, tiff.series[place].levels


class TiffSource(ImageSource):
    """Planes of a TIFF, decoded when they are asked for; the last few whole ones are kept."""

    def __init__(self, path: Path, series: int, layout: Layout, bits: int, info: ImageInfo,
                 channels: tuple[Channel, ...], levels: tuple[Level, ...]) -> None:
        self._path, self._series, self._layout, self._bits, self._info = path, series, layout, bits, info
        self._channels, self._levels = channels, levels
        self._kept: OrderedDict[int, Pixels] = OrderedDict()
        self._lock = Lock()

    @property
    def info(self) -> ImageInfo:
        return self._info

    @property
    def levels(self) -> tuple[Level, ...]:
        return self._levels

    @property
    def channels(self) -> tuple[Channel, ...]:
        return self._channels or super().channels

    def pixels(self, frame: int) -> Pixels:
        """Stored values of one plane, read-only; raises `UserError` when the file is gone or damaged."""
        with self._lock:
            if frame not in self._kept:
                self._kept[frame] = self._decoded(frame, 0, None)
                while len(self._kept) > KEPT_FRAMES:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(frame)
            return self._kept[frame]

    def region(self, frame: int, bounds: Bounds, level: int = 0) -> Pixels:
        """A part of one plane: only the tiles or strips that it touches are read, unless the whole is there."""
        rows, columns = self._size(frame, level)
        check_inside(bounds, rows, columns)
        with self._lock:
            kept = self._kept.get(frame) if level == 0 else None
        if kept is not None:
            return kept[bounds.slices]
        return self._decoded(frame, level, self._layout.stored(bounds, frame, rows, columns))

    def _size(self, frame: int, level: int) -> tuple[int, int]:
        size = self._levels[level]
        alike = self._layout.turned(frame) == self._layout.turned(0)
        return (size.rows, size.columns) if alike else (size.columns, size.rows)

    def _decoded(self, frame: int, level: int, bounds: Bounds | None) -> Pixels:
        """A frame, or the part at `bounds` among the pixels as they are stored."""
        with reading(KIND), tifffile.TiffFile(self._path) as tiff:
            page = tiff.series[self._series].levels[level].pages[frame // self._layout.channels]
            values, axes = page_values(page, bounds)
            plane = self._layout.picture(self._layout.planes(values, axes)[0], frame, self._bits)
        plane.flags.writeable = False
        return plane

    def close(self) -> None:
        self._kept.clear()


def _levels(pyramid: Sequence[Any], layout: Layout) -> tuple[Level, ...]:
    """The resolutions that hold the same planes as the full one, as the first frame is seen."""
    found = []
    for series in pyramid:
        rows, columns = (series.shape[series.axes.index(axis)] for axis in "YX")
        samples = series.shape[series.axes.index("S")] if "S" in series.axes else 1
        if len(series.pages) != layout.pages or (samples, series.dtype) != (layout.samples, pyramid[0].dtype):
            break
        rows, columns = (columns, rows) if layout.turned(0) else (rows, columns)
        found.append(Level(rows, columns, layout.size(0)[0] / rows))
    return tuple(found)


def _planes(series: Any, layout: Layout, paged: bool) -> Iterator[Pixels]:
    """Planes (rows, columns[, samples]) as they are stored, one after the other where each is a page."""
    if paged or any(item is not None and item.keyframe.is_subsampled for item in series.pages):
        for page in series.pages:
            yield layout.planes(*page_values(page))[0]
    else:
        yield from layout.planes(series.asarray())


def _in_memory(info: ImageInfo, frame: FrameInfo, layout: Layout, channels: tuple[Channel, ...],
               planes: Iterator[Pixels], bits: int) -> ImageSource:
    frames = [(layout.picture(plane, page * layout.channels + k, bits) if layout.colour or _narrow(plane.dtype)
               else layout.grey(plane, page * layout.channels + k))
              for page, plane in enumerate(planes) for k in range(layout.channels)]
    if layout.colour or _narrow(frames[0].dtype):
        about = _frames(replace(frame, stored_range=layout.frame_range), layout)
        return ArraySource(replace(info, frames=about), frames, channels)
    stack, rescale, changed = as_integers(frames)
    about = _frames(replace(frame, rescale=rescale, stored_range=stored_range(stack[0].dtype)), layout)
    return ArraySource(replace(info, frames=about, notices=(*info.notices, *changed)), stack, channels)


def _narrow(dtype: np.dtype[Any]) -> bool:
    """Whether values are kept as they are: whole numbers of at most 32 bits."""
    return dtype.kind in "iub" and dtype.itemsize <= 4


def _frames(frame: FrameInfo, layout: Layout) -> tuple[FrameInfo, ...]:
    """One per picture, with its size and its place on the axes that the file names."""
    found, geometry = [], frame.geometry
    for k in range(layout.frames):
        rows, columns = layout.size(k)
        at = layout.places(k)
        place = replace(geometry, row_spacing=geometry.column_spacing, column_spacing=geometry.row_spacing) \
            if geometry is not None and layout.turned(k) else geometry
        found.append(replace(frame, key=FrameKey(frame.key.source, k), rows=rows, columns=columns, geometry=place,
                             channel=at.get("C"), z=at.get("Z"), time=at.get("T")))
    return tuple(found)


def read_mask(path: Path, frame: int | None = None, like: FrameInfo | None = None,
              allow_bytes: int = ALLOWED_BYTES) -> Mask:
    """Plane `frame` of a mask (rows, columns); one that has a single plane needs no number."""
    source = _opened(path, allow_bytes, mask=True)
    count = len(source.info.frames)
    if count > 1 and (frame is None or not 0 <= frame < count):
        raise UserError(f"This mask has {count} planes.", "Say which one is meant, or save one plane alone.")
    return mask_values(source.pixels(frame or 0))


def embedded_text(path: Path) -> str:
    """The description of the first page, where our record stands."""
    prepare_tifffile()
    with reading(KIND), tifffile.TiffFile(path) as tiff:
        return str(tiff.pages.first.description)


def write_tiff(path: Path, pixels: Pixels, provenance: Provenance | None, mark: bool = True,
               geometry: Geometry | None = None, inverted: bool = False) -> None:
    """Write one picture, (rows, columns) of any integer type or (rows, columns, 3) uint8, compressed losslessly.

    The record stands as JSON in the ImageDescription, the pixel size as pixels per centimetre. `inverted` states of
    grey values that low ones are shown white.
    """
    drawn = np.ascontiguousarray(draw_mark(pixels) if mark else pixels)
    with writing(path) as part:
        tifffile.imwrite(part, drawn, **page_options(drawn, provenance, geometry, inverted))


def page_options(pixels: Pixels, provenance: Provenance | None, geometry: Geometry | None, inverted: bool
                 ) -> dict[str, Any]:
    """How a page is written, for tifffile; the parameters are those of `write_tiff`."""
    options: dict[str, Any] = {}
    if geometry is not None:
        options = {"resolution": (10 / geometry.column_spacing, 10 / geometry.row_spacing),
                   "resolutionunit": "CENTIMETER"}
    description = json.dumps({records.KEY: records.to_dict(provenance)}, sort_keys=True) if provenance else None
    return {"photometric": "rgb" if pixels.ndim == 3 else "miniswhite" if inverted else "minisblack", "metadata": None,
            "compression": "adobe_deflate", "software": "MedSynth", "description": description, **options}
