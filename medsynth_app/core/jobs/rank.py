"""Rank: the order in which an expert should label cells; and what an order would have saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.kind import JobKind, Outcome


@dataclass(frozen=True, eq=False)
class RankRequest:
    """Put the cells of files of embeddings in an order: by a strategy, by likeness, or in pages of look-alikes.

    Attributes
    ----------
    embeddings
        Files ``.npz`` (see `formats.embeddings`) of one encoder.
    strategy
        Its name in `ranking.catalogue`.
    budget
        How many cells are wanted at most; of pages all are written.
    out
        The file ``.csv`` that the worker writes.
    labels, cells
        Files ``.csv``: the labels that there are, and what else is known of the cells; empty for none.
    seed
        Of all that is chosen by chance.
    like
        Cells that the wanted ones look like; empty: the strategy counts.
    pages
        Above 0: so many pages of cells that are thought alike (`core.cell_page`), in place of a strategy.
    """

    embeddings: tuple[str, ...]
    strategy: str
    budget: int
    out: str
    labels: str = ""
    cells: str = ""
    seed: int = 0
    like: tuple[str, ...] = ()
    pages: int = 0


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
    taught
        Classes whose labels the encoder saw; () for none, None where that is not known.
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
    taught: tuple[str, ...] | None = None


def rank_titled(request: RankRequest) -> str:
    if request.like:
        return f"Find cells like {'this one' if len(request.like) == 1 else f'these {len(request.like)}'}"
    if request.pages:
        return f"Group cells: {request.pages} pages of look-alikes"
    return f"Rank: the {request.budget} cells to label first"


def rank_renewed(plain: Mapping[str, Any]) -> Mapping[str, Any]:
    """A request as it is now, from one that named its only file by a text."""
    named = plain["embeddings"]
    return {**plain, "embeddings": [named]} if isinstance(named, str) else plain


def simulate_titled(request: SimulateRequest) -> str:
    return f"Simulate labelling: {len(request.strategies)} strategies"


RANK = JobKind("rank", RankRequest, Lane.INTERACTIVE, rank_titled, "rank", Outcome.FILE, "Cells are ranked", short=True,
               smaller="fewer cells", renewed=rank_renewed)
SIMULATE = JobKind("simulate-labelling", SimulateRequest, Lane.BACKGROUND, simulate_titled, "simulate", Outcome.FILE,
                   "A simulation has ended", smaller="fewer cells")
