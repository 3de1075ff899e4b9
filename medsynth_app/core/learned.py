"""What was learned from labels, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

NONE = -1  # in an array of indices


@dataclass(frozen=True)
class Share:
    """A share or score with its interval, of 95 % where nothing else is said, and how many cells stand behind it."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Scores:
    """How well cells are named by a classifier that never saw their labels.

    Attributes
    ----------
    macro_f1, balanced_accuracy
        Over the classes that occur; intervals by bootstrap over the cells.
    recall
        Of each class, Wilson's interval; None for a class without labels.
    confusion
        Counts: a row for each class as labelled, a column for each as named.
    """

    macro_f1: Share
    balanced_accuracy: Share
    recall: tuple[Share | None, ...]
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class CurvePoint:
    """Macro-F1 when `labels` real cells had been labelled alone, whatever else taught by then; its standard error."""

    labels: int
    macro_f1: float
    error: float


@dataclass(frozen=True)
class Saved:
    """How many labels by chance would hold as many of every class, taken together (`ranking.progress.saved`).

    Attributes
    ----------
    given
        Labels that were given to real cells alone.
    random, low, high
        Labels that chance would need, and the 95 % interval; `high` None: perhaps more than there are cells.
    """

    given: int
    random: int
    low: int
    high: int | None


@dataclass(frozen=True)
class Report:
    """What is told of a classifier.

    Attributes
    ----------
    labels
        That taught it, of each class.
    scores
        On all real cells that were labelled alone. None: none, or too few to leave some out; no score is shown.
    control
        On the labelled cells of the control slice, which chance drew: what to expect of cells that nobody chose.
    curve
        On the cells of `scores`, which a strategy chose for being hard: the truth on all cells is higher. Empty where
        the order of the labels is not known.
    gain
        What the last doubling of the labels brought, its 90 % interval, and the cells behind it; None without a curve.
    grouped, generated
        Labels that taught but are in no score, curve or saving: of real cells, given to a page as a whole; of generated
        cells.
    flat
        More labels of this kind teach little (`evaluation.learning_curve` states the rule).
    unseen
        Share of cells whose class nobody has met yet, up to its upper bound; None without labels by chance.
    saved
        None where it cannot be said.
    temperature
        What scores are divided by to make probabilities; None while there is no classifier.
    """

    labels: tuple[int, ...]
    scores: Scores | None = None
    control: Scores | None = None
    curve: tuple[CurvePoint, ...] = ()
    gain: Share | None = None
    flat: bool = False
    unseen: Share | None = None
    saved: Saved | None = None
    temperature: float | None = None
    grouped: int = 0
    generated: int = 0


@dataclass(frozen=True, eq=False)
class Learned:
    """What a job of the kind "learn" found; n cells, k classes.

    Attributes
    ----------
    classes
        As they were asked with.
    order, scores
        The cells to label next, the most useful first, and what the strategy ordered them by: int32 and float32, (m,).
    reasons, reason_classes
        Why each stands there (`ranking.catalogue.Reason`, as text), and the classes that the reason names, or `NONE`:
        int32, (m, 2).
    probabilities
        Of each class, calibrated: float16, (n, k). Shape (0, k) while fewer than two classes have labels.
    groups
        Likeliest class of each cell, or number of its cluster while there are no probabilities: int32, (n,).
    positions
        Place in its group, like beside like: int32, (n,).
    neighbours
        Labelled cells most like each, the nearest first, filled up with `NONE`: int32, (n, q).
    map
        Where each cell lies on a map of likeness, x and y from 0 to 1: float32, (n, 2).
    suspects, suspect_classes
        Labelled cells whose label may be wrong, the likeliest first, and the class that the others' labels speak for:
        int32, (s,).
    """

    classes: tuple[str, ...]
    order: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]
    reasons: tuple[str, ...]
    reason_classes: npt.NDArray[np.int32]
    probabilities: npt.NDArray[np.float16]
    groups: npt.NDArray[np.int32]
    positions: npt.NDArray[np.int32]
    neighbours: npt.NDArray[np.int32]
    map: npt.NDArray[np.float32]
    suspects: npt.NDArray[np.int32]
    suspect_classes: npt.NDArray[np.int32]
    report: Report

    def __post_init__(self) -> None:
        cells, ranked = len(self.groups), len(self.order)
        wanted = {"scores": (ranked,), "reason_classes": (ranked, 2), "positions": (cells,), "map": (cells, 2),
                  "suspect_classes": self.suspects.shape}
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} of the shape {getattr(self, name).shape}, not {shape}")
        if len(self.reasons) != ranked or self.neighbours.shape[:1] != (cells,) \
                or self.probabilities.shape not in ((0, len(self.classes)), (cells, len(self.classes))):
            raise ValueError("arrays that do not belong to one set of cells")
