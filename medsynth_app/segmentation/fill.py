"""Filling a region of a slice from its surroundings, without a model: real tissue moved in and fitted at the seam."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy  # loads its parts when they are first used

from medsynth_app.core.blend import fill_smooth
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.crop import REACH
from medsynth_app.core.grain import LOW_PASS, smooth
from medsynth_app.segmentation.sources import FLIPS, POOL, Flip, Search

VERSION = "1"  # of the method: raised whenever a seed gives another picture
PIECE = 72  # pixels across: a region up to this size is filled from one source, a larger one in pieces
SMALLEST = 12  # pixels across: no smaller pieces are cut
FITTING, UNFIT, LIKE_THE_BEST = 1.5, 8.0, 1.5  # costs of a source that does well, does not do, and times the best one
MOST_ACROSS = 5  # pieces of a very large region, which keeps their number, and the time, within bounds
BLOCK = 768  # pixels: a larger region is filled block by block
STEPS = 100  # of progress, in each block
RING = 8  # pixels round a piece that its source is compared in
NEAR = 3.0  # pixels: how fast their weight falls with the distance from the piece
SEAM = 1.0  # sigma in pixels over which the difference at the seam is averaged: above noise, below structure
GAIN = 0.8, 1.25  # limits within which a source's grain is scaled to that of the surroundings

Mask = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]


def fill(values: npt.NDArray[Any], mask: Mask, seed: int = 0, progress: Progress | None = None) -> Values:
    """Fill what is masked so that it looks as if nothing had been there.

    Parameters
    ----------
    values
        (h, w) or (h, w, channels) of any integer or float type. All arithmetic is linear in them: stored values and
        Hounsfield units give the same picture.
    mask
        What to fill, shape (h, w); its pixels are never looked at.
    seed
        Seeds choose among the sources that fit about equally well.
    progress
        Called with steps done and all steps; cancels by raising.

    Returns
    -------
    float64, shape of `values`, neither rounded nor clipped to any range; outside the mask the values given.

    Raises
    ------
    ValueError
        When nothing is masked, or everything is.

    Notes
    -----
    A box of the picture that fits round the region (`Search`) is set into it, mirrored or not; what still differs at
    the edge is carried smoothly into it (Poisson image editing, Perez et al. 2003) and its grain scaled to that of
    the surroundings. So what a person sees is real tissue with the scanner's own noise. A region that is large is cut
    into pieces, filled from its edge inwards as Criminisi, Perez and Toyama (IEEE TIP 13:1200, 2004) do with patches.
    Where nothing fits: the smooth continuation of the surroundings, and noise of their spectrum.
    """
    bounds = Bounds.of_mask(mask)
    if bounds is None or mask.all():
        raise ValueError("part of the picture has to be masked, and part not")
    result, known, blocks = np.array(values, np.float64), ~mask, _blocks(mask, bounds)
    for number, block in enumerate(_in_order(blocks, known)):
        def report(done: int, of: int, before: int = number * STEPS) -> None:
            if progress is not None:
                progress(before + STEPS * done // of, len(blocks) * STEPS)

        bounds = Bounds.of_mask(block) or bounds
        around = bounds.padded(REACH).clipped(*mask.shape).slices
        canvas = _Canvas(result[around].reshape(*block[around].shape, -1), known[around], block[around], seed)
        canvas.fill(max(PIECE, max(bounds.height, bounds.width) // MOST_ACROSS), report)
        result[block] = canvas.values.reshape(result[around].shape)[block[around]]
        known |= block
    return result


class _Canvas:
    """The region's surroundings while it is being filled.

    Attributes
    ----------
    values
        (h, w, channels).
    """

    def __init__(self, values: Values, known: Mask, mask: Mask, seed: int) -> None:
        self._given, self._known, self._mask = known, known.copy(), mask
        centre = values[known].mean(axis=0)
        self._expected = fill_smooth(values - centre, ~known) + centre
        self.values = np.where(known[..., None], values, self._expected)
        self._search = Search(self.values, self._given)
        self._seed, self._rng = seed, np.random.default_rng(seed)

    def fill(self, size: int, progress: Progress) -> None:
        """Fill all that `mask` holds, in pieces of less than `size` pixels across."""
        pieces = _pieces(self._mask, size, self._rng)
        for done, piece in enumerate(_in_order(pieces, self._known)):
            progress(done, len(pieces))
            # mirrored sources are worth their time where one source has to do for the whole region
            self._fill(piece, FLIPS if len(pieces) == 1 else FLIPS[:1],
                       self._seed % POOL if len(pieces) == 1 else int(self._rng.integers(POOL)), len(pieces) == 1)
        progress(len(pieces), len(pieces))

    def _fill(self, piece: Mask, flips: Sequence[Flip], choice: int, demanding: bool = False) -> None:
        """Fill a piece from the source with the number `choice`; in smaller pieces, or with noise, where there is none.

        If `demanding`, in smaller pieces too where fewer fit well.
        """
        bounds = Bounds.of_mask(piece)
        assert bounds is not None
        box = bounds.padded(RING).clipped(*piece.shape).slices
        inside, here = piece[box], self.values[box]
        weight = _ring(inside, self._known[box])
        sources = self._search.best(here, self._expected[box], inside, weight, flips) if weight.any() else []
        limit = max(FITTING, LIKE_THE_BEST * sources[0].cost) if sources else 0.0
        well = [source for source in sources if source.cost <= min(limit, UNFIT)]
        across = max(bounds.height, bounds.width)
        if (len(well) <= choice if demanding else not sources) and across >= 2 * SMALLEST:
            for smaller in _in_order(_pieces(piece, across // 2 + 1, self._rng), self._known):
                self._fill(smaller, FLIPS[:1], int(self._rng.integers(POOL)), demanding)
            return
        if sources:
            source = (well if choice < len(well) else sources)[choice % len(sources)]
            there = self.values[source.top:source.top + inside.shape[0], source.left:source.left + inside.shape[1]]
            drawn = fitted(np.flip(there, source.flip), here, inside, weight)
        else:
            drawn = self._expected[box] + self._grain(inside.shape)
        here[inside] = drawn[inside]
        self._known |= piece

    def _grain(self, shape: tuple[int, ...]) -> Values:
        """Noise with the spectrum of that round the region, shape (*shape, channels).

        White noise convolved with what is known of it (Galerne, Gousseau, Morel, IEEE TIP 20:257, 2011).
        """
        grain = np.where(self._given[..., None], self.values - smooth(self.values, self._given, LOW_PASS), 0.0)
        size = tuple(scipy.fft.next_fast_len(a + b, real=True)
                     for a, b in zip(grain.shape[:2], shape, strict=True))
        product = scipy.fft.rfft2(self._rng.standard_normal(size))[..., None] * scipy.fft.rfft2(grain, size, (0, 1))
        noise: Values = scipy.fft.irfft2(product, size, (0, 1)) / np.sqrt(self._given.sum())
        return noise[:shape[0], :shape[1]]


def fitted(source: Values, here: Values, inside: Mask, weight: Values) -> Values:
    """A source set into its place: what differs round the piece is carried smoothly into it and taken away.

    Parameters
    ----------
    source, here
        What is copied, and the piece with its surroundings, (h, w, channels).
    inside, weight
        The piece, and how much each pixel round it counts, (h, w).
    """
    low = smooth(source, np.ones(inside.shape), LOW_PASS)
    around = (weight > 0) & ~inside
    grain = np.sqrt((source - low)[around].var(axis=0)), \
        np.sqrt((here - smooth(here, ~inside, LOW_PASS))[around].var(axis=0))
    gain = np.clip(np.divide(grain[1], grain[0], out=np.ones_like(grain[0]), where=grain[0] > 0), *GAIN)
    scaled = low + gain * (source - low)
    result: Values = scaled + _membrane(smooth(here - scaled, weight, SEAM), inside, weight)
    return result


def _membrane(edge: Values, inside: Mask, weight: Values) -> Values:
    """The smoothest surface through `edge` round the piece (Laplace's equation); no force where nothing is known.

    Perez, Gangnet, Blake, ACM Trans. Graphics 22:313, 2003.
    """
    number = np.full(inside.shape, -1)
    number[inside] = np.arange(inside.sum())
    size = int(inside.sum())
    degree, right = np.zeros(size), np.zeros((size, edge.shape[2]))
    rows, columns = [], []
    for axis in (0, 1):
        for step in (-1, 1):
            to = np.roll(number, step, axis)
            value, counts = np.roll(edge, step, axis), np.roll(weight > 0, step, axis)
            border = [slice(None), slice(None)]
            border[axis] = slice(0, 1) if step == 1 else slice(-1, None)
            to[tuple(border)], counts[tuple(border)] = -1, False
            linked, held = inside & (to >= 0), inside & counts & (to < 0)
            rows.append(number[linked])
            columns.append(to[linked])
            degree[number[linked]] += 1
            degree[number[held]] += 1
            right[number[held]] += value[held]
    data = np.concatenate([np.full(sum(map(len, rows)), -1.0), degree + 1e-6])
    diagonal = np.arange(size)
    matrix = scipy.sparse.csc_array((data, (np.concatenate([*rows, diagonal]), np.concatenate([*columns, diagonal]))))
    surface = np.zeros_like(edge)
    surface[inside] = scipy.sparse.linalg.splu(matrix).solve(right)
    return surface


def _ring(inside: Mask, known: Mask) -> Values:
    """How much each pixel round a piece counts, (h, w): known ones, the nearer the more; the nearest 1."""
    distance = scipy.ndimage.distance_transform_edt(~inside)
    weight: Values = np.where(known & ~inside & (distance <= RING), np.exp((1 - distance) / NEAR), 0.0)
    return weight


def _blocks(mask: Mask, bounds: Bounds) -> list[Mask]:
    """A region cut so that what each part needs of memory and time has a limit; most are one part."""
    blocks = []
    for top in range(bounds.top, bounds.bottom, BLOCK):
        for left in range(bounds.left, bounds.right, BLOCK):
            block = np.zeros_like(mask)
            block[top:top + BLOCK, left:left + BLOCK] = mask[top:top + BLOCK, left:left + BLOCK]
            if block.any():
                blocks.append(block)
    return blocks


def _pieces(mask: Mask, size: int, rng: np.random.Generator) -> list[Mask]:
    """A region cut into compact pieces of less than `size` pixels across."""
    labels, count = scipy.ndimage.label(mask, np.ones((3, 3)))
    pieces = []
    for number in range(1, count + 1):
        at = np.argwhere(labels == number)
        if max(np.ptp(at, axis=0)) < size:
            parts = [at]
        else:
            many = max(2, round(len(at) / (0.6 * size) ** 2))
            _, nearest = scipy.cluster.vq.kmeans2(at.astype(np.float64), many, minit="points", rng=rng)
            parts = [at[nearest == part] for part in range(many)]
        for part in parts:
            if len(part):
                pieces.append(np.zeros_like(mask))
                pieces[-1][tuple(part.T)] = True
    return pieces


def _in_order(pieces: list[Mask], known: Mask) -> Iterator[Mask]:
    """Next is always the piece with the largest share of its edge known; `known` grows meanwhile."""
    left = [(piece, _edge(piece)) for piece in pieces]
    while left:
        shares = [known.ravel()[edge].mean() if len(edge) else 0.0 for _, edge in left]
        yield left.pop(int(np.argmax(shares)))[0]


def _edge(piece: Mask) -> npt.NDArray[np.intp]:
    """Flat indices of the pixels that touch a piece."""
    bounds = Bounds.of_mask(piece)
    assert bounds is not None
    box = bounds.padded(1).clipped(*piece.shape).slices
    edge = np.zeros_like(piece)
    edge[box] = scipy.ndimage.binary_dilation(piece[box]) & ~piece[box]
    return np.flatnonzero(edge)
