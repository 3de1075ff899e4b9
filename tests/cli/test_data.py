"""``medsynth data`` and ``medsynth train --dry-run``, in a real worker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from medsynth_app import cli
from tests.cli.conftest import Run
from tests.datasets.test_inputs import noise
from tests.engine.train.test_base import RECIPE


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    for k in range(30):
        noise(tmp_path / "mine" / ("cat" if k % 3 else "dog") / f"{k}.png", k)
    (tmp_path / "mine" / "dataset.toml").write_text('name = "Pets"\nlicence = "CC0"\n')
    return tmp_path / "mine"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(item) for item in arguments])


def test_a_folder_is_told_of_and_nothing_is_written_without_out(mine: Path, tmp_path: Path) -> None:
    (mine / "dog" / "torn.png").write_bytes(b"no picture")
    before = sorted(path for path in tmp_path.rglob("*"))
    answer = run("data", "inspect", mine)
    assert answer.exit_code == 0, answer.stderr
    for text in ("class folders: 30 pictures in 31 files", "Pets; licence: CC0", "cat 20, dog 11",
                 "Cannot be used (1):", "dog/torn.png: "):
        assert text in answer.stdout, text
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_a_set_is_frozen_with_report_and_sheet_and_not_twice(mine: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    answer = run("data", "freeze", mine, "--out", out, "--json")
    assert answer.exit_code == 0, answer.stderr
    said = json.loads(answer.stdout)
    assert (said["name"], said["licence"], said["split_by"]) == ("Pets", "CC0", "image")
    assert said["classes"]["cat"]["captions"] == ["cat"]
    assert {path.name for path in out.iterdir()} == {"manifest.json", "report.json", "contact-sheet.png"}
    again = run("data", "freeze", mine, "--out", out)
    assert again.exit_code == 2 and again.stderr.count("\n") == 1 and "holds files already" in again.stderr


def test_a_dry_run_tells_what_would_be_learned_and_trains_nothing(mine: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(RECIPE.replace("[data]", '[data]\ncaptions = ["{a} {class} at home"]'))
    answer = run("train", "base", recipe, "--data", mine, "--out", tmp_path / "pack", "--dry-run", "--json")
    assert answer.exit_code == 0, answer.stderr
    said = json.loads(answer.stdout)
    assert said["classes"]["dog"]["captions"] == ["a dog at home"] and said["name"] == "Pets"
    with Image.open(said["contact_sheet"]) as sheet:
        assert sheet.height == 244
    assert not (tmp_path / "pack").exists() and not (tmp_path / "pack.training" / "checkpoints").exists()


def test_a_recipe_is_written_and_a_wrong_one_told_before_anything_is_read(
        mine: Path, same_process: Run, tmp_path: Path) -> None:
    recipe = tmp_path / "pets.toml"
    answer = run("train", "new", "pets", "--data", mine, "--out", recipe, "--json")
    assert answer.exit_code == 0, answer.stderr
    assert json.loads(answer.stdout) == {"recipe": str(recipe)} and "a cat" in recipe.read_text()
    dry = run("train", "base", recipe, "--data", mine, "--out", tmp_path / "pack", "--dry-run")
    assert dry.exit_code == 0 and "“a cat”, “a picture of a cat”" in dry.stdout
    for old, new, complaint in (("{class}", "{klass}", "unknown placeholder {klass}"),
                                ("[denoiser]", "[denoisr]", "unknown section [denoisr]"),
                                ('colour = "rgb"', 'colour = "blue"', "colour in [pack] is 'blue'")):
        wrong = tmp_path / "wrong.toml"
        wrong.write_text(recipe.read_text().replace(old, new))
        told = run("train", "base", wrong, "--data", mine, "--out", tmp_path / "pack", "--dry-run")
        assert told.exit_code == 2 and complaint in told.stderr and told.stderr.count("\n") == 1


def test_mistakes_are_one_line_and_exit_status_2(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for arguments, complaint in ((("inspect", tmp_path / "empty"), "holds no pictures"),
                                 (("inspect", tmp_path / "empty", "--layout", "x"), "no layout 'x'"),
                                 (("freeze", tmp_path / "none", "--out", tmp_path / "o"), "no folder or file none"),
                                 (("freeze", tmp_path / "empty"), "--out")):
        answer = run("data", *arguments)
        assert answer.exit_code == 2 and answer.stdout == "" and answer.stderr.count("\n") == 1
        assert complaint in answer.stderr
    assert not (tmp_path / "o").exists()
