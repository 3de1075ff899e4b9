"""Files in and out of the window: choosing, dropping, exporting, removing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData
from PySide6.QtWidgets import QFileDialog

from medsynth_app.actions.export import Exported
from medsynth_app.formats.kinds import EXTENSIONS

if TYPE_CHECKING:
    from medsynth_app.ui.shell.main_window import MainWindow

IMAGES = ("DICOM at the source's own depth (*.dcm)", "DICOM secondary capture (*.dcm)", "PNG picture (*.png)",
          "TIFF picture (*.tif)")
_FORMATS = dict(zip(IMAGES, (("dicom", ".dcm"), ("secondary-capture", ".dcm"), ("png", ".png"), ("tiff", ".tif")),
                    strict=True))
MASKS = ("Mask of this slice, PNG (*.png)", "Mask of this slice, NIfTI (*.nii.gz)",
         "Mask of all slices, NIfTI (*.nii.gz)")
_MASK_FORMATS = dict(zip(MASKS, (("png", ".png", False), ("nifti", ".nii.gz", False), ("nifti", ".nii.gz", True)),
                         strict=True))


def dropped_path(data: QMimeData) -> Path | None:
    """The first file or folder on this computer among what is dragged."""
    return next((Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()), None)


class Files:
    """Asks for names and hands them to the session. Exports run where they are quick: in the window's thread."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def open_file(self) -> None:
        patterns = " ".join(f"*{end}" for end in EXTENSIONS)
        name, _ = QFileDialog.getOpenFileName(self._window, "Open an image", "", f"Images ({patterns});;All files (*)")
        if name:
            self._window.open_path(Path(name))

    def open_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self._window, "Open a folder of DICOM files")
        if name:
            self._window.open_path(Path(name))

    def export_image(self) -> None:
        """Export the frame in view; the kind is chosen with the name."""
        document = self._window.session.documents.current
        if document is None:
            return
        kinds = IMAGES if document.info.modality else IMAGES[2:] + IMAGES[1:2]
        name, kind = QFileDialog.getSaveFileName(self._window, "Export the image", f"{document.info.pseudonym}",
                                                 ";;".join(kinds))
        if name:
            form, end = _FORMATS.get(kind, ("png", ".png"))
            self.write_image(_ending(Path(name), end), form)

    def write_image(self, path: Path, form: str) -> None:
        """Export and say so."""
        written = self._window.guarded(lambda: self._window.session.exports.image(path, form))
        if written is not None:
            self._said("Image exported" + (", with its record beside it." if written.record else "."), written)

    def export_mask(self) -> None:
        document = self._window.session.documents.current
        if document is None:
            return
        kinds = MASKS if len(document.info.frames) > 1 else MASKS[:2]
        name, kind = QFileDialog.getSaveFileName(self._window, "Export the mask", f"{document.info.pseudonym}-mask",
                                                 ";;".join(kinds))
        if name:
            form, end, whole = _MASK_FORMATS.get(kind, ("png", ".png", False))
            path = _ending(Path(name), end)
            written = self._window.guarded(lambda: self._window.session.exports.mask(path, form, whole_stack=whole))
            if written is not None:
                self._said("Mask exported.", written)

    def save_picture(self, index: int) -> None:
        """Export a generated picture."""
        if not 0 <= index < self._window.session.generate.pictures.count:
            return
        picture = self._window.session.generate.pictures.page(index, 1)[0]
        name, kind = QFileDialog.getSaveFileName(self._window, "Save the picture", f"SYNTHETIC-{picture.seed}",
                                                 "PNG picture (*.png);;TIFF picture (*.tif)")
        if name:
            form, end = ("tiff", ".tif") if "TIFF" in kind else ("png", ".png")
            path = _ending(Path(name), end)
            written = self._window.guarded(lambda: self._window.session.exports.picture(picture, path, form))
            if written is not None:
                self._said("Picture and mask saved; the picture is marked as synthetic." if picture.has_mask
                           else "Picture saved, marked as synthetic.", written)

    def _said(self, text: str, written: Exported) -> None:
        """Say what was written; what one should know of it stays in a banner."""
        self._window.toasts.say("done", text)
        for notice in written.notices:
            self._window.banners.say("warning", notice)

    def save_report(self, text: str) -> None:
        """Write a bug report; it holds no patient data."""
        name, _ = QFileDialog.getSaveFileName(self._window, "Save the report", "medsynth-report.txt", "Text (*.txt)")
        if not name:
            return
        try:
            Path(name).write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            self._window.banners.say("error", f"The report could not be written ({error.strerror}).",
                                     "Choose another folder, or copy the details.")

    def ask_remove_study(self) -> None:
        """Ask in a banner: nothing else has to stop for it."""
        if self._window.session.documents.current is None:
            return
        study = self._window.session.documents.study
        images = len(study.documents)
        whose = f"Painting, results and history of its {images} images" if images > 1 else \
            "Its painting, results and history"
        more = f", and with them {_pictures(len(study.pictures))} from its masks" if study.pictures else ""
        stays = "The files that they were opened from stay." if images > 1 else \
            "The file that it was opened from stays."
        left = f" {_unassigned(study.unassigned)}" if study.unassigned else ""
        self._window.banners.say(
            "warning", "Remove this study from the workspace?", f"{whose} are erased for good{more}. {stays}{left}",
            key="remove", choices=(("Remove study", self.remove_study),))

    def remove_study(self) -> None:
        changes = self._window.guarded(self._window.session.documents.remove_study)
        if changes is not None:
            count = len(changes.pictures)
            more = f", with {_pictures(count)} from its masks" if count else ""
            self._window.toasts.say("done", f"The study was removed from the workspace{more}.")

    def ask_remove_picture(self) -> None:
        """Ask in a banner, as for a study, whether the chosen picture shall go."""
        picture = self._window.pictures.chosen
        if picture is None:
            return
        what = "It and its mask are" if picture.has_mask else "It is"
        self._window.banners.say(
            "warning", f"Remove the picture with the seed {picture.seed} from the workspace?",
            f"{what} erased for good. Files that were saved from it stay.", key="remove-picture",
            choices=(("Remove picture", lambda: self.remove_picture(picture.id)),))

    def remove_picture(self, picture_id: str) -> None:
        if self._window.guarded(lambda: self._window.session.generate.pictures.remove(picture_id)):
            self._window.toasts.say("done", "The picture was removed from the workspace.")


def _pictures(count: int) -> str:
    return f"{count} generated picture{'' if count == 1 else 's'}"


def _unassigned(count: int) -> str:
    """What to say of images of the same patient whose study nobody knows."""
    if count == 1:
        return ("1 image of this patient, kept by an older version, was not opened since: nobody knows whether it is "
                "of this study. It stays. Open it, then remove it as well.")
    return (f"{count} images of this patient, kept by an older version, were not opened since: nobody knows whether "
            "they are of this study. They stay. Open them, then remove them as well.")


def _ending(path: Path, end: str) -> Path:
    return path if path.name.lower().endswith(end) else path.with_name(path.name + end)
