"""``generate`` from the command line: pictures from masks, and pairs; whole jobs run with a tiny pack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medsynth_app.actions.info import info
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.provenance import Provenance
from medsynth_app.formats.mark import draw_mark
from medsynth_app.formats.raster import write_mask_png
from medsynth_app.formats.registry import read_mask
from medsynth_app.headless import Headless
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack, png
from tests.cli.conftest import Run
from tests.cli.test_cli import run as command_line
from tests.engine.tiny import make_tiny_pack

MASK = np.zeros((32, 32), np.uint8)
MASK[6:24, 8:28], MASK[10:18, 12:22] = 1, 2


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_pack(tmp_path_factory.mktemp("packs") / "tiny", with_control=True, with_masks=True)


def pixels(path: Path | str) -> np.ndarray[Any, Any]:
    with Image.open(path) as image:
        return np.asarray(image)


def test_pictures_from_one_mask(pack: Path, same_process: Run, tmp_path: Path) -> None:
    write_mask_png(tmp_path / "m.png", MASK.repeat(2, 0).repeat(2, 1))
    answer = same_process("generate", "--prompt", "a cell", "--mask", tmp_path / "m.png", "--pack", pack, "--count", 2,
                 "--seed", 5, "--steps", 2, "--out", tmp_path / "out", "--device", "cpu",
                 "--workspace", tmp_path / "work")
    assert [item["seed"] for item in answer["pictures"]] == [5, 6]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == ["picture-1.png", "picture-2.png"]
    with Workspace.open(tmp_path / "work") as workspace:
        kept = {picture.seed: picture for picture in workspace.pictures.page()}
    for item in answer["pictures"]:
        mask = kept[item["seed"]].mask()
        assert mask is not None and np.array_equal(mask, MASK)  # its label values, at the size of the picture
        assert np.array_equal(pixels(item["file"]), draw_mark(kept[item["seed"]].pixels()))
        assert info(Path(item["file"]))["provenance"]["mask_sha256"]


def test_pictures_from_a_folder_of_masks_are_named_as_they(
        pack: Path, same_process: Run, tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    for name, mask in (("cell 1", MASK), ("{0}", MASK.T.copy())):
        write_mask_png(tmp_path / "masks" / f"{name}.png", mask)
    answer = same_process("generate", "--masks", tmp_path / "masks", "--pack", pack, "--seed", 5, "--steps", 2,
                 "--out", tmp_path / "out", "--device", "cpu", "--no-mark")
    assert {Path(item["file"]).name: item["seed"] for item in answer["pictures"]} == {"cell 1.png": 5, "{0}.png": 6}
    assert not np.array_equal(*(pixels(item["file"]) for item in answer["pictures"]))


def test_pairs_of_equal_names(pack: Path, same_process: Run, tmp_path: Path) -> None:
    answer = same_process("generate", "pairs", "--prompt", "a round cell", "--pack", pack, "--count", 18, "--seed", 2,
                 "--steps", 1, "--out", tmp_path / "out", "--device", "cpu", "--no-mark",
                 "--workspace", tmp_path / "work")
    images, masks = (sorted((tmp_path / "out" / kind).iterdir()) for kind in ("images", "masks"))
    assert [path.name for path in images] == [path.name for path in masks] and len(images) == 18
    assert [item["seed"] for item in answer["pairs"]] == list(range(2, 20))
    assert [item["file"] for item in answer["pairs"]] == [str(path) for path in images]
    with Workspace.open(tmp_path / "work") as workspace:
        kept = {picture.seed: picture for picture in workspace.pictures.page()}
    for seed, image, mask in zip(range(2, 20), images, masks, strict=True):
        labels = kept[seed].mask()
        assert labels is not None and np.array_equal(read_mask(mask), labels)
        assert np.array_equal(pixels(image), kept[seed].pixels())
        assert info(mask)["synthetic"] and info(mask)["provenance"] == info(image)["provenance"]
        record = info(image)["provenance"]
        assert record["seed"] == seed and record["parameters"]["mask_class"] == "round cell"


def test_what_a_failed_run_has_finished_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = make_pack(tmp_path / "packs")

    def fail(here: Headless, changes: Changes) -> None:
        made = Provenance(action="generate", pack="cells", pack_sha256="", seed=7, created="2030-01-01")
        here.workspace.pictures.add(changes.jobs[0], 0, np.zeros((32, 32, 3), np.uint8), made)
        raise UserError("The disk broke.", "Mend it.")

    monkeypatch.setattr(Headless, "run", fail)
    answer = command_line("generate", "--pack", pack.folder, "--prompt", "x", "--count", 40, "--out", tmp_path / "out")
    assert answer.exit_code == 2 and "The disk broke. Mend it." in answer.stderr
    assert [path.name for path in (tmp_path / "out").glob("*.png")] == ["picture-1.png"]


def test_mistakes_are_told_before_anything_starts(tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "packs", mask_labels=("polyp",), files={"controlnet/config.json": "0" * 64})
    write_mask_png(tmp_path / "m.png", MASK)
    out = ("--pack", pack.folder, "--out", tmp_path / "out")
    for line, complaint in (
            (("generate", "--prompt", "x"), "Missing option '--out'"),
            (("generate", *out, "--mask", tmp_path / "m.png"), "value 2, which the model does not know"),
            (("generate", *out, "--mask", tmp_path / "none.png"), "no such file"),
            (("generate", *out, "--masks", tmp_path / "packs"), "no masks in this folder"),
            (("generate", *out, "--count", 10**12), "1000000000000 pictures"),
            (("generate", *out, "--seed", -1), "outside 0 to 2147483647"),
            (("generate", *out, "--seed", 2**63), "outside 0 to 2147483647"),
            (("generate", *out, "--seed", 2**31 - 2, "--count", 3), "leaves no room for 3"),
            (("generate", *out, "--masks", tmp_path, "--mask", tmp_path / "m.png"), "Both --mask and --masks"),
            (("generate", *out, "--count", 0), "0 pictures"),
            (("generate", *out, "--width", 48, "--invisible-mark"), "too small for an invisible mark"),
            (("generate", "--seed", 3, "pairs", *out), "--seed stands before 'pairs'"),
            (("generate", "pairs", *out), "cannot draw masks"),
            (("generate", "pairs"), "--out")):
        answer = command_line(*line)
        assert answer.exit_code == 2 and answer.stdout == "" and answer.stderr.count("\n") == 1, answer.stderr
        assert complaint in answer.stderr
    assert not (tmp_path / "out").exists()
    answer = command_line("generate", "pairs", *out, "--json")
    assert json.loads(answer.stdout)["error"]["happened"].endswith("cannot draw masks.")


def test_an_image_is_no_folder_of_masks(tmp_path: Path) -> None:
    answer = command_line("generate", "--masks", png(tmp_path / "a.png"), "--out", tmp_path / "out")
    assert answer.exit_code == 2 and "--masks" in answer.stderr


def test_both_ways_are_explained() -> None:
    text = command_line("generate", "--help").stdout
    assert "--masks" in text and "pairs" in text and "required" in text
    text = command_line("generate", "pairs", "--help").stdout
    assert "--count" in text and "--mask " not in text and "equal names" in " ".join(text.split())


def test_a_fill_follows_the_labels_of_its_mask(pack: Path, same_process: Run, tmp_path: Path) -> None:
    image = png(tmp_path / "a.png", 32, 32)
    write_mask_png(tmp_path / "m.png", MASK)

    def fill(name: str, prompt: str, *more: str) -> tuple[dict[str, Any], np.ndarray[Any, Any]]:
        answer = same_process("inpaint", image, "--mask", tmp_path / "m.png", "--prompt", prompt, "--pack", pack,
                     "--seed", 5, "--steps", 2, "--out", tmp_path / name, "--device", "cpu", "--workspace",
                     tmp_path / "work", *more)
        record = json.loads((tmp_path / name / "candidate-1.png.provenance.json").read_text())
        assert answer["followed"] == list(record["parameters"].get("followed", {}).values())
        return record["parameters"], pixels(tmp_path / name / "candidate-1.png")

    named, drawn = fill("named", "a body")
    assert named["followed"] == {"1": "body", "2": "core"} and named["control_scale"] == 1.5
    unnamed, _ = fill("unnamed", "a round cell")
    assert "followed" not in unnamed
    asked, _ = fill("asked", "a round cell", "--follow", "--control-scale", "0.5")
    assert asked["followed"] == named["followed"] and asked["control_scale"] == 0.5
    refused, free = fill("refused", "a body", "--no-follow")
    assert "followed" not in refused and not np.array_equal(free, drawn)


def test_a_mask_that_no_fill_can_follow_is_refused(tmp_path: Path) -> None:
    image, out = png(tmp_path / "a.png", 32, 32), tmp_path / "out"
    write_mask_png(tmp_path / "m.png", (MASK > 0) * np.uint8(255))
    plain = make_pack(tmp_path / "packs", "plain")
    two = make_pack(tmp_path / "packs", "two", mask_labels=("body", "core"), files={"controlnet/config.json": "0" * 64})
    for pack, more, complaint in ((plain, (), "cannot follow masks"), (two, (), "the value 255, which"),
                                  (two, ("--mode", "remove"), "mode remove"),
                                  (two, ("--control-scale", 3), "outside 0 to 2")):
        answer = command_line("inpaint", image, "--mask", tmp_path / "m.png", "--pack", pack.folder, "--follow",
                              "--out", out, *more)
        assert answer.exit_code == 2 and complaint in answer.stderr, answer.stderr


def test_what_a_job_says_is_told_once(pack: Path, same_process: Run, tmp_path: Path) -> None:
    answer = command_line("generate", "--prompt", "a cell " * 60, "--pack", str(pack), "--count", "1", "--steps", "1",
                          "--out", str(tmp_path / "out"), "--device", "cpu")
    assert answer.exit_code == 0 and answer.stderr.count("is not read") == 1
