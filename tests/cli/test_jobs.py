"""Whole jobs from the command line, in processes of their own, with a tiny pack and sockets blocked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image
from typer.testing import CliRunner

from medsynth_app import cli
from medsynth_app.actions.demo import demo_images
from medsynth_app.actions.history import undo
from medsynth_app.actions.info import info
from medsynth_app.actions.open_image import open_image as open_document
from medsynth_app.actions.people import switch_person
from medsynth_app.formats.mark import draw_mark
from medsynth_app.formats.raster import write_mask_png
from medsynth_app.formats.registry import open_image
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import paint, png, seen
from tests.cli.conftest import Run
from tests.engine.tiny import make_tiny_pack
from tests.engine.train.test_base import RECIPE

ROOT = Path(__file__).resolve().parents[2]
NO_SOCKETS = """
import sys
def hook(event, arguments):
    if event == "socket.getaddrinfo" or event == "socket.__new__" and int(arguments[1]) in (2, 10):
        raise RuntimeError("a network socket was opened")
sys.addaudithook(hook)
"""


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_pack(tmp_path_factory.mktemp("packs") / "tiny", native_size=32)


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which neither the command nor its workers can open a network socket."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(NO_SOCKETS)
    return {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


def start(environment: dict[str, str], *arguments: object, session: bool = False) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "medsynth_app", *(str(item) for item in arguments)], cwd=ROOT,
                            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            start_new_session=session, preexec_fn=_hear_ctrl_c if os.name == "posix" else None)


def _hear_ctrl_c() -> None:
    """A shell's background job ignores Ctrl+C, and so would what it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(environment: dict[str, str], *arguments: object) -> Any:
    """The one JSON document that the command prints."""
    process = start(environment, *arguments, "--json")
    out, err = process.communicate(timeout=150)
    assert process.returncode == 0, err
    return json.loads(out)


def _mask(path: Path, rows: int, columns: int) -> np.ndarray[Any, Any]:
    mask = np.zeros((rows, columns), np.uint8)
    mask[20:40, 30:50] = 1
    write_mask_png(path, mask)
    return mask > 0


def test_the_environment_really_blocks_sockets(offline: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, "-c", "import socket; socket.socket()"], env=offline, capture_output=True,
                          text=True, check=False)
    assert done.returncode and "a network socket was opened" in done.stderr


def test_inpaint_a_picture(pack: Path, offline: dict[str, str], tmp_path: Path) -> None:
    image = png(tmp_path / "cell.png")
    mask = _mask(tmp_path / "mask.png", 60, 80)
    with Workspace.open(tmp_path / "work") as workspace:  # what somebody painted and undid before
        person = switch_person(workspace, "Ana").people[0]
        document = open_document(workspace, image)
        paint(document, 0, (2, 2, 12, 12), 2, person)
        paint(document, 0, (30, 2, 40, 12), 3, person)
        undo(document, person)
        painted = np.array(document.mask(0))
    answer = run(offline, "inpaint", image, "--mask", tmp_path / "mask.png", "--prompt", "a cell", "--pack", pack,
                 "--steps", 3, "--seed", 11, "--count", 2, "--no-mark", "--device", "cpu", "--out", tmp_path / "out",
                 "--workspace", tmp_path / "work")
    assert [item["seed"] for item in answer["results"]] == [11, 12]
    assert {item["largest_change_outside_mask"] for item in answer["results"]} == {0}
    before = np.asarray(Image.open(image))
    drawn = [np.asarray(Image.open(item["file"])) for item in answer["results"]]
    for after in drawn:
        assert np.array_equal(after[~mask], before[~mask])
        assert (after[mask] != before[mask]).any()
    assert (drawn[0] != drawn[1]).any()
    for item in answer["results"]:
        facts = info(Path(item["file"]))
        assert facts["synthetic"] and facts["provenance"]["seed"] == item["seed"]
        assert json.loads(Path(item["file"] + ".provenance.json").read_text())["synthetic"] is True
    assert (tmp_path / "work").stat().st_mode & 0o777 == 0o700
    with Workspace.open(tmp_path / "work") as workspace:
        document = open_document(workspace, image)
        assert np.array_equal(document.mask(0), painted)
        assert np.array_equal(seen(document, 0, None), before) and document.provenance(0) == []
        assert (document.can_undo(person), document.can_redo(person)) == ("Undo: paint region", "Redo: paint region")
        assert {document.can_undo(""), document.can_redo("")} == {None}
        assert len(workspace.candidates.of_document(document.id, "staged")) == 2
        assert {record.person for record in workspace.jobs.records()} == {person}


