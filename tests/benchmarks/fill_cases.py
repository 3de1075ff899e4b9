"""Regions of real pictures whose truth is known, for the benchmark of removal."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
import scipy
from PIL import Image

MARGIN = 6  # pixels round a region that are tissue too
TRIES = 400  # places looked at in one picture

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Case:
    """One region: a picture in its own unit, (h, w) int32 or (h, w, 3) uint8, its mask, and the window to see it."""

    pixels: npt.NDArray[Any]
    mask: Mask
    window: tuple[float, float]


@dataclass(frozen=True)
class Source:
    """Pictures of one kind.

    Attributes
    ----------
    unit
        Of the picture's values.
    modality
        As packs name it.
    pictures
        Lists them, each as a function that reads it.
    tissue
        Where a region may lie, of a smoothed picture.
    window
        What black and white are when a fill is judged; None: the 0.5th and 99.5th percentile of the tissue.
    plain
        Largest standard deviation of the smoothed truth in a region: what holds more is a structure that nothing round
        it tells of. None: regions lie anywhere.
    """

    name: str
    unit: str
    modality: str
    pictures: Callable[[Path], list[Callable[[], npt.NDArray[Any]]]]
    tissue: Callable[[npt.NDArray[Any]], Mask]
    window: tuple[float, float] | None = None
    plain: float | None = None

    def cases(self, data: Path, count: int, seed: int = 0, smallest: int = 8, largest: int = 40) -> Iterator[Case]:
        """`count` regions by chance, each in a picture by chance; the same for the same seed."""
        rng = np.random.default_rng([seed, sum(self.name.encode())])
        readers = self.pictures(data)
        made = 0
        while made < count:
            pixels = readers[int(rng.integers(len(readers)))]()
            mask = self._region(pixels, rng, smallest, largest)
            if mask is not None:
                made += 1
                yield Case(pixels, mask, self._window(pixels))

    def _region(self, pixels: npt.NDArray[Any], rng: np.random.Generator, smallest: int, largest: int) -> Mask | None:
        smoothed = _smoothed(pixels)
        allowed = self.tissue(smoothed)
        depth = scipy.ndimage.distance_transform_edt(np.pad(allowed, 1))[1:-1, 1:-1]
        diameter = rng.uniform(smallest, largest)
        places = np.argwhere(depth > diameter / 2)
        for _ in range(min(TRIES, len(places))):
            row, column = places[int(rng.integers(len(places)))]
            mask = blob(pixels.shape[:2], row, column, diameter, rng)
            if not mask.any() or (self.plain is not None and smoothed[mask].std() > self.plain):
                continue
            if allowed[scipy.ndimage.binary_dilation(mask, iterations=MARGIN)].all():
                return mask
        return None

    def _window(self, pixels: npt.NDArray[Any]) -> tuple[float, float]:
        if pixels.ndim == 3:
            return 0, 255
        if self.window is not None:
            return self.window
        low, high = np.percentile(pixels[self.tissue(_smoothed(pixels))], (0.5, 99.5))
        return float(low), float(high)


def blob(shape: tuple[int, ...], row: int, column: int, diameter: float, rng: np.random.Generator) -> Mask:
    """A disc with a wavy outline."""
    rows, columns = np.mgrid[:shape[0], :shape[1]]
    angle = np.arctan2(rows - row, columns - column)
    radius = np.full(shape[:2], diameter / 2)
    for waves in (2, 3, 4):
        radius *= 1 + rng.uniform(0, 0.3 / waves) * np.cos(waves * angle + rng.uniform(0, 2 * np.pi))
    return np.asarray(np.hypot(rows - row, columns - column) < radius)


def _smoothed(pixels: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    values = pixels.astype(np.float64)
    if values.ndim == 3:
        values = values.mean(axis=2)
    return np.asarray(scipy.ndimage.gaussian_filter(values, 1.5))


def _dicom(path: Path) -> npt.NDArray[Any]:
    read = pydicom.dcmread(path)
    values = read.pixel_array * float(read.get("RescaleSlope", 1)) + float(read.get("RescaleIntercept", 0))
    return np.rint(values).astype(np.int32)


def _picture(path: Path) -> npt.NDArray[Any]:
    return np.asarray(Image.open(path).convert("RGB"))


def _readers(folder: Path, pattern: str, read: Callable[[Path], npt.NDArray[Any]]) -> list[Callable[[], Any]]:
    return [lambda path=path: read(path) for path in sorted(folder.glob(pattern))]


def _mr_head(data: Path) -> list[Callable[[], Any]]:
    archive = data / "dicom-series" / "mr-t1-head.tar.gz"

    def read(name: str) -> npt.NDArray[Any]:
        with tarfile.open(archive) as held, tempfile.TemporaryDirectory() as folder:
            held.extract(name, folder, filter="data")
            return _dicom(Path(folder) / name)

    with tarfile.open(archive) as held:
        names = sorted(name for name in held.getnames() if name.endswith(".dcm"))
    middle = names[len(names) // 4:-len(names) // 4:24]  # a few slices, for each is searched for in the archive
    return [lambda name=name: read(name) for name in middle]


def _ct_head(data: Path) -> list[Callable[[], Any]]:
    return _readers(data / "dicom-series" / "ct-ge-head" / "GE", "*.dcm", _dicom)


def _ct_chest(data: Path) -> list[Callable[[], Any]]:
    return _readers(data / "ct-chest" / "slices", "*.dcm", _dicom)


def _brain(smooth: npt.NDArray[Any]) -> Mask:
    return np.asarray((smooth > -20) & (smooth < 120))


def _soft(smooth: npt.NDArray[Any]) -> Mask:
    return np.asarray((smooth > -150) & (smooth < 200))


SOURCES = (
    Source("ct-head", "HU", "CT", _ct_head, _brain, (0, 80), plain=5),
    Source("ct-chest", "HU", "CT", _ct_chest, _soft, (-160, 240), plain=12),
    Source("ct-head-anywhere", "HU", "CT", _ct_head, _brain, (0, 80)),
    Source("ct-chest-anywhere", "HU", "CT", _ct_chest, _soft, (-160, 240)),
    Source("mr-head", "", "MR", _mr_head, lambda smooth: smooth > 0.25 * np.percentile(smooth, 99)),
    Source("mucosa", "", "ES", lambda data: _readers(data / "kvasir-seg" / "val" / "images", "*.jpg", _picture),
           lambda smooth: (smooth > 40) & (smooth < 235)),
    Source("cells", "", "SM", lambda data: _readers(data / "pbc-cells", "*/*.jpg", _picture),
           lambda smooth: smooth > 0),
    Source("skin", "", "DMS", lambda data: _readers(data / "dermatoscopy", "other/*.jpg", _picture),
           lambda smooth: (smooth > 40) & (smooth < 235)),
)
