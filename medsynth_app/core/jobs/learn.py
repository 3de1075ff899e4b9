"""Learn: what the labels that there are teach, and which cells to label next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.kind import JobKind, Outcome

WITHOUT = -1  # in `labels`: no label that teaches; in `given`: no label


@dataclass(frozen=True, eq=False)
class LearnRequest:
    """Learn from the labels of a set of cells, rank those without one, and say how good the classifier is.

    Arrays hold one value for each cell, in the order of `ids`; they travel as blobs.

    Attributes
    ----------
    embeddings
        Files ``.npz`` (see `formats.embeddings`) of one encoder.
    classes
        Ids of all classes of the schema.
    labels
        Index into `classes` of each cell, or `WITHOUT`; shape (n,), int32.
    control
        Cells of the control slice: drawn by chance from the real ones, and asked in an order by chance whatever a
        strategy thinks of them; shape (n,), bool. They teach, but are never ranked: who asks mixes them in.
    real
        Cells of real images, shape (n,), bool. Others teach, but nothing is scored on them.
    ignored
        Cells that were answered otherwise (no cell, implausible, not sure, skipped), shape (n,), bool. They neither
        teach nor are they ranked.
    strategy, count
        Its name in `ranking.catalogue`, and how many cells are to be ranked.
    out
        The file ``learned.npz`` that the worker writes (see `formats.learned`).
    before
        One of the same cells from before, whose map is kept; empty: the map is made anew, which takes longest.
    images
        Which image each cell lies in, shape (n,), int32: cells of one image are never on both sides of a score.
        None: each in its own.
    confidence
        How sure the detector was of each cell, 0 to 1, shape (n,), float32; None: of all alike.
    given
        Place of each label in the order in which they were given, or `WITHOUT`; shape (n,), int32. None: no learning
        curve, and no advice to stop.
    grouped
        Cells whose label was given to a page as a whole, shape (n,), bool. They teach, but nothing is scored or
        calibrated on them: a page holds what the classifier was sure of, and strangers that were seen on it have no
        label, also among the cells that were looked at large. None: no cell.
    ids
        What each cell is called in the embeddings, UTF-8, shape (n,); other rows there are passed over. None: the
        embeddings are one file, and in order.
    weights
        Of the strategy (`StrategyEntry.weights`); empty: as usual.
    seed
        Of all that is chosen by chance.
    """

    embeddings: tuple[str, ...]
    classes: tuple[str, ...]
    labels: npt.NDArray[np.int32]
    control: npt.NDArray[np.bool_]
    real: npt.NDArray[np.bool_]
    ignored: npt.NDArray[np.bool_]
    strategy: str
    count: int
    out: str
    before: str = ""
    images: npt.NDArray[np.int32] | None = None
    confidence: npt.NDArray[np.float32] | None = None
    given: npt.NDArray[np.int32] | None = None
    grouped: npt.NDArray[np.bool_] | None = None
    ids: npt.NDArray[np.bytes_] | None = None
    weights: tuple[float, ...] = ()
    seed: int = 0


def titled(request: LearnRequest) -> str:
    return f"Learn: {int((request.labels >= 0).sum())} labels of {len(request.labels)} cells"


LEARN = JobKind("learn", LearnRequest, Lane.INTERACTIVE, titled, "learn", Outcome.LEARNED,
                "The labels were learned from", short=True, smaller="fewer cells")