def test_inpaint_dicom_keeps_its_class_depth_and_place(pack: Path, same_process: Run, tmp_path: Path) -> None:
    import pydicom

    source = next(image.path for image in demo_images() if image.path.name == "CT_small.dcm")
    mask = _mask(tmp_path / "mask.png", 128, 128)
    answer = same_process("inpaint", source, "--mask", tmp_path / "mask.png", "--mode", "remove", "--pack", pack,
                          "--steps", 2, "--seed", 1, "--out", tmp_path / "out", "--device", "cpu")
    (item,) = answer["results"]
    before, after = pydicom.dcmread(source), pydicom.dcmread(item["file"])
    assert after.SOPClassUID == before.SOPClassUID and after.SOPInstanceUID != before.SOPInstanceUID
    assert str(after.PatientID).startswith("SYN-") and after.SyntheticData == "YES"
    assert np.array_equal(after.pixel_array[~mask], before.pixel_array[~mask])
    assert after.pixel_array.dtype == before.pixel_array.dtype
    assert str(before.PatientName) not in json.dumps(answer)
    assert any("colour" in text for text in answer["notices"])  # the pack learned colour, the slice is grey
    assert open_image(Path(item["file"])).info.synthetic


def test_removal_needs_no_pack(offline: dict[str, str], same_process: Run, tmp_path: Path) -> None:
    import pydicom

    source = next(image.path for image in demo_images() if image.path.name == "CT_small.dcm")
    mask = _mask(tmp_path / "mask.png", 128, 128)
    line = ("inpaint", source, "--mask", tmp_path / "mask.png", "--seed", 1, "--count", 2)
    answer = run(offline, *line, "--engine", "classical", "--out", tmp_path / "out")
    assert (answer["engine"], answer["pack"]) == ("classical", None)
    before = pydicom.dcmread(source).pixel_array
    for item in answer["results"]:
        after = pydicom.dcmread(item["file"])
        assert item["largest_change_outside_mask"] == 0
        assert np.array_equal(after.pixel_array[~mask], before[~mask])
        assert (after.pixel_array[mask] != before[mask]).mean() > 0.5
        assert "classical fill" in after.DerivationDescription and "prompt" not in after.DerivationDescription
        record = json.loads(Path(item["file"] + ".provenance.json").read_text())
        assert "classical fill" in json.dumps(record)
    chosen = same_process(*line, "--mode", "remove", "--out", tmp_path / "again")  # no pack knows CT
    assert chosen["engine"] == "classical"
    for one, other in zip(answer["results"], chosen["results"], strict=True):
        assert np.array_equal(pydicom.dcmread(one["file"]).pixel_array, pydicom.dcmread(other["file"]).pixel_array)


