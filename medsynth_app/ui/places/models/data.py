"""My data: what a folder holds, told before anything is learned from it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPixmap, QResizeEvent
from PySide6.QtWidgets import QDialog, QLabel, QProgressBar, QScrollArea, QWidget

from medsynth_app.actions.data import REPORT, SHEET, inspect_request, read_report
from medsynth_app.actions.data_words import facts_of, names_of
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent, JobRecord
from medsynth_app.core.jobs.data import DataRequest
from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.ui.shell.dialogs import Dialogs
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.widgets.basic import ElidedLabel, button, clear, column, label, row, set_role
from medsynth_app.ui.widgets.panel import fact

SHOWN = 8  # names of a list
WIDTH, HEIGHT = 904, 660  # px
ABOUT = _("Choose a folder of pictures: one sub-folder for each class, or a list labels.csv, or images and masks, or "
          "DICOM and NIfTI files. Every file is read once; nothing is changed and nothing is learned yet.")


class DataDialog(QDialog):
    """Looks at data in the background, and shows what was found.

    Parameters
    ----------
    learn
        Called with the folder when the person wants to train on it; None where there is no such choice.
    """

    def __init__(self, session: Session, dialogs: Dialogs, learn: Callable[[Path], None] | None = None) -> None:
        super().__init__(dialogs.window)
        self._session, self._dialogs, self._learn = session, dialogs, learn
        self._request: DataRequest | None = None
        self._job = ""
        self._sheet: QLabel | None = None
        self._pictures = QPixmap()
        self._kept: tempfile.TemporaryDirectory[str] | None = None  # of report and sheet, while somebody looks
        self.setWindowTitle(_("My data"))
        self._build()
        session.jobs.event.connect(self._heard)
        session.jobs.progressed.connect(self._progressed)
        self.finished.connect(self._end)

    def _build(self) -> None:
        self._name = ElidedLabel(_("No folder chosen"), "muted")
        self.choose = button(_("Choose a folder…"), self.choose_folder)
        self._chooser = QWidget()
        row(self._name, self.choose, parent=self._chooser).setStretch(0, 1)
        self._about = label(ABOUT, "help", wrap=True)
        self._state = label("", "help", wrap=True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(_("How much of the data was read"))
        self._bar.hide()
        page = QWidget()
        self._found = column(parent=page, spacing=look.S, margins=(0, 0, look.M, 0))
        self._found.addStretch(1)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setAccessibleName(_("What was found"))
        self._area.setWidget(page)
        self.learn = button(_("Train on these data…"), self._train, "primary")
        self.learn.setEnabled(False)
        self.learn.setVisible(self._learn is not None)
        self.close_button = button(_("Close"), self.reject)
        self._title = label(_("My data"), "title")
        column(self._title, self._about, self._chooser, self._state, self._bar, self._area,
               row(None, self.close_button, self.learn), parent=self, spacing=look.M, margins=(look.L + 8,) * 4)
        self.setMinimumSize(420, 320)

    def sizeHint(self) -> QSize:
        """Room for facts and a row of pictures, whatever was found."""
        return QSize(WIDTH, HEIGHT)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_sheet()

    # -- looking ------------------------------------------------------------------------------------------------

    def choose_folder(self) -> None:
        path = self._dialogs.open_folder(_("Choose the folder of the data"))
        if path is not None:
            self.look_at(path)

    def look_at(self, folder: Path) -> None:
        """Queue a look at a folder, and show what it finds."""
        self._name.setText(folder.name)
        try:
            self._kept = self._kept or tempfile.TemporaryDirectory(prefix="medsynth-data-")
            kept = Path(self._kept.name)
            self._run(inspect_request(folder, kept / REPORT, kept / SHEET))
        except UserError as error:
            self._fail(str(error))

    def show_learned(self, request: DataRequest) -> None:
        """Queue a preview of a training run (`actions.data.preview_request`), and show what it would learn."""
        self.setWindowTitle(_("What will be learned"))
        self._title.setText(_("What will be learned"))
        self._chooser.hide()
        self._about.setText(_("The data are split and frozen as the run will do it. Nothing is learned yet."))
        try:
            self._run(request)
        except UserError as error:
            self._fail(str(error))

    def _run(self, request: DataRequest) -> None:
        self._stop()
        self._clear()
        self._request = request
        self._job = self._session.training.look_at(request).jobs[0]
        self._bar.setRange(0, 0)
        self._bar.show()
        self._say(_("Reading the pictures…"))

    def _progressed(self, job_id: str) -> None:
        entry = self._session.jobs.entry(job_id)
        if job_id == self._job and entry is not None and entry.steps:
            self._bar.setRange(0, entry.steps)
            self._bar.setValue(entry.step)

    def _heard(self, record: JobRecord, event: JobEvent) -> None:
        if record.id != self._job or not record.state.ended:
            return
        self._job = ""
        self._bar.hide()
        if event.kind is EventKind.DONE and self._request is not None:
            try:
                self._show(read_report(Path(self._request.report)))
            except UserError as error:
                self._fail(str(error))
        else:
            self._fail(f"{event.message or _('It was stopped.')} {event.data.get('remedy', '')}".strip())

    # -- showing ------------------------------------------------------------------------------------------------

    def _show(self, found: dict[str, Any]) -> None:
        self._clear()
        for name, value in facts_of(found):
            self._found.addWidget(fact(name, value))
        for each in names_of(found):
            self._found.addWidget(label(f"{each.heading} ({len(each.names)})", "warning" if each.wrong else "heading",
                                        wrap=True))
            more = len(each.names) - SHOWN
            names = [*each.names[:SHOWN], *([_("and {count} more").format(count=more)] if more > 0 else [])]
            listed = label("\n".join(names), "muted", wrap=True)
            listed.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._found.addWidget(listed)
        self._sheet = QLabel()
        self._sheet.setAccessibleName(_("Some pictures of every class"))
        self._pictures = QPixmap(self._request.sheet) if self._request is not None else QPixmap()
        self._fit_sheet()
        self._found.addWidget(self._sheet)
        self._found.addStretch(1)
        usable = not found.get("broken") and "split_problem" not in found
        self.learn.setEnabled(usable)
        self._say("" if usable else _("Before it can be learned from, mend what cannot be used."), error=not usable)

    def _fit_sheet(self) -> None:
        """The contact sheet is never wider than what is in sight."""
        room = self._area.viewport().width() - look.M
        if self._sheet is not None and not self._pictures.isNull():
            fits = self._pictures.width() <= room
            self._sheet.setPixmap(self._pictures if fits else self._pictures.scaledToWidth(
                room, Qt.TransformationMode.SmoothTransformation))

    def _clear(self) -> None:
        self._sheet, self._pictures = None, QPixmap()
        clear(self._found)
        self.learn.setEnabled(False)

    def _fail(self, text: str) -> None:
        self._bar.hide()
        self._clear()
        self._say(text, error=True)

    def _say(self, text: str, *, error: bool = False) -> None:
        self._state.setText(text)
        self._state.setVisible(bool(text))
        set_role(self._state, "error" if error else "help")

    # -- the end ------------------------------------------------------------------------------------------------

    def _train(self) -> None:
        request, learn = self._request, self._learn
        self.accept()
        if learn is not None and request is not None:
            learn(Path(request.data))

    def _stop(self) -> None:
        if self._job:
            job, self._job = self._job, ""
            self._session.jobs.cancel(job)

    def _end(self, _result: int) -> None:
        """Nobody looks any more."""
        self._session.jobs.event.disconnect(self._heard)
        self._session.jobs.progressed.disconnect(self._progressed)
        self._stop()
        if self._kept is not None:
            self._kept.cleanup()
