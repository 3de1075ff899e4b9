"""Remove a study from the workspace; the file that it was opened from stays where it is."""

from __future__ import annotations

from collections.abc import Mapping

from medsynth_app.actions.guard import require_writable
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace


def remove_study(workspace: Workspace, document: Document, queue: JobQueue | None = None) -> Mapping[str, int]:
    """Purge masks, results, jobs, history and stored files of a document; returns how many of each went.

    The pictures that were generated from its masks go too.

    Parameters
    ----------
    queue
        Its jobs of this document are cancelled and dropped first.

    Raises
    ------
    UserError
        When the workspace is read-only.
    """
    require_writable(document)
    jobs = queue.forget(document.id) if queue is not None else 0
    counts = workspace.studies.remove(document.id)
    document.close()
    return {**counts, "jobs": counts["jobs"] + jobs}
