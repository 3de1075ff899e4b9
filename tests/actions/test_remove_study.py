"""Removing a study from the workspace."""

from __future__ import annotations

from pathlib import Path

import pytest

from medsynth_app.actions.open_image import open_image
from medsynth_app.actions.recent import recent_documents
from medsynth_app.actions.remove_study import remove_study
from medsynth_app.core.errors import UserError
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import paint, png


def test_rows_and_files_go_and_the_source_stays(workspace: Workspace, tmp_path: Path) -> None:
    path = png(tmp_path / "a.png")
    document = open_image(workspace, path)
    paint(document)
    counts = remove_study(workspace, document)
    assert sum(counts.values()) > 0
    assert recent_documents(workspace, 5) == [] and path.exists()
    assert not open_image(workspace, path).mask(0).any()


def test_another_study_is_left_alone(workspace: Workspace, tmp_path: Path) -> None:
    kept = open_image(workspace, png(tmp_path / "kept.png", seed=1))
    paint(kept)
    remove_study(workspace, open_image(workspace, png(tmp_path / "gone.png", seed=2)))
    assert open_image(workspace, tmp_path / "kept.png").mask(0).any()


def test_a_read_only_workspace_refuses(workspace: Workspace, tmp_path: Path) -> None:
    path = png(tmp_path / "a.png")
    open_image(workspace, path)
    second = Workspace.open(workspace.folder)
    try:
        with pytest.raises(UserError, match="another window"):
            remove_study(second, open_image(second, path))
    finally:
        second.close()
