"""What is said when jobs end: toasts for what one does not see, banners for what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsynth_app.core.job import EventKind, JobEvent, JobRecord
from medsynth_app.core.jobs.kind import Outcome
from medsynth_app.core.jobs.table import KINDS, outcome_of

if TYPE_CHECKING:
    from medsynth_app.ui.shell.main_window import MainWindow

PLACE_OF = {Outcome.CANDIDATES: "paint", Outcome.PICTURES: "generate", Outcome.PACKS: "models"}


def _place_of(outcome: Outcome | None) -> str:
    return PLACE_OF.get(outcome, "library") if outcome is not None else "library"


class JobNews:
    """Listens to the session's jobs."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        window.session.jobs.event.connect(self._heard)

    def _heard(self, record: JobRecord, event: JobEvent) -> None:
        if event.kind is EventKind.DONE:
            self._done(record)
        elif event.kind is EventKind.FAILED:
            self._failed(record, event)

    def _done(self, record: JobRecord) -> None:
        w = self._window
        outcome = outcome_of(record.kind)
        if outcome is Outcome.PACKS:
            w.session.models.refresh()
        document = w.session.documents.current
        here = w.session.place == _place_of(outcome) and (
            outcome is not Outcome.CANDIDATES or (document is not None and document.id == record.document_id))
        if not here:
            title, kind = record.title.split(": ", 1)[-1], KINDS.get(record.kind)
            w.toasts.say("done", f"{kind.done if kind is not None else 'Done'}: {title}", "Show",
                         lambda: self._show(record))

    def _show(self, record: JobRecord) -> None:
        """Go to where the result is; an image that is not open is opened from the list of recent ones."""
        w = self._window
        outcome = outcome_of(record.kind)
        w.session.set_place(_place_of(outcome))
        document = w.session.documents.current
        if outcome is Outcome.CANDIDATES and (document is None or document.id != record.document_id):
            found = next((r for r in w.session.documents.recent(50)
                          if r.id == record.document_id and r.exists and r.path), None)
            if found is not None and found.path is not None:
                w.open_path(found.path, series=found.identity.series)

    def _failed(self, record: JobRecord, event: JobEvent) -> None:
        w = self._window
        remedy = str(event.data.get("remedy", "")) or "Run it again from the jobs."
        w.banners.say("error", f"{record.title}: {event.message or 'the job failed'}",
                      f"The image is unchanged and what you painted is saved. {remedy}",
                      details=str(event.data.get("details", "")), key=f"job.{record.id}",
                      choices=(("Run again", lambda: w.guarded(lambda: w.session.jobs.retry(record.id))),))
