"""Refusals that several actions share."""

from __future__ import annotations

from medsynth_app.core.errors import UserError
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace


def require_writable(opened: Document | Workspace) -> None:
    """Raise `UserError` when the workspace is open read-only."""
    if opened.read_only:
        raise UserError("This workspace is open in another window, so nothing can be changed here.",
                        "Go on in the other window, or close it and open the workspace again.",
                        safe="What the other window saved is not touched.")
