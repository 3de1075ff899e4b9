"""What is in view, written to files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from medsynth_app.actions import export
from medsynth_app.actions.export import Exported
from medsynth_app.actions.export_series import SeriesExported, export_series
from medsynth_app.actions.save_pictures import PicturesSaved, save_pictures
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.session.documents import Documents
from medsynth_app.session.view import View
from medsynth_app.settings.settings import SettingsStore
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.pictures import Picture
from medsynth_app.workspace.workspace import Workspace


class Exports:
    """Exports; `mark` None takes the person's setting."""

    def __init__(self, workspace: Workspace, settings: SettingsStore, documents: Documents, view: View) -> None:
        self._workspace, self._settings, self._documents, self._view = workspace, settings, documents, view

    def image(self, path: Path, format: str, *, mark: bool | None = None) -> Exported:
        """Export the slice in view: "png", "tiff", "secondary-capture" or "dicom"."""
        return export.export_image(self._workspace, self._documents.opened(), self._view.index, path, format,
                                   mark=self._drawn(mark), window=self._view.window_level)

    def series(self, document: Document, folder: Path, progress: Callable[[int, int], None],
               cancelled: Callable[[], bool]) -> SeriesExported:
        """Export all slices of a document in its own format; may run on any thread, emits nothing."""
        return export_series(self._workspace, document, folder, progress=progress, cancelled=cancelled)

    def mask(self, path: Path, format: str, *, whole_stack: bool = False) -> Exported:
        """Export the mask: "png" (the slice in view) or "nifti" (one slice or the whole stack)."""
        return export.export_mask(self._documents.opened(), None if whole_stack else self._view.index, path, format)

    def picture(self, picture: Picture, path: Path, format: str = "png", *, mark: bool | None = None) -> Exported:
        """Export a generated whole picture, and beside it the mask that it follows."""
        return export.export_picture(self._workspace, picture.pixels(), picture.provenance, path, format,
                                     mark=self._drawn(mark), invisible=self._settings.current.invisible_mark,
                                     mask=picture.mask())

    def pictures(self, picture_ids: Sequence[str], folder: Path, as_set: bool, invisible: bool,
                 packs: Sequence[InstalledPack], progress: Callable[[int, int], None],
                 cancelled: Callable[[], bool]) -> PicturesSaved:
        """Save generated pictures into a folder of their own, as a data set or as files with a record beside each; may
        run on any thread, emits nothing."""
        return save_pictures(self._workspace, picture_ids, folder, as_set=as_set, mark=self._drawn(None),
                             invisible=invisible, packs=packs, progress=progress, cancelled=cancelled)

    def _drawn(self, mark: bool | None) -> bool:
        return self._settings.current.mark_exports if mark is None else mark
