"""Nucleus and cytoplasm of the one cell in the middle of a stained-smear picture, without anything learned."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy  # loads scipy.ndimage when it is first used

CYTOPLASM, NUCLEUS = 1, 2
ANGLES, RADII = 72, 80  # of the polar grid in which the outline is sought
BENT = 2  # grid steps that the outline's radius may change from one angle to the next
LEAST_SHARE = 0.0008  # of the picture: a smaller dark spot in the middle is no cell
LARGEST_SHARE = 0.7  # of the picture: more that is dark is no cell on a smear
WORKING = 128  # pixels of the smaller side at which it works
LEAST_GAP = 45.0  # between nucleus and cytoplasm, in grey levels: with less there is no cytoplasm to tell apart
LEAST_CONTRAST = 70.0  # between nucleus and surround, in grey levels

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def cell_parts(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Separate the cell in the middle from what lies around it, and its nucleus from its cytoplasm.

    Parameters
    ----------
    pixels
        Shape (h, w, 3), uint8, RGB: a picture of one white cell, erythroblast or platelet, Romanowsky-type stain.

    Returns
    -------
    Shape (h, w), uint8: 0 background, 1 cytoplasm, 2 nucleus (in a platelet: its granules). All 0 where no cell was
    found in the middle.

    Notes
    -----
    Nucleus: threshold between three classes of grey (Otsu 1979, IEEE Trans. SMC 9:62) of the darkness in green and
    red, which chromatin absorbs and eosin does not. Cell: the closed outline round the nucleus that best parts what
    differs from the background's colour from what does not, found by dynamic programming in polar coordinates
    (as Baggett et al. 2005, Cytometry A 67:137, do for cells in tissue). So neighbours that touch are cut off where
    the outline stays smooth. Within the cell Otsu's threshold between two classes then parts the nucleus.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or min(pixels.shape[:2]) < 16:
        raise ValueError(f"A picture of shape (h, w, 3) and at least 16 pixels a side is needed, not {pixels.shape}.")
    small, factor = _shrunk(pixels)
    dark = 255 - (0.75 * small[..., 1] + 0.25 * small[..., 0])
    low, high = _two_thresholds(dark)
    chromatin = _without_specks(dark > high, LEAST_SHARE / 4)
    core = _middle_object(chromatin)
    found = np.zeros(pixels.shape[:2], np.uint8)
    if core.mean() < LEAST_SHARE or chromatin.mean() > LARGEST_SHARE:
        return found
    if dark[core].mean() - dark[~chromatin].mean() < LEAST_CONTRAST:
        return found
    cell = _cell(small, _unlike_background(small, dark < low), chromatin, core)
    nucleus = _nucleus(small, cell, chromatin)
    at = _grid(found.shape, 1 / factor)
    for value, part in ((CYTOPLASM, cell), (NUCLEUS, nucleus)):
        soft = scipy.ndimage.gaussian_filter(part.astype(np.float32), 0.7)
        large = scipy.ndimage.map_coordinates(soft, at, order=1, mode="nearest") > 0.5
        found[large & ((value == CYTOPLASM) | (found > 0))] = value
    return found


def _grid(shape: tuple[int, ...], scale: float) -> list[Floats]:
    """Where the pixel centres of a picture of `shape` lie in one that is `scale` times as large."""
    return list(np.meshgrid(*((np.arange(size) + 0.5) * scale - 0.5 for size in shape), indexing="ij"))


def _shrunk(pixels: npt.NDArray[np.uint8]) -> tuple[Floats, float]:
    """The picture smoothed, its smaller side at most `WORKING` pixels; and how many of those make one of its own."""
    scale = min(1.0, WORKING / min(pixels.shape[:2]))
    smooth = scipy.ndimage.gaussian_filter(pixels.astype(np.float32), (max(0.6, 0.5 / scale),) * 2 + (0,))
    if scale == 1:
        return smooth.astype(np.float64), 1.0
    at = _grid(tuple(round(size * scale) for size in pixels.shape[:2]), 1 / scale)
    channels = [scipy.ndimage.map_coordinates(smooth[..., k], at, order=1, mode="nearest") for k in range(3)]
    return np.stack(channels, axis=2).astype(np.float64), 1 / scale


def _cell(small: Floats, foreign: Floats, chromatin: Mask, core: Mask) -> Mask:
    """The cell round `core`, or round `core` and the other lobes near it where that outline fits clearly better."""
    cell, cost = _outline(small, foreign, core)
    for share in (0.1, 0.2):
        wider = core | _near(chromatin, core, share * min(core.shape))
        if (wider != core).any():
            other, its_cost = _outline(small, foreign, wider)
            if its_cost < cost - 0.25:
                cell, cost = other, its_cost
    taken = _mostly_inside(chromatin, cell) | core
    return _outline(small, foreign, taken)[0] if (taken & ~cell).any() else cell


def _nucleus(small: Floats, cell: Mask, chromatin: Mask) -> Mask:
    """The darker of two classes within the cell where there are two, else all its chromatin; smooth, no specks."""
    shades = [255 - small[..., 1], 255 - small[..., :2].mean(axis=2)]  # eosin-stained granules are dark in green only
    fits = [_threshold(shade[cell]) for shade in shades]
    best = int(np.argmax([fit.parted for fit in fits]))
    limit, gap = fits[best].limit, fits[best].gap
    nucleus = cell & (shades[best] > limit) if gap > LEAST_GAP else cell & chromatin
    nucleus = scipy.ndimage.gaussian_filter(nucleus.astype(np.float32), 1.4) > 0.5
    area = max(1, int(nucleus.sum()))
    nucleus = _without_specks(nucleus, 0.05 * area / nucleus.size)
    holes = _filled(nucleus) & ~nucleus
    return cell & (nucleus | (holes & ~_without_specks(holes, 0.06 * area / nucleus.size)))


class _Split(NamedTuple):
    """Threshold between two classes, how far their means lie apart, and their share of the whole variance."""

    limit: float
    gap: float
    parted: float


def _threshold(values: Floats, bins: int = 64) -> _Split:
    """Otsu's threshold."""
    counts, edges = np.histogram(values, bins)
    centres = (edges[1:] + edges[:-1]) / 2
    weight, total = np.cumsum(counts)[:-1].clip(1), np.cumsum(counts * centres)[:-1]
    rest = (len(values) - weight).clip(1)
    gaps = (float((counts * centres).sum()) - total) / rest - total / weight
    between = weight * rest * gaps**2 / len(values) ** 2
    best = int(np.argmax(between))
    return _Split(float(edges[best + 1]), float(gaps[best]), float(between[best] / max(values.var(), 1e-9)))


