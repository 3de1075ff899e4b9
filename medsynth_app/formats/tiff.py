"""TIFF and OME-TIFF: planes as frames, physical pixel size; of tiles and pyramids no more is decoded than is asked."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Sequence
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
from medsynth_app.formats.pixels import as_integers, stored_range, to_colour8
from medsynth_app.formats.tiff_metadata import channels_of, geometry_of

KIND = name_of(Kind.TIFF)
KEPT_FRAMES = 8
_PHOTOMETRIC = ("MINISBLACK", "MINISWHITE", "RGB", "PALETTE", "YCBCR")
_JPEG = (tifffile.COMPRESSION.OJPEG, tifffile.COMPRESSION.JPEG, 33007, 34892)  # the last two: of old slide scanners


def open_image(path: Path, *, allow_bytes: int = ALLOWED_BYTES, salt: bytes = b"") -> ImageSource:
    """Open the largest image of a TIFF; channels, slices and time points become frames.

    Raises
    ------
    UserError
        When it is damaged, of an unknown colour model, or would need more than `allow_bytes` (`TooLarge`).
    """
    prepare_tifffile()
    with reading(KIND), tifffile.TiffFile(path) as tiff:
        pyramid = max(tiff.series, key=lambda item: math.prod(item.levels[0].shape)).levels
        series = pyramid[0]
        layout = _Layout.of(series)
        check_size(math.prod(series.shape) * series.dtype.itemsize * (3 if layout.palette is not None else 1),
                   allow_bytes)
        notices = _notices(tiff, series, layout)
        sha256 = file_sha256(path)
        place = next(k for k, item in enumerate(tiff.series) if item.levels[0] is series)
        info = ImageInfo(
            image_pseudonym(sha256), None, KIND if layout.frames == 1 else f"{KIND}, {layout.frames} planes",
            "rgb" if layout.colour else "grey", (), inverted=layout.inverted, notices=notices,
            synthetic=records.claims_synthetic(str(tiff.pages.first.description)))
        frame = FrameInfo(FrameKey(f"sha256:{sha256}"), layout.rows, layout.columns, geometry=geometry_of(tiff, series))
        channels = channels_of(tiff, series)
        lazy = (len(series.pages) == layout.frames and series.dtype.kind in "iu" and series.dtype.itemsize <= 4
                and (layout.frames > 1 or series.keyframe.is_tiled))
        if not lazy:
            return _in_memory(info, frame, layout, channels, series.asarray())
        dtype = np.dtype(np.uint8) if layout.colour else series.dtype
        frames = _frames(replace(frame, stored_range=stored_range(dtype)), layout)
        source = TiffSource(path, place, layout, replace(info, frames=frames), channels, _levels(pyramid, layout))
    source.pixels(0)
    source.pixels(layout.frames - 1)
    return source


class _Layout:
    """Which axes of a series are rows, columns and colours; all others count frames."""

    def __init__(self, axes: str, shape: tuple[int, ...], photometric: str, palette: Pixels | None) -> None:
        if "Y" not in axes or "X" not in axes:
            raise UserError("This TIFF holds no picture with rows and columns.", "Open another file.")
        if photometric not in _PHOTOMETRIC:
            raise UserError(f"This TIFF uses the colour model {photometric.lower()}, which is not known here.",
                            "Convert it to grey or RGB.")
        self.axes, self.shape = axes, shape
        self.rows, self.columns = shape[axes.index("Y")], shape[axes.index("X")]
        self.samples = samples = shape[axes.index("S")] if "S" in axes else 1
        self.palette = palette if photometric == "PALETTE" else None
        self.alpha = samples in (2, 4)
        self.colour = samples >= 3 or self.palette is not None
        self.inverted = photometric == "MINISWHITE"
        self.frames = math.prod(shape) // max(1, self.rows * self.columns * samples)
        if not self.frames:
            raise UserError("This TIFF holds an empty picture.", "Open another file.")

    @staticmethod
    def of(series: Any) -> _Layout:
        page = series.keyframe
        photometric = getattr(page.photometric, "name", str(page.photometric))
        return _Layout(series.axes, series.shape, photometric, page.colormap if photometric == "PALETTE" else None)

    def places(self, frame: int) -> dict[str, int]:
        """Where a frame lies on each axis that counts frames, by the letter of the axis."""
        counted = [(axis, size) for axis, size in zip(self.axes, self.shape, strict=True) if axis not in "YXS"]
        index = np.unravel_index(frame, [size for _, size in counted] or [1])
        return {axis: int(at) for (axis, _), at in zip(counted, index, strict=False)}

    def planes(self, values: Pixels, axes: str | None = None) -> Pixels:
        """Values as (frames, rows, columns[, samples]), frames in the file's order."""
        axes = self.axes if axes is None else axes
        order = [k for k, axis in enumerate(axes) if axis not in "YXS"] + [axes.index("Y"), axes.index("X")]
        order += [axes.index("S")] if "S" in axes else []
        moved = values.transpose(order)
        tail = moved.shape[len(order) - (3 if "S" in axes else 2):]
        return moved.reshape(-1, *tail)

    def picture(self, plane: Pixels) -> Pixels:
        """One plane as grey values or as RGB uint8, transparency laid on white."""
        if self.palette is not None:
            return np.ascontiguousarray((self.palette.T >> 8).astype(np.uint8)[plane])
        if plane.ndim == 2:
            return np.ascontiguousarray(plane, plane.dtype.newbyteorder("="))
        if not self.colour:
            return np.ascontiguousarray(plane[..., 0])
        rgb = to_colour8(plane)
        if not self.alpha:
            return rgb
        share = to_colour8(np.repeat(plane[..., 3:4], 3, axis=2)).astype(np.float32) / 255
        return np.rint(rgb * share + 255 * (1 - share)).astype(np.uint8)


