"""Rank: the order in which an expert should label cells; and what an order would have saved."""

from __future__ import annotations

from dataclasses import dataclass

from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.kind import JobKind, Outcome


@dataclass(frozen=True, eq=False)
class RankRequest:
    """Rank the cells of a file of embeddings.

    Attributes
    ----------
    embeddings
        The file ``.npz`` (see `formats.embeddings`).
    strategy
        Its name in `ranking.catalogue`.
    budget
        How many cells are wanted at most.
    out
        The file ``.csv`` that the worker writes.
    labels, cells
        Files ``.csv``: the labels that there are, and what else is known of the cells; empty for none.
    seed
        Of all that is chosen by chance.
    """

    embeddings: str
    strategy: str
    budget: int
    out: str
    labels: str = ""
    cells: str = ""
    seed: int = 0


@dataclass(frozen=True, eq=False)
class SimulateRequest:
    """Have an oracle label cells whose classes are known, in the order of each strategy.

    Attributes
    ----------
    embeddings
        The file ``.npz``.
    labels
        A file ``.csv``: class of each cell and, where known, its part (column ``split``) and ``patient``; empty: the
        cells are named by files, and the folder of each names its class.
    strategies
        Their names.
    budget, batch, seeds
        Labels in all and at a time; how many runs of each strategy.
    imbalance
        Above 1: half of the classes, others with each seed, are so much rarer than the other half.
    rare
        Names of the classes that are rarer, in place of half of them by chance.
    out
        Folder of the report.
    groups
        Have it label in groups too, with as many decisions as `budget`.
    """

    embeddings: str
    labels: str
    strategies: tuple[str, ...]
    budget: int
    batch: int
    seeds: int
    out: str
    imbalance: float = 1.0
    rare: tuple[str, ...] = ()
    groups: bool = False


def rank_titled(request: RankRequest) -> str:
    return f"Rank: the {request.budget} cells to label first"


def simulate_titled(request: SimulateRequest) -> str:
    return f"Simulate labelling: {len(request.strategies)} strategies"


RANK = JobKind("rank", RankRequest, Lane.INTERACTIVE, rank_titled, "rank", Outcome.FILE, "Cells are ranked", short=True)
SIMULATE = JobKind("simulate-labelling", SimulateRequest, Lane.BACKGROUND, simulate_titled, "simulate", Outcome.FILE,
                   "A simulation has ended")
