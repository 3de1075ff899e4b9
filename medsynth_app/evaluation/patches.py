"""The sliced Wasserstein distance of small patches: how far two sets of pictures lie apart, in no learned space.

Rabin et al. 2012 (doi 10.1007/978-3-642-24785-9_37) compare clouds of points along many random directions, in each of
which the best assignment is a sort. Karras et al. 2018 (arXiv 1710.10196, section 5) take patches of 7 x 7 pixels from
every level of a Laplacian pyramid (Burt and Adelson 1983) as points: the finest level tells of grain and edges, the
coarsest, of 16 pixels, of layout and colour. Nothing in it was learned, so it serves every kind of picture, needs no
weights, and no model can have been fitted to it. It sees no class and no anatomy: two sets may be close and their
pictures still be wrong in a way that an expert sees.

It differs from Karras et al. in one point. They bring the patches of either set to mean 0 and spread 1 by that set's
own mean and spread, so that a shift of colour or a lack of contrast changes nothing. Here both are measured by the
spread of the same real pictures.

The distance of two sets of the SAME kind of pictures is not 0 and falls with their number: read it only beside that of
two real sets of that number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

EDGE = 7  # px of a patch
COARSEST = 16  # px of the last level at the least
PATCHES = 128  # of a picture at a level
DIRECTIONS = 256
LEAST_SPREAD = 0.5  # grey values; below lies what rounding to 8 bits leaves
BINOMIAL = np.array([1, 4, 6, 4, 1], np.float32) / 16

Pictures8 = npt.NDArray[np.uint8]
Floats32 = npt.NDArray[np.float32]


class PatchSpace:
    """Places, directions and units in which pictures of one size are compared.

    Parameters
    ----------
    reference
        Real pictures, uint8, shape (n, h, w, 3), n at least 1, h and w at least 16: the spread of each of their levels
        and channels is the unit.
    seed
        Of places and directions: equal seeds and references give equal spaces.

    Raises
    ------
    ValueError
        Pictures of another shape or kind.
    """

    def __init__(self, reference: Pictures8, seed: int = 0) -> None:
        self._shape = _checked(reference).shape[1:]
        rng = np.random.default_rng(seed)
        self._levels = []
        for level in _pyramid(reference):
            rows, columns = (edge - EDGE + 1 for edge in level.shape[1:3])
            places = np.sort(rng.permutation(rows * columns)[:PATCHES])
            directions = rng.normal(size=(EDGE * EDGE * level.shape[3], DIRECTIONS))
            directions /= np.linalg.norm(directions, axis=0)
            unit = np.maximum(level.std(axis=(0, 1, 2)), LEAST_SPREAD)
            self._levels.append((*np.divmod(places, columns), directions.astype(np.float32), unit))

    def described(self, pictures: Pictures8) -> tuple[Floats32, ...]:
        """Patches of pictures along every direction, of each level from the finest, in rising order.

        Parameters
        ----------
        pictures
            uint8, shape (n, h, w, 3) with the height and width of the reference.

        Returns
        -------
        One array per level, shape (directions, n * patches), in standard deviations of the reference's level.

        Raises
        ------
        ValueError
            Pictures of another shape or kind.
        """
        if _checked(pictures).shape[1:] != self._shape:
            raise ValueError(f"Pictures must be of the shape {self._shape} of the reference, not {pictures.shape[1:]}.")
        found = []
        for level, (rows, columns, directions, unit) in zip(_pyramid(pictures), self._levels, strict=True):
            windows = np.lib.stride_tricks.sliding_window_view(level / unit, (EDGE, EDGE), (1, 2))
            patches = windows[:, rows, columns].transpose(0, 1, 3, 4, 2).reshape(-1, len(directions))
            found.append(np.sort((patches @ directions).T, axis=1))
        return tuple(found)


def patch_distance(one: tuple[Floats32, ...], other: tuple[Floats32, ...]) -> float:
    """Sliced Wasserstein-1 distance of two sets that one `PatchSpace` has described, mean over levels and directions.

    Returns
    -------
    In standard deviations of the reference, 0 for equal sets, symmetric. Biased upward, the more so the fewer pictures.

    Raises
    ------
    ValueError
        Sets of different numbers of pictures, or from different spaces.
    """
    if [level.shape for level in one] != [level.shape for level in other]:
        raise ValueError("Both sets must come from one space and hold as many pictures.")
    return float(np.mean([np.abs(a - b).mean(dtype=np.float64) for a, b in zip(one, other, strict=True)]))


def _checked(pictures: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[3] != 3 or not len(pictures) \
            or min(pictures.shape[1:3]) < COARSEST:
        raise ValueError(f"Pictures must be uint8 of the shape (n, h, w, 3) with at least {COARSEST} px an edge, not "
                         f"{pictures.dtype} of {pictures.shape}.")
    return pictures


def _pyramid(pictures: Pictures8) -> list[Floats32]:
    """Laplacian levels from the finest, then what is left: of `COARSEST` pixels, at most twice as many."""
    levels, rest = [], pictures.astype(np.float32)
    while min(rest.shape[1:3]) >= 2 * COARSEST:
        smaller = _smoothed(rest)[:, ::2, ::2]
        levels.append(rest - _enlarged(smaller, rest.shape))
        rest = smaller
    return [*levels, rest]


def _enlarged(smaller: Floats32, shape: tuple[int, ...]) -> Floats32:
    spread = np.zeros(shape, np.float32)
    spread[:, ::2, ::2] = 4 * smaller
    return _smoothed(spread)


def _smoothed(pictures: Floats32) -> Floats32:
    for axis in (1, 2):
        around = [(0, 0)] * 4
        around[axis] = (2, 2)
        padded = np.pad(pictures, around, mode="reflect")
        ends = pictures.shape[axis]
        pictures = sum(weight * np.take(padded, range(k, k + ends), axis) for k, weight in enumerate(BINOMIAL))
    return pictures
