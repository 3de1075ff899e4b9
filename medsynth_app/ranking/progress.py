"""How far labels have led: the learning curve, whether it is flat, and what chance would have needed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsynth_app.core.learned import Saved
from medsynth_app.ranking.cross_fit import Labels, left_out
from medsynth_app.ranking.features import Floats

FIRST = 12  # labels at the first point of a curve at least
BY_CHANCE = 30  # labels by chance from which on it is said what chance would have needed
DRAWS = 4000


@dataclass(frozen=True, eq=False)
class Course:
    """What classifiers of more and more labels said.

    Attributes
    ----------
    labels
        How many of the tested cells had their label when each learned, rising; at the last all had.
    said
        Class that each tested cell was taken for, shape (points, tested).
    """

    labels: tuple[int, ...]
    said: npt.NDArray[np.int64]


def course(features: Floats, labels: Labels, given: Labels, classes: int, fold: npt.NDArray[np.int64],
           tested: npt.NDArray[np.bool_], last: npt.NDArray[np.int64]) -> Course:
    """Classifiers as they were when half of the tested cells had their label, a quarter, and so on.

    None learned from what it names. Labels of other cells teach from when they were given, and are not counted: else
    a page of sixty that one key labelled would look like sixty steps that teach little.

    Parameters
    ----------
    features, labels, given, fold
        Of labelled cells, shapes (m, d) and (m,); `given` is the place of each label in their order.
    tested
        Which cells are named, shape (m,).
    last
        What classifiers of all labels say of these.
    """
    turns = np.sort(given[tested])
    counts, said = [len(turns)], [last]
    while counts[-1] // 2 >= FIRST:
        counts.append(counts[-1] // 2)
        until = given <= turns[counts[-1] - 1]
        said.append(left_out(features, labels, classes, fold, until)[tested].argmax(axis=1))
    return Course(tuple(counts[::-1]), np.array(said[::-1]))


def saved(counts: npt.NDArray[np.integer], by_chance: npt.NDArray[np.integer], cells: int,
          rng: np.random.Generator, level: float = 0.95) -> Saved | None:
    """How many labels by chance would hold as many of every class, taken together; None before `BY_CHANCE` of them.

    A classifier that weighs all classes alike is limited by those of which it has few labels: sets are compared by the
    harmonic mean of their counts. How common each class is comes from the labels by chance, as a Dirichlet
    distribution over a flat prior, which draws it towards equal shares, that is to say the smaller saving. No class is
    counted that has no label.

    Held against the labels that chance needed for the same macro-F1, in simulated labelling of blood cells with a
    tenth by chance, at 320, 480 and 640 labels: on average it said at least 512, where chance needed 760 (balanced),
    and at least 568 for 1,135 (1 to 20); it said too many in 1 of 30 runs. An estimate from scores, by a power law
    through those of the control slice, had intervals from a tenth to a thousandfold.

    Parameters
    ----------
    counts, by_chance
        Labels of each class, in all and of the control slice, shape (classes,).
    cells
        How many there are: chance cannot need more labels.
    """
    seen = counts > 0
    if by_chance.sum() < BY_CHANCE or seen.sum() < 2:
        return None
    shares = rng.dirichlet(1 + by_chance[seen], DRAWS)
    needed = (1 / shares).sum(axis=1) / (1 / counts[seen]).sum()
    low, middle, high = np.quantile(needed, ((1 - level) / 2, 0.5, (1 + level) / 2))
    return Saved(int(counts.sum()), min(round(float(middle)), cells), min(round(float(low)), cells),
                 round(float(high)) if high <= cells else None)
