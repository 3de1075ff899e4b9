"""The checks of `medsynth doctor`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from medsynth_app.actions import doctor as module
from medsynth_app.actions.doctor import Check, doctor
from tests.actions.bench import make_pack


def _named(checks: list[Check], name: str) -> Check:
    return next(check for check in checks if check.name == name)


def _answers(monkeypatch: pytest.MonkeyPatch, facts: dict[str, object], trouble: str = "") -> None:
    known = {"version": "x", "threads": 2, "devices": [], "sockets": [], "made": True, "renderer": "r", **facts}
    monkeypatch.setattr(module, "_child", lambda code, environment: (known, trouble))
    monkeypatch.setattr(module, "has_display", lambda: True)


def test_on_this_machine_the_libraries_torch_and_opengl_work(tmp_path: Path) -> None:
    make_pack(tmp_path / "packs")
    checks = doctor(tmp_path, [tmp_path / "packs"])
    for name in ("Libraries", "Pack cells", "Models run on", "OpenGL", "Workspace", "Settings", "Network"):
        assert _named(checks, name).ok, _named(checks, name).text
    assert "every file has its recorded hash" in _named(checks, "Pack cells").text


def test_a_changed_pack_and_a_missing_one_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _answers(monkeypatch, {})
    pack = make_pack(tmp_path / "packs")
    (pack.folder / "weights.txt").write_text("changed")
    check = _named(doctor(tmp_path, [tmp_path / "packs"]), "Pack cells")
    assert not check.ok and "weights.txt" in check.text and "Copy the pack again" in check.text
    assert not _named(doctor(tmp_path, [tmp_path / "none"]), "Model packs").ok


def test_the_gpu_and_its_memory_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _answers(monkeypatch, {"devices": [["Some GPU", 6 * 2**30, 8 * 2**30]]})
    assert "Some GPU (6.0 of 8.0 GiB free)" in _named(doctor(tmp_path, []), "Models run on").text


def test_a_broken_torch_or_opengl_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _answers(monkeypatch, {"made": False})
    assert not _named(doctor(tmp_path, []), "OpenGL").ok
    _answers(monkeypatch, {}, trouble="ImportError: no such library")
    checks = doctor(tmp_path, [])
    assert not _named(checks, "Models run on").ok and "no such library" in _named(checks, "Models run on").text


def test_an_opened_socket_is_seen() -> None:
    code = module._WATCH + "import socket\nsocket.socket().close()\nprint(json.dumps({'sockets': opened}))"
    facts, trouble = module._child(code, os.environ)
    assert not trouble and facts["sockets"] == ["socket.__new__"]
    assert not module._sockets(facts["sockets"]).ok
    local = code.replace("socket.socket()", "socket.socket(socket.AF_UNIX)")
    assert module._child(local, os.environ)[0]["sockets"] == []


def test_being_online_and_a_closed_folder_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert not module._offline().ok

    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module.tempfile, "TemporaryFile", refuse)
    check = module._writable("Workspace", tmp_path / "not yet there")
    assert not check.ok and "Permission denied" in check.text and str(tmp_path) not in check.text


def test_a_child_that_fails_says_why() -> None:
    facts, trouble = module._child("raise ValueError('this')", os.environ)
    assert facts == {} and trouble == "ValueError: this"
