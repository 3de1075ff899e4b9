"""Remove a patient from the workspace, with all studies; the files that they were opened from stay where they are."""

from __future__ import annotations

from medsynth_app.actions.guard import require_writable
from medsynth_app.actions.remove_study import remove
from medsynth_app.core.changes import Changes
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.removal import Scope
from medsynth_app.workspace.workspace import Workspace


def scope_of_patient(workspace: Workspace, document: Document) -> Scope:
    """What would go with the patient of a document: for the question whether it shall."""
    return workspace.removal.of_patient(document.id)


def remove_patient(workspace: Workspace, document: Document, queue: JobQueue | None = None,
                   person: str = "") -> Changes:
    """Purge everything of the patient whose image a document is; as `remove_study`."""
    require_writable(document)
    return remove(workspace, document, scope_of_patient(workspace, document), queue, "remove_patient", person)
