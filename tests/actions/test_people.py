"""People at work, and what they opened lately."""

from __future__ import annotations

from pathlib import Path

import pytest

from medsynth_app.actions.open_image import open_image
from medsynth_app.actions.people import switch_person
from medsynth_app.actions.recent import recent_documents
from medsynth_app.core.errors import UserError
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import png


def test_a_name_is_added_once(workspace: Workspace) -> None:
    anna, = switch_person(workspace, " Anna  Weiss ").people
    now = workspace.people.current
    assert now is not None and now.id == anna and now.name == "Anna Weiss"
    ben, = switch_person(workspace, "Ben").people
    assert switch_person(workspace, "anna weiss").people == (anna,)
    assert {person.id for person in workspace.people.all()} == {anna, ben}
    for name in ("", "   ", "x" * 81):
        with pytest.raises(UserError):
            switch_person(workspace, name)


def test_recent_documents_are_the_newest_first(workspace: Workspace, tmp_path: Path) -> None:
    for seed in range(3):
        open_image(workspace, png(tmp_path / f"{seed}.png", seed=seed))
    open_image(workspace, tmp_path / "0.png")
    assert [recent.path.name for recent in recent_documents(workspace, 2)] == ["0.png", "2.png"]
