"""Does a generator repeat its training images? An indicator, never a proof of privacy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsynth_app.evaluation.arrays import Floats, features, same_space
from medsynth_app.evaluation.distances import nearest


@dataclass(frozen=True)
class Pair:
    """A synthetic image and the training image nearest to it; both are row numbers."""

    synthetic: int
    train: int
    distance: float
    ratio: float


@dataclass(frozen=True, eq=False)
class Memorisation:
    """How near synthetic images come to training images, held against unseen real ones.

    Attributes
    ----------
    indices
        Nearest training image of every synthetic one, int64, shape (n,).
    distances
        To it, float64, shape (n,), in units of the features.
    ratios
        The same over the median of the held-out images' distances, shape (n,): about 1 for a new image of the same
        kind, near 0 for a copy.
    threshold
        Only a share of `quantile` of held-out real images is nearer to a training image than this.
    share
        Of synthetic images below the threshold. As large as `quantile` is what chance gives; more is suspicious.
    held_out_share
        The same of the held-out images: equal to `quantile` by construction, but for rounding.
    quantile
        As asked for.
    """

    indices: npt.NDArray[np.int64]
    distances: Floats
    ratios: Floats
    threshold: float
    share: float
    held_out_share: float
    quantile: float

    @property
    def count(self) -> int:
        """Synthetic images below the threshold: what `intervals.wilson` asks for."""
        return int((self.distances < self.threshold).sum())

    def closest(self, n: int) -> list[Pair]:
        """The n pairs of smallest distance, nearest first: to be looked at by eye."""
        order = np.argsort(self.distances, kind="stable")[:max(n, 0)]
        return [Pair(int(row), int(self.indices[row]), float(self.distances[row]), float(self.ratios[row]))
                for row in order]


def memorisation(synthetic: npt.ArrayLike, train: npt.ArrayLike, held_out: npt.ArrayLike,
                 quantile: float = 0.01) -> Memorisation:
    """Distances of synthetic images to their nearest training image, against those of held-out real images.

    An indicator, never a proof of privacy: it sees what the encoder sees, and misses copies of parts, and turned or
    mirrored ones unless such views are given. The nearest pairs belong beside it; how common copies are in medical
    diffusion models: Dar et al. 2024, arXiv 2402.01054. It holds only where held-out images are of other patients
    than training images.

    Parameters
    ----------
    synthetic, train, held_out
        Features from one encoder, shapes (n, d), (t, d), (h, d); `train` is what the generator was trained on.
        Where it saw its images turned or mirrored, `synthetic` and `held_out` hold every such view of each image,
        shapes (v, n, d) and (v, h, d).
    quantile
        Of the held-out distances that sets the threshold; needs h >= 1 / quantile.

    Raises
    ------
    ValueError
        Quantile outside 0 to 1, too few held-out images for it, different encoders, values not finite, or held-out
        images that are copies of training images, so that nothing can be told.
    """
    if not 0 < quantile < 1:
        raise ValueError(f"The quantile must lie between 0 and 1, not {quantile}.")
    least = int(np.ceil(1 / quantile - 1e-9))
    reference = nearest_training_image(held_out, train, "held_out", least)[0]
    threshold, median = float(np.quantile(reference, quantile)), float(np.median(reference))
    if threshold == 0:
        raise ValueError("Held-out images are exact copies of training images: split the data by patient first.")
    distances, indices = nearest_training_image(synthetic, train)
    return Memorisation(indices, distances, distances / median, threshold,
                        share=float((distances < threshold).mean()),
                        held_out_share=float((reference < threshold).mean()), quantile=quantile)


def nearest_training_image(images: npt.ArrayLike, train: npt.ArrayLike, name: str = "synthetic",
                           least: int = 1) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Distance of every image to the training image that is nearest to any view of it, and which one that is.

    Parameters
    ----------
    images
        Features, shape (n, d), or (v, n, d) for v views of each image.
    name, least
        What to call `images` in an error, and the smallest n that makes sense.

    Returns
    -------
    float64 and int64, both of shape (n,).
    """
    seen = features(train, "train")
    several = np.asarray(images, dtype=np.float64)
    views = [features(view, name, least) for view in (several if several.ndim == 3 else several[None])]
    same_space(seen, *views)
    found = [nearest(view, seen, 1) for view in views]
    distances, indices = (np.stack([part[k][:, 0] for part in found]) for k in (0, 1))
    best = distances.argmin(axis=0)[None]
    return np.take_along_axis(distances, best, axis=0)[0], np.take_along_axis(indices, best, axis=0)[0]
