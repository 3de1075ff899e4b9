"""The job that lets an oracle label: learning curves of all strategies on cells whose classes are known."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.files import writing
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.rank import SimulateRequest
from medsynth_app.engine.job import Job
from medsynth_app.evaluation.intervals import over_seeds
from medsynth_app.formats.cell_tables import CellTable, read_cells
from medsynth_app.formats.embeddings import Embeddings, read_embeddings
from medsynth_app.ranking.catalogue import strategy_of
from medsynth_app.ranking.simulate import EARLY, Curve, LabelledCells, rare_pool, simulate

FORMAT = "medsynth-simulation/1"
TEST = 0.3  # of the patients, else cells, where no parts are given
FEWEST = 5  # cells of a class on each side


def run(request: SimulateRequest, job: Job) -> None:
    """Do a job of the kind "simulate-labelling".

    Writes ``summary.json``, ``curves.csv`` and ``curves.png``; emits an ``EventKind.RESULT`` with the data out,
    pool, held_out and summary.

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
    runs = len(request.strategies) * request.seeds
    curves: list[Curve] = []
    for seed in range(request.seeds):
        chosen, rare = rare_pool(pool.labels, len(classes), request.imbalance, np.random.default_rng(seed))
        cells = LabelledCells(pool.embeddings[chosen], pool.labels[chosen])
        wanted = min(request.budget, len(chosen))
        for name in request.strategies:
            def checkpoint(labels: int, name: str = name, seed: int = seed, wanted: int = wanted) -> None:
                if job.cancelled():
                    raise Cancelled
                job.emit(JobEvent(job.id, EventKind.PROGRESS, step=len(curves) * 1000 + 1000 * labels // wanted,
                                  steps=runs * 1000, message=f"{name}, seed {seed}"))
            curves.append(simulate(cells, held_out, len(classes), name, budget=request.budget, batch=request.batch,
                                   seed=seed, rare=rare, checkpoint=checkpoint))
    summary = {"format": FORMAT, "classes": classes, "pool": len(pool.labels), "held_out": len(held_out.labels),
               "budget": request.budget, "batch": request.batch, "seeds": request.seeds,
               "imbalance": request.imbalance,
               "strategies": {name: summarised([each for each in curves if each.strategy == name])
                              for name in request.strategies}}
    out = Path(request.out)
    try:
        with writing(out / "summary.json") as part:
            part.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
        with writing(out / "curves.csv") as part, part.open("w", newline="", encoding="utf-8") as stream:
            rows = csv.writer(stream)
            rows.writerow(("strategy", "seed", "labels", "macro_f1"))
            rows.writerows((each.strategy, each.seed, labels, f"{score:.4f}") for each in curves
                           for labels, score in zip(each.labels, each.macro_f1, strict=True))
        with writing(out / "curves.png") as part:
            plot(curves, part)
    except OSError as error:
        raise UserError(f"The report cannot be written to the folder {out.name}.", "Choose another folder.",
                        details=type(error).__name__) from error
    job.emit(JobEvent(job.id, EventKind.RESULT, step=runs, steps=runs,
                      data={"out": request.out, "pool": len(pool.labels), "held_out": len(held_out.labels),
                            "summary": summary}))


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


def summarised(curves: Sequence[Curve]) -> dict[str, Any]:
    """Figures of one strategy over its seeds.

    ``labels_to_90`` and ``labels_to_95`` are read off the mean curve (None: not within the budget); each has beside it
    what single seeds reached. Areas, recall and full scores are means with Student's interval.
    """
    title = strategy_of(curves[0].strategy).title
    labels = curves[0].labels[:min(len(each.labels) for each in curves)]
    scores = np.array([each.macro_f1[:len(labels)] for each in curves])
    full = float(np.mean([each.full for each in curves]))
    found: dict[str, Any] = {"title": title, "seeds": len(curves), "full": full,
                             "aulc": _interval([each.area for each in curves])}
    for share in (90, 95):
        reached = np.flatnonzero(scores.mean(axis=0) >= share / 100 * full)
        found[f"labels_to_{share}"] = int(labels[reached[0]]) if len(reached) else None
        found[f"labels_to_{share}_of_seeds"] = [each.labels_to(share / 100) for each in curves]
    if all(each.rare_found is not None for each in curves):
        found[f"rare_recall_at_{EARLY}"] = _interval([(each.rare_found or 0) / max(each.rare, 1) for each in curves])
        found[f"rare_found_at_{EARLY}"] = float(np.mean([each.rare_found or 0 for each in curves]))
    return found


def _interval(values: Sequence[float]) -> dict[str, float]:
    if len(values) < 2:
        return {"mean": float(values[0])}
    spread = over_seeds(values)
    return {"mean": spread.mean, "low": spread.low, "high": spread.high}


def plot(curves: Sequence[Curve], path: Path) -> None:
    """Mean curves with the standard error as a band, random in grey and dashed, the default in front."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(each.strategy for each in curves))
    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    for k, name in enumerate(names):
        ours = [each for each in curves if each.strategy == name]
        labels = np.array(ours[0].labels[:min(len(each.labels) for each in ours)])
        scores: npt.NDArray[np.float64] = np.array([each.macro_f1[:len(labels)] for each in ours])
        mean = scores.mean(axis=0)
        look: dict[str, Any] = ({"color": "0.45", "linestyle": "--"} if name == "random" else
                                {"color": "#0B7A83", "linewidth": 2.6} if name == "useful" else
                                {"color": f"C{k % 10}", "linewidth": 1.1, "linestyle": "-" if k < 10 else "-."})
        line, = axes.plot(labels, mean, label=strategy_of(name).title, **look)
        if len(ours) > 1:
            error = scores.std(axis=0, ddof=1) / np.sqrt(len(ours))
            axes.fill_between(labels, mean - error, mean + error, color=line.get_color(), alpha=0.12, linewidth=0)
    axes.axhline(float(np.mean([each.full for each in curves])), color="0.2", linewidth=0.8, linestyle=":")
    axes.set_xlabel("labels given")
    axes.set_ylabel("macro-F1 on held-out cells (dotted: all labelled)")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    figure.savefig(path, dpi=150, format="png")
    pyplot.close(figure)
