from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from medsynth_app.workspace.workspace import Workspace


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty workspace, made once: creating the tables is the slow part."""
    folder = tmp_path_factory.mktemp("template") / "workspace"
    Workspace.open(folder).close()
    return folder


@pytest.fixture
def folder(tmp_path: Path, template: Path) -> Path:
    """The folder of an empty workspace."""
    return Path(shutil.copytree(template, tmp_path / "workspace"))


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    """A folder that does not exist."""
    return tmp_path / "new"


@pytest.fixture
def workspace(folder: Path) -> Iterator[Workspace]:
    with Workspace.open(folder) as opened:
        yield opened
