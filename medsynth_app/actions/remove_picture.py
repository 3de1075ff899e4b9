"""Remove generated pictures from the workspace."""

from __future__ import annotations

from collections.abc import Sequence

from medsynth_app.actions.guard import require_writable
from medsynth_app.core.changes import Changes
from medsynth_app.workspace.pictures import Picture
from medsynth_app.workspace.workspace import Workspace


def remove_picture(workspace: Workspace, picture: Picture, person: str = "") -> Changes:
    """Purge a picture with the mask that it follows; empty where it had gone already.

    Raises
    ------
    UserError
        When the workspace is read-only.
    """
    return remove_pictures(workspace, (picture.id,), person)


def remove_pictures(workspace: Workspace, picture_ids: Sequence[str], person: str = "") -> Changes:
    """Purge pictures as `remove_picture`, with one entry in the audit."""
    require_writable(workspace)
    return Changes(pictures=workspace.pictures.remove_all(picture_ids, "remove_picture", person))