def _two_thresholds(values: Floats, bins: int = 64) -> tuple[float, float]:
    """The pair of thresholds that parts values into the three classes of least spread (Otsu)."""
    counts, edges = np.histogram(values, bins)
    centres = (edges[1:] + edges[:-1]) / 2
    weight = np.concatenate([[0.0], np.cumsum(counts)])
    total = np.concatenate([[0.0], np.cumsum(counts * centres)])

    def between(start: Any, end: Any) -> Any:
        n = weight[end] - weight[start]
        return (total[end] - total[start]) ** 2 / np.maximum(n, 1e-9)

    first, second = np.triu_indices(bins - 1, 1)
    first, second = first + 1, second + 1
    best = int(np.argmax(between(0, first) + between(first, second) + between(second, bins)))
    return float(edges[first[best]]), float(edges[second[best]])


def _without_specks(mask: Mask, least_share: float) -> Mask:
    labels, n = scipy.ndimage.label(mask)
    if not n:
        return mask
    kept = np.bincount(labels.ravel()) >= least_share * mask.size
    kept[0] = False
    found: Mask = kept[labels]
    return found


def _middle_object(mask: Mask) -> Mask:
    """The connected part with the most weight under a bell in the middle."""
    labels, n = scipy.ndimage.label(mask)
    if not n:
        return mask
    rows, columns = (((np.arange(size) + 0.5) / size - 0.5) / 0.14 for size in mask.shape)
    bell = np.exp(-(rows[:, None] ** 2 + columns[None] ** 2) / 2)
    weights = np.bincount(labels.ravel(), bell.ravel())
    weights[0] = 0
    found: Mask = labels == int(np.argmax(weights))
    return found


def _near(chromatin: Mask, core: Mask, distance: float) -> Mask:
    """Parts of the chromatin that come within `distance` pixels of `core`."""
    labels, _ = scipy.ndimage.label(chromatin)
    close = scipy.ndimage.distance_transform_edt(~core) <= distance
    touched = np.bincount(labels.ravel(), close.ravel()) > 0
    touched[0] = False
    found: Mask = touched[labels]
    return found


def _mostly_inside(chromatin: Mask, cell: Mask) -> Mask:
    """Parts of the chromatin (lobes of one nucleus) of which more than half lies in the cell."""
    labels, _ = scipy.ndimage.label(chromatin)
    inside = np.bincount(labels.ravel(), cell.ravel()) > 0.5 * np.bincount(labels.ravel())
    inside[0] = False
    found: Mask = inside[labels]
    return found


