"""The table of all kinds of job. Whoever adds one adds its line here, its file beside this one, and its engine."""

from __future__ import annotations

from typing import Any

from medsynth_app.core.jobs.agreement import AGREEMENT
from medsynth_app.core.jobs.data import DATA
from medsynth_app.core.jobs.detect import DETECT
from medsynth_app.core.jobs.embed import EMBED
from medsynth_app.core.jobs.generate import GENERATE
from medsynth_app.core.jobs.inpaint import INPAINT
from medsynth_app.core.jobs.kind import JobKind, Outcome
from medsynth_app.core.jobs.learn import LEARN
from medsynth_app.core.jobs.make import MAKE
from medsynth_app.core.jobs.rank import RANK, SIMULATE
from medsynth_app.core.jobs.study import STUDY
from medsynth_app.core.jobs.train import TRAIN

KINDS: dict[str, JobKind[Any]] = {kind.name: kind for kind in (
    INPAINT, GENERATE, MAKE, TRAIN, DATA, EMBED, STUDY, DETECT, RANK, SIMULATE, LEARN, AGREEMENT)}


def kind_of(request: object) -> JobKind[Any]:
    """The kind of a request; KeyError for what is none."""
    for kind in KINDS.values():
        if kind.request is type(request):
            return kind
    raise KeyError(type(request).__name__)


def outcome_of(name: str) -> Outcome | None:
    """What a job of the kind with this name leaves behind; None for a kind that this version does not know."""
    kind = KINDS.get(name)
    return kind.outcome if kind is not None else None