class TiffSource(ImageSource):
    """Planes of a TIFF, decoded when they are asked for; the last few whole ones are kept."""

    def __init__(self, path: Path, series: int, layout: _Layout, info: ImageInfo, channels: tuple[Channel, ...],
                 levels: tuple[Level, ...]) -> None:
        self._path, self._series, self._layout, self._info = path, series, layout, info
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
        size = self._levels[level]
        check_inside(bounds, size.rows, size.columns)
        with self._lock:
            kept = self._kept.get(frame) if level == 0 else None
        return kept[bounds.slices] if kept is not None else self._decoded(frame, level, bounds)

    def _decoded(self, frame: int, level: int, bounds: Bounds | None) -> Pixels:
        with reading(KIND), tifffile.TiffFile(self._path) as tiff:
            page = tiff.series[self._series].levels[level].pages[frame]
            if page is None:
                raise UserError("This plane is missing in the file.", "Choose another plane.")
            values = _window(page, bounds) if bounds is not None else page.asarray()
            plane = self._layout.picture(self._layout.planes(values, str(page.axes))[0])
        plane.flags.writeable = False
        return plane

    def close(self) -> None:
        self._kept.clear()


def _window(page: Any, bounds: Bounds) -> Pixels:
    """A part of a page, (rows, columns[, samples]), from the tiles or strips that it touches."""
    first = page.keyframe
    if first.samplesperpixel > 1 and first.planarconfig != tifffile.PLANARCONFIG.CONTIG:
        values: Pixels = page.asarray()
        return values[..., bounds.top:bounds.bottom, bounds.left:bounds.right]
    high, wide = (first.tilelength, first.tilewidth) if first.is_tiled else (first.rowsperstrip, first.imagewidth)
    across = math.ceil(first.imagewidth / wide)
    wanted = [down * across + right for down in range(bounds.top // high, math.ceil(bounds.bottom / high))
              for right in range(bounds.left // wide, math.ceil(bounds.right / wide))]
    options = {"jpegtables": page.jpegtables, "jpegheader": first.jpegheader} if first.compression in _JPEG else {}
    part = np.full((bounds.height, bounds.width, first.samplesperpixel), first.nodata, first.dtype)
    segments = page.parent.filehandle.read_segments(
        [page.dataoffsets[k] for k in wanted], [page.databytecounts[k] for k in wanted], wanted)
    for data, number in segments:
        tile, (_, _, top, left, _), (_, rows, columns, _) = first.decode(data, number, **options)
        if tile is None:  # a tile that was never written
            continue
        box = Bounds(top, left, top + rows, left + columns)
        there = Bounds(max(box.top, bounds.top), max(box.left, bounds.left),
                       min(box.bottom, bounds.bottom), min(box.right, bounds.right))
        part[_within(there, bounds).slices] = tile[0][_within(there, box).slices]
    return part if "S" in page.axes else part[..., 0]


def _within(box: Bounds, frame: Bounds) -> Bounds:
    """A box as counted from the corner of another."""
    return Bounds(box.top - frame.top, box.left - frame.left, box.bottom - frame.top, box.right - frame.left)


def _levels(pyramid: Sequence[Any], layout: _Layout) -> tuple[Level, ...]:
    """The resolutions that hold the same planes as the full one."""
    found = []
    for series in pyramid:
        rows, columns = (series.shape[series.axes.index(axis)] for axis in "YX")
        samples = series.shape[series.axes.index("S")] if "S" in series.axes else 1
        if len(series.pages) != layout.frames or (samples, series.dtype) != (layout.samples, pyramid[0].dtype):
            break
        found.append(Level(rows, columns, layout.rows / rows))
    return tuple(found)


def _in_memory(info: ImageInfo, frame: FrameInfo, layout: _Layout, channels: tuple[Channel, ...],
               values: Pixels) -> ImageSource:
    planes = layout.planes(values)
    if layout.colour:
        pictures = [layout.picture(plane) for plane in planes]
        return ArraySource(replace(info, frames=_frames(frame, layout)), pictures, channels)
    stack, rescale, changed = as_integers(planes if planes.ndim == 3 else planes[..., 0])
    frame = replace(frame, rescale=rescale, stored_range=stored_range(stack.dtype))
    return ArraySource(replace(info, frames=_frames(frame, layout), notices=(*info.notices, *changed)),
                   [np.ascontiguousarray(plane) for plane in stack], channels)


def _frames(frame: FrameInfo, layout: _Layout) -> tuple[FrameInfo, ...]:
    """One per plane, with its place on the axes that the file names."""
    places = [layout.places(k) for k in range(layout.frames)]
    return tuple(replace(frame, key=FrameKey(frame.key.source, k), channel=at.get("C"), z=at.get("Z"),
                         time=at.get("T")) for k, at in enumerate(places))


def _notices(tiff: Any, series: Any, layout: _Layout) -> tuple[str, ...]:
    notices = []
    if len(tiff.series) > 1:
        notices.append(f"This file holds {len(tiff.series)} images; the largest is open.")
    channels = series.shape[series.axes.index("C")] if "C" in series.axes else 1
    if channels > 1:
        notices.append(f"This file holds {channels} channels; each is a frame of its own.")
    if layout.colour and layout.palette is None and series.dtype.itemsize > 1:
        notices.append("This picture has more than 8 bits per colour; it is shown and edited with 8.")
    return tuple(notices)


def read_mask(path: Path, frame: int | None = None, like: FrameInfo | None = None,
              allow_bytes: int = ALLOWED_BYTES) -> Mask:
    """Plane `frame` of a mask (rows, columns); one that has a single plane needs no number."""
    source = open_image(path, allow_bytes=allow_bytes)
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
    options: dict[str, Any] = {}
    if geometry is not None:
        options = {"resolution": (10 / geometry.column_spacing, 10 / geometry.row_spacing),
                   "resolutionunit": "CENTIMETER"}
    photometric = "rgb" if drawn.ndim == 3 else "miniswhite" if inverted else "minisblack"
    description = json.dumps({records.KEY: records.to_dict(provenance)}, sort_keys=True) if provenance else None
    with writing(path) as part:
        tifffile.imwrite(part, drawn, photometric=photometric, metadata=None,
                         compression="adobe_deflate", software="MedSynth",
                         description=description, **options)
