"""Where a study paints in real pictures."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.draw import ellipse

from medsynth_app.studies.bench import Mask
from medsynth_app.studies.domain import Pictures

TRIES = 200


def brush_of(size: int) -> int:
    """How far a person paints over the rim, in pixels of a picture of that edge."""
    return max(1, round(size / 64))


def brushed(mask: Mask) -> Mask:
    """What a person paints to cover a mask (h, w)."""
    grown: Mask = ndimage.binary_dilation(mask, iterations=brush_of(mask.shape[0]))
    return grown


def plain_place(frame: Pictures, mask: Mask, rng: np.random.Generator,
                radii: tuple[float, float] = (0.125, 0.2)) -> Mask | None:
    """An ellipse with radii of such shares of the frame: beside the object, off the dark border; None: no room."""
    size = mask.shape[0]
    taken = brushed(mask) | (frame.max(axis=2) < 40)
    for _ in range(TRIES):
        across = rng.uniform(*radii, size=2) * size
        row, column = rng.uniform(across.max(), size - across.max(), size=2)
        place = np.zeros_like(mask)
        place[ellipse(row, column, across[0], across[1], shape=mask.shape, rotation=rng.uniform(0, np.pi))] = True
        if not (place & taken).any():
            return place
    return None
