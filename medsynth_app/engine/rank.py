"""The job that puts cells in the order in which an expert should label them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from medsynth_app.core.cell_page import next_page
from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.rank import RankRequest
from medsynth_app.engine.cell_vectors import read_together
from medsynth_app.engine.job import Job
from medsynth_app.formats.cell_tables import CellTable, read_cells, write_ranked
from medsynth_app.formats.embeddings import Embeddings
from medsynth_app.ranking.alike import more_like
from medsynth_app.ranking.catalogue import Reason, reason_words
from medsynth_app.ranking.features import copy_radius, main_axes
from medsynth_app.ranking.grouping import calibration, thought_alike
from medsynth_app.ranking.pool import UNLABELLED, Pool
from medsynth_app.ranking.rank import rank

STEPS = 4  # read, bring onto axes, rank, write
LIKE, GROUPS = "like", "groups"  # in the column of the strategy, where none was asked
PAGE_COLUMNS = ("page", "taken_for", "look_first")
Row = tuple[str, int, float, str, str, *tuple[object, ...]]


def run(request: RankRequest, job: Job) -> None:
    """Do a job of the kind "rank".

    Emits an ``EventKind.RESULT`` with the data file, cells (how many there are), labelled and ranked.

    Raises
    ------
    UserError
        Files that cannot be read or written, a confidence that is no number, every cell with a label already.
    """
    job.started("CPU", "float32")
    held = read_together(request.embeddings)
    table = read_cells(Path(request.cells)) if request.cells else None
    given = read_cells(Path(request.labels)).labels() if request.labels else {}
    here = frozenset(held.ids)
    known = {name: label for name, label in given.items() if name in here}
    if given and not known:
        raise UserError("None of the labels belongs to one of these cells.",
                        "Name the cells in the labels as they are named in the embeddings.")
    if strange := [name for name in request.like if name not in here]:
        raise UserError(f"The example {strange[0]} is none of these cells.",
                        f"Name it as it is named in the embeddings, as {held.ids[0]} is." if held.ids else
                        "The embeddings are empty.")
    _step(job, 1)
    rng = np.random.default_rng(request.seed)
    if not held.ids:
        raise UserError("There are no cells in these embeddings.", "Embed some first.")
    features = main_axes(held.values, rng).of(held.values)
    ids, (images, confidence, real) = held.ids, _known_of(held, table)
    del held
    _step(job, 2)
    classes = sorted(set(known.values()))
    code = {name: k for k, name in enumerate(classes)}
    labels = np.fromiter((code[known[name]] if name in known else UNLABELLED for name in ids), np.int64, len(ids))
    pool = Pool.of(features, labels, len(classes), images, confidence, real)
    if not len(pool.open):
        raise UserError("Every one of these cells has a label already.", "Add cells, or rank without the labels.")
    ranked: list[Row]
    if request.like:
        ranked = _like(pool, ids, request, rng)
    elif request.pages:
        ranked = _pages(pool, ids, classes, request, rng)
    else:
        ranked = [(ids[pick.cell], place, pick.score, request.strategy,
                   reason_words(pick.reason, [classes[k] for k in pick.classes]))
                  for place, pick in enumerate(rank(pool, request.strategy, request.budget, rng), 1)]
    _step(job, 3)
    write_ranked(Path(request.out), ranked, table, PAGE_COLUMNS if request.pages else ())
    job.emit(JobEvent(job.id, EventKind.RESULT, step=STEPS, steps=STEPS,
                      data={"file": request.out, "cells": len(ids), "labelled": len(known), "ranked": len(ranked)}))


def _like(pool: Pool, ids: Sequence[str], request: RankRequest, rng: np.random.Generator) -> list[Row]:
    """Cells without a label, by their likeness to the examples; copies of one another stand for each other."""
    row = {name: k for k, name in enumerate(ids)}
    examples = np.array([row[name] for name in request.like], np.int64)
    among = np.union1d(pool.open, examples)
    found, cosines = more_like(pool.features if len(among) == len(ids) else pool.features[among],
                               np.searchsorted(among, examples), request.budget, copy_radius(pool.features, rng))
    return [(ids[cell], place, float(cosine), LIKE, reason_words(Reason.LIKE))
            for place, (cell, cosine) in enumerate(zip(among[found], cosines, strict=True), 1)]


def _pages(pool: Pool, ids: Sequence[str], classes: Sequence[str], request: RankRequest, rng: np.random.Generator
           ) -> list[Row]:
    """Pages as labelling in groups has them, the surest first; the score is the share of their group that speaks so."""
    told = np.ones(len(pool.labelled), bool) if pool.real is None else pool.real[pool.labelled]
    alike = thought_alike(pool, calibration(pool, told, rng), rng)
    is_open, rows = pool.labels == UNLABELLED, list[Row]()
    for number in range(1, request.pages + 1):
        page = next_page(alike, is_open, lambda cells: rng.random(len(cells)))
        if page is None:
            break
        is_open[page.cells], checks = False, set(page.checks.tolist())
        kind = classes[page.group] if len(alike.probabilities) else ""
        for cell in page.cells.tolist():
            share = float(alike.probabilities[cell, page.group]) if kind else 0.0
            rows.append((ids[cell], len(rows) + 1, share, GROUPS, reason_words(Reason.GROUP, [kind] if kind else ()),
                         number, kind, "yes" if cell in checks else "no"))
    return rows


def _step(job: Job, done: int) -> None:
    if job.cancelled():
        raise Cancelled
    job.emit(JobEvent(job.id, EventKind.PROGRESS, step=done, steps=STEPS))


def _known_of(held: Embeddings,
              table: CellTable | None) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Image and confidence of each cell, and whether it is real, where the table of cells has them for all."""
    if table is None or any(name not in table.rows for name in held.ids):
        return None, None, None
    rows = table.rows
    first = rows[held.ids[0]]
    images = confidence = real = None
    if "image" in first:
        images = np.unique([rows[name]["image"] for name in held.ids], return_inverse=True)[1].astype(np.int64)
    if "origin" in first:
        real = np.array([rows[name]["origin"] == "real" for name in held.ids])
    if all(rows[name].get("confidence") for name in held.ids):
        try:
            confidence = np.array([float(rows[name]["confidence"]) for name in held.ids], np.float32)
        except ValueError as error:
            raise UserError("A confidence in the table of cells is no number.",
                            "The column 'confidence' holds numbers from 0 to 1.") from error
        if not ((confidence >= 0) & (confidence <= 1)).all():
            raise UserError("A confidence in the table of cells lies outside 0 to 1.",
                            "The column 'confidence' holds numbers from 0 to 1.")
    return images, confidence, real
