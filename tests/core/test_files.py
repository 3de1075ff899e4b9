from __future__ import annotations

import os
from pathlib import Path

import pytest

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import file_sha256, replacing, short_code, writing


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_is_replaced_once_all_is_written(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "volume.nii.gz"
    path.write_text("old")
    with replacing(path, durable=durable, mode=0o600) as part:
        part.write_text("new")
        assert path.read_text() == "old" and part.parent == tmp_path and part.name.endswith(".nii.gz")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_a_killed_writer_left_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    for text in ("first", "2nd"):
        with replacing(path, alone=True) as part:
            assert not path.exists() or path.read_text() == "first"
            part.write_text(text)
            left = part
        left.write_text("half of a much longer one")
    with replacing(path, alone=True) as part:
        part.write_text("3rd")
    assert path.read_text() == "3rd" and list(tmp_path.iterdir()) == [path]


def test_what_fails_leaves_the_former_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_text("old")
    for error in (ValueError, KeyboardInterrupt, OSError):
        with pytest.raises(error), replacing(path) as part:
            part.write_text("half")
            raise error
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (tmp_path / "missing" / "a.png", tmp_path):
        with pytest.raises(UserError, match="could not be written"), writing(path) as part:
            part.write_text("new")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"), replacing(tmp_path / "a.png", durable=True) as part:
        part.write_text("new")
    assert list(tmp_path.iterdir()) == []


def test_hashes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert short_code(b"abc") == "XJ4BNP"
