"""Does an inpainted region's edge show? Held against the same contour drawn where nobody painted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from medsynth_app.core.blend import Mask, seam_measure
from medsynth_app.evaluation.arrays import Floats, vector

LEAST = 20  # references: fewer have no 95th percentile


def reference_seams(images: Sequence[npt.NDArray[Any]] | npt.NDArray[Any],
                    masks: Sequence[Mask] | npt.NDArray[np.bool_]) -> Floats:
    """The bench's own seam measure (`core.blend.seam_measure`) of every contour on every untouched image.

    Parameters
    ----------
    images
        k untouched images of one shape, (h, w) or (h, w, 3), in the same units as the painted ones.
    masks
        n boolean masks, each (h, w) and with a contour.

    Returns
    -------
    float64, shape (n, k): one row of references for each contour, as `within_95` takes them.

    Raises
    ------
    ValueError
        None of either, shapes that do not fit, values not finite, or a mask that is empty or covers everything.
    """
    if len(images) == 0 or len(masks) == 0:
        raise ValueError("At least one image and one mask are needed.")
    for image in images:
        if image.ndim not in (2, 3) or not np.isfinite(image).all():
            raise ValueError("Images must have the shape (rows, columns) or (rows, columns, 3) and finite values.")
    for mask in masks:
        if mask.dtype != np.bool_ or mask.all() or not mask.any():
            raise ValueError("Masks must be boolean and mark a part of the image: others have no contour.")
        if any(mask.shape != image.shape[:2] for image in images):
            raise ValueError(f"A mask of {mask.shape} does not fit all images.")
    return np.array([[seam_measure(image, mask) for image in images] for mask in masks], np.float64)


def seam_percentile(measure: float, reference_measures: npt.ArrayLike) -> float:
    """Where a seam stands among its references, 0 to 100: 50 = as any edge there, above 95 = it shows.

    Parameters
    ----------
    measure
        `core.blend.seam_measure` of the painted image.
    reference_measures
        Of the same contour on untouched images, shape (k,), k >= 20; ties count half.

    Raises
    ------
    ValueError
        Fewer than 20 references, or values that are not finite.
    """
    references = vector(reference_measures, "reference_measures", LEAST)
    value = vector([measure], "measure")[0]
    return float(stats.percentileofscore(references, value, kind="mean"))


def within_95(seams: npt.ArrayLike, references: npt.ArrayLike) -> float:
    """Share of seams that lie at or below the 95th percentile of their references; chance alone gives 0.95.

    Parameters
    ----------
    seams
        Shape (n,).
    references
        Shape (n, k): a row for each seam (`reference_seams`), or (k,): the same for all. k >= 20.

    Raises
    ------
    ValueError
        Shapes that do not fit, fewer than 20 references, or values that are not finite.
    """
    values, bounds = vector(seams, "seams"), np.asarray(references, np.float64)
    if bounds.ndim == 2 and len(bounds) != len(values):
        raise ValueError(f"{len(values)} seams but {len(bounds)} rows of references.")
    if bounds.ndim not in (1, 2) or bounds.shape[-1] < LEAST or not np.isfinite(bounds).all():
        raise ValueError(f"References must be finite, of shape (k,) or (seams, k), and k at least {LEAST}, "
                         f"not of shape {bounds.shape}.")
    return float((values <= np.quantile(bounds, 0.95, axis=-1)).mean())
