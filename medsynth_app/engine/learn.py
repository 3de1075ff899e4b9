"""The job that learns from labels: ranks what has none, scores the classifier, and lays the cells out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.learn import WITHOUT, LearnRequest
from medsynth_app.core.learned import NONE, CurvePoint, Learned, Report, Scores, Share
from medsynth_app.engine.cell_vectors import cell_vectors
from medsynth_app.engine.job import Job
from medsynth_app.evaluation.classification import confusion, per_class_recall
from medsynth_app.evaluation.intervals import Spread
from medsynth_app.evaluation.learning_curve import learning_curve
from medsynth_app.evaluation.resampled import balanced_accuracy_of, macro_f1_of, redrawn, with_interval
from medsynth_app.formats.learned import read_learned, write_learned
from medsynth_app.ranking.alike import most_alike
from medsynth_app.ranking.classifier import softmax
from medsynth_app.ranking.cross_fit import folds_of, left_out, temperature
from medsynth_app.ranking.features import Floats, main_axes
from medsynth_app.ranking.grouping import thought_alike
from medsynth_app.ranking.layout import likeness_map
from medsynth_app.ranking.pool import Pick, Pool
from medsynth_app.ranking.progress import course, saved
from medsynth_app.ranking.rank import rank
from medsynth_app.ranking.suspects import Suspects, suspects
from medsynth_app.ranking.unseen import unseen_share

STEPS = 6  # read, bring onto axes, rank, score, lay out, write
NEIGHBOURS = 6
COMPARED = 5000  # labelled cells that the nearest are looked for among
FEWEST = 10  # cells that a score is told of


def run(request: LearnRequest, job: Job) -> None:
    """Do a job of the kind "learn".

    Emits an ``EventKind.RESULT`` with the data file, labels, classes_present, ranked and macro_f1 (None: no score).

    Raises
    ------
    UserError
        Files that cannot be read or written, or that are of other cells; no cells.
    """
    job.started("CPU", "float32")
    values = cell_vectors(request.embeddings, request.ids)
    _check(request, len(values))
    _step(job, 1)
    rng = np.random.default_rng(request.seed)
    features = main_axes(values, rng).of(values)
    del values
    _step(job, 2)
    labels = np.where(request.ignored, WITHOUT, request.labels).astype(np.int64)
    images = None if request.images is None else request.images.astype(np.int64)
    pool = Pool.of(features, labels, len(request.classes), images, request.confidence, request.real)
    pool = replace(pool, open=np.flatnonzero((labels == WITHOUT) & ~request.ignored & ~request.control))
    picks = rank(pool, request.strategy, request.count, rng, request.weights) if len(pool.open) else ()
    _step(job, 3)
    report, doubted = _scored(request, pool, rng)
    _step(job, 4)
    made = _laid_out(request, pool, picks, report, doubted, rng)
    _step(job, 5)
    write_learned(Path(request.out), made)
    job.emit(JobEvent(job.id, EventKind.RESULT, step=STEPS, steps=STEPS, data={
        "file": request.out, "labels": len(pool.labelled), "classes_present": int((pool.counts > 0).sum()),
        "ranked": len(picks), "macro_f1": report.scores.macro_f1.value if report.scores else None}))


def _check(request: LearnRequest, cells: int) -> None:
    if not cells:
        raise UserError("There are no cells to learn from.", "Find some, or add pictures of cells.")
    arrays = (request.labels, request.control, request.real, request.ignored, request.images, request.confidence,
              request.given, request.grouped)
    if any(each is not None and each.shape != (cells,) for each in arrays):
        raise UserError(f"The embeddings are those of {cells} cells, the labels those of {len(request.labels)}.",
                        "Embed the cells of this set again.", safe="Every label is kept.")


def _step(job: Job, done: int) -> None:
    if job.cancelled():
        raise Cancelled
    job.emit(JobEvent(job.id, EventKind.PROGRESS, step=done, steps=STEPS))


def _scored(request: LearnRequest, pool: Pool, rng: np.random.Generator) -> tuple[Report, Suspects]:
    """What is told of the classifier, and which labels are doubted (indices of cells)."""
    none = Suspects(np.empty(0, np.int64), np.empty(0, np.int64))
    cells = pool.labelled
    real = request.real[cells]
    scored = real if request.grouped is None else real & ~request.grouped[cells]
    by_chance = scored & request.control[cells]
    told = Report(tuple(int(each) for each in pool.counts), grouped=int((real & ~scored).sum()),
                  generated=int((~real).sum()))
    seen = np.bincount(pool.labels[cells[by_chance]], minlength=pool.classes)
    if seen.any():
        found = unseen_share(seen)
        told = replace(told, unseen=Share(found.share, 0.0, found.at_most, int(seen.sum())))
    if not pool.learnable:
        return told, none
    fold = folds_of(pool, rng)
    if fold is None:
        return replace(told, temperature=1.0), none
    features, labels = pool.features[cells], pool.labels[cells]
    logits = left_out(features, labels, pool.classes, fold)
    heat = temperature(logits[scored], labels[scored])
    found_wrong = suspects(softmax(logits / heat), labels)
    said = logits.argmax(axis=1)
    report = replace(told, scores=_scores(labels[scored], said[scored], pool.classes, rng),
                     control=_scores(labels[by_chance], said[by_chance], pool.classes, rng),
                     saved=saved(np.bincount(labels[scored], minlength=pool.classes), seen, int(request.real.sum()),
                                 rng), temperature=heat)
    if report.scores is not None and request.given is not None:
        steps = course(features, labels, request.given[cells], pool.classes, fold, scored, said[scored])
        curve = learning_curve(labels[scored], steps.said, pool.classes, rng)
        report = replace(report, curve=tuple(map(CurvePoint, steps.labels, curve.macro_f1.tolist(),
                                                 curve.errors.tolist())),
                         gain=None if curve.gain is None else _share(curve.gain), flat=curve.is_flat(steps.labels[-1]))
    return report, Suspects(cells[found_wrong.rows], found_wrong.classes)


def _scores(labels: npt.NDArray[np.int64], said: npt.NDArray[np.int64], classes: int,
            rng: np.random.Generator) -> Scores | None:
    if len(labels) < FEWEST:
        return None
    counts = confusion(labels, said, range(classes))
    drawn = redrawn(counts, rng)
    shares = [_share(with_interval(float(of(counts)), of(drawn), len(labels)))
              for of in (macro_f1_of, balanced_accuracy_of)]
    recall = per_class_recall(labels, said, range(classes))
    return Scores(shares[0], shares[1], tuple(_share(recall[k]) if k in recall else None for k in range(classes)),
                  tuple(tuple(int(each) for each in row) for row in counts))


def _share(spread: Spread) -> Share:
    return Share(spread.mean, spread.low, spread.high, spread.n)


def _laid_out(request: LearnRequest, pool: Pool, picks: tuple[Pick, ...], report: Report, doubted: Suspects,
              rng: np.random.Generator) -> Learned:
    alike = thought_alike(pool, report.temperature, rng)
    among = pool.labelled
    if len(among) > COMPARED:
        among = np.sort(rng.choice(among, COMPARED, replace=False))
    named = np.full((len(picks), 2), NONE, np.int32)
    for row, pick in zip(named, picks, strict=True):
        row[:len(pick.classes)] = pick.classes
    return Learned(
        request.classes, np.array([pick.cell for pick in picks], np.int32),
        np.array([pick.score for pick in picks], np.float32), tuple(pick.reason.value for pick in picks), named,
        alike.probabilities, alike.groups, alike.positions,
        most_alike(pool.features, among, NEIGHBOURS), _map(request, pool.features, rng),
        doubted.rows.astype(np.int32), doubted.classes.astype(np.int32), report)


def _map(request: LearnRequest, features: Floats, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """The map of before, where it is of as many cells; else a new one."""
    if request.before:
        try:
            kept = read_learned(Path(request.before)).map
            if len(kept) == len(features):
                return kept
        except UserError:
            pass  # gone or damaged: made again
    return likeness_map(features, rng)
