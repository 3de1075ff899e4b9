"""The generated pictures of the workspace, a page at a time."""

from __future__ import annotations

from psygnal import Signal

from medsynth_app.actions.remove_picture import remove_picture
from medsynth_app.core.changes import Changes
from medsynth_app.session.hook import BEFORE_VIEWS, Hook
from medsynth_app.session.people import People
from medsynth_app.workspace.pictures import Picture
from medsynth_app.workspace.workspace import Workspace


class Pictures:
    """Whole pictures, newest first.

    Attributes
    ----------
    count
        How many there are.
    changed
        Signal: pictures came or went.
    """

    changed = Signal()

    def __init__(self, workspace: Workspace, people: People, hook: Hook) -> None:
        self._workspace, self._people, self._hook = workspace, people, hook
        self.count = workspace.pictures.count
        hook.changed.connect(self._follow, priority=BEFORE_VIEWS)

    def page(self, offset: int, limit: int) -> tuple[Picture, ...]:
        """At most `limit` pictures from the `offset`-th on; only these are read."""
        return self._workspace.pictures.page(offset, limit)

    def get(self, picture_id: str) -> Picture | None:
        """The picture of this id; None where there is none, or no longer."""
        return self._workspace.pictures.get(picture_id)

    def remove(self, picture_id: str) -> Changes:
        """Purge a picture, and the mask that it follows, from the workspace; nothing changes where it had gone."""
        picture = self.get(picture_id)
        if picture is None:
            return Changes()
        return self._hook.tell(remove_picture(self._workspace, picture, self._people.id))

    def _follow(self, changes: Changes) -> None:
        if changes.pictures:
            self.count = self._workspace.pictures.count
            self.changed.emit()
