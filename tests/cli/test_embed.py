"""``medsynth embed`` with a tiny encoder."""

from __future__ import annotations

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
        assert held["embeddings"].shape == (80, 32) and held["embeddings"].dtype == np.float32
        assert np.isfinite(held["embeddings"]).all() and held["ids"][0] == "disc0.png"
        assert str(held["sha256"]) == said["sha256"] and str(held["encoder"]) == "tiny-encoder"
    assert (said["pictures"], said["dimensions"], said["encoder"]) == (80, 32, "tiny-encoder")


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
