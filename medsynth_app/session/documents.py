"""The documents: opening, closing and removing them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from psygnal import Signal

from medsynth_app.actions.open_image import open_image
from medsynth_app.actions.recent import recent_documents
from medsynth_app.actions.remove_patient import remove_patient, scope_of_patient
from medsynth_app.actions.remove_study import remove_study, scope_of_study
from medsynth_app.actions.trace import Origin, trace
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import Pixels
from medsynth_app.core.intensity import in_hu
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.session import thumbnail
from medsynth_app.session.hook import Hook
from medsynth_app.session.people import People
from medsynth_app.session.thumbnail import Thumbnail
from medsynth_app.settings.settings import SettingsStore
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.recent import RecentDocument
from medsynth_app.workspace.removal import Scope
from medsynth_app.workspace.workspace import Workspace

SLICE = "frame"  # name of what is remembered of the slice in view


class Documents:
    """The document at work, and what is known of it.

    Attributes
    ----------
    current
        The document that is shown, painted and filled; None where none is open.
    current_changed
        Signal: another document is shown, or none.
    settling
        Signal: what is shown is about to be left, or changed from elsewhere. Whoever holds a change that is not
        finished, such as a stroke under the pointer, writes it now.
    """

    current_changed = Signal()
    settling = Signal()

    def __init__(self, workspace: Workspace, queue: JobQueue, people: People, hook: Hook, settings: SettingsStore
                 ) -> None:
        self._workspace, self._queue, self._people, self._hook = workspace, queue, people, hook
        self._settings = settings
        self._followers: list[Callable[[], None]] = []
        self.current: Document | None = None

    def follow(self, take: Callable[[], None]) -> None:
        """Call `take` whenever another document is shown, or none, before anybody is told.

        In the order of these calls; what it raises reaches whoever shows the document, and none is shown then.
        """
        self._followers.append(take)

    def opened(self) -> Document:
        """The document at work; raises `UserError` where none is open."""
        if self.current is None:
            raise UserError("No image is open.", "Open an image first.")
        return self.current

    def settle(self) -> None:
        """Have what is under way written to the slice in view, before something else happens to it."""
        if self.current is not None:
            self.settling.emit()

    def seen(self, index: int) -> Pixels:
        """A slice of the document at work, with what was accepted into it."""
        self.settle()
        return self.opened().pixels(index)

    def origins(self, pixels: Pixels, progress: Callable[[int, int], None], cancelled: Callable[[], bool]
                ) -> tuple[Origin, ...]:
        """What was generated in this workspace and looks like a picture; may run on any thread, emits nothing."""
        return trace(pixels, self._workspace, progress, cancelled)

    @property
    def read_only(self) -> bool:
        """Whether nothing can be changed: the workspace, or the document at work, is open elsewhere."""
        return self._workspace.read_only or (self.current is not None and self.current.read_only)

    def load(self, path: Path, progress: Callable[[int, int], None] | None = None,
             cancelled: Callable[[], bool] | None = None, **options: Any) -> Document:
        """Read a file or folder; may run on any thread, emits nothing. Give the result to `show`."""
        document = open_image(self._workspace, path, progress=progress, cancelled=cancelled,
                              head_first=self._settings.current.head_first, **options)
        if document.info.colour == "grey" and not in_hu(document.info.modality, document.info.frames[0]):
            document.sample(len(document.info.frames) // 2)  # here nobody waits for it
        if not document.read_only and (small := thumbnail.thumbnail_of(document)) is not None:
            self._workspace.documents.remember(document.id, thumbnail.NOTE, thumbnail.to_plain(small))
        return document

    def show(self, document: Document) -> None:
        """Put a document in view, as it was last seen."""
        self.settle()
        if self.current is not None and self.current is not document:
            self.current.close()
        self._put(document)
        self._hook.tell(Changes(opened=(document.id,)))

    def open(self, path: Path) -> Document:
        """`load` and `show`."""
        document = self.load(path)
        self.show(document)
        return document

    def close(self) -> None:
        self.settle()
        if self.current is not None:
            self.current.close()
        self._put(None)

    def recent(self, count: int = 12) -> list[RecentDocument]:
        """Documents opened lately, newest first."""
        return recent_documents(self._workspace, count)

    @property
    def can_go_on(self) -> bool:
        """Whether there is a `last` one; asked after whatever anybody does while no image is open."""
        path = self._workspace.documents.last_path()
        return path is not None and path.exists()

    def last(self) -> tuple[RecentDocument, int] | None:
        """What was opened last, and which of its slices, from 0, was in view; None where its file is gone."""
        for found in self.recent(1):
            if found.exists:
                return found, self._last_slice(found.id, found.slices)[0]
        return None

    def slice_of(self, document: Document) -> int:
        """The slice that was last in view, from 0, in whichever order they are now; the middle one where none was."""
        keys = [str(frame.key) for frame in document.info.frames]
        index, key = self._last_slice(document.id, len(keys))
        return keys.index(key) if key in keys else index

    def _last_slice(self, document_id: str, count: int) -> tuple[int, str]:
        """Number and key of the slice that was last in view; earlier versions kept its number alone."""
        kept = self._workspace.documents.recall(document_id, SLICE)
        index, key = kept if isinstance(kept, list) and len(kept) == 2 else (kept, "")
        return (index if isinstance(index, int) and 0 <= index < count else count // 2), str(key)

    def thumbnail(self, document_id: str) -> Thumbnail | None:
        """A small picture of a document; None for one that was not opened since these are made."""
        return thumbnail.from_plain(self._workspace.documents.recall(document_id, thumbnail.NOTE))

    def thumbnail_of_series(self, series: str) -> Thumbnail | None:
        """A small picture of the series with this `identity.series`; None for one that was not opened lately."""
        found = next((known for known in self.recent(50) if known.identity.series == series), None)
        return self.thumbnail(found.id) if found is not None else None

    @property
    def study(self) -> Scope:
        """What goes when the study in view is removed."""
        return scope_of_study(self._workspace, self.opened())

    @property
    def patient(self) -> Scope:
        """What goes when the patient in view is removed."""
        return scope_of_patient(self._workspace, self.opened())

    def remove_study(self) -> Changes:
        """Purge the study in view from the workspace: rows, history, files and the pictures that follow its masks.

        The source files stay.
        """
        return self._removed(remove_study(self._workspace, self.opened(), self._queue, self._people.id))

    def remove_patient(self) -> Changes:
        """Purge the patient in view, with all studies, as `remove_study` does one."""
        return self._removed(remove_patient(self._workspace, self.opened(), self._queue, self._people.id))

    def recall(self, key: str) -> Any:
        """What was remembered of the document at work; None where nothing was, or none is open."""
        return self._workspace.documents.recall(self.current.id, key) if self.current is not None else None

    def remember(self, key: str, value: Any) -> None:
        """Keep a plain value with the document at work, where it can be written."""
        if self.current is not None and not self.read_only:
            self._workspace.documents.remember(self.current.id, key, value)

    def _removed(self, changes: Changes) -> Changes:
        self._put(None)
        return self._hook.tell(changes)

    def _put(self, document: Document | None) -> None:
        """Show a document, or none; where somebody cannot take it none is shown: nobody is left with the one before."""
        try:
            self._lead(document)
        except Exception:
            self._lead(None)
            if document is not None:
                document.close()
            raise
        finally:
            self.current_changed.emit()

    def _lead(self, document: Document | None) -> None:
        self.current = document
        for take in self._followers:
            take()
