"""``packs``: shown, verified, added, removed."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from medsynth_app import cli
from tests.actions.bench import make_pack

PLACES = ("medsynth_app.actions.packs", "medsynth_app.actions.install_pack")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_pack(tmp_path / "shipped", "cells")
    for module in PLACES:
        monkeypatch.setattr(import_module(module), "default_pack_folders",
                            lambda: [tmp_path / "shipped", tmp_path / "shelf"])
    return tmp_path / "shelf"


def test_a_pack_is_added_shown_verified_and_removed(shelf: Path, tmp_path: Path) -> None:
    long = "skin-lesions-of-the-university-hospital-by-dermatoscopy-2024-second-series"
    stick = make_pack(tmp_path / "stick", long)
    assert "every file has its recorded hash" in run("packs", "verify", stick.folder).stdout
    assert long in run("packs", "import", stick.folder).stdout and (shelf / long).is_dir()
    assert long in run("packs", "list").stdout.replace("\n", "")
    shown = run("packs", "show", long)
    assert stick.manifest.sha256 in shown.stdout and "training data: name made up" in shown.stdout
    told = json.loads(run("packs", "show", long, "--json").stdout)
    assert told["files"] == {"weights.txt": stick.manifest.files["weights.txt"]} and told["bytes"] > 0
    assert run("packs", "import", stick.folder).exit_code == 2
    assert run("packs", "remove", long).exit_code == 0 and not (shelf / long).exists()
    assert run("packs", "show", long).exit_code == 2


def test_what_comes_with_the_program_stays(shelf: Path) -> None:
    answer = run("packs", "remove", "cells")
    assert answer.exit_code == 2 and "Only packs that were added can be removed." in answer.stderr


def test_a_folder_without_packs_is_told(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    answer = run("packs", "verify", tmp_path / "empty")
    assert answer.exit_code == 2 and "no model pack in empty" in answer.stderr and not answer.stdout
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "pack.json").write_text("{")
    answer = run("packs", "verify", tmp_path / "torn")
    assert answer.exit_code == 2 and answer.stdout.count("cannot be read") == 1 and not answer.stderr
    assert run("packs", "import", tmp_path / "empty").exit_code == 2
    assert run("packs", "import", tmp_path / "none").exit_code == 2