def test_generate_pictures(pack: Path, offline: dict[str, str], tmp_path: Path) -> None:
    answer = run(offline, "generate", "--prompt", "a cell", "--pack", pack, "--count", 3, "--seed", 5, "--steps", 2,
                 "--out", tmp_path / "out", "--device", "cpu", "--workspace", tmp_path / "work")
    assert [item["seed"] for item in answer["pictures"]] == [5, 6, 7] and answer["notices"] == []
    with Workspace.open(tmp_path / "work") as workspace:
        drawn = {picture.candidate: picture.pixels() for picture in workspace.pictures.page()}
    for item in answer["pictures"]:
        assert drawn[item["candidate"]].shape == (32, 32, 3)
        assert np.array_equal(np.asarray(Image.open(item["file"])), draw_mark(drawn[item["candidate"]]))
        assert info(Path(item["file"]))["provenance"]["seed"] == item["seed"]


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C is sent as a signal")
def test_ctrl_c_stops_the_job_and_leaves_no_process(pack: Path, offline: dict[str, str], tmp_path: Path) -> None:
    process = start(offline, "generate", "--prompt", "a cell", "--pack", pack, "--count", 1, "--seed", 5,
                    "--steps", 1000, "--width", 512, "--height", 512, "--out", tmp_path / "out", "--device", "cpu")
    workers: list[psutil.Process] = []
    end = time.monotonic() + 60
    while not workers and time.monotonic() < end and process.poll() is None:
        workers = [child for child in psutil.Process(process.pid).children()
                   if "spawn_main" in " ".join(child.cmdline())]
        time.sleep(0.1)
    assert workers
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and err.strip().endswith("Stopped.")
    gone, alive = psutil.wait_procs(workers, timeout=10)
    assert gone and not alive
    assert not (tmp_path / "out").exists()


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """A data folder, and beside it two recipes: one that ends soon, one that does not."""
    folder = tmp_path / "data"
    folder.mkdir()
    lines = ["file,class,split"]
    for number, split in enumerate(["train"] * 6 + ["val", "test"]):
        lines.append(f"{png(folder / f'{number}.png', 40, 40, number).name},square,{split}")
    (folder / "labels.csv").write_text("\n".join(lines))
    recipe = RECIPE.replace("[data]", '[data]\ncaptions = ["{a} {class}"]')
    (tmp_path / "short.toml").write_text(recipe)
    (tmp_path / "long.toml").write_text(recipe.replace("steps = 4", "steps = 100000"))
    return folder


@pytest.mark.timeout(600)  # a process that loads torch and trains with a low priority, on a machine that may be busy
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C is sent as a signal")
def test_training_is_stopped_by_ctrl_c_and_resumed(
        cells: Path, offline: dict[str, str], same_process: Run, tmp_path: Path) -> None:
    import torch

    out, checkpoints = tmp_path / "pack", tmp_path / "pack.training" / "checkpoints"
    # In a session of its own, so that Ctrl+C reaches the worker too, as it does in a terminal.
    process = start(offline, "train", "base", tmp_path / "long.toml", "--data", cells, "--out", out, session=True)
    assert process.stdout is not None and process.stderr is not None
    with process:
        told = []
        for line in process.stderr:  # until it is far from its start, and from its end
            told.append(line)
            if "denoiser" in line:
                break
        os.killpg(process.pid, signal.SIGINT)
        err, printed = "".join([*told, *process.stderr]), process.stdout.read()
    assert process.returncode == 130 and printed == ""
    assert "Train: long: 0 %" in err and err.endswith("Stopped.\n")
    saved = torch.load(checkpoints / "denoiser.pt", weights_only=True)["state"]["step"]
    assert saved > 0 and not out.exists()
    answer = same_process("train", "base", tmp_path / "short.toml", "--out", out, "--resume")
    assert info(out)["sha256"] == answer["sha256"] and answer["pack"] == "tiny"
    assert torch.load(checkpoints / "denoiser.pt", weights_only=True)["state"]["step"] == saved
    (tmp_path / "wide.toml").write_text((tmp_path / "short.toml").read_text().replace("[16, 32]", "[32, 32]"))
    refused = CliRunner().invoke(cli.app, ["train", "base", str(tmp_path / "wide.toml"), "--branch", str(out), "--out",
                                           str(tmp_path / "wide")])
    assert refused.exit_code == 2 and "belongs to a recipe of another shape" in refused.stderr.replace("\n", " ")
    assert not (tmp_path / "wide.training").exists()  # the same command with a mended recipe is no second run
