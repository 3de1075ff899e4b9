"""What an action changed is written down: who, what and when, by ids alone.

A stroke, undo and redo have their entry in the journal, which holds the person and the time of every step.
"""

from __future__ import annotations

from dataclasses import fields

from medsynth_app.core.changes import Change, Changes
from medsynth_app.workspace.workspace import Workspace


def audited(workspace: Workspace, action: str, changes: Changes, person: str, *subjects: str) -> Changes:
    """Add an entry to the audit of `workspace`, unless nothing changed; returns the changes.

    Parameters
    ----------
    action
        Name of the file in `actions/`.
    subjects
        Ids that the changes do not name, e.g. of the candidate that was accepted.
    """
    if changes:
        named = (item.document_id if isinstance(item, Change) else item
                 for field in fields(changes) for item in getattr(changes, field.name))
        workspace.audit.add(action, person, (*subjects, *named))
    return changes
