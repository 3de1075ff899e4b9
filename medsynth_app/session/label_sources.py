"""Cells that jobs make for a label set: drawn ones to try it with, and those that are found in the open image."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from psygnal import Signal

from medsynth_app.actions.detect import detect_request
from medsynth_app.actions.generate import generate_request
from medsynth_app.actions.label import gather
from medsynth_app.core.cell_schema import CellSchema
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent, JobRecord, Lane
from medsynth_app.core.options import changed
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.parameters import GenerateParameters
from medsynth_app.core.words import _
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.session.documents import Documents
from medsynth_app.session.hook import BEFORE_VIEWS, Hook
from medsynth_app.session.jobs import Jobs
from medsynth_app.session.labelling import Labelling
from medsynth_app.session.models import Models
from medsynth_app.session.people import People
from medsynth_app.workspace.label_sets import LabelSet
from medsynth_app.workspace.workspace import Workspace

TRY = 300  # cells to try labelling with
A_RUN = 16  # of them in one job: the first come soon
IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")  # that the detector reads


class LabelSources:
    """Fills the open set from jobs.

    Attributes
    ----------
    expected
        How many drawn cells are still to come.
    changed
        Signal: of `expected` and `finding`.
    """

    changed = Signal()

    def __init__(self, workspace: Workspace, queue: JobQueue, labelling: Labelling, *, documents: Documents,
                 models: Models, people: People, jobs: Jobs, hook: Hook) -> None:
        self._workspace, self._queue, self._labelling, self._hook = workspace, queue, labelling, hook
        self._documents, self._models, self._people, self._jobs = documents, models, people, jobs
        self._drawing: dict[str, tuple[str, int]] = {}  # set and number of pictures, by job
        self._asked: set[str] = set()  # all jobs that drew some
        self._drawn: tuple[object, dict[str, tuple[InstalledPack, str]]] | None = None  # as it was asked last
        self._finding: dict[str, tuple[str, str, Path]] = {}  # set, document and table, by job
        jobs.event.connect(self._hear, priority=BEFORE_VIEWS)

    @property
    def expected(self) -> int:
        return sum(count for _set, count in self._drawing.values())

    @property
    def finding(self) -> bool:
        """Whether cells of an image are being found."""
        return bool(self._finding)

    def is_for(self, job_id: str) -> bool:
        """Whether a job draws cells for a set."""
        return job_id in self._asked

    # -- a set to fill

    def go_on(self) -> LabelSet:
        """The open set, else the last one, else a new one as it is usual."""
        self._labelling.open_last()
        return self._labelling.current or self._labelling.new(self.usual_name, self.usual_schema)

    @property
    def usual_name(self) -> str:
        """What a new set is called where nobody says otherwise."""
        today = date.today()
        return _("Cells of {day}").format(day=f"{today.day} {today:%B %Y}")

    @property
    def usual_schema(self) -> CellSchema:
        """The classes of a new set where nobody says otherwise: those of which models draw most."""
        prompts = [prompt for pack in self._models.packs for prompt in pack.manifest.example_prompts]
        return max(self._labelling.schemas, key=lambda schema: (
            len({schema.named_in(prompt) for prompt in prompts} - {""}), schema.id == "blood"))

    # -- drawn ones

    def drawn_by(self, schema: CellSchema) -> dict[str, tuple[InstalledPack, str]]:
        """Which classes an installed pack can draw: the first such pack, and its prompt."""
        asked = (schema, tuple(pack.manifest.sha256 for pack in self._models.packs))
        if self._drawn is not None and self._drawn[0] == asked:
            return self._drawn[1]
        found: dict[str, tuple[InstalledPack, str]] = {}
        for pack in self._models.packs:
            for prompt in pack.manifest.example_prompts:
                if (kind := schema.named_in(prompt)) and kind not in found:
                    found[kind] = (pack, prompt)
        self._drawn = (asked, found)
        return found

    def draw(self, count: int = TRY) -> Changes:
        """Have cells drawn in the background, of every class that a pack can draw, and add them as they come.

        Raises
        ------
        UserError
            When no installed pack draws any of the classes.
        """
        opened = self._labelling.opened()
        known = list(self.drawn_by(opened.schema).values())
        if not known:
            raise UserError(f"No installed model draws cells of {opened.schema.name}.",
                            "Choose other classes, or label pictures of your own.")
        runs = -(-count // A_RUN)
        jobs: Changes = Changes()
        for number in range(runs):
            pack, prompt = known[number % len(known)]
            asked = min(A_RUN, count - number * A_RUN)
            parameters = changed(GenerateParameters(), prompt=prompt, count=asked)
            job = self._queue.submit(generate_request(pack, parameters), person=self._people.id, lane=Lane.BACKGROUND)
            self._drawing[job] = (opened.id, asked)
            self._asked.add(job)
            jobs |= Changes(jobs=(job,))
        self._jobs.submitted(jobs)
        self.changed.emit()
        return jobs

    # -- found ones

    @property
    def find_refusal(self) -> str:
        """Why no cells can be found in the open image; "" where they can."""
        document = self._documents.current
        if document is None:
            return "Open an image first."
        if document.path.suffix.lower() not in IMAGES or document.info.colour == "grey":
            return "Cells are found in colour pictures of smears: PNG, JPEG or TIFF."
        return ""

    def find(self) -> Changes:
        """Have the cells of the open image found, and add them; raises `UserError` where they cannot be."""
        if refusal := self.find_refusal:
            raise UserError("The cells of this image cannot be found.", refusal)
        opened, document = self._labelling.opened(), self._documents.opened()
        table = opened.folder / f"cells-{len(list(opened.folder.glob('cells-*.csv')))}.csv"
        job = self._queue.submit(detect_request([document.path], table), document_id=document.id,
                                 person=self._people.id)
        self._finding[job] = (opened.id, document.id, table)
        changes = self._jobs.submitted(Changes(jobs=(job,)))
        self.changed.emit()
        return changes

    # -- inner

    def _hear(self, record: JobRecord, event: JobEvent) -> None:
        if record.id in self._drawing:
            if event.kind is EventKind.RESULT:
                target, count = self._drawing[record.id]
                self._drawing[record.id] = (target, max(0, count - 1))
                self.changed.emit()
            if record.state.ended:
                target, _left = self._drawing.pop(record.id)
                self._take_drawn(target, record.id)
                self.changed.emit()
        elif record.id in self._finding and record.state.ended:
            target, document_id, table = self._finding.pop(record.id)
            if event.kind is EventKind.DONE:
                self._take_found(target, document_id, table)
            self.changed.emit()

    def _take_drawn(self, target: str, job: str) -> None:
        pictures = [picture.id for picture in self._workspace.pictures.of_job(job)]
        if pictures and self._is_there(target):
            schema = self._workspace.label_sets.open(target).schema
            self._labelling.add(self._labelling.gather_generated(pictures, schema=schema), set_id=target)

    def _take_found(self, target: str, document_id: str, table: Path) -> None:
        if not self._is_there(target):
            return
        schema = self._workspace.label_sets.open(target).schema
        try:
            cells = gather(table, schema)
        except UserError as error:
            self._hook.notice.emit("warning", f"{error.happened} {error.remedy}")
            return
        if cells:
            self._labelling.add(cells, document_id=document_id, set_id=target)
        else:
            self._hook.notice.emit("warning", "No cells were found in this image.")

    def _is_there(self, target: str) -> bool:
        return any(known.id == target for known in self._labelling.sets)
