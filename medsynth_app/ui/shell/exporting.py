"""Exports of whole series: on another thread, shown among the jobs, with time left and a way to stop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from medsynth_app.actions.export_series import SeriesExported
from medsynth_app.core.changes import Changes
from medsynth_app.core.words import _, ngettext
from medsynth_app.session.session import Session
from medsynth_app.ui.shell.banners import Banners
from medsynth_app.ui.shell.chores import Chores
from medsynth_app.ui.shell.toasts import Toasts
from medsynth_app.ui.widgets.background import Background
from medsynth_app.workspace.documents import Document


class Exporting:
    """Runs one export after the other; each is of the document that was open when it was asked for."""

    def __init__(self, session: Session, toasts: Toasts, banners: Banners, failed: Callable[[Exception], None]) -> None:
        self._session, self._toasts = session, toasts
        self._chores = Chores(session.jobs, toasts, banners, failed)
        self._documents: dict[Background, str] = {}  # whose series each export is of
        session.changed.connect(self._follow)

    def start(self, document: Document, folder: Path) -> None:
        """Export all slices of a document into a folder; returns at once."""
        export = self._session.exports.series
        task = self._chores.start(
            "export series", _("Export series: {series}").format(series=document.info.series),
            lambda task: export(document, folder, task.news.progress.emit, task.stopped), self._done,
            lambda: self.start(document, folder), fault=_("The export ended in a fault."),
            stopped=_("The export was stopped; nothing of it was left."))
        self._documents = {each: number for each, number in self._documents.items() if each in self._chores.running}
        self._documents[task] = document.id

    def finish(self) -> None:
        """Stop and wait, when the window closes: nothing is left of what is not complete."""
        self._chores.finish()

    def _follow(self, changes: Changes) -> None:
        """Of what is removed from the workspace nothing more is written."""
        for task, document_id in self._documents.items():
            if document_id and document_id in changes.removed:
                task.stop()

    def _done(self, found: SeriesExported) -> None:
        slices = ngettext("{count} slice exported", "{count} slices exported", found.slices).format(count=found.slices)
        changed = _("{count} of them with generated pixels").format(count=found.changed) if found.changed \
            else _("none of them with generated pixels")
        self._toasts.say("done", _("{slices}, {changed}: {name}.").format(
            slices=slices, changed=changed, name=found.path.name))
        if found.notices:
            self._toasts.say("warning", " ".join(found.notices))
