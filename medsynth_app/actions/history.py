"""Undo and redo: one history per document, one's own steps only."""

from __future__ import annotations

from medsynth_app.actions.guard import require_writable
from medsynth_app.core.changes import Changes
from medsynth_app.workspace.documents import Document


def undo(document: Document, person: str = "") -> Changes:
    """Take back this person's last step; empty when there is none. An accepted result is staged again.

    Raises
    ------
    UserError
        When somebody else has changed that region since, or the workspace is read-only.
    """
    require_writable(document)
    return document.undo(person)


def redo(document: Document, person: str = "") -> Changes:
    """Make this person's last undone step again; empty when there is none. Raises as `undo`."""
    require_writable(document)
    return document.redo(person)
