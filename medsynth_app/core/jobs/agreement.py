"""Agreement: how far those who label agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.kind import JobKind, Outcome

WITHOUT = -1  # in `shown` and `predicted`: none


@dataclass(frozen=True, eq=False)
class AgreementRequest:
    """Compare labels; arrays hold one value for each answer, shape (n,), and travel as blobs.

    Attributes
    ----------
    cells, persons, answers
        Numbers from 0 of the cell, of who answered, and of the answer; int32.
    repeats
        Above 0 where the person was asked again; int32.
    control
        Whether the cell is of the control slice; bool.
    shown, predicted
        The answer that was suggested on the screen, and that of the classifier, seen or not; `WITHOUT` for none; int32.
    people, classes
        How many there are of each.
    out
        The JSON file that the worker writes (`core.agreement.AgreementReport`).
    seed
        Of the bootstrap.
    """

    cells: npt.NDArray[np.int32]
    persons: npt.NDArray[np.int32]
    answers: npt.NDArray[np.int32]
    repeats: npt.NDArray[np.int32]
    control: npt.NDArray[np.bool_]
    shown: npt.NDArray[np.int32]
    predicted: npt.NDArray[np.int32]
    people: int
    classes: int
    out: str
    seed: int = 0


def titled(request: AgreementRequest) -> str:
    return f"Agreement: {len(request.answers)} labels"


AGREEMENT = JobKind("agreement", AgreementRequest, Lane.INTERACTIVE, titled, "agreement", Outcome.FILE,
                    "Agreement was counted", short=True, smaller="fewer cells")
