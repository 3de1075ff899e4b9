"""The command line's contract: what is printed where, and with which exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from medsynth_app import __version__, cli
from medsynth_app.actions import packs
from medsynth_app.actions.demo import demo_images
from medsynth_app.actions.doctor import Check
from medsynth_app.core.errors import UserError
from tests.actions.bench import make_pack, png


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(item) for item in arguments])


@pytest.fixture
def two_packs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_pack(tmp_path / "packs", "cells")
    make_pack(tmp_path / "packs", "brains", modalities=("MR",), colour="grey", domain="hippocampus")
    monkeypatch.setattr(packs, "default_pack_folders", lambda: [tmp_path / "packs"])
    return tmp_path / "packs"


def test_every_command_of_the_contract_that_exists_is_listed() -> None:
    text = run("--help").stdout
    for name in ("demo", "info", "doctor", "inpaint", "generate", "train", "packs"):
        assert name in text
    assert "base" in run("train", "--help").stdout
    assert "list" in run("packs", "--help").stdout and "verify" in run("packs", "--help").stdout
    assert run("--version").stdout == f"medsynth {__version__}\n"


@pytest.mark.parametrize("command", [("info",), ("doctor",), ("inpaint",), ("generate",), ("demo",), ("train", "base"),
                                     ("packs", "list"), ("packs", "verify")])
def test_every_command_takes_workspace_and_json(command: tuple[str, ...]) -> None:
    text = run(*command, "--help").stdout
    assert "--workspace" in text and "--json" in text


def test_info_prints_facts_and_one_json_document() -> None:
    ct = next(image.path for image in demo_images() if image.path.name == "CT_small.dcm")
    assert "modality" in run("info", ct).stdout
    answer = run("info", ct, "--json")
    assert answer.exit_code == 0 and json.loads(answer.stdout)["modality"] == "CT"


def test_a_user_error_is_one_line_and_exit_status_2(tmp_path: Path) -> None:
    answer = run("info", tmp_path / "nothing.png")
    assert answer.exit_code == 2 and answer.stdout == ""
    assert answer.stderr == "There is no such file. Check the name, or whether the disk is connected.\n"
    answer = run("info", tmp_path / "nothing.png", "--json")
    assert answer.exit_code == 2 and json.loads(answer.stdout)["error"]["happened"] == "There is no such file."


def test_a_bug_is_exit_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "read_info", broken)
    answer = run("info", "x.png")
    assert answer.exit_code == 1 and isinstance(answer.exception, ZeroDivisionError)


def test_wrong_options_are_exit_status_2() -> None:
    assert run("generate", "--seed", "many").exit_code == 2
    assert run("nonsense").exit_code == 2


def test_packs_are_listed_and_verified(two_packs: Path) -> None:
    assert "brains" in run("packs", "list").stdout
    assert [item["name"] for item in json.loads(run("packs", "list", "--json").stdout)] == ["cells", "brains"]
    assert run("packs", "verify").exit_code == 0
    (two_packs / "cells" / "weights.txt").write_text("other")
    answer = run("packs", "verify", "--json")
    assert answer.exit_code == 2
    checks = {item["name"]: item for item in json.loads(answer.stdout)}
    assert checks["brains"]["whole"] and "weights.txt" in checks["cells"]["problems"][0]


def test_doctor_tells_each_check_and_fails_when_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = [Check("Disk", True, "plenty"), Check("OpenGL", False, "none; do this")]
    monkeypatch.setattr(cli, "run_doctor", lambda workspace: checks)
    answer = run("doctor")
    assert answer.exit_code == 2 and "PROBLEM" in answer.stdout and "do this" in answer.stdout
    checks.pop()
    assert json.loads(run("doctor", "--json").stdout) == {
        "ok": True, "checks": [{"name": "Disk", "ok": True, "text": "plenty"}]}


def test_generate_asks_which_pack_when_there_are_several(two_packs: Path, tmp_path: Path) -> None:
    answer = run("generate", "--prompt", "a cell", "--out", tmp_path / "out")
    assert answer.exit_code == 2 and "--pack: cells, brains" in answer.stderr
    answer = run("generate", "--prompt", "a cell", "--pack", "nothing", "--out", tmp_path / "out")
    assert answer.exit_code == 2 and "Installed are: cells, brains." in answer.stderr
    assert not (tmp_path / "out").exists()


def test_parameters_out_of_range_are_said_before_anything_starts(two_packs: Path, tmp_path: Path) -> None:
    answer = run("inpaint", png(tmp_path / "a.png"), "--mask", "m.png", "--count", 99, "--out", tmp_path / "out")
    assert answer.exit_code == 2 and "99" in answer.stderr
    answer = run("inpaint", png(tmp_path / "a.png"), "--mask", "m.png", "--mode", "melt", "--out", tmp_path / "out")
    assert answer.exit_code == 2 and "melt" in answer.stderr


def test_a_mask_of_another_size_or_an_empty_one_is_refused(two_packs: Path, tmp_path: Path) -> None:
    import numpy as np

    from medsynth_app.formats.raster import write_mask_png

    image = png(tmp_path / "a.png", 60, 80)
    write_mask_png(tmp_path / "small.png", np.ones((30, 40), np.uint8))
    write_mask_png(tmp_path / "empty.png", np.zeros((60, 80), np.uint8))
    answer = run("inpaint", image, "--mask", tmp_path / "small.png", "--out", tmp_path / "out")
    assert answer.exit_code == 2 and "40 x 30 pixels, the image 80 x 60" in answer.stderr
    answer = run("inpaint", image, "--mask", tmp_path / "empty.png", "--out", tmp_path / "out")
    assert answer.exit_code == 2 and "painted" in answer.stderr


def test_a_series_needs_the_slice_to_be_named() -> None:
    assert cli._frame(1, None) == 0 and cli._frame(5, 4) == 4
    with pytest.raises(UserError, match="5 slices"):
        cli._frame(5, None)
    with pytest.raises(UserError, match="no slice 5"):
        cli._frame(5, 5)


def test_a_workspace_that_is_open_elsewhere_is_refused(two_packs: Path, tmp_path: Path) -> None:
    from medsynth_app.workspace.workspace import Workspace

    workspace = Workspace.open(tmp_path / "work")
    try:
        answer = run("generate", "--pack", "cells", "--prompt", "x", "--out", tmp_path / "out",
                     "--workspace", tmp_path / "work")
    finally:
        workspace.close()
    assert answer.exit_code == 2 and "open in another window" in answer.stderr


def test_train_says_what_is_missing(tmp_path: Path) -> None:
    answer = run("train", "base", tmp_path / "none.toml", "--out", tmp_path / "pack")
    assert answer.exit_code == 2 and "recipe" in answer.stderr
