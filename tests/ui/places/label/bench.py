"""A window with cells to label, and a worker's answers made by hand."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication

from medsynth_app.core.job import EventKind, JobEvent, JobState
from medsynth_app.core.learned import NONE, CurvePoint, Learned, Report, Saved, Scores, Share
from medsynth_app.formats.embeddings import Embeddings, write_embeddings
from medsynth_app.formats.learned import write_learned
from tests.actions.bench import make_pack, png
from tests.ui.desk import TestDesk

ENCODER = {"kind": "encoder", "native_size": 32, "default_prompt": "", "remove_prompt": ""}


_seeds = count()


def pictures(folder: Path, many: int) -> Path:
    """Pictures that no other test has: cells are known by what they show."""
    folder.mkdir()
    for k in range(many):
        png(folder / f"{k:03}.png", 24, 24, seed=next(_seeds))
    return folder


def give_encoder(folder: Path) -> None:
    """Put an encoder beside the packs of a desk that is made later in this folder."""
    make_pack(folder / "packs", "cells", example_prompts=("a neutrophil", "a lymphocyte"))
    make_pack(folder / "packs", "hippocampus", domain="hippocampus", title="Hippocampus", modalities=("MR",),
              colour="grey")
    make_pack(folder / "packs", "encoder", **ENCODER)


def fill(desk: TestDesk, folder: Path, schema: str = "blood", **options: Any) -> None:
    """A set with the pictures of a folder, in view."""
    lab = desk.session.labelling
    desk.session.people.switch("Ann")
    lab.new("May", next(each for each in lab.schemas if each.id == schema))
    if options:
        lab.change(**options)
    lab.add(lab.gather(folder))
    desk.window.navigator.go("label")


def leave(desk: TestDesk) -> None:
    """Close the set and remove it."""
    opened = desk.session.labelling.current
    if opened is not None:
        desk.session.labelling.remove(opened.id)
    desk.clear_jobs()
    desk.queue.requests.clear()
    desk.window.navigator.go("paint")


def centre(desk: TestDesk) -> Any:
    return desk.window.place("label").centre


def press(desk: TestDesk, key: Qt.Key, text: str = "", *, held: bool = False,
          shift: bool = False) -> None:
    """A key as the window system sends it; `held`: as it repeats."""
    modifiers = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
    for kind in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
        QApplication.sendEvent(desk.window.windowHandle(), QKeyEvent(kind, key, modifiers, text, held))
    if not held:
        QApplication.sendEvent(desk.window.windowHandle(), QKeyEvent(QEvent.Type.KeyRelease, key, modifiers, text))


def ready(desk: TestDesk) -> None:
    """Wait until the asked cell may be answered."""
    desk.until(lambda: centre(desk).one.ready)


def embed(desk: TestDesk) -> None:
    """Answer every job that embeds."""
    rng = np.random.default_rng(0)
    for job, request in list(zip(desk.queue.jobs, desk.queue.requests, strict=True)):
        if desk.queue.jobs[job].kind == "embed" and not desk.queue.jobs[job].state.ended:
            ids = tuple(request.pictures.ids())
            write_embeddings(Path(request.out), Embeddings(ids, rng.normal(size=(len(ids), 8)).astype(np.float32),
                                                           "encoder", request.model.sha256))
            desk.hear(job, JobState.DONE, JobEvent(job, EventKind.DONE))


def learn(desk: TestDesk, report: Report | None = None, suspects: tuple[tuple[int, int], ...] = ()) -> None:
    """Answer the job that learns: cell k is taken for class k modulo 2, and stands in that group."""
    job, request = list(desk.queue.jobs)[-1], desk.queue.requests[-1]
    assert desk.queue.jobs[job].kind == "learn"
    n, k = len(request.ids), len(request.classes)
    knows = len({int(label) for label in request.labels if label >= 0}) > 1
    rows = np.arange(n)
    probabilities = np.zeros((n if knows else 0, k), np.float16)
    if knows:
        probabilities[rows, rows % 2] = 0.75
        probabilities[rows, (rows % 2 + 1) % 2] = 0.25
    labelled = np.flatnonzero(request.labels >= 0)
    neighbours = np.full((n, 6), NONE, np.int32)
    neighbours[:, :len(labelled[:6])] = labelled[:6]
    order = np.flatnonzero(request.labels < 0).astype(np.int32)
    learned = Learned(
        request.classes, order, np.linspace(1, 0, len(order), dtype=np.float32),
        ("unsure" if knows else "typical",) * len(order),
        np.tile(np.array([[0, 1]] if knows else [[NONE, NONE]], np.int32), (len(order), 1)), probabilities,
        (rows % 2).astype(np.int32), rows.astype(np.int32), neighbours,
        np.stack([rows / max(n - 1, 1), (rows * 7 % n) / max(n - 1, 1)], 1).astype(np.float32),
        np.array([row for row, _kind in suspects], np.int32), np.array([kind for _row, kind in suspects], np.int32),
        report or Report(labels=(0,) * k))
    write_learned(Path(request.out), learned)
    desk.hear(job, JobState.RUNNING, JobEvent(job, EventKind.RESULT, data={"file": request.out}))
    desk.hear(job, JobState.DONE, JobEvent(job, EventKind.DONE))


def told(classes: int) -> Report:
    """A report that knows everything."""
    half = Share(0.5, 0.4, 0.6, 40)
    matrix = tuple(tuple(10 * (row == column) + 2 * (row + 1 == column) if row < 2 and column < 2 else 0
                         for column in range(classes)) for row in range(classes))
    scores = Scores(Share(0.86, 0.81, 0.9, 40), half, (half, half, *(None for _ in range(classes - 2))), matrix)
    return Report((20,) * classes, scores, scores, (CurvePoint(10, 0.5, 0.1), CurvePoint(40, 0.86, 0.03)),
                  Share(0.0, -0.02, 0.02, 40), True, Share(0.0, 0.0, 0.07, 40), Saved(40, 95, 70, None),
                  grouped=60, generated=1)
