"""The set-up: the lock, what names missing things, and that `make test` runs every test once."""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path
from types import ModuleType

import pytest

from tests.__main__ import groups, run

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = [line for line in (ROOT / "packaging" / "constraints.txt").read_text().splitlines() if not line.startswith("#")]


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "packaging" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_lock_names_plain_versions_only() -> None:
    wrong = [line for line in LOCK if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line)]
    assert wrong == []  # no "+cpu", no "file:", no "name @ place", no ranges
    assert "torch==2.13.0" in LOCK


def test_lock_covers_every_dependency() -> None:
    locked = {_plain(line.split("==")[0]) for line in LOCK}
    wanted = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
    names = {_plain(re.split(r"[<>=!~ \[;]", item)[0]) for item in wanted}
    assert names - locked == set()
    assert len(locked) == len(LOCK)


def test_every_library_that_is_imported_is_declared() -> None:
    declared = {_plain(re.split(r"[<>=!~ \[;]", item)[0]) for item in PROJECT["dependencies"]}
    extras = {_plain(re.split(r"[<>=!~ \[;]", item)[0]) for name, items in PROJECT["optional-dependencies"].items()
              if name != "dev" for item in items}  # of which the program does without
    owners = packages_distributions()
    for path in (ROOT / "medsynth_app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else \
                [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            for top in {name.split(".")[0] for name in names} - {*sys.stdlib_module_names, "medsynth_app"}:
                found = {_plain(owner) for owner in owners.get(top, [top])}
                assert found & (declared | extras), f"{path.name} imports {top}"


def test_the_environment_is_the_locked_one() -> None:
    for name in ("numpy", "pydicom", "diffusers", "napari", "SQLAlchemy"):
        locked = next(line.split("==")[1] for line in LOCK if _plain(line.split("==")[0]) == _plain(name))
        assert version(name) == locked, "the lock and .venv differ: `make install`, or `make lock` if it was meant"


def test_project_bounds() -> None:
    assert PROJECT["requires-python"] == ">=3.11"
    assert "torch>=2.11" in PROJECT["dependencies"]
    assert "Apache License" in (ROOT / "LICENSE").read_text()[:300]


def test_old_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    script = _script("check_python")
    assert script.problem() == ""
    monkeypatch.setattr(script.sys, "version_info", (3, 10, 1))
    assert "3.11" in script.problem() and "3.10" in script.problem()


def test_missing_venv_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    script = _script("check_python")
    monkeypatch.setitem(script.sys.modules, "ensurepip", None)
    assert "apt-get install -y python3-venv" in script.problem()


def test_missing_libraries_without_root_print_one_line(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    script = _script("system_libraries")
    monkeypatch.setattr(script.sys, "platform", "linux")
    monkeypatch.setattr(script, "_loads", lambda library: library != "libxcb-cursor.so.0")
    monkeypatch.setattr(script, "_exists", lambda patterns: True)
    monkeypatch.setattr(script.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(script, "is_debian", lambda: True)
    monkeypatch.setattr(script.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(script, "install", lambda packages: pytest.fail("apt must not run without root"))
    assert script.main() == 1
    assert "sudo apt-get install -y --no-install-recommends libxcb-cursor0\n" in capsys.readouterr().err


def test_root_on_debian_installs_and_updates_only_when_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    script = _script("system_libraries")
    lines: list[list[str]] = []
    outcomes = iter([100, 0, 0])

    def run(line: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        lines.append(line)
        return subprocess.CompletedProcess(line, next(outcomes))

    monkeypatch.setattr(script.subprocess, "run", run)
    assert script.install(["libegl1"])
    assert [line[1] for line in lines] == ["install", "update", "install"]
    lines.clear()
    outcomes = iter([0])
    assert script.install(["libegl1"])
    assert [line[1] for line in lines] == ["install"]


@pytest.mark.parametrize(("release", "expected"), [
    ('ID=debian\nVERSION_ID="12"\n', True), ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', True), ("ID=fedora\n", False)])
def test_debian_is_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, release: str, expected: bool) -> None:
    script = _script("system_libraries")
    monkeypatch.setattr(script.shutil, "which", lambda name: "/usr/bin/apt-get")
    (tmp_path / "os-release").write_text(release)
    assert script.is_debian(str(tmp_path / "os-release")) is expected


def test_make_test_runs_every_test_file_once() -> None:
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    plan = subprocess.run([make, "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for tool in ("ruff check", "mypy", "lint-imports", "python -m tests"):
        assert tool in plan
    runs: list[tuple[str, bool]] = []
    for arguments in groups().values():
        left_out = [item.removeprefix("--ignore=") for item in arguments if item.startswith("--ignore=")]
        places = [item for item in arguments if item.startswith("tests")]
        runs += [(file, "--block-qt" in arguments) for file in FILES
                 if any(_lies(file, place) for place in places) and not any(_lies(file, place) for place in left_out)]
    assert sorted(file for file, _ in runs) == sorted(FILES)
    with_qt = {file for file, blocked in runs if not blocked}
    assert with_qt == {file for file in FILES if file.startswith(("tests/ui/", "tests/test_app", "tests/test_demo"))}


FILES = [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py")]


def _lies(file: str, place: str) -> bool:
    return file == place or file.startswith(f"{place}/")


def test_groups_run_apart_and_one_that_fails_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    assert run({"well": ("--version",), "well too": ("--version",)}, at_once=2) == 0
    assert capfd.readouterr().out.endswith("all passed\n")
    assert run({"well": ("--version",), "ill": ("tests/no_such_file.py",)}, at_once=1) == 1
    said = capfd.readouterr().out
    assert said.index("==== well") < said.index("==== ill") < said.index("no_such_file")
    assert said.endswith("failed: ill\n")


def test_ci_runs_make_test() -> None:
    text = (ROOT / ".ci" / "run").read_text()
    assert text.startswith("#!/usr/bin/env bash\nset -euo pipefail\n") and text.rstrip().endswith("make test")