def _unlike_background(smooth: Floats, light: Mask) -> Floats:
    """How unlike the background a pixel is: 0 = like it, 1 = surely something else; nucleus as much as cytoplasm."""
    samples = smooth[light]
    background = np.median(samples, axis=0)
    distance = np.sqrt((((smooth - background) * (1.0, 1.0, 0.6)) ** 2).sum(axis=2))
    noise = float(np.median(distance[light]))
    begin, end = 1.5 * noise + 6, 3 * noise + 30
    unlike: Floats = np.clip((distance - begin) / (end - begin), 0, 1)
    return unlike


def _outline(small: Floats, foreign: Floats, core: Mask) -> tuple[Mask, float]:
    """The outline of least cost round `core`, filled, and its mean cost; star-shaped seen from the core's middle."""
    rows, columns = np.nonzero(core)
    middle = np.array([rows.mean(), columns.mean()])
    reach = 0.5 * min(core.shape)
    step = reach / RADII
    angles = np.arange(ANGLES) * (2 * np.pi / ANGLES)
    radii = (np.arange(RADII) + 0.5) * step
    at = middle[:, None, None] + np.stack([np.sin(angles), np.cos(angles)])[:, :, None] * radii
    polar = scipy.ndimage.map_coordinates(foreign, at, order=1, mode="nearest")
    inner = scipy.ndimage.map_coordinates(core.astype(np.float64), at, order=1, mode="constant")
    colours = np.stack([scipy.ndimage.map_coordinates(small[..., k], at, order=1, mode="nearest") for k in range(3)])
    cost = _cost(polar, inner > 0.5, colours)
    path = _closed_path(cost)
    radius = radii[path] + step / 2
    radius = scipy.ndimage.gaussian_filter1d(radius, 1.0, mode="wrap")
    y, x = np.indices(core.shape, dtype=np.float64) - middle[:, None, None]
    turn = np.mod(np.arctan2(y, x), 2 * np.pi) * (ANGLES / (2 * np.pi))
    limit = np.interp(turn.ravel(), np.arange(ANGLES + 1), np.append(radius, radius[0])).reshape(core.shape)
    return _filled((np.hypot(y, x) <= limit) | core), float(cost[np.arange(ANGLES), path].mean())


def _cost(polar: Floats, inner: Mask, colours: Floats) -> Floats:
    """Cost of the outline passing beyond each cell of the polar grid, shape (angles, radii)."""
    width = max(2, RADII // 16)
    padded = np.pad(polar, ((0, 0), (width, width)), mode="edge")
    sums = np.cumsum(np.pad(padded, ((0, 0), (1, 0))), axis=1)
    k = np.arange(RADII) + 1
    within = (sums[:, k + width] - sums[:, k]) / width
    beyond = (sums[:, k + 2 * width] - sums[:, k + width]) / width
    edge = within - beyond
    # A change of colour, where a neighbour touches; but not the one where the nucleus ends.
    change = np.pad(np.sqrt(((colours[..., 4:] - colours[..., :-4]) ** 2).sum(axis=0)), ((0, 0), (1, 3)))
    beyond_core = np.cumsum(inner[:, ::-1], axis=1)[:, ::-1] == 0
    beyond_core[:, 4:] &= beyond_core[:, :-4]
    colour_edge = np.where(beyond_core, (change / 60).clip(0, 1), 0)
    holes = np.cumsum((1 - 2 * polar).clip(0) * ~inner, axis=1) / width  # background that would be taken in
    left_out = np.cumsum(inner[:, ::-1], axis=1)[:, ::-1] / width  # nucleus that would be left out
    size = np.arange(RADII) / RADII
    cost: Floats = -2.0 * edge - 0.8 * colour_edge + holes + 4.0 * left_out + size
    return cost


def _closed_path(cost: Floats, bend_cost: float = 0.08) -> npt.NDArray[np.int64]:
    """One radius index per angle: the path of least cost that bends little and ends where it began."""
    angles, radii = cost.shape
    twice = np.concatenate([cost, cost])  # two turns: the second half is closed but for rare ties
    total, came = twice[0].copy(), np.zeros(twice.shape, np.int64)
    moves = np.arange(-BENT, BENT + 1)
    price = bend_cost * moves**2
    before = np.arange(radii)[:, None] + moves
    allowed = (before >= 0) & (before < radii)
    before = before.clip(0, radii - 1)
    for k in range(1, len(twice)):
        options = np.where(allowed, total[before] + price, np.inf)
        best = options.argmin(axis=1)
        came[k] = before[np.arange(radii), best]
        total = options[np.arange(radii), best] + twice[k]
    path = np.empty(len(twice), np.int64)
    path[-1] = int(total.argmin())
    for k in range(len(twice) - 1, 0, -1):
        path[k - 1] = came[k, path[k]]
    half = angles // 2  # far from both free ends
    return np.roll(path[half:half + angles], half)


def _filled(mask: Mask) -> Mask:
    filled: Mask = scipy.ndimage.binary_fill_holes(mask)
    return filled
