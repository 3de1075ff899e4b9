"""Refusals that several actions share."""

from __future__ import annotations

from medsynth_app.core.errors import UserError
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace


def require_writable(opened: Document | Workspace) -> None:
    """Raise `UserError` when the workspace is open read-only."""
    if opened.read_only:
        raise UserError("This workspace is read-only here: another window works in it, or it cannot be written.",
                        "Go on in that window, or open a workspace that can be written.",
                        safe="What it holds is not touched.")
