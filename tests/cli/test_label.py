"""``medsynth label``: sets, classes, labels out and in, agreement."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from medsynth_app import cli
from medsynth_app.core.cells import cell_id
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack
from tests.actions.label_bench import give, make_files, make_set
from tests.cli.conftest import Run

CLASSES = """name = "Own"
[[classes]]
id = "blast"
[[classes]]
id = "other"
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(item) for item in arguments])


def answer(*arguments: object) -> Any:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def refused(*arguments: object) -> str:
    done = run(*arguments)
    assert done.exit_code == 2 and done.stdout == "" and done.stderr.count("\n") == 1, (done.stdout, done.stderr)
    return done.stderr


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """24 pictures in a folder for each of two classes."""
    rng = np.random.default_rng(1)
    for k in range(24):
        path = tmp_path / "pictures" / ("blast" if k % 2 else "other") / f"{k}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (16, 16, 3), np.uint8)).save(path)
    return tmp_path / "pictures"


def test_a_set_is_made_labelled_from_folders_and_written_out(
        pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, classes, out = tmp_path / "ws", tmp_path / "own.toml", tmp_path / "out" / "labels.csv"
    classes.write_text(CLASSES)
    encoder = make_pack(tmp_path / "packs", "own-encoder", kind="encoder")
    asked = ("label", "new", "May", "--schema", classes, "--cells", pictures, "--order", "random", "--control", 0.5,
             "--encoder", encoder.folder, "--workspace", workspace)
    assert "own-encoder is not installed" in refused(*asked)
    monkeypatch.setattr("medsynth_app.actions.packs.default_pack_folders", lambda: [tmp_path / "packs"])
    made = answer(*asked)
    assert (made["name"], made["schema"], made["cells"]) == ("May", "own", 24)
    with Workspace.open(workspace) as opened:
        options = opened.label_sets.open(made["id"]).options
        assert (options.strategy, options.control, options.encoder) == ("random", 0.5, encoder.manifest.sha256)
    tried = answer("label", "import", "May", pictures, "--annotator", "Ann", "--dry-run", "--workspace", workspace)
    assert tried["imported"] == 24 and answer("label", "list", "--workspace", workspace)[0]["labelled"] == 0
    done = answer("label", "import", made["id"], pictures, "--annotator", "Ann", "--workspace", workspace)
    assert done["imported"] == 24 and done["matched"] == {"hash": 24}
    listed, = answer("label", "list", "--workspace", workspace)
    assert (listed["cells"], listed["labelled"], listed["people"]) == (24, 24, 1)
    assert answer("label", "export", workspace, "--out", out)["answers"] == 24  # the only set of a workspace
    with out.open(newline="", encoding="utf-8") as stream:
        assert {row["image"]: row["label"] for row in csv.DictReader(stream)} == {
            path.name: path.parent.name for path in pictures.rglob("*.png")}
    again = answer("label", "add", "May", "--cells", pictures, "--workspace", workspace)
    assert (again["added"], again["cells"]) == (0, 24)


def test_people_see_what_an_import_did(pictures: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "ws"
    run("label", "new", "May", "--schema", "blood", "--cells", pictures, "--workspace", workspace)
    done = run("label", "import", "May", pictures, "--map", "other=red-cell", "--workspace", workspace)
    assert done.exit_code == 0 and "Imported 24 labels" in done.stdout and "other is red-cell" in done.stdout
    done = run("label", "import", "May", pictures, "--annotator", "Bob", "--workspace", workspace)
    assert "the classes are none of these: other (12)" in done.stdout and "--map" in done.stdout


def test_agreement_is_counted_in_a_worker(same_process: Run, tmp_path: Path) -> None:
    workspace = tmp_path / "ws"
    with Workspace.open(workspace) as opened:
        cells = [cell for k in range(4) for cell in make_files(tmp_path / f"images{k}")]
        cells = [replace(cell, image_sha256=f"{k:064x}", id=cell_id(f"{k:064x}", cell.box))
                 for k, cell in enumerate(cells)]
        made = make_set(opened, cells)
        ann, bob = opened.people.add("Ann").id, opened.people.add("Bob").id
        truth = {k: ("band", "monocyte", "neutrophil")[k % 3] for k in range(24)}
        give(made, ann, truth)
        give(made, bob, truth | {0: "monocyte", 1: "not-sure"})
    found = same_process("label", "agreement", "May", "--workspace", workspace)
    together = found["report"]["together"]
    assert together["cells"] == 23 and 0.8 < together["kappa"]["value"] < 1 and found["people"] == sorted([ann, bob])
    differ, = found["disagreements"]
    assert differ["answers"] == {ann: "band", bob: "monocyte"} and differ["cell_id"] == cells[0].id
    told = run("label", "agreement", "May", "--workspace", workspace)
    assert ("Cohen's kappa: 0.9" in told.stdout and "Ann band, Bob monocyte" in told.stdout.replace("\n", " ")) \
        or "Bob monocyte, Ann band" in told.stdout
    assert "Nobody has been asked a cell again yet." in told.stdout and "not counted yet" in told.stdout


def test_classes_are_listed_written_and_checked(tmp_path: Path) -> None:
    assert {each["id"] for each in answer("label", "schema", "list")} >= {"blood", "bone-marrow"}
    out = tmp_path / "mine.toml"
    answer("label", "schema", "export", "blood", "--out", out)
    assert answer("label", "schema", "check", out)["id"] == "mine"
    assert "already" in refused("label", "schema", "export", "blood", "--out", out)
    out.write_text(CLASSES.replace("other", "blast"))
    assert "Two classes" in refused("label", "schema", "check", out)
    assert "cannot be read" in refused("label", "schema", "check", tmp_path / "none.toml")


def test_a_mistyped_workspace_is_told_and_not_made(pictures: Path, tmp_path: Path) -> None:
    for arguments in (("add", "May", "--cells", pictures), ("import", "May", pictures), ("agreement", "May"),
                      ("export", "May", "--out", tmp_path / "x.csv")):
        assert "no workspace in wsp" in refused("label", *arguments, "--workspace", tmp_path / "wsp")
    assert not (tmp_path / "wsp").exists()
    said = refused("label", "schema", "export", "blod", "--out", tmp_path / "x.toml")
    assert "no classes 'blod'" in said and "blood" in said


@pytest.mark.parametrize(("text", "encoding", "complaint"), [
    ("file;class\na.png;blast\n", "utf-8", "divided by semicolons"),
    ("file\tclass\na.png\tblast\n", "utf-8", "divided by tabs"),
    ("file,class\na.png,blast\n", "utf-16", "cannot be read as CSV. Save it as CSV in UTF-8"),
    ("file,class\nnone.png,blast\n", "utf-8", "The file none.png in cells.csv is not there")])
def test_lists_of_cells_that_a_spreadsheet_spoilt_say_what_to_do(
        pictures: Path, tmp_path: Path, text: str, encoding: str, complaint: str) -> None:
    (pictures / "cells.csv").write_text(text, encoding=encoding)
    assert complaint in refused("label", "new", "May", "--schema", "blood", "--cells", pictures / "cells.csv",
                                "--workspace", tmp_path / "ws")


@pytest.mark.parametrize("form", ["coco", "geojson", "folders"])
def test_labels_whose_images_are_all_gone_are_not_written_as_an_empty_file(
        pictures: Path, tmp_path: Path, form: str) -> None:
    (tmp_path / "own.toml").write_text(CLASSES)
    workspace, out = ("--workspace", tmp_path / "ws"), tmp_path / "out"
    answer("label", "new", "May", "--schema", tmp_path / "own.toml", "--cells", pictures, *workspace)
    answer("label", "import", "May", pictures, *workspace)
    pictures.rename(tmp_path / "moved")
    said = refused("label", "export", "May", "--out", out, "--format", form, *workspace)
    assert "None of the images" in said and "export CSV" in said and not out.exists()
    assert answer("label", "export", "May", "--out", out, *workspace)["answers"] == 24


def test_mistakes_are_told_in_one_line(pictures: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "ws"
    new = ("label", "new", "May", "--cells", pictures, "--workspace", workspace)
    assert "no classes 'moon'" in refused(*new, "--schema", "moon")
    assert "no order" in refused(*new, "--schema", "blood", "--order", "best")
    assert "not possible" in refused(*new, "--schema", "blood", "--control", 2)
    assert "no encoder 'nobody'" in refused(*new, "--schema", "blood", "--encoder", "nobody")
    assert "no folder or file" in refused("label", "new", "May", "--schema", "blood", "--cells", tmp_path / "none",
                                          "--workspace", workspace)
    answer(*new, "--schema", "blood")
    assert "a set May already" in refused(*new, "--schema", "blood")
    assert "no set called 'June'" in refused("label", "export", "June", "--out", tmp_path / "x.csv", "--workspace",
                                             workspace)
    assert "no labels yet" in refused("label", "export", "May", "--out", tmp_path / "x.csv", "--workspace", workspace)
    assert "no labels yet" in refused("label", "agreement", "May", "--workspace", workspace)
    assert "which class is which" in refused("label", "import", "May", pictures, "--map", "blast", "--workspace",
                                             workspace)
    assert "no workspace" in refused("label", "list", "--workspace", tmp_path / "elsewhere")
    assert "no sets of cells" in refused("label", "export", "May", "--out", tmp_path / "x.csv")
    (tmp_path / "bad.csv").write_text("file,class\na.png\n")
    assert "damaged" in refused("label", "import", "May", tmp_path / "bad.csv", "--workspace", workspace)
    answer("label", "new", "June", "--schema", "blood", "--cells", pictures, "--workspace", workspace)
    assert "Several sets" in refused("label", "export", workspace, "--out", tmp_path / "x.csv")


def test_labels_can_be_written_out_while_a_window_works(pictures: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "ws"
    answer("label", "new", "May", "--schema", "blood", "--cells", pictures, "--workspace", workspace)
    answer("label", "import", "May", pictures, "--map", "other=red-cell", "--workspace", workspace)
    with Workspace.open(workspace):
        assert answer("label", "export", "May", "--out", tmp_path / "x.csv", "--workspace", workspace)["answers"] == 24
        assert "read-only" in refused("label", "import", "May", pictures, "--workspace", workspace)
