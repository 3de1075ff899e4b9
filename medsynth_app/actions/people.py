"""Who is at work: one name asked once, switched with one click."""

from __future__ import annotations

from medsynth_app.actions.audited import audited
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.workspace.workspace import Workspace


def switch_person(workspace: Workspace, name: str, person: str = "") -> Changes:
    """Make the person of this name the one at work; a new name is added. Raises `UserError` for an empty one."""
    name = " ".join(name.split())
    if not name or len(name) > 80:
        raise UserError("A name has between 1 and 80 characters.", "Type your name or initials.")
    chosen = workspace.people.add(name)  # or who has that name already
    workspace.people.set_current(chosen)
    return audited(workspace, "switch_person", Changes(people=(chosen.id,)), person)
