"""The command line's contract: what is printed where, and with which exit status."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from medsynth_app import __version__, cli
from medsynth_app.actions import packs
from medsynth_app.actions.demo import demo_images
from medsynth_app.actions.doctor import Check
from medsynth_app.cli import images
from medsynth_app.core.errors import UserError
from medsynth_app.formats.raster import write_mask_png
from tests.actions.bench import make_pack, png, volume


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
    for name in ("demo", "info", "doctor", "inpaint", "generate", "data", "train", "packs", "embed"):
        assert name in text
    assert "base" in run("train", "--help").stdout
    assert "list" in run("packs", "--help").stdout and "verify" in run("packs", "--help").stdout
    assert run("--version").stdout == f"medsynth {__version__}\n"


@pytest.mark.parametrize("command", [("info",), ("doctor",), ("inpaint",), ("generate",), ("demo",), ("train", "base"),
                                     ("packs", "list"), ("packs", "verify"), ("data", "inspect"),
                                     ("data", "freeze")])
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
    def broken(path: Path, **_: object) -> None:
        raise ZeroDivisionError("/home/somebody/Smith.dcm")

    monkeypatch.setattr(images, "read_info", broken)
    answer = run("info", "x.png")
    assert answer.exit_code == 1 and answer.stdout == ""
    assert "ZeroDivisionError" in answer.stderr and answer.stderr.count("\n") == 1
    answer = run("info", "x.png", "--json")
    assert answer.exit_code == 1 and "ZeroDivisionError" in json.loads(answer.stdout)["error"]["happened"]
    assert "Smith" not in answer.output


def test_nothing_is_drawn_into_a_kind_of_image_that_no_pack_knows(two_packs: Path, tmp_path: Path) -> None:
    ct = next(image.path for image in demo_images() if image.path.name == "CT_small.dcm")
    mask = np.zeros((128, 128), np.uint8)
    mask[50:60, 50:60] = 255
    write_mask_png(tmp_path / "mask.png", mask)
    line = ("inpaint", ct, "--mask", tmp_path / "mask.png", "--out", tmp_path / "out")
    answer = run(*line)
    assert answer.exit_code == 2
    assert answer.stderr.splitlines()[-1].startswith("No installed model knows CT images. Use --mode remove")
    answer = run(*line, "--engine", "classical", "--mode", "vary")
    assert answer.exit_code == 2 and "nothing drawn" in answer.stderr
    answer = run(*line, "--mode", "remove", "--follow")
    assert answer.exit_code == 2 and "does not go with mode remove" in answer.stderr
    assert not (tmp_path / "out").exists()


def test_a_path_opens_the_window_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[Path | None, Path | None]] = []
    window = SimpleNamespace(run=lambda workspace, path: opened.append((workspace, path)) or 0)
    monkeypatch.setitem(sys.modules, "medsynth_app.app", window)  # the window itself: tests.test_app
    monkeypatch.setattr(cli, "has_display", lambda: True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slices").mkdir()
    (tmp_path / "scan.dcm").write_bytes(b"")
    (tmp_path / "packs").write_bytes(b"")  # called as a command
    for arguments, expected in ((("scan.dcm",), (None, tmp_path / "scan.dcm")),
                                (("slices",), (None, tmp_path / "slices")),
                                (("--workspace", "w", "scan.dcm"), (Path("w"), tmp_path / "scan.dcm")),
                                (("scan.dcm", "--workspace", "w"), (Path("w"), tmp_path / "scan.dcm")),
                                (("open", "packs"), (None, tmp_path / "packs")), ((), (None, None))):
        answer = run(*arguments)
        assert answer.exit_code == 0, answer.output
        assert opened.pop() == expected and not opened
    assert run("packs").exit_code == 2  # needs a command of its own
    for typo, complaint in (("scna.dcm", "no file or folder scna.dcm"), ("./slcies", "no file or folder slcies"),
                            ("generat", "No such command 'generat'"), ("slcies", "No such command 'slcies'")):
        answer = run(typo)
        assert answer.exit_code == 2 and complaint in answer.stderr and answer.stderr.count("\n") == 1, answer.stderr
    assert not opened


@pytest.mark.parametrize("arguments, complaint", [
    (("generate", "--out", "o", "--seed", "many"), "'--seed'"), (("nonsense",), "nonsense"),
    (("generat",), "'generate'? See `medsynth --help`"),
    (("info",), "Missing argument"), (("generate", "--nothing"), "--nothing"), (("train",), "Missing command")])
def test_wrong_arguments_are_one_line_and_exit_status_2(arguments: tuple[str, ...], complaint: str) -> None:
    answer = run(*arguments)
    assert answer.exit_code == 2 and answer.stdout == ""
    assert complaint in answer.stderr and "--help" in answer.stderr and answer.stderr.count("\n") == 1
    answer = run(*arguments, "--json")
    assert answer.exit_code == 2 and json.loads(answer.stdout)["error"]["happened"]


def test_info_uses_the_pseudonym_of_the_workspace(tmp_path: Path) -> None:
    from medsynth_app.actions.open_image import open_image
    from medsynth_app.workspace.workspace import Workspace

    ct = next(image.path for image in demo_images() if image.path.name == "CT_small.dcm")
    with Workspace.open(tmp_path / "work") as workspace:
        known = open_image(workspace, ct).info.pseudonym
    told = [json.loads(run("info", ct, "--json", *rest).stdout)["pseudonym"]
            for rest in (("--workspace", tmp_path / "work"), ())]
    assert told[0] == known and told[1] != known


def test_an_image_that_is_too_large_names_the_option_that_opens_it(two_packs: Path, tmp_path: Path) -> None:
    image = png(tmp_path / "a.png")
    for line in (("info", image), ("inpaint", image, "--mask", image, "--out", tmp_path / "out")):
        answer = run(*line, "--allow-gb", 0.000001)
        assert answer.exit_code == 2 and "add --allow-gb 1;" in answer.stderr
    assert run("info", image, "--allow-gb", 1).exit_code == 0


def test_a_folder_that_cannot_be_written_is_told_before_the_run(
        two_packs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object, **__: object) -> str:
        raise AssertionError("the run was started")

    monkeypatch.setattr(images, "queue_inpainting", started)
    monkeypatch.setattr(import_module("medsynth_app.cli.generate"), "queue_pictures", started)
    image = png(tmp_path / "a.png", 60, 80)
    write_mask_png(tmp_path / "mask.png", np.ones((60, 80), np.uint8))
    out = image / "out"
    for line in (("generate", "--prompt", "x"), ("inpaint", image, "--mask", tmp_path / "mask.png")):
        answer = run(*line, "--pack", "cells", "--out", out, "--json")
        assert answer.exit_code == 2
        assert "out cannot be written" in json.loads(answer.stdout)["error"]["happened"]


def test_warnings_are_told_before_the_run(two_packs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise UserError("Not now.", "Later.")

    monkeypatch.setattr(images, "queue_inpainting", refuse)
    ct = next(image.path for image in demo_images() if image.path.name == "CT_small.dcm")
    write_mask_png(tmp_path / "mask.png", np.ones((128, 128), np.uint8))
    answer = run("inpaint", ct, "--mask", tmp_path / "mask.png", "--pack", "cells", "--out", tmp_path / "out")
    lines = answer.stderr.splitlines()
    assert "Blood cells was trained on colour images (slide microscopy), not on grey ones (CT)." in lines[:-1]
    assert lines[-1] == "Not now. Later."
    assert not (tmp_path / "out").exists()  # it was made, stayed empty and was removed


def test_a_volume_of_masks_for_one_slice_needs_the_slice_to_be_named(two_packs: Path, tmp_path: Path) -> None:
    mask = volume(tmp_path / "mask.nii.gz", frames=3, rows=60, columns=80)
    answer = run("inpaint", png(tmp_path / "a.png", 60, 80), "--mask", mask, "--pack", "cells",
                 "--out", tmp_path / "out")
    assert answer.exit_code == 2 and "3 slices" in answer.stderr


def test_packs_are_listed_and_verified(two_packs: Path) -> None:
    assert "brains" in run("packs", "list").stdout
    assert [item["name"] for item in json.loads(run("packs", "list", "--json").stdout)] == ["cells", "brains"]
    make_pack(two_packs, "cell-encoder", kind="encoder")
    listed = json.loads(run("packs", "list", "--json").stdout)
    assert {item["name"]: item["kind"] for item in listed} == {"cells": "base", "brains": "base",
                                                               "cell-encoder": "encoder"}
    assert "cell-encoder (encoder): every file" in run("packs", "verify").stdout
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
    image = png(tmp_path / "a.png", 60, 80)
    write_mask_png(tmp_path / "small.png", np.ones((30, 40), np.uint8))
    write_mask_png(tmp_path / "empty.png", np.zeros((60, 80), np.uint8))
    answer = run("inpaint", image, "--mask", tmp_path / "small.png", "--out", tmp_path / "out")
    assert answer.exit_code == 2 and "40 x 30 pixels, the image 80 x 60" in answer.stderr
    answer = run("inpaint", image, "--mask", tmp_path / "empty.png", "--out", tmp_path / "out")
    assert answer.exit_code == 2 and "The mask is empty" in answer.stderr


def test_a_series_needs_the_slice_to_be_named() -> None:
    assert images._frame(1, None) == 0 and images._frame(5, 4) == 4
    with pytest.raises(UserError, match="5 slices"):
        images._frame(5, None)
    with pytest.raises(UserError, match="no slice 5"):
        images._frame(5, 5)


def test_a_workspace_that_is_open_elsewhere_is_refused(two_packs: Path, tmp_path: Path) -> None:
    from medsynth_app.workspace.workspace import Workspace

    workspace = Workspace.open(tmp_path / "work")
    try:
        answer = run("generate", "--pack", "cells", "--prompt", "x", "--out", tmp_path / "out",
                     "--workspace", tmp_path / "work")
    finally:
        workspace.close()
    assert answer.exit_code == 2 and "another window works in it" in answer.stderr


def test_train_says_what_is_missing(tmp_path: Path) -> None:
    answer = run("train", "base", tmp_path / "none.toml", "--out", tmp_path / "pack")
    assert answer.exit_code == 2 and "recipe" in answer.stderr
