"""kill -9 at random points loses at most what was under way."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from medsynth_app.workspace.workspace import Workspace
from tests.workspace.fake import PATH, FakeSource
from tests.workspace.painter import FRAMES, SIZE, Model

ROOT = Path(__file__).parents[2]
ROUNDS = 50


@pytest.mark.skipif(os.name != "posix", reason="kill -9 and fork")
def test_fifty_kills_lose_at_most_the_operation_under_way(tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    chance = random.Random(5)
    model, done = Model(), 0        # `done` operations stand in the model
    command = [sys.executable, "-m", "tests.workspace.painter"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          bufsize=1) as launcher:
        assert launcher.stdin is not None and launcher.stdout is not None
        for round in range(ROUNDS):
            launcher.stdin.write(f"{folder} {done}\n")
            child = _next(launcher, "pid")
            acknowledged = done - 1
            if chance.random() < 0.8:       # else it may die while it opens
                while acknowledged < done - 1 + chance.randint(1, 12):
                    acknowledged = _next(launcher, "ack")
            time.sleep(chance.random() * 0.03)
            os.kill(child, signal.SIGKILL)
            while (line := launcher.stdout.readline().split())[0] == "ack":
                acknowledged = int(line[1])
            assert line == ["dead", str(-signal.SIGKILL)]
            if not (folder / "workspace.db").exists():
                continue
            done = _compare(folder, model, done, acknowledged + 1, writable=round % 3 > 0)
        launcher.stdin.close()
    assert done > ROUNDS     # it did work


def _next(launcher: subprocess.Popen[str], kind: str) -> int:
    assert launcher.stdout is not None
    line = launcher.stdout.readline().split()
    assert line[:1] == [kind], line
    return int(line[1])


def _compare(folder: Path, model: Model, done: int, acknowledged: int, writable: bool) -> int:
    """Bring the model to what was acknowledged, or one further, whichever the disk shows; returns how many stand."""
    if not acknowledged and not writable:
        writable = True     # a first opening that was killed may have left no schema to read
    with Workspace.open(folder, writable=writable) as workspace:
        assert workspace.read_only is not writable
        document = workspace.documents.open(FakeSource(range(FRAMES), SIZE), PATH)
        for number in range(done, acknowledged):
            model.perform(number)
        if not model.same(document):
            model.perform(acknowledged)
            acknowledged += 1
            assert model.same(document), f"neither {acknowledged - 1} nor {acknowledged} operations stand"
        for result in workspace.candidates.of_document(document.id, "staged", "accepted"):
            assert result.pixels().shape == (result.bounds.height, result.bounds.width)
        if writable:
            assert not list((folder / "blobs").glob("*/*.part"))
    return acknowledged
