"""Mark generated pictures as favourites."""

from __future__ import annotations

from collections.abc import Sequence

from medsynth_app.actions.audited import audited
from medsynth_app.actions.guard import require_writable
from medsynth_app.core.changes import Changes
from medsynth_app.workspace.workspace import Workspace


def mark_pictures(workspace: Workspace, picture_ids: Sequence[str], favourite: bool, person: str = "") -> Changes:
    """Make pictures favourites, or no longer; raises `UserError` when the workspace is read-only."""
    require_writable(workspace)
    workspace.pictures.mark(picture_ids, favourite)
    return audited(workspace, "mark_picture", Changes(pictures=tuple(picture_ids)), person)
