"""Who is at work: one name asked once, switched with one click."""

from __future__ import annotations

from medsynth_app.core.errors import UserError
from medsynth_app.workspace.people import Person
from medsynth_app.workspace.workspace import Workspace


def switch_person(workspace: Workspace, name: str) -> Person:
    """Make the person of this name the one at work; a new name is added. Raises `UserError` for an empty one."""
    name = " ".join(name.split())
    if not name or len(name) > 80:
        raise UserError("A name has between 1 and 80 characters.", "Type your name or initials.")
    known = next((person for person in workspace.people.all() if person.name.casefold() == name.casefold()), None)
    person = known or workspace.people.add(name)
    workspace.people.set_current(person)
    return person
