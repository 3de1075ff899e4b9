"""Cells of a stained smear, found without anything learned: by colour, size and shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy  # loads scipy.ndimage when it is first used
from PIL import Image

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.cell import CellKind, FoundCell, at_edge

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

RADIUS = 24.0  # pixels of a red cell at the scale at which cells are sought
COARSE = 1280  # pixels of the longer side at which that scale is found
TILE, OVERLAP = 1024, 160  # pixels at that scale; no cell is wider than the overlap
DEGREE, UPPER = 2, 0.95  # of the background's surface: degree, and weight of what is brighter
FAINT = 0.45  # of Otsu's threshold of the absorbance in green: pale cells are stained too
VIOLET = 0.5  # of the red cells' ratio of absorbance in blue to that in green: less is chromatin or granules
CYTOPLASM = 0.7  # of the same ratio: less, round chromatin, belongs to the white cell
DARK = {"green": 0.14, "red": 0.1}  # least absorbance of chromatin
LOBES = 0.22  # of a red cell's radius: lobes that lie so near belong to one nucleus
REACH = 0.6  # of the radius: cytoplasm reaches so far beyond the nucleus
NUCLEUS_SHARE = 0.5  # of a red cell's area: less chromatin in one place is no white cell
NUCLEUS_DARK = 0.35  # least absorbance in green of the darkest quarter of a nucleus
PLATELET_SHARE = (0.03, 0.35)  # of a red cell's area
RED_SHARE, CUT_SHARE = (0.45, 2.2), 0.2  # of the usual area; of one that the field's edge cuts, at least
APART, DEEP = 0.55, 0.45  # of the radius: distance between two red cells' middles, and least distance to their edge


def find_cells(pixels: Pixels, progress: Callable[[int, int], None] = lambda done, total: None
               ) -> tuple[FoundCell, ...]:
    """White cells, red cells and platelets of a field, Romanowsky-type stain.

    Parameters
    ----------
    pixels
        Shape (h, w, 3), uint8, RGB, at least 32 pixels a side. Red cells should be 12 pixels wide or more.
    progress
        Called after every tile with how many are done, and of how many. What it raises ends the search.

    Returns
    -------
    From top to bottom; the confidence says how much a cell is like one of its kind in colour, size and roundness.
    Empty where nothing is stained.

    Raises
    ------
    ValueError
        For another shape.

    Notes
    -----
    Colours are absorbances against the field's own background (Ruifrok and Johnston 2001, Anal Quant Cytol Histol
    23:291), so that exposure and tint of the light do not count. Chromatin and granules absorb green but hardly blue;
    how much blue red cells absorb is taken from the field, which holds many of them. Touching red cells are parted by
    the watershed of the distance to their edge (Vincent and Soille 1991, IEEE Trans. PAMI 13:583).
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or min(pixels.shape[:2]) < 32:
        raise ValueError(f"A field of shape (h, w, 3) and at least 32 pixels a side is needed, not {pixels.shape}.")
    coarse = _resized(pixels, min(1.0, COARSE / max(pixels.shape[:2])))
    stain = Stain.of(coarse)
    if stain is None:
        return ()
    factor = RADIUS / stain.radius * coarse.shape[1] / pixels.shape[1]
    found = []
    tiles = list(_tiles(pixels.shape[:2], factor))
    for number, (inner, outer) in enumerate(tiles, 1):
        part = _resized(pixels[outer.slices], factor)
        for cell in _in_tile(stain.light.absorbed(part, outer, pixels.shape), stain):
            placed = _placed(cell, outer.height / part.shape[0], outer, pixels.shape[:2])
            middle = (placed.bounds.top + placed.bounds.bottom) // 2, (placed.bounds.left + placed.bounds.right) // 2
            if inner.overlaps(Bounds(*middle, middle[0] + 1, middle[1] + 1)):
                found.append(placed)
        progress(number, len(tiles))
    return tuple(sorted(found, key=lambda cell: (cell.bounds.top, cell.bounds.left)))


