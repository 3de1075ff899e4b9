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

from medsynth_app.actions.demo import demo_images
from medsynth_app.actions.info import info
from medsynth_app.formats.raster import write_mask_png
from medsynth_app.formats.registry import open_image
from tests.actions.bench import png
from tests.engine.tiny import make_tiny_pack

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


def start(environment: dict[str, str], *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "medsynth_app.cli", *(str(item) for item in arguments)], cwd=ROOT,
                            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


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


def test_inpaint_dicom_keeps_its_class_depth_and_place(pack: Path, offline: dict[str, str], tmp_path: Path) -> None:
    import pydicom

    source = next(image.path for image in demo_images() if image.path.name == "CT_small.dcm")
    mask = _mask(tmp_path / "mask.png", 128, 128)
    answer = run(offline, "inpaint", source, "--mask", tmp_path / "mask.png", "--mode", "remove", "--pack", pack,
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


def test_generate_pictures(pack: Path, offline: dict[str, str], tmp_path: Path) -> None:
    answer = run(offline, "generate", "--prompt", "a cell", "--pack", pack, "--count", 3, "--seed", 5, "--steps", 2,
                 "--out", tmp_path, "--device", "cpu")
    assert [item["seed"] for item in answer["pictures"]] == [5, 6, 7]
    for item in answer["pictures"]:
        assert np.asarray(Image.open(item["file"])).shape == (32, 32, 3)
        assert info(Path(item["file"]))["synthetic"]


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
