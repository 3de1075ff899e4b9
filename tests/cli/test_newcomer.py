"""A newcomer's first afternoon, with commands alone: own data, a recipe, training, stopped and resumed, a set."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from medsynth_app import cli
from medsynth_app.actions.train import work_folder
from medsynth_app.jobs.queue import JobQueue
from tests.cli.conftest import Run
from tests.cli.test_make import as_imagefolder_reads, as_torchvision_reads

SMALLER = {  # of the recipe that is written: what takes hours otherwise
    r"native_size = \d+": "native_size = 32", r"widths = \[32, .*?\]": "widths = [16, 16, 16]",
    r"steps = 2000\nbatch = 16\ncrop = 64": "steps = 3\nbatch = 2\ncrop = 16",
    r"widths = \[80, .*?\]": "widths = [16, 32]", r"text_width = \d+": "text_width = 16",
    r"text_layers = \d": "text_layers = 1", r"steps = 4000": "steps = 600", r"batch = 32": "batch = 1",
    r"variants = 2": "variants = 1"}
ORDER = """
name = "Drawn pets"
pack = "PACK"
steps = 1
[split]
train = 0.5
test = 0.5
[[lines]]
class = "cat"
count = 4
prompt = "a cat"
[[lines]]
class = "dog"
count = 4
prompt = "a dog"
"""


def test_from_pictures_to_a_set_that_loaders_read(tmp_path: Path, same_process: Run, monkeypatch: pytest.MonkeyPatch
                                                  ) -> None:
    data, rng = tmp_path / "pets", np.random.default_rng(0)
    for k in range(30):
        path = data / ("cat" if k % 2 else "dog") / f"{k}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (36, 36, 3), np.uint8)).save(path)
    (data / "dataset.toml").write_text('name = "Pets of the ward"\nlicence = "CC0"\n')

    found = same_process("data", "inspect", data, "--out", tmp_path / "look")
    assert found["counts"] == {"cat": 15, "dog": 15} and not found["broken"]
    assert (tmp_path / "look" / "contact-sheet.png").is_file()

    recipe = tmp_path / "pets.toml"
    same_process("train", "new", "pets", "--data", data, "--out", recipe)
    text = recipe.read_text()
    assert re.search(r"# Time: about \d+ (s|min|h).* on this machine", text) and '"cat" = "another name"' in text
    for usual, smaller in SMALLER.items():
        text, changed = re.subn(usual, smaller, text)
        assert changed, usual
    recipe.write_text(text)
    frozen = same_process("data", "freeze", data, "--recipe", recipe, "--out", tmp_path / "frozen")
    assert frozen["name"] == "Pets of the ward"
    assert frozen["classes"]["cat"]["captions"] == ["a cat", "a picture of a cat"]

    pack = tmp_path / "pets-pack"
    line = ("train", "base", recipe, "--data", tmp_path / "frozen", "--out", pack)
    learned, wait = work_folder(pack) / "checkpoints" / "autoencoder.pt", JobQueue.wait

    def ctrl_c(queue: JobQueue, job_id: str, timeout: float | None = None) -> object:
        """Somebody loses patience in the second of two stages."""
        if timeout is None:
            while not learned.exists() and not wait(queue, job_id, 0.05).state.ended:
                pass
            raise KeyboardInterrupt
        return wait(queue, job_id, timeout)

    monkeypatch.setattr(JobQueue, "wait", ctrl_c)
    stopped = CliRunner().invoke(cli.app, [str(item) for item in line])
    assert stopped.exit_code == 130 and "with --resume goes on" in stopped.stderr and not (pack / "pack.json").exists()
    monkeypatch.setattr(JobQueue, "wait", wait)
    recipe.write_text(text.replace("steps = 600", "steps = 4"))
    assert same_process(*line[:3], "--out", pack, "--resume")["pack"] == "pets"
    card = (pack / "README.md").read_text()
    for told in ("Pets of the ward", "CC0", "| autoencoder steps | 3 |", "| denoiser steps |", "Not evaluated"):
        assert told in card, told

    order = tmp_path / "order.toml"
    order.write_text(ORDER.replace("PACK", pack.as_posix()))
    made = same_process("make", order, "--out", tmp_path / "set", "--device", "cpu")
    assert made["pictures"] == 8
    for part in ("train", "test"):
        numbers, pictures = as_torchvision_reads(tmp_path / "set" / part)
        assert numbers == {"cat": 0, "dog": 1} and [number for _, number in pictures] == [0, 0, 1, 1]
        assert {row["label"] for row in as_imagefolder_reads(tmp_path / "set" / part)} == {"cat", "dog"}
    assert len(list(csv.DictReader((tmp_path / "set" / "labels.csv").read_text().splitlines()))) == 8
    assert json.loads((tmp_path / "set" / "order.json").read_text())["name"] == "Drawn pets"
    again = same_process("data", "inspect", tmp_path / "set")
    assert len(again["synthetic"]) == 8 and not any(again["parts"].values())  # nobody learns from them unawares
