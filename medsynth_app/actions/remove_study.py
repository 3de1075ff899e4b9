"""Remove a study from the workspace; the file that it was opened from stays where it is."""

from __future__ import annotations

from collections.abc import Mapping

from medsynth_app.actions.guard import require_writable
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace


def remove_study(workspace: Workspace, document: Document) -> Mapping[str, int]:
    """Purge masks, results, history and stored files of a document; returns how many of each went.

    Raises
    ------
    UserError
        When the workspace is read-only.
    """
    require_writable(document)
    counts = workspace.studies.remove(document.id)
    document.source.close()
    return counts
