"""Put cells in the order in which an expert should label them, or try an order on cells whose classes are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medsynth_app.actions.out_folder import make_folder
from medsynth_app.actions.packs import list_packs
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.rank import RankRequest, SimulateRequest
from medsynth_app.formats.embeddings import read_encoder
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.ranking.catalogue import DEFAULT, STRATEGIES

MOST = 2**63 - 1
BUDGET = 100  # cells, where nobody says how many


def rank_request(embeddings: Path, strategy: str | None, budget: int | None, out: Path, *, labels: Path | None = None,
                 cells: Path | None = None, seed: int = 0, like: Sequence[str] = (), pages: int = 0) -> RankRequest:
    """All that a worker needs.

    Parameters
    ----------
    strategy, budget
        None: the usual one. Neither has a meaning for pages, and the strategy has none for what looks like an example.
    like
        Cells that the wanted ones look like, in place of a strategy.
    pages
        Above 0: so many pages of look-alikes, in place of a strategy.

    Raises
    ------
    UserError
        No such strategy or file, a budget below 1, pages below 0, options that contradict each other, an output that
        is no CSV.
    """
    _check(strategy or DEFAULT, seed=seed)
    if budget is not None and budget < 1:
        raise UserError(f"A budget of {budget} cells is none.", "Give 1 or more.")
    if pages < 0 or (pages and like):
        raise UserError("Cells like an example come in no groups." if like else f"{pages} pages are none.",
                        "Give --like alone, or --groups with 1 or more.")
    if strategy is not None and (pages or like):
        raise UserError("A strategy does not decide which cells look like one another, so --strategy would be ignored.",
                        f"Leave out --strategy, or {'--groups' if pages else '--like'}.")
    if budget is not None and pages:
        raise UserError("Pages are written whole, so --budget would be ignored.",
                        "Say with --groups how many pages are wanted, and leave out --budget.")
    if out.suffix != ".csv" or out.is_dir():
        raise UserError(f"The ranked cells cannot be written to {out.name}.", "Name a file that ends in .csv.")
    return RankRequest((_file(embeddings),), strategy or DEFAULT, budget or BUDGET, str(out.resolve()),
                       _file(labels) if labels else "", _file(cells) if cells else "", seed, tuple(like), pages)


def simulate_request(embeddings: Path, labels: Path | None, strategies: Sequence[str], out: Path, *, budget: int,
                     batch: int, seeds: int, imbalance: float = 1.0, rare: Sequence[str] = (),
                     groups: bool = False, taught: Sequence[str] | None = None) -> SimulateRequest:
    """All that a worker needs; "random" is always among the strategies.

    Parameters
    ----------
    labels
        None: the folders of the cells' files name their classes.
    taught
        As in `SimulateRequest`.

    Raises
    ------
    UserError
        No such strategy or file, numbers out of their range, a folder that cannot be written.
    """
    check_simulation(strategies, budget=budget, batch=batch, seeds=seeds, imbalance=imbalance)
    files = _file(embeddings), _file(labels) if labels else ""
    make_folder(out)
    return SimulateRequest(*files, tuple(dict.fromkeys(("random", *strategies))), budget, batch, seeds,
                           str(out.resolve()), imbalance, tuple(rare), groups,
                           None if taught is None else tuple(taught))


def labels_seen(embeddings: Path) -> tuple[str, ...] | None:
    """Classes whose labels the encoder of some embeddings saw; None where it is not installed, or does not tell."""
    name, sha256 = read_encoder(embeddings)
    packs = list_packs(kind="encoder")
    found = [pack for pack in packs if pack.manifest.sha256 == sha256] or \
            [pack for pack in packs if pack.manifest.name == name]
    return found[0].manifest.taught if found else None


def check_simulation(strategies: Sequence[str], **numbers: float) -> None:
    """Raise `UserError` for a strategy that is none, and for numbers below 1: before anything long begins."""
    for name in strategies:
        _check(name)
    for what, value in numbers.items():
        if not value >= 1:
            raise UserError(f"--{what} {value:g} is too small.", "Give 1 or more.")


def rank(queue: JobQueue, request: RankRequest | SimulateRequest, person: str = "") -> Changes:
    """Queue a run."""
    return Changes(jobs=(queue.submit(request, person=person),))


def _check(strategy: str, seed: int = 0) -> None:
    names = [entry.name for entry in STRATEGIES]
    if strategy not in names:
        raise UserError(f"There is no strategy {strategy!r}.", f"Known are: {', '.join(names)}.")
    if not 0 <= seed <= MOST:
        raise UserError(f"The seed {seed} is out of range.", f"Give 0 to {MOST}.")


def _file(path: Path) -> str:
    if not path.is_file():
        raise UserError(f"There is no file {path.name}.", "Give the file's name and place.")
    return str(path.resolve())
