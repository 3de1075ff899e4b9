"""What is said when jobs end: toasts for what one does not see, banners for what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsynth_app.core.job import EventKind, JobEvent, JobRecord

if TYPE_CHECKING:
    from medsynth_app.ui.shell.main_window import MainWindow

PLACE_OF = {"inpaint": "paint", "generate": "generate", "train": "models"}
DONE = {"inpaint": "Candidates are ready", "generate": "Pictures are ready", "train": "Training has ended"}


class JobNews:
    """Listens to the session's jobs."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        window.session.job_event.connect(self._heard)

    def _heard(self, record: JobRecord, event: JobEvent) -> None:
        if event.kind is EventKind.DONE:
            self._done(record)
        elif event.kind is EventKind.FAILED:
            self._failed(record, event)

    def _done(self, record: JobRecord) -> None:
        w = self._window
        if record.kind == "train":
            w.session.refresh_packs()
        document = w.session.document
        here = w.session.place == PLACE_OF.get(record.kind) and (
            record.kind != "inpaint" or (document is not None and document.id == record.document_id))
        if not here:
            title = record.title.split(": ", 1)[-1]
            w.toasts.say("done", f"{DONE.get(record.kind, 'Done')}: {title}", "Show", lambda: self._show(record))

    def _show(self, record: JobRecord) -> None:
        """Go to where the result is; an image that is not open is opened from the list of recent ones."""
        w = self._window
        w.session.set_place(PLACE_OF.get(record.kind, "library"))
        document = w.session.document
        if record.kind == "inpaint" and (document is None or document.id != record.document_id):
            found = next((r for r in w.session.recent(50) if r.id == record.document_id and r.exists and r.path), None)
            if found is not None and found.path is not None:
                w.open_path(found.path, series=found.identity.series)

    def _failed(self, record: JobRecord, event: JobEvent) -> None:
        w = self._window
        remedy = str(event.data.get("remedy", "")) or "Run it again from the jobs."
        w.banners.say("error", f"{record.title}: {event.message or 'the job failed'}",
                      f"The image is unchanged and what you painted is saved. {remedy}",
                      details=str(event.data.get("details", "")), key=f"job.{record.id}",
                      choices=(("Run again", lambda: w.guarded(lambda: w.session.retry_job(record.id))),))
