"""The job that puts cells in the order in which an expert should label them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.rank import RankRequest
from medsynth_app.engine.job import Job
from medsynth_app.formats.cell_tables import CellTable, read_cells, write_ranked
from medsynth_app.formats.embeddings import Embeddings, read_embeddings
from medsynth_app.ranking.catalogue import reason_words
from medsynth_app.ranking.features import main_axes
from medsynth_app.ranking.pool import UNLABELLED, Pool
from medsynth_app.ranking.rank import rank

STEPS = 4  # read, bring onto axes, rank, write


def run(request: RankRequest, job: Job) -> None:
    """Do a job of the kind "rank".

    Emits an ``EventKind.RESULT`` with the data file, cells (how many there are), labelled and ranked.

    Raises
    ------
    UserError
        Files that cannot be read or written, a confidence that is no number, every cell with a label already.
    """
    job.started("CPU", "float32")
    held = read_embeddings(Path(request.embeddings))
    table = read_cells(Path(request.cells)) if request.cells else None
    given = read_cells(Path(request.labels)).labels() if request.labels else {}
    here = frozenset(held.ids)
    known = {name: label for name, label in given.items() if name in here}
    if given and not known:
        raise UserError("None of the labels belongs to one of these cells.",
                        "Name the cells in the labels as they are named in the embeddings.")
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
    picks = rank(pool, request.strategy, request.budget, rng)
    _step(job, 3)
    write_ranked(Path(request.out), ((ids[pick.cell], place, pick.score, request.strategy,
                                      reason_words(pick.reason, [classes[k] for k in pick.classes]))
                                     for place, pick in enumerate(picks, 1)), table)
    job.emit(JobEvent(job.id, EventKind.RESULT, step=STEPS, steps=STEPS,
                      data={"file": request.out, "cells": len(ids), "labelled": len(known), "ranked": len(picks)}))


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
