"""Alike: the cells of a set that look like an example."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.kind import JobKind, Outcome


@dataclass(frozen=True, eq=False)
class AlikeRequest:
    """Find the cells that look like one of some examples.

    Attributes
    ----------
    embeddings, ids
        As in `LearnRequest`.
    examples
        Their places among the cells, shape (m,), int32.
    count
        How many cells are wanted at most. Those that nearly repeat one another stand for each other.
    """

    embeddings: tuple[str, ...]
    examples: npt.NDArray[np.int32]
    count: int = 60
    ids: npt.NDArray[np.bytes_] | None = None


def titled(request: AlikeRequest) -> str:
    return f"Find cells like {'this one' if len(request.examples) == 1 else f'these {len(request.examples)}'}"


ALIKE = JobKind("alike", AlikeRequest, Lane.INTERACTIVE, titled, "alike", Outcome.FILE, "Cells that look alike were "
                "found", short=True)
