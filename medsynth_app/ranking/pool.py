"""The cells that are chosen from, and the batch that is being chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from medsynth_app.ranking.catalogue import Reason
from medsynth_app.ranking.classifier import Linear, learn, softmax
from medsynth_app.ranking.features import Cells, Floats, squared_distances

UNLABELLED = -1
COMPARED = 2048  # cells before it that a cell is held against, the latest ones


@dataclass(frozen=True, eq=False)
class Pool:
    """All cells, with the labels that there are.

    Attributes
    ----------
    features
        Shape (n, d), float32, see `features.Axes`.
    labels
        Shape (n,): class of each cell, or `UNLABELLED`.
    classes
        How many classes there are.
    open
        Sorted indices of the cells that may be chosen: without a label, and near enough where only neighbours are
        looked at.
    images
        Which image each cell lies in, shape (n,); None: each in its own.
    confidence
        How sure the detector was of each cell, 0 to 1, shape (n,); None: of all alike.
    real
        Which cells are of real images, shape (n,); None: all.
    """

    features: Floats
    labels: npt.NDArray[np.int64]
    classes: int
    open: Cells
    images: npt.NDArray[np.int64] | None = None
    confidence: Floats | None = None
    real: npt.NDArray[np.bool_] | None = None

    @staticmethod
    def of(features: Floats, labels: npt.ArrayLike, classes: int,
           images: npt.NDArray[np.int64] | None = None, confidence: Floats | None = None,
           real: npt.NDArray[np.bool_] | None = None) -> Pool:
        """With every cell open that has no label.

        Raises
        ------
        ValueError
            Shapes that do not fit, labels outside the classes, features that are not finite.
        """
        given = np.asarray(labels, np.int64)
        if features.ndim != 2 or given.shape != (len(features),):
            raise ValueError(f"labels of the shape {given.shape} for features of the shape {features.shape}")
        if len(given) and not UNLABELLED <= given.min() <= given.max() < classes:
            raise ValueError(f"labels outside -1..{classes - 1}")
        if not np.isfinite(features).all():
            raise ValueError("features that are not finite")
        return Pool(features, given, classes, np.flatnonzero(given == UNLABELLED), images, confidence, real)

    @cached_property
    def labelled(self) -> Cells:
        """Indices of the cells with a label."""
        return np.flatnonzero(self.labels != UNLABELLED)

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """Labels of each class, shape (classes,)."""
        return np.bincount(self.labels[self.labelled], minlength=self.classes)

    @property
    def learnable(self) -> bool:
        """Whether labels of two classes are there."""
        return int((self.counts > 0).sum()) > 1

    @cached_property
    def model(self) -> Linear:
        """Learned from the labels; ValueError where not `learnable`."""
        return learn(self.features[self.labelled], self.labels[self.labelled], self.classes)

    @cached_property
    def logits(self) -> Floats:
        """Of the open cells, shape (len(open), classes)."""
        return self.model.logits(self.features[self.open])

    @cached_property
    def probabilities(self) -> Floats:
        """Of the open cells, shape (len(open), classes)."""
        return softmax(self.logits)

    @cached_property
    def first_two(self) -> npt.NDArray[np.int64]:
        """The likeliest and the second class of the open cells, shape (len(open), 2)."""
        found: npt.NDArray[np.int64] = np.argsort(-self.logits, axis=1)[:, :2]
        return found

    @cached_property
    def margins(self) -> Floats:
        """Of each open cell for each class: its score less the best of the others, shape (len(open), classes).

        0 is the limit of the class against all others.
        """
        rows, (first, second) = np.arange(len(self.open)), self.first_two.T
        best = self.logits[rows, first]
        found: Floats = self.logits - best[:, None]
        found[rows, first] = best - self.logits[rows, second]
        return found


@dataclass(frozen=True)
class Pick:
    """A chosen cell.

    Attributes
    ----------
    cell
        Its index in the pool.
    score
        What the strategy ordered it by; more is more useful, comparable within one strategy alone.
    classes
        Those that the reason names.
    """

    cell: int
    score: float
    reason: Reason
    classes: tuple[int, ...] = ()


class Batch:
    """Cells chosen so far, in their order: none twice, and none that is nearly the same as one before it.

    Parameters
    ----------
    count
        How many are wanted.
    radius
        Squared distance below which two cells are nearly the same (`features.copy_radius`).
    """

    def __init__(self, pool: Pool, count: int, radius: float) -> None:
        self._pool, self.count, self._radius = pool, count, radius
        self.picks: list[Pick] = []
        self.copies: list[Pick] = []  # put off: they come after all others
        self._seen: set[int] = set()
        known = pool.features[pool.labelled]
        self._near = np.empty((len(known) + count, pool.features.shape[1]), np.float32)
        self._near[:len(known)], self._filled = known, len(known)

    @property
    def full(self) -> bool:
        return len(self.picks) >= self.count

    @property
    def cells(self) -> list[int]:
        return [pick.cell for pick in self.picks]

    def holds(self, cell: int) -> bool:
        """Whether it has been offered before."""
        return cell in self._seen

    def take(self, cell: int, score: float, reason: Reason, classes: Sequence[int] = ()) -> bool:
        """Append a cell; False where it was offered before, is nearly a copy, or the batch is full."""
        cell = int(cell)
        if self.full or cell in self._seen:
            return False
        self._seen.add(cell)
        feature = self._pool.features[cell:cell + 1]
        if self._radius > 0 and self._filled:
            before = self._near[max(0, self._filled - COMPARED):self._filled]
            if float(squared_distances(feature, before).min()) < self._radius:
                self.copies.append(Pick(cell, float(score), Reason.COPY))
                return False
        self._near[self._filled], self._filled = feature[0], self._filled + 1
        self.picks.append(Pick(cell, float(score), reason, tuple(int(each) for each in classes)))
        return True

    def take_all(self, cells: Iterable[int], scores: Iterable[float], reason: Reason,
                 classes: Iterable[Sequence[int]]) -> None:
        """Append cells in this order, until the batch is full."""
        for cell, score, named in zip(cells, scores, classes, strict=True):
            if self.full:
                return
            self.take(cell, score, reason, named)
