"""The job that counts how far those who label agree."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.core.agreement import FEWEST, FEWEST_ASKED, Again, Agreed, AgreementReport, Pair, Pull
from medsynth_app.core.files import writing
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.agreement import WITHOUT, AgreementRequest
from medsynth_app.core.learned import Share
from medsynth_app.engine.job import Job
from medsynth_app.evaluation.agreement import cohen_kappa, fleiss_kappa, share_difference
from medsynth_app.evaluation.intervals import Spread, wilson

UNNAMED = -1
Table = npt.NDArray[np.int64]


def run(request: AgreementRequest, job: Job) -> None:
    """Do a job of the kind "agreement"; emits an ``EventKind.RESULT`` with the data file."""
    job.started("CPU", "float64")
    report = counted(request)
    path = Path(request.out)
    with writing(path) as part:
        part.write_text(json.dumps(report.to_plain()), encoding="utf-8")
    job.emit(JobEvent(job.id, EventKind.RESULT, step=1, steps=1, data={"file": request.out}))


def counted(request: AgreementRequest) -> AgreementReport:
    """The report of a request."""
    rng = np.random.default_rng(request.seed)
    first = request.repeats == 0
    named = _named(request, first)
    by_chance = np.zeros(len(named), np.bool_)
    by_chance[request.cells[request.control]] = True
    together = (named != UNNAMED).sum(axis=1) > 1
    method = "" if request.people < 2 else "cohen" if request.people == 2 else "fleiss"
    pairs = []
    if request.people > 2:
        for one, other in combinations(range(request.people), 2):
            both = named[:, [one, other]]
            if len(rows := both[(both != UNNAMED).all(axis=1)]):
                pairs.append(Pair(one, other, _agreed(rows, request.classes, rng)))
    again = [_again(request, named, person) for person in range(request.people)]
    cells, same = sum(n for n, _same in again), sum(same for _n, same in again)
    return AgreementReport(
        request.people, method, _agreed(named[together], request.classes, rng),
        _agreed(named[together & by_chance], request.classes, rng), tuple(pairs),
        tuple(Again(person, n, _share(same, n)) for person, (n, same) in enumerate(again) if n),
        Again(WITHOUT, cells, _share(same, cells)), _pull(request, first))


def _named(request: AgreementRequest, which: npt.NDArray[np.bool_]) -> Table:
    """What each person called each cell; shape (cells, people)."""
    named = np.full((int(request.cells.max(initial=-1)) + 1, request.people), UNNAMED, np.int64)
    named[request.cells[which], request.persons[which]] = request.answers[which]
    return named


def _agreed(named: Table, classes: int, rng: np.random.Generator) -> Agreed:
    """Of cells that two or more have named."""
    if len(named) < FEWEST:
        return Agreed(len(named))
    if named.shape[1] == 2:
        counts = np.zeros((classes, classes), np.int64)
        np.add.at(counts, (named[:, 0], named[:, 1]), 1)
        kappa = cohen_kappa(counts, rng)
    else:
        counts = np.zeros((len(named), classes), np.int64)
        cell, person = np.nonzero(named != UNNAMED)
        np.add.at(counts, (cell, named[cell, person]), 1)
        kappa = fleiss_kappa(counts, rng)
    highest = named.max(axis=1, keepdims=True)
    same = ((named == highest) | (named == UNNAMED)).all(axis=1)
    return Agreed(len(named), _told(kappa) if kappa is not None else None, _told(wilson(int(same.sum()), len(named))))


def _again(request: AgreementRequest, named: Table, person: int) -> tuple[int, int]:
    """How many cells one person was asked again and had named before, and how many they named the same."""
    own = (request.repeats > 0) & (request.persons == person)
    before, now = named[request.cells[own], person], request.answers[own]
    known = before != UNNAMED
    return int(known.sum()), int((before == now)[known].sum())


def _pull(request: AgreementRequest, first: npt.NDArray[np.bool_]) -> Pull:
    shown = first & (request.shown != WITHOUT)
    unseen = first & (request.shown == WITHOUT) & (request.predicted != WITHOUT) & request.control
    with_it = int((request.answers == request.shown)[shown].sum()), int(shown.sum())
    without = int((request.answers == request.predicted)[unseen].sum()), int(unseen.sum())
    enough = min(with_it[1], without[1]) >= FEWEST_ASKED
    return Pull(with_it[1], without[1], _share(*with_it), _share(*without),
                _told(share_difference(with_it, without)) if enough else None)


def _share(successes: int, n: int) -> Share | None:
    return _told(wilson(successes, n)) if n >= FEWEST_ASKED else None


def _told(spread: Spread) -> Share:
    return Share(spread.mean, spread.low, spread.high, spread.n)
