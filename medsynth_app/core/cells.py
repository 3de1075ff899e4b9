"""Cells to label, as arrays however many they are: where each lies, what it is, and its name for life."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.jobs.embed import PictureList

WHOLE = (0, 0, 0, 0)


class Origin(IntEnum):
    """Where a cell comes from."""

    REAL = 0
    SYNTHETIC = 1


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes
    ----------
    id
        `cell_id` of its image and box.
    name
        What its source calls it.
    file, image_sha256
        The image that it lies in.
    box
        Left, top, right, bottom in pixels of that image, right and bottom outside; `WHOLE` for all of it.
    asked
        Class that a generator was asked for, as the set's schema calls it; "" where none or not known.
    found
        Class that a detector gave, "" for none.
    confidence
        Of the detector, 0 to 1; None where there was none.
    seed, pack
        Of a generated one; -1 and "".
    """

    id: str
    name: str
    file: str
    image_sha256: str
    box: tuple[int, int, int, int] = WHOLE
    origin: Origin = Origin.REAL
    asked: str = ""
    found: str = ""
    confidence: float | None = None
    seed: int = -1
    pack: str = ""

    @property
    def whole(self) -> bool:
        return self.box == WHOLE


def cell_id(image_sha256: str, box: Sequence[int] = WHOLE) -> str:
    """The name of a cell on every machine: 20 hexadecimal digits, made of its image's bytes and its box."""
    text = f"{image_sha256}:{','.join(str(int(side)) for side in box)}"
    return hashlib.blake2b(text.encode(), digest_size=10, person=b"medsynth cell").hexdigest()


@dataclass(frozen=True, eq=False)
class Cells:
    """Many cells; row k of every array is of cell k.

    Attributes
    ----------
    pictures
        Files, names and boxes (all zero for a whole picture).
    ids
        Shape (n,), ``S20``.
    image_sha256
        Shape (n,), ``S64``.
    origin, confidence, seed
        Shape (n,), uint8, float32 (NaN for none) and int64.
    asked, found, pack
        Shape (n,), int16: place in `words`.
    words
        Texts, the first one empty; a NUL between two, UTF-8 in uint8.
    """

    pictures: PictureList
    ids: npt.NDArray[np.bytes_]
    image_sha256: npt.NDArray[np.bytes_]
    origin: npt.NDArray[np.uint8]
    confidence: npt.NDArray[np.float32]
    seed: npt.NDArray[np.int64]
    asked: npt.NDArray[np.int16]
    found: npt.NDArray[np.int16]
    pack: npt.NDArray[np.int16]
    words: npt.NDArray[np.uint8]

    @staticmethod
    def of(cells: Iterable[Cell]) -> Cells:
        """Each cell once, in the order of the first; raises ValueError for more than 32,000 different texts."""
        rows = list({cell.id: cell for cell in cells}.values())
        words = dict.fromkeys(("", *(text for cell in rows for text in (cell.asked, cell.found, cell.pack))))
        if len(words) > 32_000:
            raise ValueError("too many different texts")
        place = {text: k for k, text in enumerate(words)}
        boxes = np.array([cell.box for cell in rows], np.int64).reshape(-1, 4)

        def texts(values: Iterable[str]) -> npt.NDArray[np.int16]:
            return np.array([place[text] for text in values], np.int16)

        return Cells(
            PictureList.of(unique_names(rows), [cell.file for cell in rows], boxes),
            np.array([cell.id.encode() for cell in rows], "S20"),
            np.array([cell.image_sha256.encode() for cell in rows], "S64"),
            np.array([cell.origin for cell in rows], np.uint8),
            np.array([np.nan if cell.confidence is None else cell.confidence for cell in rows], np.float32),
            np.array([cell.seed for cell in rows], np.int64), texts(cell.asked for cell in rows),
            texts(cell.found for cell in rows), texts(cell.pack for cell in rows),
            np.frombuffer("\0".join(words).encode(), np.uint8))

    def __len__(self) -> int:
        return len(self.ids)

    def all(self) -> list[Cell]:
        """Every cell, in order."""
        words = self.words.tobytes().decode().split("\0")
        boxes = self.pictures.boxes
        assert boxes is not None
        return [Cell(number.decode(), name, file, sha.decode(), (int(box[0]), int(box[1]), int(box[2]), int(box[3])),
                     Origin(origin), words[asked], words[found], None if np.isnan(confidence) else float(confidence),
                     int(seed), words[pack])
                for number, name, file, sha, box, origin, asked, found, confidence, seed, pack in zip(
                    self.ids.tolist(), self.pictures.ids(), self.pictures.paths(), self.image_sha256.tolist(),
                    boxes.tolist(), self.origin.tolist(), self.asked.tolist(), self.found.tolist(),
                    self.confidence.tolist(), self.seed.tolist(), self.pack.tolist(), strict=True)]

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Plain arrays by name; the inverse of `from_arrays`."""
        own = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "pictures"}
        inner = {f"pictures.{each.name}": getattr(self.pictures, each.name) for each in fields(self.pictures)}
        return {name: array for name, array in {**own, **inner}.items() if array is not None}

    @staticmethod
    def from_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> Cells:
        """Raises KeyError or TypeError for arrays of anything else."""
        inner = {name.removeprefix("pictures."): array for name, array in arrays.items()
                 if name.startswith("pictures.")}
        own = {name: array for name, array in arrays.items() if not name.startswith("pictures.")}
        return Cells(PictureList(**inner), **own)


def unique_names(cells: Sequence[Cell]) -> list[str]:
    """What their sources call them, with the id behind where two are called alike."""
    counts: dict[str, int] = {}
    for cell in cells:
        counts[cell.name] = counts.get(cell.name, 0) + 1
    return [cell.name if counts[cell.name] == 1 else f"{cell.name} {cell.id}" for cell in cells]
