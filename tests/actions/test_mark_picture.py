"""Favourites among the generated pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medsynth_app.actions.mark_picture import mark_pictures
from medsynth_app.core.errors import UserError
from medsynth_app.workspace.workspace import Workspace
from tests.workspace.fake import provenance


def test_a_mark_is_told_and_audited_and_needs_a_workspace_that_can_be_written(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "work") as workspace:
        picture = workspace.pictures.add("job", 0, np.zeros((8, 8, 3), np.uint8), provenance(0))
        assert mark_pictures(workspace, (picture.id,), True).pictures == (picture.id,)
        assert workspace.pictures.page()[0].favourite
        assert workspace.audit.entries(0, 1)[0].action == "mark_picture"
        with Workspace.open(tmp_path / "work") as second, pytest.raises(UserError):
            mark_pictures(second, (picture.id,), False)
        assert workspace.pictures.page()[0].favourite
