"""Documents opened lately, shown by pseudonym."""

from __future__ import annotations

from medsynth_app.workspace.recent import RecentDocument
from medsynth_app.workspace.workspace import Workspace


def recent_documents(workspace: Workspace, count: int = 12) -> list[RecentDocument]:
    """The last `count` documents, newest first."""
    return list(workspace.documents.recent(count))
