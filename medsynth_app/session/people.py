"""Who is at work."""

from __future__ import annotations

from psygnal import Signal

from medsynth_app.actions.people import switch_person
from medsynth_app.core.changes import Changes
from medsynth_app.session.hook import Hook
from medsynth_app.workspace.people import Person
from medsynth_app.workspace.workspace import Workspace


class People:
    """The people of a workspace, and the one at work.

    Attributes
    ----------
    current
        The one at work; None when nobody has said so.
    """

    changed = Signal()

    def __init__(self, workspace: Workspace, hook: Hook) -> None:
        self._workspace, self._hook = workspace, hook
        self.current: Person | None = workspace.people.current  # asked for at every look at the commands

    @property
    def id(self) -> str:
        """Of the one at work; "" when nobody has said so."""
        return str(self.current.id) if self.current is not None else ""

    def all(self) -> list[Person]:
        return list(self._workspace.people.all())

    def switch(self, name: str) -> Changes:
        """Make this person the one at work; a new name is added. Undo then acts on their own strokes."""
        changes = switch_person(self._workspace, name, self.id)
        self.current = self._workspace.people.current
        self.changed.emit()
        return self._hook.tell(changes)
