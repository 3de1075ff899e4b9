"""What is said when jobs end: toasts for what one does not see, banners for what failed."""

from __future__ import annotations

from medsynth_app.core.job import EventKind, JobEvent, JobRecord
from medsynth_app.core.jobs.table import KINDS, outcome_of
from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.ui.shell.banners import Banners
from medsynth_app.ui.shell.navigator import Navigator
from medsynth_app.ui.shell.place import JobEnd, Place
from medsynth_app.ui.shell.runner import Runner
from medsynth_app.ui.shell.toasts import Toasts


class JobNews:
    """Listens to the session's jobs; the places say where the result of each kind is seen."""

    def __init__(self, session: Session, navigator: Navigator, run: Runner, toasts: Toasts, banners: Banners) -> None:
        self._session, self._navigator, self._run = session, navigator, run
        self._toasts, self._banners = toasts, banners
        session.jobs.event.connect(self._heard)

    def _heard(self, record: JobRecord, event: JobEvent) -> None:
        if event.kind is EventKind.DONE:
            self._done(record)
        elif event.kind is EventKind.FAILED:
            self._failed(record, event)

    def _where(self, record: JobRecord) -> tuple[Place, JobEnd] | None:
        """The place that shows the result of a job."""
        outcome = outcome_of(record.kind)
        return next(((place, end) for place in self._navigator.places for end in place.ends if end.outcome is outcome),
                    None)

    def _done(self, record: JobRecord) -> None:
        outcome = outcome_of(record.kind)
        if any(end.outcome is outcome and end.is_seen(record) for end in self._navigator.current.ends):
            return
        kind, where = KINDS.get(record.kind), self._where(record)
        said = f"{kind.done if kind is not None else _('Done')}: {record.title.split(': ', 1)[-1]}"
        if where is None:
            self._toasts.say("done", said)
            return
        place, end = where

        def show() -> None:
            self._navigator.go(place.id)
            end.show(record)

        self._toasts.say("done", said, _("Show"), show)

    def _failed(self, record: JobRecord, event: JobEvent) -> None:
        remedy = str(event.data.get("remedy", "")) or _("Run it again from the jobs.")
        self._banners.say("error", f"{record.title}: {event.message or _('the job failed')}",
                          _("The image is unchanged and what you painted is saved.") + f" {remedy}",
                          details=str(event.data.get("details", "")), key=f"job.{record.id}",
                          choices=((_("Run again"), lambda: self._run(lambda: self._session.jobs.retry(record.id))),))
