"""Find the cells that a file of labels means: by id, by the bytes of their image and box, else by the file's name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import Enum, auto

import numpy as np

from medsynth_app.core.cells import WHOLE, Cell
from medsynth_app.core.label_rows import LabelRow, Sides

LEAST_OVERLAP = 0.5  # joint area of two boxes that are taken for the same cell
_UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")  # what Label Studio puts before the name of a file


class Found(Enum):
    """How a row was matched, or why it was not."""

    HASH = auto()
    NAME = auto()
    OVERLAP = auto()
    ELSEWHERE = auto()  # no image of this set
    OTHER_IMAGE = auto()  # one of that name, but not the same file
    NO_CELL = auto()  # the image is here, but there is no cell in that place
    AMBIGUOUS = auto()  # several images have that name


class CellMatcher:
    """Matches rows with the cells of a set."""

    def __init__(self, cells: Iterable[Cell], also: dict[str, str]) -> None:
        """`also` holds other names of cells: cell ids by them."""
        self._also = also
        self._by_id: dict[str, Cell] = {}
        self._by_image: dict[str, list[Cell]] = {}
        self._by_place: dict[tuple[str, tuple[int, int, int, int]], Cell] = {}
        self._boxes: dict[str, np.ndarray] = {}
        self._by_name: dict[str, dict[str, tuple[str, ...]]] = {}
        for cell in cells:
            self._by_id[cell.id] = cell
            self._by_place[cell.image_sha256, cell.box] = cell
            of_image = self._by_image.setdefault(cell.image_sha256, [])
            of_image.append(cell)
            if len(of_image) == 1:
                parts = _parts(cell.file)
                for name in {parts[-1], _stem(parts[-1])}:
                    self._by_name.setdefault(name, {})[cell.image_sha256] = parts

    def match(self, row: LabelRow) -> tuple[Cell | None, Found]:
        """The cell of a row, or None and why there is none."""
        known = self._by_id.get(row.cell_id) or self._by_id.get(self._also.get(row.cell_id, ""))
        if known is not None and row.sha256 in ("", known.image_sha256):
            return known, Found.HASH
        if row.sha256 in self._by_image:
            cell, overlapped = self._in_place(row.sha256, row.sides)
            return cell, Found.NO_CELL if cell is None else Found.OVERLAP if overlapped else Found.HASH
        images = self._named(row.image) if row.image else []
        if row.sha256:
            return None, Found.OTHER_IMAGE if images else Found.ELSEWHERE
        if len(images) != 1:
            return None, Found.AMBIGUOUS if images else Found.ELSEWHERE
        cell, overlapped = self._in_place(images[0], row.sides)
        return cell, Found.NO_CELL if cell is None else Found.OVERLAP if overlapped else Found.NAME

    def _named(self, image: str) -> list[str]:
        """sha256 of the images that are called so: of several those with most folders in common."""
        asked = _parts(image)
        last = asked[-1]
        found = self._by_name.get(last) or self._by_name.get(_UPLOADED.sub("", last, count=1)) or {}
        shared = {sha256: _shared(parts, asked) for sha256, parts in found.items()}
        most = max(shared.values(), default=0)
        return [sha256 for sha256, count in shared.items() if count == most]

    def _in_place(self, sha256: str, sides: Sides | None) -> tuple[Cell | None, bool]:
        """The cell of an image in this place, and whether its box is not quite the same."""
        cells = self._by_image[sha256]
        if sides is None:
            return self._by_place.get((sha256, WHOLE)), False
        left, top, width, height = sides
        box = round(left), round(top), round(left + width), round(top + height)
        if (cell := self._by_place.get((sha256, box))) is not None:
            return cell, False
        if len(cells) == 1 and cells[0].whole and box[:2] == (0, 0):
            return cells[0], False
        if sha256 not in self._boxes:
            self._boxes[sha256] = np.array([cell.box for cell in cells], np.float64)
        shares = _overlaps(self._boxes[sha256], sides)
        best = int(shares.argmax())
        return (cells[best], True) if shares[best] >= LEAST_OVERLAP else (None, False)


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.replace("\\", "/").split("/") if part not in ("", ".", "..")) or ("",)


def _stem(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    return stem if dot and stem and len(ending) <= 5 else name


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many folders before the file's name are the same."""
    count = 0
    for a, b in zip(reversed(one[:-1]), reversed(other[:-1]), strict=False):
        if a != b:
            break
        count += 1
    return count


def _overlaps(boxes: np.ndarray, sides: Sides) -> np.ndarray:
    """Joint area over that of both, of each box; 0 for a whole image."""
    left, top, width, height = sides
    across = np.minimum(boxes[:, 2], left + width) - np.maximum(boxes[:, 0], left)
    down = np.minimum(boxes[:, 3], top + height) - np.maximum(boxes[:, 1], top)
    joint = across.clip(0) * down.clip(0)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    shares: np.ndarray = joint / (area + width * height - joint)
    return shares
