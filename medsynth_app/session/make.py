"""Making sets by orders: what a pack offers, how long a set takes, and the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from psygnal import Signal

from medsynth_app.actions.make import Outlook, Plan, begun_in, make, make_request, offered_lines, outlook, plan_of
from medsynth_app.core.changes import Changes
from medsynth_app.core.job import EventKind, JobEvent, JobRecord, Lane
from medsynth_app.core.jobs.make import MAKE
from medsynth_app.core.order import Paces, seconds_of
from medsynth_app.core.order_file import WantedLine, WantedSet
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.session.generate import Generate
from medsynth_app.session.hook import BEFORE_VIEWS
from medsynth_app.session.jobs import Jobs
from medsynth_app.session.models import Models
from medsynth_app.session.people import People
from medsynth_app.settings.settings import SettingsStore


class Make:
    """Sets of pictures.

    Attributes
    ----------
    paced
        Signal: it is known now how long a set takes, or that this cannot be known.
    """

    paced = Signal()

    def __init__(self, queue: JobQueue, settings: SettingsStore, generate: Generate, models: Models, people: People,
                 jobs: Jobs) -> None:
        self._queue, self._generate, self._models, self._people, self._jobs = queue, generate, models, people, jobs
        self._settings = settings
        self._paces: Paces = {}
        self._measuring = ""
        self._folders: dict[str, Path] = {}
        jobs.event.connect(self._hear, priority=BEFORE_VIEWS)

    def offered(self, each: int) -> tuple[WantedLine, ...]:
        """A line for every class that the chosen pack offers, drawn as Generate is set; no pack is a `UserError`."""
        return offered_lines(self._models.chosen(), self._generate.parameters, each)

    def plan(self, wanted: WantedSet, out: Path | None = None) -> Plan:
        """The order of a set, with the invisible mark where the settings say so; in a folder where one was begun with
        the mark that it has there, or none, and its seed where none is given."""
        begun = begun_in(out) if out is not None else None
        marked = self._settings.current.invisible_mark if begun is None else begun.invisible_mark
        return plan_of(replace(wanted, invisible_mark=marked), self._models.packs,
                       begun.seed if begun is not None else None)

    def outlook(self, plan: Plan, out: Path) -> Outlook:
        """What stands before a set; what speaks against it is a `UserError`."""
        return outlook(plan, out)

    def seconds(self, plan: Plan) -> float | None:
        """How long a set takes; None before `measure` has found out."""
        return seconds_of(plan.order, self._paces)

    @property
    def is_measuring(self) -> bool:
        return bool(self._measuring)

    def measure(self, plan: Plan) -> None:
        """Find out how long sets of these sorts take, where it is not known: a few pictures are drawn, and thrown
        away. `paced` tells the end."""
        if self._measuring or self.seconds(plan) is not None:
            return
        request = make_request(plan, device=self._generate.parameters.sampling.device)
        changes = make(self._queue, request, self._people.id, Lane.INTERACTIVE)
        self._measuring = changes.jobs[0]
        self._jobs.submitted(changes)

    def stop_measuring(self) -> None:
        """Nobody waits for it any more."""
        if self._measuring:
            job, self._measuring = self._measuring, ""
            self._jobs.cancel(job)

    def run(self, plan: Plan, out: Path) -> Changes:
        """Queue a set."""
        request = make_request(plan, out, self._generate.parameters.sampling.device)
        return self._jobs.submitted(make(self._queue, request, self._people.id))

    def folder_of(self, job_id: str) -> Path | None:
        """Where the set of a job lies that ended in this session; None where it is not known."""
        return self._folders.get(job_id)

    def is_set(self, job_id: str) -> bool:
        """Whether a job made a set, and did not measure one."""
        return job_id in self._folders

    def _hear(self, record: JobRecord, event: JobEvent) -> None:
        if record.kind != MAKE.name:
            return
        if event.kind is EventKind.RESULT:
            if "folder" in event.data:
                self._folders[record.id] = Path(str(event.data["folder"]))
            self._paces.update({tuple(sort): (each, step) for sort, each, step in event.data.get("paces", ())})
        if record.id == self._measuring and record.state.ended:
            self._measuring = ""
            self.paced.emit()
