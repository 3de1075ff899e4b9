"""Exports of whole series: on another thread, shown among the jobs, with time left and a way to stop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QThreadPool

from medsynth_app.actions.export_series import SeriesExported
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.words import _, ngettext
from medsynth_app.session.errands import Errand
from medsynth_app.session.session import Session
from medsynth_app.ui.shell.banners import Banners
from medsynth_app.ui.shell.toasts import Toasts
from medsynth_app.ui.widgets.background import Background
from medsynth_app.workspace.documents import Document


class Exporting:
    """Runs one export after the other; each is of the document that was open when it was asked for."""

    def __init__(self, session: Session, toasts: Toasts, banners: Banners, failed: Callable[[Exception], None]) -> None:
        self._session, self._toasts, self._banners, self._report = session, toasts, banners, failed
        self._pool = QThreadPool()
        self._pool.setMaxThreadCount(1)
        self._tasks: dict[Background, str] = {}  # kept until they have ended, with the document of each
        self._closed = False
        session.changed.connect(self._follow)

    def start(self, document: Document, folder: Path) -> None:
        """Export all slices of a document into a folder; returns at once."""
        export = self._session.exports.series
        task = Background(lambda task: export(document, folder, task.news.progress.emit, task.stopped),
                          lambda found: self._done(task, errand, found),
                          lambda error: self._failed(task, errand, error))
        errand = self._session.jobs.errand(
            "export series", _("Export series: {series}").format(series=document.info.series), task.stop,
            lambda: self.start(document, folder))
        task.news.progress.connect(lambda at, of: None if self._closed else errand.went_on(at, of))
        self._tasks[task] = document.id
        self._pool.start(task)

    def finish(self) -> None:
        """Stop and wait, when the window closes: nothing is left of what is not complete."""
        self._closed = True  # what ends now is told to nobody
        for task in self._tasks:
            task.stop()
        self._pool.waitForDone(3000)

    def _follow(self, changes: Changes) -> None:
        """Of what is removed from the workspace nothing more is written."""
        for task, document_id in self._tasks.items():
            if document_id and document_id in changes.removed:
                task.stop()

    def _ended(self, task: Background) -> bool:
        """Whether somebody is told."""
        self._tasks.pop(task, None)
        return not self._closed

    def _done(self, task: Background, errand: Errand, found: SeriesExported) -> None:
        if not self._ended(task):
            return
        errand.done()
        slices = ngettext("{count} slice exported", "{count} slices exported", found.slices).format(count=found.slices)
        changed = _("{count} of them with generated pixels").format(count=found.changed) if found.changed \
            else _("none of them with generated pixels")
        self._toasts.say("done", _("{slices}, {changed}: {name}.").format(
            slices=slices, changed=changed, name=found.path.name))
        if found.notices:
            self._toasts.say("warning", " ".join(found.notices))

    def _failed(self, task: Background, errand: Errand, error: Exception) -> None:
        if not self._ended(task):
            return
        if isinstance(error, Cancelled):
            errand.cancelled()
            self._toasts.say("info", _("The export was stopped; nothing of it was left."))
        elif isinstance(error, UserError):
            errand.failed(error)
            self._banners.error(error)
        else:
            errand.failed(UserError(_("The export ended in a fault."), _("Please send the report.")))
            self._report(error)
