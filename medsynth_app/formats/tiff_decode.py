"""The pixels of a page of a TIFF as they are stored: the whole, or no more than the tiles or strips of a part."""

from __future__ import annotations

import math
from typing import Any

import imagecodecs
import numpy as np
import tifffile

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import Pixels
from medsynth_app.formats.tiff_layout import decoded_by_codec

_JPEG = (tifffile.COMPRESSION.OJPEG, tifffile.COMPRESSION.JPEG, 33007, 34892)  # the last two: of old slide scanners


def page_values(page: Any, bounds: Bounds | None = None) -> tuple[Pixels, str]:
    """A page, or a part of it, and the letters of its axes; (rows, columns[, samples]) but for planes of samples."""
    if page is None:
        raise UserError("This plane is missing in the file.", "Choose another plane.")
    first = page.keyframe
    if first.is_subsampled and not decoded_by_codec(first):
        values = _subsampled(page)
        return (values if bounds is None else values[bounds.slices]), "YXS"
    if bounds is None:
        return page.asarray(), str(page.axes)
    if first.samplesperpixel > 1 and first.planarconfig != tifffile.PLANARCONFIG.CONTIG:
        return page.asarray()[..., bounds.top:bounds.bottom, bounds.left:bounds.right], str(page.axes)
    values = _window(page, bounds)
    return (values, "YXS") if "S" in page.axes else (values[..., 0], "YX")


def _window(page: Any, bounds: Bounds) -> Pixels:
    """A part of a page, (rows, columns, samples), from the tiles or strips that it touches."""
    first = page.keyframe
    high, wide, across = _grid(first)
    wanted = [down * across + right for down in range(bounds.top // high, math.ceil(bounds.bottom / high))
              for right in range(bounds.left // wide, math.ceil(bounds.right / wide))]
    options = {"jpegtables": page.jpegtables, "jpegheader": first.jpegheader} if first.compression in _JPEG else {}
    part = np.full((bounds.height, bounds.width, first.samplesperpixel), first.nodata, first.dtype)
    segments = page.parent.filehandle.read_segments(
        [page.dataoffsets[k] for k in wanted], [page.databytecounts[k] for k in wanted], wanted)
    for data, number in segments:
        tile, (_, _, top, left, _), (_, rows, columns, _) = first.decode(data, number, **options)
        if tile is not None:  # else a tile that was never written
            _put(part, bounds, tile[0], Bounds(top, left, top + rows, left + columns))
    return part


def _grid(first: Any) -> tuple[int, int, int]:
    """Rows and columns of a tile or strip, and how many lie side by side."""
    high, wide = (first.tilelength, first.tilewidth) if first.is_tiled else (first.rowsperstrip, first.imagewidth)
    return high, wide, math.ceil(first.imagewidth / wide)


def _put(part: Pixels, bounds: Bounds, tile: Pixels, box: Bounds) -> None:
    """Copy what a tile at `box` has of the part at `bounds`."""
    there = Bounds(max(box.top, bounds.top), max(box.left, bounds.left),
                   min(box.bottom, bounds.bottom), min(box.right, bounds.right))
    if not there.empty:
        part[_within(there, bounds).slices] = tile[_within(there, box).slices]


def _within(box: Bounds, frame: Bounds) -> Bounds:
    """A box as counted from the corner of another."""
    return Bounds(box.top - frame.top, box.left - frame.left, box.bottom - frame.top, box.right - frame.left)


def _subsampled(page: Any) -> Pixels:
    """Luma and chroma (rows, columns, 3) uint8 of a page without JPEG, whose chroma is coarser: TIFF 6.0, section 21.

    A unit holds the luma of a block, row by row, then its Cb and Cr; chroma is repeated over the block.
    """
    first = page.keyframe
    across, down = first.subsampling or (2, 2)
    if first.planarconfig != tifffile.PLANARCONFIG.CONTIG or first.predictor != 1 or first.dtype != np.uint8:
        raise UserError("This TIFF stores its colours in a way that is not known here (coarse chroma in planes).",
                        "Convert it to RGB.")
    unpack = tifffile.TIFF.DECOMPRESSORS[first.compression] if first.compression != 1 else None
    high, wide, beside = _grid(first)
    whole = Bounds(0, 0, first.imagelength, first.imagewidth)
    values = np.zeros((whole.height, whole.width, 3), np.uint8)
    segments = page.parent.filehandle.read_segments(page.dataoffsets, page.databytecounts, range(len(page.dataoffsets)))
    for data, number in segments:
        if data is None:
            continue
        top, left = number // beside * high, number % beside * wide
        rows = high if first.is_tiled else min(high, whole.height - top)
        blocks = math.ceil(rows / down), math.ceil(wide / across)
        length = math.prod(blocks) * (across * down + 2)
        raw = imagecodecs.bitorder_decode(data) if first.fillorder == 2 else data
        full = math.ceil(high / down) * blocks[1] * (across * down + 2)  # the last strip may hold rows that nobody sees
        raw = unpack(raw, out=full) if unpack is not None else raw
        units = np.frombuffer(raw, np.uint8, length).reshape(*blocks, -1)
        tile = np.empty((blocks[0] * down, blocks[1] * across, 3), np.uint8)
        luma = units[..., :-2].reshape(*blocks, down, across).swapaxes(1, 2)
        tile[..., 0] = luma.reshape(tile.shape[:2])
        tile[..., 1:] = units[..., -2:].repeat(down, axis=0).repeat(across, axis=1)
        _put(values, whole, tile, Bounds(top, left, top + rows, left + wide))
    return values
