"""Remove a study from the workspace; the files that it was opened from stay where they are."""

from __future__ import annotations

from medsynth_app.actions.guard import require_writable
from medsynth_app.core.changes import Changes
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.removal import Scope
from medsynth_app.workspace.workspace import Workspace


def scope_of_study(workspace: Workspace, document: Document) -> Scope:
    """What would go with the study of a document: for the question whether it shall."""
    return workspace.removal.of_study(document.id)


def remove_study(workspace: Workspace, document: Document, queue: JobQueue | None = None,
                 person: str = "") -> Changes:
    """Purge masks, results, jobs, history and stored files of all series of the study that a document belongs to.

    The pictures that were generated from its masks go too.

    Parameters
    ----------
    queue
        Its jobs of these documents are cancelled and dropped first.

    Raises
    ------
    UserError
        When the workspace is read-only.
    """
    require_writable(document)
    return remove(workspace, document, scope_of_study(workspace, document), queue, "remove_study", person)


def remove(workspace: Workspace, document: Document, scope: Scope, queue: JobQueue | None,
           action: str, person: str) -> Changes:
    """Purge the documents of a scope, and close `document`, which is one of them."""
    if queue is not None:
        for document_id in scope.documents:
            queue.forget(document_id)
    workspace.removal.remove(scope, action, person)
    document.close()
    return Changes(removed=scope.documents, pictures=scope.pictures, jobs=scope.jobs)
