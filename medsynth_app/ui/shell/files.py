"""Files in and out of the window: choosing, dropping, exporting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QMimeData

from medsynth_app.actions.export import Exported
from medsynth_app.core.geometry import runs_upwards
from medsynth_app.core.words import _
from medsynth_app.formats.kinds import EXTENSIONS
from medsynth_app.session.session import Session
from medsynth_app.ui.shell.banners import Banners
from medsynth_app.ui.shell.command import Command
from medsynth_app.ui.shell.dialogs import Dialogs
from medsynth_app.ui.shell.exporting import Exporting
from medsynth_app.ui.shell.runner import Runner
from medsynth_app.ui.shell.toasts import Toasts
from medsynth_app.ui.shell.tracing import Tracing
from medsynth_app.ui.widgets.words import NO_IMAGE

Kind = tuple[str, str, str, bool]  # in words, the writer's name for it, its ending, and whether it is of all slices
DICOM = (_("DICOM at the source's own depth (*.dcm)"), "dicom", ".dcm", False)
CAPTURE = (_("DICOM secondary capture (*.dcm)"), "secondary-capture", ".dcm", False)
PNG, TIFF = (_("PNG picture (*.png)"), "png", ".png", False), (_("TIFF picture (*.tif)"), "tiff", ".tif", False)
ALSO = {".tif": (".tif", ".tiff")}
MASK_PNG = (_("Mask of this slice, PNG (*.png)"), "png", ".png", False)
MASK_NIFTI = (_("Mask of this slice, NIfTI (*.nii.gz)"), "nifti", ".nii.gz", False)
MASK_STACK = (_("Mask of all slices, NIfTI (*.nii.gz)"), "nifti", ".nii.gz", True)


def dropped_path(data: QMimeData) -> Path | None:
    """The first file or folder on this computer among what is dragged."""
    return next((Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()), None)


def named_kind(path: Path, chosen: str, kinds: Sequence[Kind]) -> tuple[Path, Kind]:
    """The kind to write, and the path with its ending.

    An ending that the person wrote says more than the kind that stands in the dialog: "x.png" is a PNG, and never
    "x.png.dcm". Where it says nothing, the ending of the `chosen` kind is put behind the name.
    """
    kind = next((kind for kind in kinds if kind[0] == chosen), kinds[0])
    def has(kind: Kind) -> bool:
        return path.name.lower().endswith(ALSO.get(kind[2], kind[2]))

    if not has(kind):
        kind = next((other for other in kinds if has(other)), kind)
    return (path if has(kind) else path.with_name(path.name + kind[2])), kind


class Files:
    """Asks for names and hands them to the session. Exports that are quick run in the window's thread."""

    def __init__(self, session: Session, dialogs: Dialogs, run: Runner, toasts: Toasts, banners: Banners,
                 open_path: Callable[..., Any], exporting: Exporting, tracing: Tracing) -> None:
        self._session, self._dialogs, self._run = session, dialogs, run
        self._exporting, self._tracing = exporting, tracing
        self._toasts, self._banners, self._open = toasts, banners, open_path
        self._axial = False  # whether what is open has an order that can be turned
        session.documents.current_changed.connect(self._take_document)

    def commands(self) -> tuple[Command, ...]:
        group = _("File")
        return (
            Command("file.open", _("Open file…"), group, self.open_file, "Ctrl+O", icon="image-plus-outline"),
            Command("file.open_folder", _("Open folder…"), group, self.open_folder, "Ctrl+Shift+O",
                    icon="folder-open-outline"),
            Command("file.reopen", _("Go on with the last image"), group, self.reopen, icon="history",
                    enabled_when=self._no_last),
            Command("file.export", _("Export image…"), group, self.export_image, "Ctrl+E", icon="tray-arrow-down",
                    enabled_when=self._no_image),
            Command("file.export_series", _("Export series…"), group, self.export_series,
                    icon="tray-arrow-down", enabled_when=self._no_stack),
            Command("file.export_mask", _("Export mask…"), group, self.export_mask, "Ctrl+Shift+E",
                    icon="tray-arrow-down", enabled_when=self._no_image),
            Command("slice.head_first", _("Slices from head to feet"), _("View"), self.turn_order,
                    icon="swap-vertical", enabled_when=self._no_order,
                    checked_when=lambda: self._session.settings.current.head_first),
            Command("file.origin", _("Where does this picture come from?"), group,
                    lambda: self._run(self._tracing.start), icon="map-marker-question-outline",
                    enabled_when=self._no_tracing),
            Command("file.close", _("Close image"), group, self._session.documents.close, icon="close",
                    enabled_when=self._no_image))

    def _no_image(self) -> str | None:
        return NO_IMAGE if self._session.documents.current is None else None

    def _no_tracing(self) -> str | None:
        return self._no_image() or (_("It is being looked for") if self._tracing.busy else None)

    def _no_last(self) -> str | None:
        if self._session.documents.current is not None:
            return _("An image is open")
        return None if self._session.documents.can_go_on else _("There is none")

    def _no_order(self) -> str | None:
        return self._no_image() or (None if self._axial else _("Not a stack of axial DICOM slices"))

    def _take_document(self) -> None:
        document = self._session.documents.current
        places = [frame.geometry for frame in document.info.frames] \
            if document is not None and document.info.modality is not None else []  # DICOM alone states one
        self._axial = runs_upwards(places) or runs_upwards(places[::-1])

    def turn_order(self) -> None:
        """Show axial slices the other way round, this series and all that are opened later."""
        document, settings = self._session.documents.opened(), self._session.settings
        settings.change(head_first=not settings.current.head_first)
        self._open(document.path, series=document.info.identity.series)

    def _no_stack(self) -> str | None:
        document = self._session.documents.current
        return self._no_image() or (_("One slice only") if document and len(document.info.frames) < 2 else None)

    def open_file(self) -> None:
        patterns = " ".join(f"*{end}" for end in EXTENSIONS)
        path = self._dialogs.open_file(_("Open an image"), _("Images ({patterns});;All files (*)").format(
            patterns=patterns))
        if path is not None:
            self._open(path)

    def open_folder(self) -> None:
        path = self._dialogs.open_folder(_("Open a folder of DICOM files"))
        if path is not None:
            self._open(path)

    def reopen(self) -> None:
        """Open what was opened last, at the slice that was in view."""
        last = self._session.documents.last()
        if last is not None:
            self._open(last[0].path, series=last[0].identity.series)

    def export_image(self) -> None:
        """Export the frame in view; the kind is chosen with the name."""
        info = self._session.documents.opened().info
        kinds = (DICOM, CAPTURE, PNG, TIFF) if info.modality else (PNG, TIFF, CAPTURE)
        chosen = self._dialogs.save_file(_("Export the image"), info.pseudonym, [kind[0] for kind in kinds])
        if chosen is not None:
            path, (_text, form, _end, _whole) = named_kind(*chosen, kinds)
            written = self._run(lambda: self._session.exports.image(path, form))
            if written is not None:
                said = _("Image exported, with its record beside it.") if written.record else _("Image exported.")
                count = len(info.frames)
                self._said(f"{said} {_('It is 1 of {count} slices.').format(count=count)}" if count > 1 else said,
                           written)

    def export_series(self) -> None:
        """Export all slices; it takes its time among the jobs."""
        folder = self._dialogs.open_folder(_("Export the series into this folder"))
        if folder is not None:
            self._exporting.start(self._session.documents.opened(), folder)

    def export_mask(self) -> None:
        """Export what is painted, of this frame or of all."""
        info = self._session.documents.opened().info
        kinds = (MASK_PNG, MASK_NIFTI, MASK_STACK) if len(info.frames) > 1 else (MASK_PNG, MASK_NIFTI)
        chosen = self._dialogs.save_file(_("Export the mask"), f"{info.pseudonym}-mask", [kind[0] for kind in kinds])
        if chosen is not None:
            path, (_text, form, _end, whole) = named_kind(*chosen, kinds)
            written = self._run(lambda: self._session.exports.mask(path, form, whole_stack=whole))
            if written is not None:
                self._said(_("Mask exported."), written)

    def _said(self, text: str, written: Exported) -> None:
        """Say what was written; what one should know of it stays in a banner."""
        self._toasts.say("done", text)
        for notice in written.notices:
            self._banners.say("warning", notice)