@dataclass(frozen=True, eq=False)
class Light:
    """The background of a field: a smooth surface for each channel, for few microscopes light a field evenly.

    Attributes
    ----------
    terms
        Of the polynomial of degree `DEGREE` in the place, from -1 to 1, that gives its logarithm; shape (k, 3).
    """

    terms: npt.NDArray[np.floating]

    @staticmethod
    def of(pixels: Pixels) -> Light:
        """The upper envelope of a field: expectile regression (Newey and Powell 1987, Econometrica 55:819)."""
        step = max(1, max(pixels.shape[:2]) // 96)
        part = np.log(pixels[::step, ::step].astype(np.float64) + 1)
        values = part.reshape(-1, 3)
        basis = _basis(*(np.linspace(-1, 1, side) for side in part.shape[:2])).reshape(len(values), -1)
        terms: npt.NDArray[np.floating] = np.zeros((basis.shape[1], 3))
        weights: npt.NDArray[np.float64] = np.ones(len(values))
        for _turn in range(12):  # what is darker than the surface counts little
            terms = np.linalg.lstsq(basis * weights[:, None], values * weights[:, None], rcond=None)[0]
            beyond = values[:, 1] - (basis @ terms)[:, 1]
            weights[:] = np.sqrt(np.where(beyond > 0, UPPER, 1 - UPPER))
        return Light(terms)

    def absorbed(self, pixels: Pixels, bounds: Bounds, shape: tuple[int, ...]) -> Floats:
        """Natural absorbance of each channel in a part of the field, shape (h, w, 3).

        Parameters
        ----------
        pixels
            The part, at any scale.
        bounds, shape
            Where it lies in the field, and the field's rows and columns.
        """
        rows, columns = (np.linspace(2 * start / whole - 1, 2 * end / whole - 1, 32) for start, end, whole in (
            (bounds.top, bounds.bottom, shape[0]), (bounds.left, bounds.right, shape[1])))
        surface = (_basis(rows, columns) @ self.terms).astype(np.float32)  # smooth: few points say all of it
        size = pixels.shape[1], pixels.shape[0]
        light = np.stack([np.asarray(Image.fromarray(np.ascontiguousarray(surface[..., k])).resize(
            size, Image.Resampling.BILINEAR)) for k in range(3)], axis=-1)
        found: Floats = light - np.log(pixels.astype(np.float32) + 1)
        return found


def _basis(rows: npt.NDArray[np.float64], columns: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """All products of powers up to `DEGREE`, shape (rows, columns, terms)."""
    return np.stack([rows[:, None]**i * columns[None, :]**j for i in range(DEGREE + 1)
                     for j in range(DEGREE + 1 - i)], axis=-1)


@dataclass(frozen=True, eq=False)
class Stain:
    """How a field is stained.

    Attributes
    ----------
    light
        Its background.
    least
        Absorbance in green above which something is stained.
    blue
        Of what is stained, the usual ratio of the absorbance in blue to that in green: that of red cells.
    radius
        Of a red cell, in pixels of the picture that this was taken from.
    """

    light: Light
    least: float
    blue: float
    radius: float

    @staticmethod
    def of(pixels: Pixels) -> Stain | None:
        """None where nothing is stained."""
        from skimage.filters import threshold_otsu

        if int(np.ptp(pixels[..., 1])) < 16:
            return None
        light = Light.of(pixels)
        values = _smooth(light.absorbed(pixels, Bounds(0, 0, *pixels.shape[:2]), pixels.shape), 1)
        least = FAINT * min(float(threshold_otsu(values[..., 1])), 0.25)
        stained = _whole(values[..., 1] > least, 1)
        if least <= 0 or not stained.any():
            return None
        blue = float(np.median(values[stained, 2] / np.maximum(values[stained, 1], 0.02)))
        depth = _smooth(_depth(stained), 2)
        tops = _tops(depth, stained, 8)
        deep = np.sort(depth[tops][depth[tops] > 5])
        return Stain(light, least, blue, float(np.median(deep[len(deep) // 4:]))) if len(deep) else None


def _in_tile(absorbed: Floats, stain: Stain) -> Iterator[FoundCell]:
    """The cells of a tile, by its absorbances at the scale of `RADIUS`."""
    red, green, blue = np.moveaxis(_smooth(absorbed, 1), 2, 0)
    stained = _whole(green > stain.least, 1)
    violet = (blue < VIOLET * stain.blue * np.maximum(green, 0.02)) & (green > DARK["green"]) & (red > DARK["red"])
    violet = scipy.ndimage.binary_opening(violet)
    area, taken = np.pi * RADIUS**2, np.zeros(stained.shape, bool)
    for own, box in _objects(violet, round(LOBES * RADIUS)):
        share, dark = own.sum() / area, float(np.percentile(green[box.slices][own], 75))
        if share >= NUCLEUS_SHARE and dark > NUCLEUS_DARK:
            cell, place = _white_cell(own, box, _smooth(absorbed, 1.5), stain)
            taken[place.slices] |= cell
            around = Bounds.of_mask(cell)
            assert around is not None
            yield FoundCell(CellKind.WHITE, around.out_of(place), min(1.0, dark * min(1.0, share)), False)
        elif _is_platelet(own, share, red[box.slices][own], (blue / np.maximum(green, 0.02))[box.slices][own], stain):
            yield FoundCell(CellKind.PLATELET, box.padded(2), min(1.0, 2 * dark), False)
    yield from _red_cells(stained & ~scipy.ndimage.binary_dilation(taken))


def _white_cell(own: Mask, box: Bounds, absorbed: Floats, stain: Stain) -> tuple[Mask, Bounds]:
    """A nucleus with the cytoplasm round it, and the box that the mask fills."""
    place = box.padded(round(REACH * RADIUS)).clipped(*absorbed.shape[:2])
    nucleus = np.zeros((place.height, place.width), bool)
    nucleus[box.within(place).slices] = own
    green, blue = absorbed[place.slices][..., 1], absorbed[place.slices][..., 2]
    near = scipy.ndimage.distance_transform_edt(~nucleus) <= REACH * RADIUS
    soft = (blue < CYTOPLASM * stain.blue * np.maximum(green, 0.03)) & (green > stain.least / 2)
    joined, _count = scipy.ndimage.label(scipy.ndimage.binary_opening(soft & near) | nucleus)
    cell = np.isin(joined, np.unique(joined[nucleus]))
    cell = scipy.ndimage.binary_opening(scipy.ndimage.binary_fill_holes(cell), iterations=round(0.12 * RADIUS))
    return cell | scipy.ndimage.binary_dilation(nucleus), place


def _is_platelet(own: Mask, share: float, red: Floats, ratio: Floats, stain: Stain) -> bool:
    """Small, violet and round."""
    if not PLATELET_SHARE[0] < share < PLATELET_SHARE[1] or np.median(red) < 0.17 \
            or np.median(ratio) > 0.3 * stain.blue:
        return False
    rows, columns = own.shape
    return max(rows, columns) < 2.2 * min(rows, columns) and float(own.mean()) > 0.55


def _red_cells(stained: Mask) -> Iterator[FoundCell]:
    from skimage.segmentation import watershed

    depth = _smooth(_depth(stained), 0.08 * RADIUS)
    tops = _tops(depth, stained, round(APART * RADIUS), DEEP * RADIUS)
    seeds = np.zeros(stained.shape, np.int32)
    seeds[tops] = np.arange(1, len(tops[0]) + 1)
    basins = watershed(-depth, seeds, mask=stained)
    area = np.pi * RADIUS**2
    for number, place in enumerate(scipy.ndimage.find_objects(basins), 1):
        if place is None:
            continue
        own = basins[place] == number
        box = Bounds(place[0].start, place[1].start, place[0].stop, place[1].stop)
        share, cut = own.sum() / area, at_edge(box, *stained.shape)
        if (CUT_SHARE if cut else RED_SHARE[0]) <= share <= RED_SHARE[1]:
            filled = own.mean() / (np.pi / 4)  # 1 for an ellipse
            yield FoundCell(CellKind.RED, box, float(min(1.0, filled, 1 / filled) * min(1.0, share, 1.5 / share)), cut)


def _smooth(values: npt.NDArray[Any], sigma: float) -> Floats:
    """Gaussian along rows and columns."""
    sigmas = (sigma, sigma, 0) if values.ndim == 3 else sigma
    found: Floats = scipy.ndimage.gaussian_filter(values.astype(np.float32), sigmas)
    return found


def _whole(mask: Mask, steps: int) -> Mask:
    """Without specks and holes."""
    found: Mask = scipy.ndimage.binary_fill_holes(scipy.ndimage.binary_opening(mask, iterations=steps))
    return found


def _depth(mask: Mask) -> Floats:
    """Distance to what is not in the mask; beyond the picture it goes on as at its edge."""
    found: Floats = scipy.ndimage.distance_transform_edt(np.pad(mask, 1, mode="edge"))[1:-1, 1:-1].astype(np.float32)
    return found


def _tops(depth: Floats, mask: Mask, apart: int, least: float = 0.0) -> tuple[npt.NDArray[np.intp], ...]:
    """Rows and columns of the local maxima of a depth within a mask."""
    from skimage.feature import peak_local_max

    found = peak_local_max(depth, min_distance=max(1, apart), threshold_abs=least, labels=mask.astype(np.int32),
                           exclude_border=False)
    return tuple(found.T)


def _objects(mask: Mask, near: int) -> Iterator[tuple[Mask, Bounds]]:
    """Parts of a mask with their boxes; those nearer to each other than 2 `near` are one."""
    joined, _count = scipy.ndimage.label(scipy.ndimage.binary_dilation(mask, iterations=near))
    joined[~mask] = 0
    for number, place in enumerate(scipy.ndimage.find_objects(joined), 1):
        if place is not None:
            yield joined[place] == number, Bounds(place[0].start, place[1].start, place[0].stop, place[1].stop)


def _resized(pixels: Pixels, factor: float) -> Pixels:
    """At `factor` of its size; never above twice, which shows nothing new."""
    factor = min(factor, 2.0)
    rows, columns = (max(1, round(side * factor)) for side in pixels.shape[:2])
    if (rows, columns) == pixels.shape[:2]:
        return pixels
    how = Image.Resampling.BOX if factor < 1 else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(pixels).resize((columns, rows), how))


def _tiles(shape: tuple[int, ...], factor: float) -> Iterator[tuple[Bounds, Bounds]]:
    """Tiles of a field, and each with what it overlaps; in pixels of the field."""
    rows, columns = shape[:2]
    step, room = max(1, round(TILE / factor)), round(OVERLAP / factor)
    for top in range(0, rows, step):
        for left in range(0, columns, step):
            inner = Bounds(top, left, min(top + step, rows), min(left + step, columns))
            yield inner, inner.padded(room).clipped(rows, columns)


def _placed(cell: FoundCell, scale: float, outer: Bounds, shape: tuple[int, ...]) -> FoundCell:
    """A cell of a tile in pixels of the field."""
    top, left, bottom, right = (round(value * scale) for value in cell.bounds.as_tuple())
    bounds = Bounds(top, left, bottom, right).out_of(outer).clipped(*shape[:2])
    return replace(cell, bounds=bounds, at_edge=at_edge(bounds, *shape[:2]))
