"""The jobs "rank" and "simulate-labelling" in this process: what they refuse, and where they stop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.jobs.rank import RankRequest, SimulateRequest
from medsynth_app.engine import rank, simulate
from medsynth_app.engine.job import Job
from medsynth_app.formats.embeddings import Embeddings, write_embeddings

COUNT = 40
IDS = tuple(f"cell-{k:03d}" for k in range(COUNT))
EVERY_OTHER = "".join(f"{name},{'blast' if k % 2 else 'monocyte'}\n" for k, name in enumerate(IDS))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    values = np.random.default_rng(0).normal(size=(COUNT, 5)).astype(np.float32)
    write_embeddings(tmp_path / "E.npz", Embeddings(IDS, values, "tiny", "ab" * 32))
    return tmp_path / "E.npz"


@pytest.mark.parametrize(("labels", "complaint"), [
    ("cell_id,class\nnobody,blast\n", "None of the labels"),
    ("name\nx\n", "names no cells"),
    ("cell_id,kind\ncell-000,blast\n", "no column 'class'"),
    ("cell_id,class\ncell-000,blast\ncell-000,monocyte\n", "says two things of cell-000"),
    ("cell_id,class\n" + EVERY_OTHER, "has a label already"),
    ("\x00\xff", "names no cells")])
def test_labels_that_cannot_be_meant_are_refused(file: Path, labels: str, complaint: str) -> None:
    (file.parent / "labels.csv").write_text(labels)
    out = file.parent / "ranked.csv"
    with pytest.raises(UserError, match=complaint):
        rank.run(RankRequest((str(file),), "useful", 5, str(out), labels=str(file.parent / "labels.csv")),
                 Job("job", lambda message: None))
    assert not out.exists()


@pytest.mark.parametrize(("confidence", "complaint"), [("7", "outside 0 to 1"), ("nan", "outside"), ("x", "no number")])
def test_a_confidence_that_is_none_is_refused(file: Path, confidence: str, complaint: str) -> None:
    cells = file.parent / "cells.csv"
    cells.write_text("cell_id,confidence\n" + "".join(f"{name},{confidence}\n" for name in IDS))
    with pytest.raises(UserError, match=complaint):
        rank.run(RankRequest((str(file),), "sadafi", 5, str(file.parent / "r.csv"), cells=str(cells)),
                 Job("job", lambda message: None))


@pytest.mark.parametrize(("labels", "complaint"), [
    ("cell_id,class\n" + "".join(f"{name},blast\n" for name in IDS), "1 class of"),
    ("cell_id,class,split\n" + EVERY_OTHER.replace("\n", ",train\n"), "Only a few cells of the class blast are held")])
def test_a_simulation_needs_two_classes_on_both_sides(file: Path, labels: str, complaint: str) -> None:
    (file.parent / "labels.csv").write_text(labels)
    request = SimulateRequest(str(file), str(file.parent / "labels.csv"), ("random",), 10, 5, 2, str(file.parent))
    with pytest.raises(UserError, match=complaint):
        simulate.run(request, Job("job", lambda message: None))


def test_a_cancelled_simulation_stops_between_two_batches(file: Path) -> None:
    (file.parent / "labels.csv").write_text("cell_id,class\n" + EVERY_OTHER)
    steps: list[int] = []

    def hear(event: object) -> None:
        steps.append(getattr(event, "step", 0))
        job.cancel()

    job = Job("job", hear)
    request = SimulateRequest(str(file), str(file.parent / "labels.csv"), ("random",), 20, 2, 50, str(file.parent))
    with pytest.raises(Cancelled):
        simulate.run(request, job)
    assert len(steps) < 5 and not (file.parent / "summary.json").exists()
