"""A model pack is input like any other file: whatever stands in its folder, the answer is words, and at once."""

from __future__ import annotations

import json
import math
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from medsynth_app.actions.info import info
from medsynth_app.actions.packs import find_pack, list_packs, verify_packs
from medsynth_app.core import pack as manifests
from medsynth_app.core.errors import UserError
from medsynth_app.core.pack import MANIFEST, PackManifest
from medsynth_app.core.pack_files import hash_files, open_pack, read_json, verify_pack
from medsynth_app.formats.pack import default_pack_folders

GOOD = PackManifest("cells", "1", "blood", "Cells", ("SM",), "rgb", "CC0", 128, (), files={"a.json": "0" * 64})


@contextmanager
def at_once() -> Iterator[None]:
    start = time.process_time()
    yield
    assert time.process_time() - start < 4


def _folder(place: Path, manifest: bytes | str | None = None) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    data = GOOD.to_json() if manifest is None else manifest
    (place / MANIFEST).write_bytes(data if isinstance(data, bytes) else data.encode())
    return place


def _with(**changes: Any) -> str:
    return json.dumps({**json.loads(GOOD.to_json()), **changes})


def refused(folder: Path, words: str) -> None:
    """By every way to a pack, in words; and no other pack is hidden by it."""
    _folder(folder.parent / "good")
    with at_once():
        for way in (open_pack, info, lambda path: find_pack(str(path), [])):
            with pytest.raises(UserError, match=words):
                way(folder)
        assert [pack.manifest.name for pack in list_packs([folder.parent])] == ["cells"]
        problems: list[str] = []
        list_packs([folder.parent], None, problems)
        problem, = problems
        assert folder.name in problem and len(problem) < 400
        assert [check.pack.folder.name for check in verify_packs([folder.parent])] == ["good"]


@pytest.mark.parametrize("data", [
    b"", b"{", b"\xff\xfe{}", GOOD.to_json().encode("utf-16"), '{"format": "ä"}'.encode("latin-1"),
    b"[" * 100_000, b'{"a":' * 100_000, b"[]", b"null", b'"pack"', b"1" * 10_000, b'{"format": ' + b"9" * 5000 + b"}",
    b'{"format": "medsynth-pack/2"}', b'{"format": ["medsynth-pack/1"]}', b'{"format": "medsynth-pack/1"}'])
def test_what_is_no_manifest_is_refused(tmp_path: Path, data: bytes) -> None:
    refused(_folder(tmp_path / "bad", data), r"manifest|cannot be read|unknown format")


def test_a_manifest_of_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "bad")
    with (folder / MANIFEST).open("r+b") as file:
        file.truncate(2**30)
    refused(folder, "larger than any")


@pytest.mark.parametrize("size", [
    0, -64, math.nan, math.inf, 1_048_576, 2**70, 7, 4097, 128.0, "128", None, True, [128]])
def test_sizes_at_which_nothing_draws_are_refused(tmp_path: Path, size: Any) -> None:
    refused(_folder(tmp_path / "bad", _with(native_size=size)), "its native_size is")


@pytest.mark.parametrize("field", [item.name for item in fields(PackManifest)])
def test_every_field_is_of_its_type(tmp_path: Path, field: str) -> None:
    assert field in manifests._READ
    wrong: list[Any] = [None, 7.5, [[]], [None], {"a": [{}]}, {"a": None}, True, "\ud800", ["\ud800"], [math.nan] * 3]
    for value in [item for item in wrong if not (field == "training" and isinstance(item, dict))]:
        with pytest.raises(UserError, match=f"its {field} is"):
            PackManifest.from_json(_with(**{field: value}))


def test_fields_that_are_missing_or_unknown_are_named(tmp_path: Path) -> None:
    raw = json.loads(GOOD.to_json())
    for name in ("name", "native_size", "training_data"):
        with pytest.raises(UserError, match=f"it has no {name}"):
            PackManifest.from_dict({key: value for key, value in raw.items() if key != name})
    with pytest.raises(UserError, match="it holds 'weights'"):
        PackManifest.from_dict({**raw, "weights": []})
    assert PackManifest.from_dict(raw) == GOOD


def test_every_shipped_pack_is_read() -> None:
    shipped, problems = default_pack_folders()[:1], list[str]()
    assert len(list_packs(shipped, None, problems)) == len(list(shipped[0].glob(f"*/{MANIFEST}"))) and not problems


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(path.parent)  # such names are short
        try:
            listener.bind(path.name)
        finally:
            os.chdir(here)


@pytest.mark.skipif(os.name != "posix", reason="pipes and links of POSIX")
@pytest.mark.parametrize("inside", ["weights.safetensors", "unet/weights.safetensors", MANIFEST])
@pytest.mark.parametrize(("make", "words"), [
    (_fifo, "usual file"), (_socket, "usual file"),
    (lambda path: path.symlink_to("/dev/zero"), "leads out"), (lambda path: path.symlink_to("/"), "leads out"),
    (lambda path: path.symlink_to(path.name), "usual file|cannot be read"),
    (lambda path: path.symlink_to("nowhere"), "usual file"),
    (lambda path: path.symlink_to("../" * 20 + "etc/passwd"), "leads out")])
def test_what_is_no_usual_file_of_the_pack_is_never_opened(tmp_path: Path, make: Callable[[Path], None], words: str,
                                                            inside: str) -> None:
    folder = _folder(tmp_path / "bad")
    (folder / inside).parent.mkdir(exist_ok=True)
    (folder / inside).unlink(missing_ok=True)
    make(folder / inside)
    refused(folder, words)
    with pytest.raises(UserError, match=words):
        hash_files(folder)


def test_a_link_within_the_pack_is_a_file_of_it_and_the_folder_itself_may_be_one(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "real")
    (folder / "a.json").write_text("{}")
    (folder / "b.json").symlink_to("a.json")
    (tmp_path / "link").symlink_to(folder)
    assert verify_pack(open_pack(tmp_path / "link")) == ["a.json was changed.", "b.json is not in the manifest."]
    (folder / "again").symlink_to(folder)
    with pytest.raises(UserError, match="usual file"):
        open_pack(folder)


def test_a_folder_of_countless_files_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medsynth_app.core.pack_files.MOST_FILES", 20)
    folder = _folder(tmp_path / "bad")
    for k in range(30):
        (folder / str(k)).touch()
    refused(folder, "more files")


def test_json_of_a_model_is_read_within_limits(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"size": 4}')
    assert read_json(path) == {"size": 4}
    for data in (b"[" * 10**5, b"\xff", b"[]", b" " * (2**22 + 1)):
        path.write_bytes(data)
        with at_once(), pytest.raises(UserError, match=r"config\.json"):
            read_json(path)
