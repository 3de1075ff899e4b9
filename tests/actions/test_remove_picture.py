"""Removing a generated picture from the workspace."""

from __future__ import annotations

import numpy as np
import pytest

from medsynth_app.actions.remove_picture import remove_picture
from medsynth_app.core.errors import UserError
from medsynth_app.core.provenance import Provenance
from medsynth_app.workspace.workspace import Workspace


def test_a_picture_goes_with_its_mask_and_only_where_one_may_write(workspace: Workspace) -> None:
    about = Provenance("generate", "cells", "ab" * 32, 3, "2030-01-01")
    gone, kept = (workspace.pictures.add("job", k, np.full((8, 8, 3), k, np.uint8), about,
                                                mask=np.full((8, 8), 1 + k, np.uint8)) for k in range(2))
    second = Workspace.open(workspace.folder)
    try:
        with pytest.raises(UserError, match="read-only"):
            remove_picture(second, gone)
    finally:
        second.close()
    remove_picture(workspace, gone)
    assert [picture.id for picture in workspace.pictures.page()] == [kept.id]
    assert len(list(workspace.blobs.all())) == 2
