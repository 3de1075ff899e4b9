"""How a detector finds the cells of a field: at the scale that it was taught on, tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.cell import FoundCell, at_edge
from medsynth_app.engine.detector import CellNetwork, Floats, Peaks, Pixels, apart, light_of, lit, peaks_of
from medsynth_app.engine.eight_bits import unpacked

FACTS, WEIGHTS = "detector.json", "detector.safetensors"
TILE, ROOM = 384, 96  # pixels as the network sees them; no cell reaches further than the room beyond its tile
LARGEST_ZOOM = 2.0  # enlarging a field further shows nothing new
WINDOW, PLACES = 256, 5  # pixels as the network sees them on which the scale is found; places tried along each side
FINER = 2**0.5  # with 2 the scales of fields of another stain were off by .30 octaves (rms), now by .12
FEWEST = 3  # cells that tell the scale
AGREED = 0.35  # spread of the logarithm of sizes about the usual ones, in the measure of a scale
SURE = 0.4  # of the cells that tell it
OVERLAP, ANOTHER = 0.5, 0.6  # see `detector.apart`

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Detector:
    """A detector. It computes in float32 on every device.

    Attributes
    ----------
    classes
        What it calls the cells of each class.
    usual
        Their usual size (root of the box's area) in pixels as the network sees them: by this a field's scale is found.
    least
        Confidence of each class from which a cell is told.
    longer
        Pixels of the longer side at which the fields that it learned from were seen.
    """

    network: CellNetwork
    device: torch.device
    classes: tuple[str, ...]
    usual: Floats
    least: tuple[float, ...]
    longer: int

    def find(self, pixels: Pixels, progress: Progress = lambda done, total: None) -> tuple[FoundCell, ...]:
        """The cells of a field, from top to bottom.

        Parameters
        ----------
        pixels
            Shape (h, w, 3), uint8, RGB.
        progress
            Called after every tile with how many are done, and of how many. What it raises ends the search.
        """
        light, limits = light_of(pixels), self.least
        factor = self.scale_of(pixels, light)
        tiles = list(_tiles(pixels.shape[:2], factor))
        inside, between = [], []
        for number, (inner, outer) in enumerate(tiles):
            found = apart(self._seen(pixels, outer, factor, light, limits), limits, OVERLAP, ANOTHER)
            own = found.of(_middles_in(found, inner))
            touching = _touching(own, inner, pixels.shape[:2])
            inside.append(own.of(~touching))
            between.append(own.of(touching))
            progress(number + 1, len(tiles))
        found = Peaks.joined([*inside, apart(Peaks.joined(between), limits, OVERLAP, ANOTHER)])
        return self._cells(found, pixels.shape[:2])

    def scale_of(self, pixels: Pixels, light: Floats) -> float:
        """By how much a field is to be resized so that its cells are as large as those that were learned from.

        Of scales a factor `FINER` apart, the one at which what is found is surest and nearest to its usual size; then
        what is found there tells the rest.
        """
        first: float = self.longer / max(pixels.shape[:2])
        factors = [min(first, LARGEST_ZOOM)]
        while FINER * factors[-1] <= LARGEST_ZOOM:
            factors.append(FINER * factors[-1])
        told = [self._sizes_at(pixels, light, factor) for factor in factors]
        best = int(np.argmax([worth for worth, _ratio in told]))
        factor, (worth, ratio) = factors[best], told[best]
        for _turn in range(2):
            if not worth or abs(np.log(ratio)) < 0.1:
                break
            factor = min(factor / ratio, LARGEST_ZOOM)
            worth, ratio = self._sizes_at(pixels, light, factor)
        return factor

    def _sizes_at(self, pixels: Pixels, light: Floats, factor: float) -> tuple[float, float]:
        """How well a scale fits, 0 where too little is found, and how much larger than usual its cells are."""
        window = _window(pixels, round(WINDOW / factor))
        found = self._seen(pixels, window, factor, light, (SURE,) * len(self.classes))
        found = apart(found, (SURE,) * len(self.classes), OVERLAP, ANOTHER)
        whole = ~_touching(found, window, (-1, -1))
        if whole.sum() < FEWEST:
            return 0.0, 1.0
        sides = (found.boxes[:, 2:] - found.boxes[:, :2])[whole] * factor
        apart_by = np.log(np.sqrt(sides.prod(axis=1)) / self.usual[found.kinds[whole]])
        worth = found.confidence[whole] * np.exp(-apart_by**2 / (2 * AGREED**2))
        return float(worth.mean()), float(np.exp(np.median(apart_by)))

    def _seen(self, pixels: Pixels, bounds: Bounds, factor: float, light: Floats, least: tuple[float, ...]) -> Peaks:
        """The peaks of a part of a field, in pixels of the field."""
        size = max(1, round(bounds.width * factor)), max(1, round(bounds.height * factor))
        part = resized(pixels[bounds.slices], size)
        picture = torch.from_numpy(np.ascontiguousarray(part.transpose(2, 0, 1))).to(self.device).float()
        found = peaks_of(self.network, lit(picture, torch.from_numpy(light).to(self.device).view(3, 1, 1)), least)
        scale = np.array([bounds.width / size[0], bounds.height / size[1]] * 2, np.float32)
        return Peaks(found.boxes * scale + np.array([bounds.left, bounds.top] * 2, np.float32), found.kinds,
                     found.confidence)

    def _cells(self, found: Peaks, shape: tuple[int, int]) -> tuple[FoundCell, ...]:
        cells = []
        for (left, top, right, bottom), kind, confidence in zip(found.boxes, found.kinds, found.confidence,
                                                                strict=True):
            bounds = Bounds(round(float(top)), round(float(left)), round(float(bottom)), round(float(right)))
            bounds = bounds.clipped(*shape)
            if not bounds.empty:
                cells.append(FoundCell(self.classes[kind], bounds, float(confidence), at_edge(bounds, *shape)))
        return tuple(sorted(cells, key=lambda cell: (cell.bounds.top, cell.bounds.left)))


def from_facts(facts: Mapping[str, Any], weights: Mapping[str, torch.Tensor], device: torch.device) -> Detector:
    """A detector from what its pack says of it; raises ValueError, KeyError, TypeError or RuntimeError if it cannot be.
    """
    classes = tuple(str(name) for name in facts["classes"])
    usual = np.array([float(size) for size in facts["usual"]], np.float32)
    least = tuple(float(limit) for limit in facts["least"])
    if not (len(classes) == len(usual) == len(least) > 0) or not (usual > 0).all() \
            or not all(0 < limit < 1 for limit in least):
        raise ValueError("usual sizes or limits do not fit the classes")
    network = CellNetwork(len(classes), [int(width) for width in facts["widths"]])
    network.load_state_dict(unpacked(weights))
    network.to(device).eval().requires_grad_(False)
    return Detector(network, device, classes, usual, least, int(facts["longer"]))


def resized(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """At `size`, columns and rows: what training and detection see of a field."""
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))


def _tiles(shape: tuple[int, int], factor: float) -> Iterator[tuple[Bounds, Bounds]]:
    """Tiles of a field, and each with what it overlaps; in pixels of the field. A small field is one tile."""
    rows, columns = shape
    whole = max(shape) * factor <= TILE + 2 * ROOM
    step, room = (max(shape), 0) if whole else (max(1, round(TILE / factor)), round(ROOM / factor))
    for top in range(0, rows, step):
        for left in range(0, columns, step):
            inner = Bounds(top, left, min(top + step, rows), min(left + step, columns))
            yield inner, inner.padded(room).clipped(rows, columns)


def _window(pixels: Pixels, edge: int) -> Bounds:
    """A square of that edge, or what there is of it, where the field varies most."""
    rows, columns = pixels.shape[:2]
    height, width = min(edge, rows), min(edge, columns)
    places = [Bounds(top, left, top + height, left + width)
              for top in np.linspace(0, rows - height, PLACES if rows > height else 1).astype(int)
              for left in np.linspace(0, columns - width, PLACES if columns > width else 1).astype(int)]
    step = max(1, max(height, width) // 128)
    return max(places, key=lambda place: float(pixels[place.slices][::step, ::step, 1].std()))


def _middles_in(found: Peaks, inner: Bounds) -> npt.NDArray[np.bool_]:
    x, y = (found.boxes[:, 0] + found.boxes[:, 2]) / 2, (found.boxes[:, 1] + found.boxes[:, 3]) / 2
    chosen: npt.NDArray[np.bool_] = (x >= inner.left) & (x < inner.right) & (y >= inner.top) & (y < inner.bottom)
    return chosen


def _touching(found: Peaks, inner: Bounds, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Whether a box reaches the border of a tile where another one of a field of `shape` begins."""
    left, top, right, bottom = found.boxes.T
    chosen: npt.NDArray[np.bool_] = (
        ((left <= inner.left + 1) & (inner.left != 0 or shape[0] < 0)) | ((top <= inner.top + 1) & (
            inner.top != 0 or shape[0] < 0))
        | ((right >= inner.right - 1) & (inner.right != shape[1]))
        | ((bottom >= inner.bottom - 1) & (inner.bottom != shape[0])))
    return chosen
