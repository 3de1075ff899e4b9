"""Where a picture holds something that could take the place of a piece of it: all boxes compared at once, by FFT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy  # loads its parts when they are first used

from medsynth_app.core.grain import LOW_PASS, smooth

LEVEL = 0.05  # weight of a difference in mean, which is taken away at the seam, against one in shape
INSIDE = 2.0  # weight of what a source holds that the surroundings do not let expect
MOST_INSIDE = 3.0  # but no more than so many times what differs round the piece: what fits there may go on inside
GRAIN = 0.5  # share that the cost grows by for grain e times as strong or as weak
TEXTURE = 1.0  # and for grain that is related to itself in another way
LAGS = (0, 1), (1, 0), (1, 1), (1, -1)  # pixels over which that is looked at
POOL = 16  # sources that are told
APART = 4  # pixels between two of them
Flip = tuple[int, ...]
FLIPS: tuple[Flip, ...] = ((), (0,), (1,), (0, 1))

Mask = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Source:
    """A box of the picture, by its corner; what it holds is mirrored along the axes in `flip` before it is used.

    `cost` is 1 where a source differs from the place by no more than the noise of both.
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
        self._known, self._textures = known, _textures(moved - low, known)
        self._values, self._low = self._seen(moved), self._seen(low)
        self._squares, self._low_squares = (self._seen((each ** 2).sum(axis=2)) for each in (moved, low))
        self._unknown = self._seen(~known)

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
        grain = here - smooth(here, ~inside, LOW_PASS)
        wanted = [(each * weight).sum() / weight.sum() for each in _textures(grain, weight > 0)]
        held = self._held(inside.shape)
        here, expected = here - self._centre, expected - self._centre
        found = []
        for flip in flips:
            cost = self._costs(np.flip(here, flip), np.flip(expected, flip), np.flip(inside, flip),
                               np.flip(weight, flip))
            # mirrored along one axis, the two diagonals change places
            turned = wanted if len(flip) != 1 else [*wanted[:3], wanted[4], wanted[3]]
            cost *= _unlike(held, turned) / max(2 * wanted[0], 1e-12)
            found += [Source(value, top, left, flip) for value, top, left in _lowest(cost)]
        return sorted(found, key=lambda source: source.cost)[:POOL]

    def _costs(self, here: Values, expected: Values, inside: Mask, weight: Values) -> Values:
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
        cost: Values = np.maximum(shape, 0)
        cost += np.minimum(INSIDE * np.maximum(unlike, 0), MOST_INSIDE * cost)
        cost[self._back(self._pattern((weight > 0) | inside) * self._unknown) > 0.5] = np.inf
        rows, columns = inside.shape
        return cost[:self._shape[0] - rows + 1, :self._shape[1] - columns + 1]

    def _held(self, box: tuple[int, ...]) -> list[Values]:
        """Mean of each texture in every box of this size, by its corner."""
        rows, columns = box
        corner = slice(rows // 2, rows // 2 + self._shape[0] - rows + 1), \
            slice(columns // 2, columns // 2 + self._shape[1] - columns + 1)
        return [scipy.ndimage.uniform_filter(each, box, mode="constant")[corner] for each in self._textures]

    def _seen(self, values: npt.NDArray[Any]) -> Any:
        return scipy.fft.rfft2(values.astype(np.float64), s=self._size, axes=(0, 1))

    def _pattern(self, values: npt.NDArray[Any]) -> Any:
        return np.conj(self._seen(values))

    def _back(self, product: Any) -> Values:
        found: Values = scipy.fft.irfft2(product, s=self._size, axes=(0, 1))
        return found


def _textures(grain: Values, known: Mask) -> list[Values]:
    """Grain (h, w, channels) squared, and times itself at each of `LAGS`; all summed over channels, (h, w)."""
    kept = np.where(known[..., None], grain, 0.0)
    return [(kept * np.roll(kept, lag, (0, 1))).sum(axis=2) for lag in ((0, 0), *LAGS)]


def _unlike(held: list[Values], wanted: list[float]) -> Values:
    """What the cost of boxes with such textures is multiplied by; 1 where they are just as wanted."""
    strength = np.maximum(held[0], 1e-9 * max(float(held[0].max()), 1e-12))
    least = max(wanted[0], 1e-3 * float(strength.max()))
    related = sum((mine / strength - its / least) ** 2 for mine, its in zip(held[1:], wanted[1:], strict=True))
    factor: Values = 1 + GRAIN * np.log(strength / least) ** 2 + TEXTURE * related
    return factor


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
