"""The changed pixels of one mask edit as a few bytes: enough to apply it and to take it back.

Long thin strokes have large bounds and few changed pixels, so runs of changed pixels are kept; where most of the box
changed, the whole box.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsynth_app.core.bounds import Bounds

Mask = npt.NDArray[np.uint8]
_HEADER = struct.Struct("<BII")     # mode, runs, changed pixels
_RUNS, _BOX = 1, 2


def encode(before: Mask, after: Mask) -> bytes | None:
    """Bytes of what differs between two uint8 arrays of equal shape; None where nothing does."""
    old, new = (np.ascontiguousarray(array, dtype=np.uint8).reshape(-1) for array in (before, after))
    changed = _changed(old, new)
    if changed is None:
        return _HEADER.pack(_BOX, 0, old.size) + zlib.compress(old.tobytes() + new.tobytes(), 1)
    if not changed.size:
        return None
    breaks = np.flatnonzero(np.diff(changed) != 1) + 1
    starts = changed[np.concatenate(([0], breaks))]
    lengths = np.diff(np.concatenate(([0], breaks, [changed.size])))
    body = b"".join((starts.astype("<u4").tobytes(), lengths.astype("<u4").tobytes(),
                     old[changed].tobytes(), new[changed].tobytes()))
    return _HEADER.pack(_RUNS, len(starts), changed.size) + zlib.compress(body, 1)


def _changed(old: Mask, new: Mask) -> npt.NDArray[np.intp] | None:
    """Flat places that differ; None where they are so many that the whole box is the shorter way."""
    whole = old.size // 8 * 8
    # Eight pixels at a time: on a stroke across 4096 x 4096 pixels this is what keeps the journal quick.
    words = np.flatnonzero(old[:whole].view(np.uint64) != new[:whole].view(np.uint64))
    if words.size * 8 > max(4096, old.size // 4):
        return None
    places = (words[:, None] * 8 + np.arange(8)).reshape(-1)
    places = np.concatenate((places, np.arange(whole, old.size)))
    changed: npt.NDArray[np.intp] = places[old[places] != new[places]]
    return changed


@dataclass(frozen=True, eq=False)
class Delta:
    """A decoded edit: rows and columns of the changed pixels in the frame, their values before and after."""

    index: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]] | tuple[slice, slice]
    before: Mask
    after: Mask

    def write(self, mask: Mask, undo: bool = False) -> None:
        """Apply to `mask` (rows, columns) in place, or take back."""
        mask[self.index] = self.before if undo else self.after

    def fits(self, mask: Mask, undo: bool = False) -> bool:
        """Whether `mask` holds what it must hold for `write` to be right."""
        return bool(np.array_equal(mask[self.index], self.after if undo else self.before))


def decode(data: bytes, bounds: Bounds) -> Delta:
    """The inverse of `encode`, placed at `bounds` in the frame."""
    mode, runs, count = _HEADER.unpack_from(data)
    body = zlib.decompress(data[_HEADER.size:])
    if mode == _BOX:
        old, new = np.frombuffer(body, np.uint8).reshape(2, bounds.height, bounds.width)
        return Delta(bounds.slices, old, new)
    starts = np.frombuffer(body, "<u4", runs).astype(np.intp)
    lengths = np.frombuffer(body, "<u4", runs, 4 * runs).astype(np.intp)
    values = np.frombuffer(body, np.uint8, 2 * count, 8 * runs)
    places = np.arange(count) + np.repeat(starts - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
    rows, columns = np.divmod(places, bounds.width)
    return Delta((rows + bounds.top, columns + bounds.left), values[:count], values[count:])
