from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from medsynth_app.workspace.workspace import Workspace
from tests.workspace.fake import PATH, FakeSource


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


@pytest.fixture(scope="session")
def shared(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, str]]:
    """A workspace and its one document, for many examples of one property."""
    place = Path(shutil.copytree(template, tmp_path_factory.mktemp("shared") / "workspace"))
    with Workspace.open(place) as opened:
        yield opened, opened.documents.open(FakeSource(), PATH).id
