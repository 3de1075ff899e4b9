"""Read the pictures of cells that are labelled: the cell in its box, with what lies round it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.core.cells import Cell
from medsynth_app.core.errors import UserError
from medsynth_app.core.files import file_sha256
from medsynth_app.datasets.picture import read_sized

HELD = 256 * 2**20  # bytes of decoded images
_REMEDY = "Put it back to where it was, or skip this cell."


@dataclass(frozen=True, eq=False)
class Crop:
    """What is shown of a cell.

    Attributes
    ----------
    pixels
        uint8 RGB (h, w, 3); what would lie outside the image is left out.
    box
        Left, top, right, bottom of the cell in `pixels`.
    pixel_mm
        How many mm a pixel is wide; None where the image does not say.
    """

    pixels: npt.NDArray[np.uint8]
    box: tuple[int, int, int, int]
    pixel_mm: float | None = None


@dataclass(frozen=True, eq=False)
class _Held:
    """A decoded image."""

    sha256: str
    pixels: npt.NDArray[np.uint8]
    pixel_mm: float | None


class CropReader:
    """Reads crops, and holds the images that they lie in as long as there is room. Safe to use from several threads."""

    def __init__(self, held: int = HELD) -> None:
        self._room = held
        self._lock = threading.Lock()
        self._images: OrderedDict[tuple[str, int, int], _Held] = OrderedDict()

    def read(self, cell: Cell, context: float = 1.0) -> Crop:
        """One cell.

        Parameters
        ----------
        context
            How much is shown, in edges of the box (its longer one); a cell that is a whole picture is shown whole.

        Raises
        ------
        UserError
            When the image is gone, cannot be read, or is another one now.
        """
        held = self._image(cell)
        image, pixel_mm = held.pixels, held.pixel_mm
        rows, columns = image.shape[:2]
        if cell.whole:
            return Crop(image, (0, 0, columns, rows), pixel_mm)
        left, top, right, bottom = cell.box
        half = max(right - left, bottom - top) * max(context, 1.0) / 2
        x, y = (left + right) / 2, (top + bottom) / 2
        x0, x1 = max(0, round(x - half)), min(columns, round(x + half))
        y0, y1 = max(0, round(y - half)), min(rows, round(y + half))
        if x1 <= x0 or y1 <= y0:
            raise UserError("This cell lies outside its image.", "Skip this cell, and find the cells anew.")
        return Crop(image[y0:y1, x0:x1], (max(left - x0, 0), max(top - y0, 0), min(right, x1) - x0,
                                          min(bottom, y1) - y0), pixel_mm)

    def _image(self, cell: Cell) -> _Held:
        path = Path(cell.file)
        try:
            about = path.stat()
        except OSError as error:
            raise UserError(f"The image {path.name} is not there any more.", _REMEDY,
                            safe="Labels that were given are saved.") from error
        key = (cell.file, about.st_mtime_ns, about.st_size)
        with self._lock:
            if key in self._images:
                self._images.move_to_end(key)
                return self._same(cell, self._images[key])
        try:
            sha256 = file_sha256(path)
        except OSError as error:
            raise UserError(f"The image {path.name} cannot be read.", _REMEDY, details=type(error).__name__) from error
        pixels, pixel_mm = read_sized(path)
        pixels.setflags(write=False)
        fresh = _Held(sha256, pixels, pixel_mm)
        with self._lock:
            self._images[key] = fresh
            while len(self._images) > 1 and sum(held.pixels.nbytes for held in self._images.values()) > self._room:
                self._images.popitem(last=False)
        return self._same(cell, fresh)

    @staticmethod
    def _same(cell: Cell, held: _Held) -> _Held:
        if held.sha256 != cell.image_sha256:
            raise UserError(f"The image {Path(cell.file).name} is another one now.", _REMEDY,
                            safe="Labels that were given are saved.")
        return held
