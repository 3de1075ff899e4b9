"""The part of the session that looks after the document in view."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.actions import export as exporting
from medsynth_app.actions import history as historic
from medsynth_app.actions.export import Exported
from medsynth_app.actions.frames import frame_of
from medsynth_app.actions.open_image import open_image
from medsynth_app.actions.paint_mask import paint_mask
from medsynth_app.actions.recent import recent_documents
from medsynth_app.actions.remove_picture import remove_picture
from medsynth_app.actions.remove_study import remove_study, scope_of_study
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.changes import Change, Changes
from medsynth_app.core.labels import LabelSchema
from medsynth_app.core.window_level import WindowLevel
from medsynth_app.session.state import SessionState
from medsynth_app.session.window_level import from_plain, starting_window, to_plain
from medsynth_app.workspace.documents import Document, RecentDocument
from medsynth_app.workspace.removal import Scope


class DocumentView(SessionState):
    """Opening, looking, painting, history and export."""

    # --- documents ---------------------------------------------------------------------------------

    def load(self, path: Path, progress: Callable[[int, int], None] | None = None,
             cancelled: Callable[[], bool] | None = None, **options: Any) -> Document:
        """Read a file or folder; may run on any thread, emits nothing. Give the result to `show`."""
        return open_image(self.workspace, path, progress=progress, cancelled=cancelled, **options)

    def show(self, document: Document) -> None:
        """Put a document in view, with the window, frame and pack that it was last seen with."""
        if self.document is not None and self.document is not document:
            self.document.close()
        self.document = document
        count = len(document.info.frames)
        frame = self._recall("frame")
        self.frame = frame if isinstance(frame, int) and 0 <= frame < count else count // 2
        self.window = from_plain(self._recall("window")) or starting_window(
            document.info, self.frame, document.pixels(self.frame))
        self._parameters.change_inpaint(follow=None)  # said of another image; the prompt chooses again
        self._choose_pack()
        self._refresh_staging()
        for signal in (self.document_changed, self.window_changed, self.label_changed, self.history_changed,
                       self.staging_changed):
            signal.emit()
        self.frame_changed.emit(self.frame)
        for text in document.info.notices:
            self.notice.emit("warning", text)

    def open(self, path: Path) -> Document:
        """`load` and `show`."""
        document = self.load(path)
        self.show(document)
        return document

    def close_document(self) -> None:
        if self.document is not None:
            self.document.close()
        self.document, self.window, self.frame = None, None, 0
        self._refresh_staging()
        for signal in (self.document_changed, self.window_changed, self.history_changed, self.staging_changed):
            signal.emit()

    def recent(self, count: int = 12) -> list[RecentDocument]:
        return recent_documents(self.workspace, count)

    def remove_study(self) -> Changes:
        """Purge the study in view from the workspace: rows, history, files and the pictures that follow its masks.

        The source files stay.
        """
        document = self._opened()
        before = {record.id for record in self.queue.records()}
        changes = remove_study(self.workspace, document, self.queue, self.person_id)
        self._removed_jobs |= before - {record.id for record in self.queue.records()}
        for job_id in self._removed_jobs:
            self.staging.end(job_id)
        self.document = None
        self.close_document()
        self.jobs.refresh(self.queue.records())
        self.jobs_changed.emit()
        self._refresh_pictures()
        self.pictures_changed.emit()
        return changes

    @property
    def study(self) -> Scope:
        """What goes when the study in view is removed."""
        return scope_of_study(self.workspace, self._opened())

    def remove_picture(self, picture_id: str) -> bool:
        """Purge a generated picture, and the mask that it follows, from the workspace; whether it was still there."""
        found = next((picture for picture in self.pictures if picture.id == picture_id), None)
        if found is not None:
            remove_picture(self.workspace, found)
            self._refresh_pictures()
            self.pictures_changed.emit()
        return found is not None

    # --- view --------------------------------------------------------------------------------------

    def set_frame(self, frame: int) -> None:
        document = self._opened()
        frame = min(max(frame, 0), len(document.info.frames) - 1)
        if frame == self.frame:
            return
        self.frame = frame
        self._remember("frame", frame)
        self._refresh_staging()
        self.frame_changed.emit(frame)
        self.staging_changed.emit()

    def set_window(self, window: WindowLevel, *, remember: bool = True) -> None:
        """Show another window; `remember` is False while it is being dragged."""
        self.window = window
        if remember:
            self._remember("window", to_plain(window))
        self.window_changed.emit()

    def set_place(self, place: str) -> None:
        if place != self.place:
            self.place = place
            self.settings.change(place=place)
            self.place_changed.emit(place)

    # --- painting and history ----------------------------------------------------------------------

    def set_label(self, value: int) -> None:
        if self.schema.of(value) is not None and value != self.label_value:
            self.label_value = value
            self.label_changed.emit()

    def set_schema(self, schema: LabelSchema) -> None:
        """Use another set of classes for this document; mask values stay."""
        self.schema = schema
        if self.schema.of(self.label_value) is None:
            self.label_value = self.schema.classes[0].value
        self._remember("schema", schema.to_plain())
        self._schema_kept = True
        self.label_changed.emit()

    def paint(self, bounds: Bounds, before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8],
              name: str = "") -> Change:
        """Journal one stroke on the frame in view; `name` empty makes "paint polyp" or "erase"."""
        change = paint_mask(self._opened(), self.frame, bounds, before, after,
                            name or self._stroke_name(after), self.person_id)
        if not self._schema_kept:
            self._remember("schema", self.schema.to_plain())
            self._schema_kept = True
        self._tell(change)
        return change

    def undo(self) -> Change | None:
        return self._step(historic.undo(self._opened(), self.person_id))

    def redo(self) -> Change | None:
        return self._step(historic.redo(self._opened(), self.person_id))

    @property
    def undo_name(self) -> str | None:
        """ "Undo: paint polyp", or None when there is nothing of one's own to undo."""
        return self.document.can_undo(self.person_id) if self.document else None

    @property
    def redo_name(self) -> str | None:
        return self.document.can_redo(self.person_id) if self.document else None

    @property
    def saved_at(self) -> datetime | None:
        """When the last change was written, or None."""
        return self.document.saved_at if self.document else None

    # --- exports, people, packs --------------------------------------------------------------------

    def export_image(self, path: Path, format: str, *, mark: bool | None = None) -> Exported:
        """Export the frame in view: "png", "tiff", "secondary-capture" or "dicom"."""
        drawn = self.settings.current.mark_exports if mark is None else mark
        return exporting.export_image(self.workspace, self._opened(), self.frame, path, format, mark=drawn,
                                      window=self.window)

    def export_mask(self, path: Path, format: str, *, whole_stack: bool = False) -> Exported:
        """Export the mask: "png" (the frame in view) or "nifti" (one frame or the whole stack)."""
        return exporting.export_mask(self._opened(), None if whole_stack else self.frame, path, format)

    def export_picture(self, index: int, path: Path, format: str = "png", *, mark: bool | None = None) -> Exported:
        """Export a generated whole picture, and beside it the mask that it follows."""
        picture = self.pictures[index]
        drawn = self.settings.current.mark_exports if mark is None else mark
        return exporting.export_picture(picture.pixels(), picture.provenance, path, format, mark=drawn,
                                        mask=picture.mask())

    def _stroke_name(self, after: npt.NDArray[np.uint8]) -> str:
        values = np.unique(after[after > 0])
        if not len(values):
            return "erase"
        label = self.schema.of(int(values[0])) if len(values) == 1 else self.schema.of(self.label_value)
        return f"paint {label.name}" if label is not None else "paint"

    def _step(self, change: Change | None) -> Change | None:
        """Tell of an undo or redo, and go to the frame where it happened."""
        if change is not None:
            frame = frame_of(self._opened(), change.frame)
            self._tell(change)
            self.set_frame(frame)
            if change.kind == "pixels":
                self._restage()
        return change
