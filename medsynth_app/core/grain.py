"""The grain of a picture, which is what is finer than `LOW_PASS`: measured, and drawn like that around."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy  # loads its parts when they are first used: not for the window's first frame

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating[Any]]

LOW_PASS = 2.0  # sigma in pixels between structure and grain
LIMITS = 0.8, 1.25  # of the ratio of two grains that look alike
REACH = 6
LEAST = 64  # pixels that a grain is taken from
LAGS = 12  # pixels over which grain is related to itself
NEAR = 0.5  # spreads of the grain, which is what it leaves of itself in the structure
CLIPPED, EDGE = 3.0, 5.0  # spreads: what is more may be an edge, and is one
PASSES = 8
UNSTABLE = 0.1  # share of the power that the high-pass leaves, below which it is not undone


@dataclass(frozen=True, eq=False)
class Split:
    """A part of a picture as structure and grain.

    Attributes
    ----------
    where
        The part, bool (h, w).
    structure, fine
        What is coarser and what is finer than `LOW_PASS`, float64 (h, w), together the picture; 0 beside the part.
    """

    where: Mask
    structure: npt.NDArray[np.float64]
    fine: npt.NDArray[np.float64]

    @staticmethod
    def of(values: Floats, where: Mask) -> Split:
        """Of the pixels `where`; those beside them have no part in it."""
        structure = np.where(where, smooth(np.where(where, values, 0.0), where, LOW_PASS), 0.0)
        return Split(where, structure, np.where(where, values - structure, 0.0))

    @property
    def grain(self) -> float:
        """Standard deviation of what is fine."""
        return spread(self.fine[self.where])

    def alike(self, other: Split, among: Mask) -> Mask:
        """Those of the pixels `among` whose structure is about that of another part; all where too few are."""
        low, high = np.percentile(other.structure[other.where], [5, 95])
        room = NEAR * spread(self.fine[among])
        found: Mask = among & (self.structure >= low - room) & (self.structure <= high + room)
        return found if np.count_nonzero(found) >= LEAST else among


def smooth(values: npt.NDArray[Any], weight: npt.NDArray[Any], sigma: float) -> npt.NDArray[np.float64]:
    """Gaussian mean of (h, w) or (h, w, channels) over the pixels that count, by `weight` (h, w); 0 far from them."""
    share = weight.astype(np.float64)
    total = np.maximum(scipy.ndimage.gaussian_filter(share, sigma), 1e-9)
    if values.ndim == 3:
        summed = scipy.ndimage.gaussian_filter(values * share[..., None], (sigma, sigma, 0))
        mean: npt.NDArray[np.float64] = summed / total[..., None]
        return mean
    mean = scipy.ndimage.gaussian_filter(values * share, sigma) / total
    return mean


def surroundings(mask: Mask) -> Mask:
    """What lies round a region, (h, w): `REACH` pixels wide, half its radius where that is more."""
    reach = max(REACH, math.sqrt(np.count_nonzero(mask) / math.pi) / 2)
    found: Mask = ~mask & (scipy.ndimage.distance_transform_edt(~mask) <= reach)
    return found


def spread(values: Floats) -> float:
    """Standard deviation of normal values, robust against a few that are not (1.4826 times the median deviation)."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values)))) if values.size else 0.0


def regrain(drawn: Floats, original: Floats, mask: Mask, seed: int = 0) -> npt.NDArray[np.float64]:
    """Give what was drawn the grain of what surrounds it, in strength, in spectrum and in colour.

    What lacks is added as noise of random phase with the spectrum of the surroundings' grain, where their tissue is
    like the one drawn. What is too much is taken from the grain of grey pictures, while edges stay; in colour it is
    texture as often as grain, and stays too.

    Parameters
    ----------
    drawn, original
        (h, w) or (h, w, channels), in the same units. `drawn` counts inside the mask, `original` outside.
    seed
        Of the noise.

    Returns
    -------
    float64, shape of `drawn`, as that outside the mask; unchanged where there are too few surroundings.
    """
    result = drawn.astype(np.float64)
    around = surroundings(mask)
    if not mask.any() or np.count_nonzero(around) < LEAST:
        return result
    theirs = [Split.of(layer, ~mask) for layer in _layers(original)]
    mine = [Split.of(layer, mask) for layer in _layers(result)]
    near = _alike(theirs, mine, around)
    wanted = [spread(part.fine[near]) for part in theirs]
    if drawn.ndim == 2:
        mine = [_calmed(result, mine[0], wanted[0])]
    lacks = [max(goal**2 - part.grain**2, 0.0) for goal, part in zip(wanted, mine, strict=True)]
    if any(lacks):
        fine = np.stack([np.clip(part.fine, -CLIPPED * goal, CLIPPED * goal)
                         for part, goal in zip(theirs, wanted, strict=True)], axis=-1)
        noise = _noise_like(fine, _alike(theirs, mine, ~mask), seed)
        for layer, added, lack in zip(_layers(result), _layers(noise), lacks, strict=True):
            strength = Split.of(added, mask).grain
            if lack and strength > 0:
                layer[mask] += added[mask] * (np.sqrt(lack) / strength)
    return result


