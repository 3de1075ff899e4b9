"""A miniature of a study: a tiny random pack, a made-up data folder, two steps instead of 25."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from medsynth_app.core.jobs.request import Sampling
from medsynth_app.core.jobs.study import StudyRequest
from medsynth_app.core.pack_files import read_manifest
from medsynth_app.core.parameters import GenerateParameters, InpaintParameters
from medsynth_app.engine.evaluate import drawing, encoders, judges, load
from medsynth_app.engine.evaluate.bench import PackBench
from medsynth_app.engine.evaluate.progress import Progress
from tests.engine.tiny import make_tiny_pack

RECIPE = """
[pack]
name = "blood-cells"
version = "0.0.1"
domain = "cells"
title = "Cells"
modalities = ["SM"]
licence = "CC0"
native_size = 32
mask_labels = ["cytoplasm", "nucleus"]
[data]
layout = "labelled-cells"
captions = ["a {class} cell", "{class}"]
masks = "cell-parts"
crops = [1.0, 0.5]
"""
PARTS = {"train": 8, "val": 1, "test": 50}


def silent(cancelled: Callable[[], bool] = lambda: False) -> Progress:
    """A progress that nobody hears."""
    return Progress(lambda event: None, cancelled)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps instead of the product's 25, and a judge that sees small pictures."""
    monkeypatch.setattr(drawing, "GenerateParameters", partial(GenerateParameters, sampling=Sampling(steps=2)))
    monkeypatch.setattr(drawing, "InpaintParameters", partial(InpaintParameters, sampling=Sampling(steps=2)))
    monkeypatch.setitem(judges.SIZES, "blood-cells", 32)


@pytest.fixture
def in_one_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Loading and speed measured here: each process of its own imports torch again."""
    def loaded(module: str, arguments: list[str], what: str, progress: Progress) -> dict[str, float]:
        return load.load_once(Path(arguments[0]))

    def timed(module: str, arguments: list[str], what: str, progress: Progress) -> dict[str, float]:
        return encoders.timed(Path(arguments[0]), None, arguments[1], np.load(arguments[3])[:16])

    monkeypatch.setattr(load, "measured_apart", loaded)
    monkeypatch.setattr(encoders, "measured_apart", timed)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)  # a process of its own may keep as many as it likes


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``data``, ``cells.toml``, ``pack`` and, later, ``cache``; classes are dark and pale discs."""
    folder = tmp_path_factory.mktemp("studies")
    rng, rows = np.random.default_rng(0), []
    for name, colour in (("dark", (90, 20, 120)), ("pale", (190, 150, 200))):
        (folder / "data" / name).mkdir(parents=True)
        for split, count in PARTS.items():
            for k in range(count):
                picture = Image.fromarray(rng.integers(225, 245, (32, 32, 3), np.uint8))
                for x, y in rng.integers(-2, 31, (7, 2)).tolist():  # pale, but no two pictures are nearly the same
                    ImageDraw.Draw(picture).ellipse((x, y, x + 5, y + 5), fill=(180, 175, 165))
                x, y = rng.integers(8, 13, 2).tolist()
                ImageDraw.Draw(picture).ellipse((x, y, x + 12, y + 12), fill=colour)
                picture.save(folder / "data" / name / f"{split}-{k}.png")
                rows.append({"file": f"{name}/{split}-{k}.png", "class": name, "subtype": "", "split": split})
    with (folder / "data" / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["file", "class", "subtype", "split"])
        writer.writeheader()
        writer.writerows(rows)
    (folder / "cells.toml").write_text(RECIPE)
    make_tiny_pack(folder / "pack", name="blood-cells", domain="cells")
    return folder


@pytest.fixture
def asked(world: Path, tmp_path: Path) -> Callable[..., StudyRequest]:
    """Makes requests of a study in this world; frozen data and judges are shared between tests."""

    def make(study: str, **changes: Any) -> StudyRequest:
        pack = Path(changes.pop("pack", world / "pack"))
        values: dict[str, Any] = {
            "pack_sha256": read_manifest(pack).sha256, "out": str(tmp_path / "out"), "cache": str(world / "cache"),
            "data": str(world / "data"), "recipe": str(world / "cells.toml"), "judge_minutes": 0.02, "device": "cpu",
            **changes}
        return StudyRequest(study=study, pack=str(pack), **values)

    return make


@pytest.fixture
def bench(asked: Callable[..., StudyRequest]) -> PackBench:
    """The tiny pack with all that measures it."""
    return PackBench(asked("quality"), silent())
