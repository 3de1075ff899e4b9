"""The test session: a private home, no network for model libraries, a virtual screen, and Qt blocked on request."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.abc import MetaPathFinder
from pathlib import Path

import pytest

pytest_plugins = ("tests.strict",)

ROOT = Path(__file__).resolve().parents[1]
QT = ("PySide6", "shiboken6", "PyQt5", "PyQt6", "qtpy", "superqt", "qtawesome", "pytestqt")

# Before anything is imported: no test reads or writes the settings, caches or workspaces of the person at the machine.
_home = Path(tempfile.mkdtemp(prefix="medsynth-tests-"))
for _name in ("config", "data", "cache", "state", "run"):
    (_home / _name).mkdir(mode=0o700)
os.environ.update({
    "HOME": str(_home), "USERPROFILE": str(_home), "XDG_CONFIG_HOME": str(_home / "config"),
    "XDG_DATA_HOME": str(_home / "data"), "XDG_CACHE_HOME": str(_home / "cache"),
    "XDG_STATE_HOME": str(_home / "state"), "XDG_RUNTIME_DIR": str(_home / "run"),
    "NAPARI_CONFIG": str(_home / "config" / "napari.yaml"), "MEDSYNTH_CONFIG": str(_home / "config" / "medsynth"),
    "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
    "QT_API": "pyside6", "PYTEST_QT_API": "pyside6",
})
# Tiny models and pictures gain nothing from a second thread, and groups of tests run beside one another.
for _name, _value in (("OMP_NUM_THREADS", "1"), ("OPENBLAS_NUM_THREADS", "1"), ("OMP_WAIT_POLICY", "PASSIVE")):
    os.environ.setdefault(_name, _value)
_screen = ExitStack()


class _Blocked(MetaPathFinder):
    """Refuses to import Qt: the layers below ``ui`` must do without."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] in QT:
            raise ImportError(f"{name} is blocked: this layer must work without Qt", name=name)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--block-qt", action="store_true",
                     help="refuse every import of Qt (use with -p no:pytest-qt)")


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("--block-qt"):
        return
    if loaded := sorted({name.partition(".")[0] for name in sys.modules} & set(QT)):
        raise pytest.UsageError(f"--block-qt needs -p no:pytest-qt; loaded already: {', '.join(loaded)}")
    sys.meta_path.insert(0, _Blocked())


def pytest_itemcollected(item: pytest.Item) -> None:
    if {"qtbot", "qapp"} & set(getattr(item, "fixturenames", ())):
        item.add_marker(pytest.mark.gui)
        item.add_marker(pytest.mark.qt_log_level_fail("WARNING"))


def pytest_collection_finish(session: pytest.Session) -> None:
    gui = any(item.get_closest_marker("gui") for item in session.items)
    if gui and not session.config.option.collectonly and sys.platform == "linux" and not os.environ.get("DISPLAY"):
        _start_screen()


def _start_screen() -> None:
    """One virtual screen for the whole session."""
    from medsynth_app.actions.virtual_screen import virtual_screen
    from medsynth_app.core.errors import UserError

    try:
        os.environ.update(_screen.enter_context(virtual_screen()))
    except UserError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_unconfigure(config: pytest.Config) -> None:
    _screen.close()
    shutil.rmtree(_home, ignore_errors=True)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout; the test is skipped without it, but never in CI."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        message = f"the real data are not there ({folder})"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return folder


@pytest.fixture
def display() -> Iterator[str]:
    """The name of a working display, for tests that start a window in a child process (mark them ``gui``)."""
    name = os.environ.get("DISPLAY", "")
    if not name and sys.platform == "linux":
        pytest.fail("a test that uses `display` must be marked gui")
    yield name
