"""The job that lets an oracle label: learning curves of all strategies on cells whose classes are known."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.rank import SimulateRequest
from medsynth_app.engine.job import Job
from medsynth_app.engine.simulate_report import summarised, summarised_groups, write_report
from medsynth_app.formats.cell_tables import CellTable, read_cells
from medsynth_app.formats.embeddings import Embeddings, read_embeddings
from medsynth_app.ranking.simulate import Curve, LabelledCells, rare_pool, simulate
from medsynth_app.ranking.simulate_groups import GroupRun, simulate_groups

FORMAT = "medsynth-simulation/1"
TEST = 0.3  # of the patients, else cells, where no parts are given
GROUPS = "in groups"
FEWEST = 5  # cells of a class on each side


def run(request: SimulateRequest, job: Job) -> None:
    """Do a job of the kind "simulate-labelling".

    Writes ``summary.json``, ``curves.csv`` and ``curves.png``, of groups ``pages.csv`` too; emits an
    ``EventKind.RESULT`` with the data out, pool, held_out and summary.

    Raises
    ------
    UserError
        Files that cannot be read or written; fewer than two classes, or a class with too few cells on a side.
    Cancelled
        Between two batches.
    """
    job.started("CPU", "float32")
    held = read_embeddings(Path(request.embeddings))
    pool, held_out, classes = _sides(held, read_cells(Path(request.labels)) if request.labels else _by_folder(held))
    named = np.isin(classes, request.rare)
    if named.sum() < len(request.rare) or named.all():
        raise UserError("The classes that shall be rare are not some of those in the labels.",
                        f"Name some of: {', '.join(classes)}.")
    runs = [*request.strategies, *([GROUPS] if request.groups else ())]
    curves: list[Curve] = []
    groups: list[GroupRun] = []

    def watched(seed: int, name: str, wanted: int) -> Callable[[int], None]:
        done = seed * len(runs) + runs.index(name)

        def checkpoint(labels: int) -> None:
            if job.cancelled():
                raise Cancelled
            job.emit(JobEvent(job.id, EventKind.PROGRESS, step=1000 * done + 1000 * min(labels, wanted) // wanted,
                              steps=1000 * len(runs) * request.seeds, message=f"{name}, seed {seed}"))

        return checkpoint

    for seed in range(request.seeds):
        chosen, rare = rare_pool(pool.labels, len(classes), request.imbalance, np.random.default_rng(seed),
                                 named if named.any() else None)
        cells = LabelledCells(pool.embeddings[chosen], pool.labels[chosen])
        wanted = min(request.budget, len(chosen))
        for name in request.strategies:
            curves.append(simulate(cells, held_out, len(classes), name, budget=request.budget, batch=request.batch,
                                   seed=seed, rare=rare, checkpoint=watched(seed, name, wanted)))
        if request.groups:
            groups.append(simulate_groups(cells, held_out, len(classes), budget=request.budget, seed=seed,
                                          batch=request.batch, checkpoint=watched(seed, GROUPS, wanted)))
    summary = {"format": FORMAT, "classes": classes, "pool": len(pool.labels), "held_out": len(held_out.labels),
               "budget": request.budget, "batch": request.batch, "seeds": request.seeds,
               "imbalance": request.imbalance, "rare": list(request.rare),
               "strategies": {name: summarised([each for each in curves if each.strategy == name])
                              for name in request.strategies}}
    summary["warning"] = _warning(held.encoder, classes, request.taught)
    if groups:
        summary["groups"] = summarised_groups(groups)
    write_report(Path(request.out), summary, curves, groups)
    job.emit(JobEvent(job.id, EventKind.RESULT, step=1, steps=1,
                      data={"out": request.out, "pool": len(pool.labels), "held_out": len(held_out.labels),
                            "summary": summary}))


def _warning(encoder: str, classes: list[str], taught: tuple[str, ...] | None) -> str:
    """What must be known before the figures are believed; "" for nothing."""
    if taught is None:
        return (f"Whether {encoder} was taught these classes is not known. If it was, every order looks better than "
                "it is.")
    if not taught:
        return ""
    seen = [name for name in classes if name.casefold() in {each.casefold() for each in taught}]
    if not seen:  # other names may stand for the same cells
        return (f"{encoder} was taught {', '.join(taught)} by labels. If cells of these classes have other names here, "
                "every order looks better than it is.")
    return (f"{encoder} was taught {', '.join(seen)} by labels, so every order looks better here than it is. Use an "
            "encoder that saw no label.")


def _sides(held: Embeddings, table: CellTable) -> tuple[LabelledCells, LabelledCells, list[str]]:
    """The pool, the cells held out, and the names of the classes.

    Held out is what the column ``split`` calls "test"; without it about `TEST` of the patients, else of the cells, by
    a hash of their names.
    """
    labels = table.labels()
    rows = [(k, name) for k, name in enumerate(held.ids) if name in labels]
    classes = sorted({labels[name] for _k, name in rows})
    if len(classes) < 2:
        raise UserError(f"The labels name {len(classes)} class{'es' * (len(classes) != 1)} of these cells.",
                        "A simulation needs cells of at least two classes, named as in the embeddings.")
    has_parts = "split" in table.columns
    tested = np.array([table.rows[name].get("split") == "test" if has_parts
                       else _drawn(table.rows[name].get("patient") or name) for _k, name in rows])
    code = {name: k for k, name in enumerate(classes)}
    truth = np.array([code[labels[name]] for _k, name in rows])
    where = np.array([k for k, _name in rows])
    for side, chosen in (("to choose from", ~tested), ("held out", tested)):
        few = np.flatnonzero(np.bincount(truth[chosen], minlength=len(classes)) < FEWEST)
        if len(few):
            raise UserError(f"Only a few cells of the class {classes[few[0]]} are {side}.",
                            f"Give at least {FEWEST} of each class on either side.")
    return (LabelledCells(held.values[where[~tested]], truth[~tested]),
            LabelledCells(held.values[where[tested]], truth[tested]), classes)


def _by_folder(held: Embeddings) -> CellTable:
    """The labels that the folders' names are."""
    return CellTable(("file", "class"), {name: {"file": name, "class": PurePosixPath(name).parent.name}
                                         for name in held.ids})


def _drawn(name: str) -> bool:
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 2**32 < TEST
