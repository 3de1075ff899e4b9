"""The generated pictures of the workspace, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from psygnal import Signal

from medsynth_app.actions.mark_picture import mark_pictures
from medsynth_app.actions.open_picture import open_picture
from medsynth_app.actions.remove_picture import remove_pictures
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent, JobRecord
from medsynth_app.core.jobs.kind import Outcome
from medsynth_app.core.jobs.table import outcome_of
from medsynth_app.session.hook import BEFORE_VIEWS, Hook
from medsynth_app.session.job_entry import Preview
from medsynth_app.session.jobs import Jobs
from medsynth_app.session.people import People
from medsynth_app.workspace.pictures import ALL, Picture, PictureFilter
from medsynth_app.workspace.workspace import Workspace


@dataclass(frozen=True, eq=False)
class Sketch:
    """A picture that is being drawn.

    Attributes
    ----------
    number
        Of the picture in its run, from 0.
    pixels
        Its latest preview, uint8 RGB (h, w, 3); stored nowhere.
    """

    job_id: str
    number: int
    pixels: Preview

    @property
    def id(self) -> str:
        return f"{self.job_id}.{self.number}"


class Pictures:
    """Whole pictures, newest first.

    Attributes
    ----------
    filter
        Which of them are shown.
    count, total
        How many are shown, and how many there are.
    changed
        Signal: pictures came or went, or others are shown.
    sketched
        Signal: of `sketches`.
    """

    changed = Signal()
    sketched = Signal()

    def __init__(self, workspace: Workspace, people: People, jobs: Jobs, hook: Hook) -> None:
        self._workspace, self._people, self._hook = workspace, people, hook
        self.filter = ALL
        self.count = self.total = workspace.pictures.count
        self._sketches: dict[str, Sketch] = {}
        jobs.event.connect(self._hear, priority=BEFORE_VIEWS)
        hook.changed.connect(self._follow, priority=BEFORE_VIEWS)

    @property
    def sketches(self) -> tuple[Sketch, ...]:
        """The pictures that are being drawn, in their order."""
        return tuple(self._sketches.values())

    def page(self, offset: int, limit: int) -> tuple[Picture, ...]:
        """At most `limit` pictures from the `offset`-th on of those that are shown; only these are read."""
        return self._workspace.pictures.page(offset, limit, self.filter)

    def show(self, such: PictureFilter) -> None:
        """Show those alone that a filter lets through."""
        if such != self.filter:
            self.filter = such
            self._count()
            self.changed.emit()

    def ids(self) -> tuple[str, ...]:
        """Ids of all that are shown, newest first."""
        return self._workspace.pictures.ids(self.filter)

    def packs(self) -> tuple[str, ...]:
        """Names of the models that drew pictures that are there."""
        return self._workspace.pictures.packs()

    def get(self, picture_id: str) -> Picture | None:
        """The picture of this id; None where there is none, or no longer."""
        return self._workspace.pictures.get(picture_id)

    def as_file(self, picture_id: str) -> Path:
        """A picture as a file that can be opened as an image; one that is gone is a `UserError`."""
        picture = self.get(picture_id)
        if picture is None:
            raise UserError("This picture is no longer there.", "Choose another one.")
        return open_picture(self._workspace, picture)

    def remove(self, picture_id: str) -> Changes:
        """Purge a picture, and the mask that it follows, from the workspace; nothing changes where it had gone."""
        return self.remove_all((picture_id,))

    def remove_all(self, picture_ids: Sequence[str]) -> Changes:
        """The same of several at once."""
        return self._hook.tell(remove_pictures(self._workspace, picture_ids, self._people.id))

    def mark(self, picture_ids: Sequence[str], favourite: bool) -> Changes:
        """Make pictures favourites, or no longer."""
        return self._hook.tell(mark_pictures(self._workspace, picture_ids, favourite, self._people.id))

    def _count(self) -> None:
        self.total = self._workspace.pictures.count
        self.count = self.total if self.filter.is_open else self._workspace.pictures.counted(self.filter)

    def _follow(self, changes: Changes) -> None:
        if changes.pictures:
            self._count()
            self.changed.emit()

    def _hear(self, record: JobRecord, event: JobEvent) -> None:
        if outcome_of(record.kind) is not Outcome.PICTURES:
            return
        before = len(self._sketches)
        if event.kind is EventKind.PREVIEW:
            for number in sorted(int(key) for key in event.arrays if key.isdigit()):
                fresh = Sketch(record.id, number, event.arrays[str(number)])
                self._sketches[fresh.id] = fresh
        elif event.kind is EventKind.RESULT:  # it is a picture now
            self._sketches.pop(f"{record.id}.{event.data.get('candidate')}", None)
        elif record.state.ended:
            self._sketches = {key: each for key, each in self._sketches.items() if each.job_id != record.id}
        if event.kind is EventKind.PREVIEW or len(self._sketches) != before:
            self.sketched.emit()
