"""Labels out to files and in from them, and how far people agree."""

from __future__ import annotations

from pathlib import Path

from psygnal import Signal

from medsynth_app.actions.agreement import (
    agreement_request,
    agreement_words,
    annotators,
    count_agreement,
    read_agreement,
)
from medsynth_app.actions.export_labels import ExportedLabels, export_labels
from medsynth_app.actions.import_labels import LabelImport, import_labels, plan_import
from medsynth_app.actions.label_words import import_words
from medsynth_app.actions.pseudonyms import shown_name
from medsynth_app.core.changes import Changes
from medsynth_app.core.job import EventKind, JobEvent, JobRecord
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.session.hook import AFTER_VIEWS, Hook
from medsynth_app.session.jobs import Jobs
from medsynth_app.session.labelling import Labelling
from medsynth_app.session.people import People
from medsynth_app.workspace.label_sets import LabelSet
from medsynth_app.workspace.workspace import Workspace


class LabelFiles:
    """What leaves the open label set, and comes into it.

    Attributes
    ----------
    agreed
        Signal(list[str]): the agreement that was asked for, in sentences.
    """

    agreed = Signal(list)

    def __init__(self, workspace: Workspace, queue: JobQueue, labelling: Labelling, people: People, jobs: Jobs,
                 hook: Hook) -> None:
        self._workspace, self._queue, self._labelling = workspace, queue, labelling
        self._people, self._jobs, self._hook = people, jobs, hook
        self._counting: dict[str, list[str]] = {}  # job, and the people as the report numbers them
        jobs.event.connect(self._hear, priority=AFTER_VIEWS)

    def export(self, label_set: LabelSet, path: Path, format: str) -> ExportedLabels:
        """Write the labels of a set; may run on any thread, emits nothing."""
        return export_labels(self._workspace, label_set, path, format, person=self._people.id)

    def plan(self, label_set: LabelSet, path: Path) -> LabelImport:
        """What a file of labels would change; may run on any thread, changes nothing."""
        return plan_import(self._workspace, label_set, path)

    def take(self, label_set: LabelSet, plan: LabelImport) -> Changes:
        """Import what was planned, as one step of undo."""
        return self._hook.tell(import_labels(self._workspace, label_set, plan, self._people.id))

    def words(self, label_set: LabelSet, plan: LabelImport, planned: bool) -> str:
        """What an import does, or did, in lines of text."""
        images = {cell.id: Path(cell.file).name for cell in label_set.cells}
        return import_words(plan, images, self._names(), planned)

    def count_agreement(self) -> Changes:
        """Have it counted how far people agree; `agreed` tells it."""
        opened = self._labelling.opened()
        changes = count_agreement(self._queue, agreement_request(opened, opened.folder / "agreement.json"),
                                  self._people.id)
        self._counting[changes.jobs[0]] = annotators(opened)
        return self._jobs.submitted(changes)

    # -- inner

    def _names(self) -> dict[str, str]:
        return {person.id: person.name for person in self._people.all()}

    def _hear(self, record: JobRecord, event: JobEvent) -> None:
        if record.id not in self._counting:
            return
        if event.kind is EventKind.RESULT:
            people, names = self._counting[record.id], self._names()
            report = read_agreement(Path(str(event.data["file"])))
            self.agreed.emit(agreement_words(report, {k: shown_name(names, each) for k, each in enumerate(people)}))
        if record.state.ended:
            self._counting.pop(record.id)
