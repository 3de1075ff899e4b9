from __future__ import annotations

from pathlib import Path

import pytest

from medsynth_app.core.errors import UserError
from medsynth_app.workspace.workspace import Workspace


def test_people_are_remembered(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        assert workspace.people.current is None and workspace.people.all() == []
        ben, ann = workspace.people.add("Ben"), workspace.people.add(" Ann  Ä. ")
        assert workspace.people.add("ann ä.") == ann and ann.name == "Ann Ä."
        workspace.people.set_current(ben)
        with pytest.raises(UserError):
            workspace.people.add("  ")
    with Workspace.open(folder) as workspace:
        assert workspace.people.current == ben and workspace.people.all() == [ann, ben]
        workspace.people.set_current(None)
        assert workspace.people.current is None