def _layers(values: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """The channels of (h, w) or (h, w, channels); what is written to them is written to `values`."""
    return [values] if values.ndim == 2 else [values[..., k] for k in range(values.shape[2])]


def _alike(theirs: Sequence[Split], mine: Sequence[Split], among: Mask) -> Mask:
    """Those of the pixels `among` that are like what was drawn in every channel; all where too few are."""
    found = among.copy()
    for part, other in zip(theirs, mine, strict=True):
        found &= part.alike(other, among)
    return found if np.count_nonzero(found) >= LEAST else among


def _calmed(result: npt.NDArray[np.float64], mine: Split, wanted: float) -> Split:
    """Take from a grey picture the grain that is too much, in place; what is left of its parts."""
    mask = mine.where
    edges = np.abs(mine.fine) > EDGE * mine.grain
    even = mask & ~scipy.ndimage.binary_dilation(edges, iterations=round(2 * LOW_PASS)) if edges.any() else mask
    for _ in range(PASSES):  # the structure of a picture without grain has some again, but less
        if mine.grain <= wanted * LIMITS[1]:
            break
        result[even] -= (1 - wanted / mine.grain) * mine.fine[even]
        mine = Split.of(result, mask)
    return mine


def _noise_like(fine: npt.NDArray[np.float64], where: Mask, seed: int) -> npt.NDArray[np.float64]:
    """Noise, (h, w, channels), related from pixel to pixel and from channel to channel as `fine` is `where`.

    The principal components of the channels are drawn each by itself (Heeger and Bergen, SIGGRAPH 1995).
    """
    rng = np.random.default_rng(seed)
    _, axes = np.linalg.eigh(np.atleast_2d(np.cov(fine[where], rowvar=False)))
    components = _layers(fine @ axes)
    noise: npt.NDArray[np.float64] = np.stack([_component_like(part, where, rng) for part in components], -1) @ axes.T
    return noise


def _component_like(fine: npt.NDArray[np.float64], where: Mask, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Noise, shape (h, w) of `fine`, whose grain is related to itself from pixel to pixel as it is `where`."""
    shape = fine.shape
    size = tuple(scipy.fft.next_fast_len(edge + 2 * LAGS, real=True) for edge in shape)
    related = scipy.fft.irfft2(np.abs(scipy.fft.rfft2(np.where(where, fine, 0.0), size)) ** 2, size)
    pairs = scipy.fft.irfft2(np.abs(scipy.fft.rfft2(where.astype(np.float64), size)) ** 2, size)
    lags = [np.minimum(np.arange(edge), edge - np.arange(edge)) for edge in size]
    # fades out where pairs are few, so that the spectrum is smooth
    fading = np.multiply.outer(*(np.where(lag < LAGS, np.cos(np.pi / 2 * lag / LAGS) ** 2, 0) for lag in lags))
    power = scipy.fft.rfft2(related / np.maximum(pairs, 1.0) * fading).real.clip(0)
    down, across = np.meshgrid(scipy.fft.fftfreq(size[0]), scipy.fft.rfftfreq(size[1]), indexing="ij")
    passed = (1 - np.exp(-2 * (np.pi * LOW_PASS) ** 2 * (down**2 + across**2))) ** 2
    white = rng.standard_normal(size)
    noise = scipy.fft.irfft2(scipy.fft.rfft2(white) * np.sqrt(power / np.maximum(passed, UNSTABLE)), size)
    found: npt.NDArray[np.float64] = noise[:shape[0], :shape[1]]
    return found
