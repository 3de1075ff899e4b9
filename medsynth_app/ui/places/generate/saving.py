"""Save many generated pictures: as a data set or as files, on another thread, shown among the jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from PySide6.QtWidgets import QCheckBox, QDialog, QLineEdit

from medsynth_app.actions.save_pictures import PicturesSaved
from medsynth_app.core.words import _, ngettext
from medsynth_app.ui.places.generate.opened import open_folder
from medsynth_app.ui.shell.chores import Chores
from medsynth_app.ui.shell.dialogs import Dialogs
from medsynth_app.ui.shell.frame import Frame
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.widgets.basic import ElidedLabel, Segmented, button, column, label, row
from medsynth_app.ui.widgets.words import INVISIBLE

SET, FILES = "set", "files"
KINDS = ((SET, _("Data set"), _("A folder for each class, told apart by the prompts, or pairs where all follow masks; "
                                "with tables and a data card. No visible mark: a classifier would learn it.")),
         (FILES, _("PNG files"), _("Each with its record beside it, and its mask; marked as your settings say.")))


class SaveDialog(QDialog):
    """Asks how and where pictures are saved.

    Parameters
    ----------
    save
        Called with the folder, whether a data set is meant, and whether the invisible mark is.
    invisible
        Whether it is at first.
    """

    def __init__(self, count: int, save: Callable[[Path, bool, bool], None], dialogs: Dialogs, *,
                 invisible: bool = False, folder: Path | None = None) -> None:
        super().__init__(dialogs.window)
        self._save, self._dialogs = save, dialogs
        self._folder = folder or Path.home() / "MedSynth sets"
        what = ngettext("Save {count} picture", "Save {count} pictures", count).format(count=f"{count:,}")
        self.setWindowTitle(what)
        self.kind = Segmented(KINDS, _("As what"))
        self.kind.set_value(SET)
        self.kind.chosen.connect(lambda _kind: self._show())
        self._help = label("", "help", wrap=True)
        self.name = QLineEdit(_("Pictures of {day}").format(day=f"{datetime.now():%Y-%m-%d %H.%M}"))
        self.name.setAccessibleName(_("Name of the new folder"))
        self.name.setMaxLength(100)
        self.name.textChanged.connect(lambda _text: self._show())
        self.hidden = QCheckBox(_("Hide an invisible mark in each"))
        self.hidden.setChecked(invisible)
        self._place = ElidedLabel("", "muted")
        self.choose = button(_("Elsewhere…"), self._choose, "link")
        self.trouble = label("", "error", wrap=True)
        self.trouble.hide()
        self.save, self.cancel = button(what, self._start, "primary"), button(_("Cancel"), self.reject)
        named = row(label(_("Folder")), self.name)
        named.setStretch(1, 1)
        place = row(self._place, self.choose)
        place.setStretch(0, 1)
        column(label(what, "title"), self.kind, self._help, named, place,
               column(self.hidden, label(INVISIBLE, "help", wrap=True), spacing=2), self.trouble,
               row(None, self.cancel, self.save), parent=self, spacing=look.M, margins=(look.L + 8,) * 4)
        self.setMinimumWidth(520)
        self._show()

    @property
    def out(self) -> Path:
        return self._folder / self.name.text().strip()

    def _choose(self) -> None:
        path = self._dialogs.open_folder(_("Choose where the new folder shall lie"))
        if path is not None:
            self._folder = path
            self._show()

    def _show(self) -> None:
        self._help.setText(next(text for value, _name, text in KINDS if value == self.kind.value()))
        self._place.setText(_("in {folder}").format(folder=self._folder))
        name = self.name.text().strip()
        wrong = any(sign in name for sign in '/\\:*?"<>|') or name.strip(".") == ""
        there = not wrong and self.out.exists() and any(self.out.iterdir()) if not self.out.is_file() else True
        self.trouble.setText(_("Give a name without / \\ : * ? \" < > |.") if wrong else
                             _("A folder of this name is there already. Give another name.") if there else "")
        self.trouble.setVisible(wrong or there)
        self.save.setEnabled(not (wrong or there))

    def _start(self) -> None:
        self.accept()
        self._save(self.out, self.kind.value() == SET, self.hidden.isChecked())


class Saving:
    """Saves one lot of pictures after the other."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._chores = Chores(frame.session.jobs, frame.toasts, frame.banners, frame.report_bug)

    def ask(self, picture_ids: Sequence[str]) -> None:
        """Ask how and where, then save."""
        dialogs = self._frame.dialogs
        dialogs.show(SaveDialog(len(picture_ids), lambda *chosen: self.start(picture_ids, *chosen), dialogs,
                                invisible=self._frame.session.settings.current.invisible_mark))

    def start(self, picture_ids: Sequence[str], folder: Path, as_set: bool, invisible: bool) -> None:
        """Save pictures into a folder; returns at once."""
        session = self._frame.session
        packs = tuple(session.models.packs)
        self._chores.start(
            "save pictures", _("Save pictures ({count})").format(count=len(picture_ids)),
            lambda task: session.exports.pictures(picture_ids, folder, as_set, invisible, packs, task.tell,
                                                  task.stopped),
            self._done, lambda: self.start(picture_ids, folder, as_set, invisible), fault=_("Saving ended in a fault."),
            stopped=_("Saving was stopped; nothing of it was left."))

    def finish(self) -> None:
        """Stop and wait, when the window closes: nothing is left of what is not complete."""
        self._chores.finish()

    def _done(self, found: PicturesSaved) -> None:
        said = ngettext("{count} picture saved: {name}.", "{count} pictures saved: {name}.", found.count)
        self._frame.toasts.say("done", said.format(count=f"{found.count:,}", name=found.folder.name),
                               _("Show"), lambda: open_folder(found.folder))
        for notice in found.notices:
            self._frame.toasts.say("warning", notice)
