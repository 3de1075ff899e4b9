"""Remove a generated picture from the workspace."""

from __future__ import annotations

from medsynth_app.actions.guard import require_writable
from medsynth_app.workspace.pictures import Picture
from medsynth_app.workspace.workspace import Workspace


def remove_picture(workspace: Workspace, picture: Picture) -> None:
    """Purge a picture with the mask that it follows; raises `UserError` when the workspace is read-only."""
    require_writable(workspace)
    workspace.pictures.remove(picture.id)
