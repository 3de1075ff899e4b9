"""A mask that costs memory for what was painted only: square tiles, made where something is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from medsynth_app.core.bounds import Bounds

TILE = 512      # pixels along a tile
Mask = npt.NDArray[np.uint8]
Key = tuple[int, int]


class TiledMask:
    """Mask values of one frame, uint8, 0 where nothing was painted. An unpainted frame of any size costs nothing.

    Parameters
    ----------
    rows, columns
        Size of the frame.
    """

    def __init__(self, rows: int, columns: int) -> None:
        self.rows = rows
        self.columns = columns
        self._tiles: dict[Key, Mask] = {}       # by row and column of tiles; those at the edges are cut off there
        self._whole: Mask | None = None         # once asked for as one array: then the tiles are parts of it

    @property
    def nbytes(self) -> int:
        """Bytes that the values take."""
        return sum(tile.nbytes for tile in self._tiles.values()) if self._whole is None else self._whole.nbytes

    @property
    def painted(self) -> Bounds | None:
        """The smallest box round all values but 0; None where there are none."""
        found: Bounds | None = None
        for key, tile in self._tiles.items():
            inner = Bounds.of_mask(tile != 0)
            if inner is not None:
                box = self.box(key)
                inner = Bounds(inner.top + box.top, inner.left + box.left, inner.bottom + box.top,
                               inner.right + box.left)
                found = inner if found is None else found.union(inner)
        return found

    @property
    def tiles(self) -> frozenset[Key]:
        """The tiles that are there, by row and column of tiles."""
        return frozenset(self._tiles)

    def any(self) -> bool:
        """Whether anything is painted."""
        return any(tile.any() for tile in self._tiles.values())

    def box(self, key: Key) -> Bounds:
        """Where a tile lies in the frame."""
        top, left = key[0] * TILE, key[1] * TILE
        return Bounds(top, left, top + TILE, left + TILE).clipped(self.rows, self.columns)

    def keys(self, bounds: Bounds) -> Iterator[Key]:
        """Tiles that a box touches, whether they are there or not."""
        for row in range(bounds.top // TILE, (bounds.bottom - 1) // TILE + 1):
            for column in range(bounds.left // TILE, (bounds.right - 1) // TILE + 1):
                yield row, column

    def region(self, bounds: Bounds) -> Mask:
        """Values in a box inside the frame, shape (bounds.height, bounds.width).

        They cannot be written, and may be the live ones: copy what is to stay as it is.
        """
        if self._whole is not None:
            part = self._whole[bounds.slices]
        else:
            keys = list(self.keys(bounds))
            if len(keys) == 1 and keys[0] in self._tiles:
                part = self._tiles[keys[0]][bounds.within(self.box(keys[0])).slices]
            else:
                part = np.zeros((bounds.height, bounds.width), np.uint8)
                for key in keys:
                    if key in self._tiles:
                        box = self.box(key)
                        shared = bounds.shared(box)
                        part[shared.within(bounds).slices] = self._tiles[key][shared.within(box).slices]
        part = part.view()
        part.flags.writeable = False
        return part

    def write(self, bounds: Bounds, values: Mask) -> None:
        """Set the values in a box inside the frame; zeros where there is no tile make none."""
        for key in self.keys(bounds):
            box = self.box(key)
            shared = bounds.shared(box)
            part = values[shared.within(bounds).slices]
            tile = self._tiles.get(key)
            if tile is None:
                if not part.any():
                    continue
                tile = self._tiles[key] = np.zeros((box.height, box.width), np.uint8) if self._whole is None \
                    else self._whole[box.slices]
            tile[shared.within(box).slices] = part

    def change(self, bounds: Bounds, how: Callable[[Mask], None]) -> None:
        """Let `how` write into the values of a box inside the frame, shape (bounds.height, bounds.width)."""
        if self._whole is None:
            values = self.region(bounds).copy()
            how(values)
            self.write(bounds, values)
        else:
            for key in self.keys(bounds):
                self._tiles.setdefault(key, self._whole[self.box(key).slices])
            how(self._whole[bounds.slices])

    def take(self, key: Key) -> Mask | None:
        """A copy of a tile; None for an empty one, which is let go."""
        tile = self._tiles.get(key)
        if tile is None:
            return None
        if not tile.any():
            del self._tiles[key]
            return None
        return tile.copy()

    def whole(self) -> Mask:
        """All values as one live array (rows, columns) that cannot be written.

        From then on the mask takes the memory of the whole frame: for frames of ordinary size.
        """
        if self._whole is None:
            self._whole = np.zeros((self.rows, self.columns), np.uint8)
            for key, tile in self._tiles.items():
                part = self._whole[self.box(key).slices]
                part[:] = tile
                self._tiles[key] = part
        view = self._whole.view()
        view.flags.writeable = False
        return view
