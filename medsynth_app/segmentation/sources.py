"""Where a picture holds something that could take the place of a piece of it: all boxes compared at once, by FFT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy  # loads its parts when they are first used

from medsynth_app.core.grain import LOW_PASS

LEVEL = 0.05  # weight of a difference in mean, which is taken away at the seam, against one in shape
INSIDE = 2.0  # weight of what a source holds that the surroundings do not let expect
GRAIN = 0.5  # weight of noise that is not that of the surroundings
POOL = 16  # sources that are told
APART = 4  # pixels between two of them
Flip = tuple[int, ...]
FLIPS: tuple[Flip, ...] = ((), (0,), (1,), (0, 1))

Mask = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Source:
    """A box of the picture, by its corner; what it holds is mirrored along the axes in `flip` before it is used.

    `cost` is in squared units of the picture.
    """

    cost: float
    top: int
    left: int
    flip: Flip


class Search:
    """Sources in one picture.

    Parameters
    ----------
    values
        (h, w, channels).
    known
        Where they mean something, (h, w); no source holds anything else.
    """

    def __init__(self, values: Values, known: Mask) -> None:
        self._shape = known.shape
        self._size = tuple(scipy.fft.next_fast_len(edge, real=True) for edge in known.shape)
        self._centre = values[known].mean(axis=0)  # or the squares of large numbers would drown small differences
        moved = np.where(known[..., None], values - self._centre, 0.0)
        low = smooth(moved, known, LOW_PASS)
        grain = smooth(((moved - low) ** 2).sum(axis=2, keepdims=True), known, 2 * LOW_PASS)[..., 0]
        self._values, self._low = self._seen(moved), self._seen(low)
        self._squares, self._low_squares = (self._seen((each ** 2).sum(axis=2)) for each in (moved, low))
        self._grain, self._unknown = self._seen(grain), self._seen(~known)

    def best(self, here: Values, expected: Values, inside: Mask, weight: Values,
             flips: Sequence[Flip] = FLIPS) -> list[Source]:
        """Up to `POOL` sources, the best first; empty where the piece fits nowhere.

        Parameters
        ----------
        here
            The piece and its surroundings, (h, w, channels).
        expected
            What the surroundings let expect, smooth, (h, w, channels).
        inside, weight
            The piece, and how much each pixel round it counts, (h, w).
        flips
            How sources may be mirrored.

        Notes
        -----
        The cost of a box is the mean squared difference round the piece, the part of it that is constant counted
        less; of structure inside against what is expected, less that constant; and of grain. All are sums of
        products of one pattern with one picture (cf. template matching, Lewis 1995).
        """
        noise = _noise(here, inside, weight)
        here, expected = here - self._centre, expected - self._centre
        found = []
        for flip in flips:
            cost = self._costs(np.flip(here, flip), np.flip(expected, flip), np.flip(inside, flip),
                               np.flip(weight, flip), noise)
            found += [Source(value, top, left, flip) for value, top, left in _lowest(cost)]
        return sorted(found, key=lambda source: source.cost)[:POOL]

    def _costs(self, here: Values, expected: Values, inside: Mask, weight: Values, noise: float) -> Values:
        """Of each box by its corner; infinite where it holds something unknown."""
        total, area = weight.sum(), inside.sum()
        weighed, wanted = here * weight[..., None], expected * inside[..., None]
        ring, body = self._pattern(weight), self._pattern(inside)
        mean = (self._back(ring[..., None] * self._values) - weighed.sum(axis=(0, 1))) / total
        around = self._back(ring * self._squares - 2 * (self._pattern(weighed) * self._values).sum(axis=2))
        squared = (mean ** 2).sum(axis=2)
        shape = (around + (weighed * here).sum()) / total - (1 - LEVEL) * squared
        held = self._back(body * self._low_squares - 2 * (self._pattern(wanted) * self._low).sum(axis=2))
        offset = self._back(body[..., None] * self._low) - wanted.sum(axis=(0, 1))
        unlike = (held + (wanted * expected).sum() - 2 * (mean * offset).sum(axis=2)) / area + squared
        least = max(noise, 1e-9 * float(squared.max()), 1e-12)
        there = np.maximum(self._back(body * self._grain) / area, least / 100)
        cost: Values = shape + INSIDE * np.maximum(unlike, 0) + GRAIN * noise * np.log(there / least) ** 2
        cost[self._back(self._pattern((weight > 0) | inside) * self._unknown) > 0.5] = np.inf
        rows, columns = inside.shape
        return cost[:self._shape[0] - rows + 1, :self._shape[1] - columns + 1]

    def _seen(self, values: npt.NDArray[Any]) -> Any:
        return scipy.fft.rfft2(values.astype(np.float64), s=self._size, axes=(0, 1))

    def _pattern(self, values: npt.NDArray[Any]) -> Any:
        return np.conj(self._seen(values))

    def _back(self, product: Any) -> Values:
        found: Values = scipy.fft.irfft2(product, s=self._size, axes=(0, 1))
        return found


def smooth(values: Values, weight: npt.NDArray[Any], sigma: float) -> Values:
    """Gaussian mean of (h, w, channels) over the pixels that count, by `weight` (h, w); 0 far from all of them."""
    share = weight.astype(np.float64)
    total = scipy.ndimage.gaussian_filter(share, sigma)
    summed = scipy.ndimage.gaussian_filter(values * share[..., None], (sigma, sigma, 0))
    mean: Values = summed / np.maximum(total, 1e-9)[..., None]
    return mean


def _noise(here: Values, inside: Mask, weight: Values) -> float:
    """Mean squared grain round a piece, summed over channels."""
    grain = (here - smooth(here, ~inside, LOW_PASS)) ** 2
    return float((grain.sum(axis=2) * weight).sum() / max(weight.sum(), 1e-12))


def _lowest(cost: Values) -> list[tuple[float, int, int]]:
    """(cost, top, left) of up to `POOL` boxes, the lowest first, no two nearer than `APART`."""
    left = cost.copy()
    found: list[tuple[float, int, int]] = []
    while len(found) < POOL and left.size:
        top, first = np.unravel_index(int(np.argmin(left)), left.shape)
        value = float(left[top, first])
        if not np.isfinite(value):
            break
        found.append((value, int(top), int(first)))
        left[max(0, top - APART + 1):top + APART, max(0, first - APART + 1):first + APART] = np.inf
    return found
