"""Remove a generated picture from the workspace."""

from __future__ import annotations

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
    require_writable(workspace)
    removed = workspace.pictures.remove(picture.id, "remove_picture", person)
    return Changes(pictures=(picture.id,)) if removed else Changes()
