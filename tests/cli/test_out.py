"""``--out`` holds the files of one run, and what would stop that run is told before it begins."""

from __future__ import annotations

import shutil
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from filelock import FileLock
from typer.testing import Result

from medsynth_app import demo
from medsynth_app.core import files
from medsynth_app.formats.raster import write_mask_png
from tests.actions.bench import make_pack, png, two_cells
from tests.cli.test_cli import run
from tests.engine.train.test_base import RECIPE
from tests.studies.fake import make_cells

GB = 2**30
Line = tuple[object, ...]


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Line]:
    """A call of every command that fills a folder, without ``--out``; nothing is drawn, trained or measured."""

    def started(*_: object, **__: object) -> str:
        raise AssertionError("the run was started")

    for module, name in (("cli.images", "queue_inpainting"), ("cli.generate", "queue_pictures"),
                         ("cli.train", "queue_training"), ("cli.study", "queue_study"),
                         ("cli.embed", "queue_embedding"), ("demo", "subprocess")):
        monkeypatch.setattr(import_module(f"medsynth_app.{module}"), name, started)
    monkeypatch.setattr(demo, "has_display", lambda: True)
    pack = make_pack(tmp_path / "packs", mask_labels=("cell",), files={
        f"{part}/config.json": "0" * 64 for part in ("controlnet", "masks")}).folder
    image = png(tmp_path / "image.png", 60, 80)
    mask = np.zeros((60, 80), np.uint8)
    mask[20:40, 30:50] = 1
    write_mask_png(tmp_path / "mask.png", mask)
    (tmp_path / "recipe.toml").write_text(RECIPE.replace("[data]", '[data]\ncaptions = ["a {class}"]'))
    (tmp_path / "cells").mkdir()
    cells = make_cells(tmp_path / "cells")
    return {
        "inpaint": ("inpaint", image, "--mask", tmp_path / "mask.png", "--pack", pack, "--prompt", "x"),
        "generate": ("generate", "--prompt", "x", "--pack", pack),
        "pairs": ("generate", "pairs", "--prompt", "x", "--pack", pack),
        "train": ("train", "base", tmp_path / "recipe.toml", "--data", two_cells(tmp_path / "classes")),
        "study": ("study", "cell-parts", "--pack", pack, "--data", cells),
        "demo": ("demo",)}


class Refused(NamedTuple):
    status: int
    said: str


def refused(answer: Result) -> Refused:
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    return Refused(answer.exit_code, answer.stderr.splitlines()[-1])


@pytest.mark.parametrize("command", ["inpaint", "generate", "pairs", "train", "study", "demo"])
def test_a_folder_with_the_files_of_another_run_is_refused_and_left_alone(
        lines: dict[str, Line], command: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "images").mkdir(parents=True)
    (out / "images" / "pair-0001.png").write_bytes(b"of yesterday")
    (out / "cell-parts.json").write_text("{}")
    answer = refused(run(*lines[command], "--out", out))
    assert answer.status == 2 and "already" in answer.said and "--out" in answer.said
    assert sorted(path.name for path in out.rglob("*")) == ["cell-parts.json", "images", "pair-0001.png"]
    assert (out / "images" / "pair-0001.png").read_bytes() == b"of yesterday"


@pytest.mark.parametrize("command", ["inpaint", "generate", "pairs", "train", "study", "demo"])
def test_a_full_disk_is_told_before_the_run(
        lines: dict[str, Line], command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=2**20))
    answer = refused(run(*lines[command], "--out", tmp_path / "out"))
    assert answer.status == 2 and "not enough room" in answer.said and "0.0 GB are free" in answer.said
    assert not list((tmp_path / "out").glob("*"))


def test_room_for_all_that_is_drawn_is_asked_for(
        lines: dict[str, Line], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=GB))
    answer = refused(run(*lines["generate"], "--count", 900_000, "--out", tmp_path / "out"))
    assert answer.status == 2 and "not enough room" in answer.said
    assert "in started" in refused(run(*lines["generate"], "--out", tmp_path / "out")).said  # few have room


def test_two_runs_at_once_do_not_share_a_folder(lines: dict[str, Line], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out" / files.LOCK):
        answer = refused(run(*lines["generate"], "--out", tmp_path / "out"))
    assert answer.status == 2 and "Another run writes to the folder out" in answer.said


def test_embeddings_are_not_written_over(lines: dict[str, Line], tmp_path: Path) -> None:
    encoder = make_pack(tmp_path / "packs", "encoder", kind="encoder").folder
    (tmp_path / "E.npz").write_bytes(b"of yesterday")
    answer = refused(run("embed", tmp_path, "--encoder", encoder, "--out", tmp_path / "E.npz"))
    assert answer == (2, "There is a file E.npz already. It is as it was. Name another one with --out.")
    assert (tmp_path / "E.npz").read_bytes() == b"of yesterday"


def test_cells_are_not_written_over(lines: dict[str, Line], tmp_path: Path) -> None:
    (tmp_path / "cells.csv").write_text("of yesterday")
    answer = refused(run("detect", tmp_path / "image.png", "--out", tmp_path / "cells.csv"))
    assert answer.status == 2 and "There is a file cells.csv already" in answer.said
    assert (tmp_path / "cells.csv").read_text() == "of yesterday"


@pytest.mark.parametrize("more, complaint", [
    (("--seed", -1), "outside 0 to 2147483647"), (("--seed", 2**63), "outside 0 to 2147483647"),
    (("--count", 0), "outside 1 to 16"), (("--count", -1), "outside 1 to 16"),
    (("--seed", 2**31 - 1, "--count", 2), "leaves no room for 2 candidates")])
def test_seeds_stay_in_range(lines: dict[str, Line], tmp_path: Path, more: Line, complaint: str) -> None:
    answer = refused(run(*lines["inpaint"], *more, "--out", tmp_path / "out"))
    assert answer.status == 2 and complaint in answer.said
    assert not (tmp_path / "out").exists()
