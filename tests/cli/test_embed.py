"""``medsynth embed`` with a tiny encoder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from medsynth_app import cli
from tests.actions.bench import make_pack
from tests.cli.conftest import Run
from tests.engine.tiny_encoder import make_tiny_encoder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("embed")
    make_tiny_encoder(folder)
    make_pack(folder, "painter")
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(item) for item in arguments])


def test_from_pictures_to_a_file_that_numpy_reads(place: Path, same_process: Run, tmp_path: Path) -> None:
    out = tmp_path / "new" / "E.npz"
    said = same_process("embed", place / "blobs", "--encoder", place / "tiny-encoder", "--out", out, "--device", "cpu")
    with np.load(out) as held:
        assert held["embeddings"].shape == (82, 32) and held["embeddings"].dtype == np.float32
        assert np.isfinite(held["embeddings"]).all() and held["ids"][0] == "disc0.png"
        assert str(held["sha256"]) == said["sha256"] and str(held["encoder"]) == "tiny-encoder"
    assert (said["pictures"], said["dimensions"], said["encoder"]) == (82, 32, "tiny-encoder")


def test_pictures_that_are_called_as_masks_are_passed_over_and_named(place: Path, same_process: Run, tmp_path: Path
                                                                    ) -> None:
    blob = (place / "blobs" / "disc0.png").read_bytes()
    for name in ("face.png", "face_mask.png", "a_mask.png"):  # the last is beside no picture that it could be a mask of
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(blob)
    said = same_process("embed", tmp_path / "in", "--encoder", place / "tiny-encoder", "--out", tmp_path / "E.npz",
                        "--device", "cpu")
    assert said["pictures"] == 2
    assert said["notices"] == ["Passed over 1 mask beside a picture: face_mask.png. Rename it where it is a picture."]
    made = same_process("label", "new", "x", "--schema", "blood", "--cells", tmp_path / "in",
                        "--workspace", tmp_path / "work")
    assert (made["cells"], made["notices"]) == (1, said["notices"])


@pytest.mark.usefixtures("same_process")
def test_a_bug_in_a_worker_is_exit_status_1_with_its_place_and_nothing_of_the_data(
        place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(request: object, job: object) -> None:
        raise KeyError("/home/Jane Doe")

    monkeypatch.setattr("medsynth_app.engine.embed.run", broken)
    told = run("embed", place / "blobs", "--encoder", place / "tiny-encoder", "--out", tmp_path / "E.npz", "--device",
               "cpu", "--json")
    assert told.exit_code == 1 and "fault in MedSynth" in json.loads(told.stdout)["error"]["happened"]
    assert "KeyError < " in told.stderr and "in broken" in told.stderr and "Doe" not in told.stderr


def test_mistakes_are_one_line_and_exit_status_2(place: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    out, blobs, encoder = tmp_path / "E.npz", place / "blobs", place / "tiny-encoder"
    for arguments, complaint in (((tmp_path / "empty", "--encoder", encoder), "holds no pictures"),
                                 ((blobs, "--encoder", "nobody"), "no encoder 'nobody'"),
                                 ((blobs, "--encoder", place / "painter"), "'base', and 'encoder' is needed"),
                                 ((blobs, "--encoder", encoder, "--crop", 7), "crop of 7"),
                                 ((blobs,), "--encoder")):
        answer = run("embed", *arguments, "--out", out)
        assert answer.exit_code == 2 and answer.stdout == "" and answer.stderr.count("\n") == 1
        assert complaint in answer.stderr
    assert not out.exists()
