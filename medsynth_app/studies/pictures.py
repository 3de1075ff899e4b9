"""Pictures and masks at another size, and how far masks agree."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from medsynth_app.evaluation.overlap import dice

Pictures = npt.NDArray[np.uint8]


QUALITY = 90  # of JPEG, as most real pictures were kept


def as_files(pictures: Pictures) -> Pictures:
    """Pictures (n, h, w, 3) as one and the same file format leaves them.

    Real ones were JPEG files once, drawn ones never: a network that compares them sees that first.
    """
    found = np.empty_like(pictures)
    for k, each in enumerate(pictures):
        written = io.BytesIO()
        Image.fromarray(each).save(written, "JPEG", quality=QUALITY, subsampling=0)
        with Image.open(written) as image:
            found[k] = np.asarray(image)
    return found


def resized(pictures: Pictures, size: int) -> Pictures:
    """(n, h, w, 3) uint8 at another size, Lanczos-resampled as the real ones are."""
    if pictures.shape[1:3] == (size, size):
        return pictures
    return np.stack([np.asarray(Image.fromarray(each).resize((size, size), Image.Resampling.LANCZOS))
                     for each in pictures])


def resized_masks(masks: Pictures, size: int) -> Pictures:
    """(n, h, w) labels at another size, nearest neighbour."""
    if masks.shape[1:] == (size, size):
        return masks
    return np.stack([np.asarray(Image.fromarray(each).resize((size, size), Image.Resampling.NEAREST))
                     for each in masks])


def mean_dice(found: Pictures, wanted: Pictures) -> npt.NDArray[np.float64]:
    """Per picture the mean Dice over the labels that are wanted in it, shape (n,); each needs one at least."""
    scores = []
    for one, other in zip(found, wanted, strict=True):
        labels = [label for label in np.unique(other).tolist() if label]
        scores.append(float(np.mean(list(dice(one, other, labels).values()))))
    return np.array(scores)
