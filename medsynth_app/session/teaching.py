"""What is learned from labels: cells are embedded, a classifier learns, and the order of the others follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from medsynth_app.actions.learn import EmbeddedCells, embed_cells, embedded_cells, learn_request, suited_encoder
from medsynth_app.core.cell_schema import OTHER_ANSWERS
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent, JobRecord
from medsynth_app.core.jobs.embed import EmbedRequest
from medsynth_app.core.learned import NONE, Learned
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.words import _
from medsynth_app.formats.learned import read_learned
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.ranking.catalogue import Reason, reason_words
from medsynth_app.session.hook import BEFORE_VIEWS, Hook
from medsynth_app.session.jobs import Jobs
from medsynth_app.session.label_queue import Place
from medsynth_app.session.models import Models
from medsynth_app.session.people import People
from medsynth_app.workspace.label_sets import LabelSet

Away = Callable[[Callable[[], Any], Callable[[Any], None]], None]
"""Does the first on another thread, then the second with what it returned on the session's."""


def done_here(work: Callable[[], Any], then: Callable[[Any], None]) -> None:
    """The `Away` of tests and of the command line."""
    then(work())


class Stage(Enum):
    """What a label set waits for."""

    NOTHING = auto()  # no set, or no encoder: cells come by chance
    EMBEDDING = auto()
    LEARNING = auto()
    READY = auto()


class Teaching:
    """The classifier of the open label set, in the worker.

    Attributes
    ----------
    stage
        What is under way.
    fraction
        How much of the embedding is done.
    obstacle
        Why cells come by chance alone; None where they are ranked.
    learned
        What was learned last; None before that. Its arrays have a row for each of `cells`.
    places
        Index in the set of the cell of each row of `learned`, int32.
    labels_known
        How many labels it knew.
    cells
        Those of the set that have an embedding, as the last request knew them; None before the first, and while others
        are embedded.
    stage_changed, learned_changed
        Signals: of `stage`, `fraction` or `obstacle`; of `learned` and `order`.
    """

    stage_changed = Signal()
    learned_changed = Signal()

    def __init__(self, queue: JobQueue, models: Models, people: People, jobs: Jobs, hook: Hook,
                 away: Away = done_here) -> None:
        self._away = away
        self._reading: object | None = None  # what is read away from this thread
        self._queue, self._models, self._people, self._jobs, self._hook = queue, models, people, jobs, hook
        self._set: LabelSet | None = None
        self._agreed: Mapping[str, str] = {}
        self._waiting: set[str] = set()  # jobs that embed
        self._learning = ""  # the job that learns
        self._stale = False  # cells, classes or options changed since the job under way was asked for
        self._heard = 0  # labels that the last request knew
        self.obstacle: str | None = None
        self.encoder: InstalledPack | None = None
        self._control = np.empty(0, np.bool_)
        self.cells: EmbeddedCells | None = None
        self._forget()
        jobs.event.connect(self._hear, priority=BEFORE_VIEWS)
        models.changed.connect(self._again, priority=BEFORE_VIEWS)

    def take(self, label_set: LabelSet | None, agreed: Mapping[str, str], control: npt.NDArray[np.bool_]) -> None:
        """Follow this set, whose cells are called so: embed what is not yet, then learn.

        Parameters
        ----------
        control
            Which of its cells chance drew.
        """
        same = self._set is not None and label_set is not None and self._set.id == label_set.id
        self._set, self._agreed, self._control = label_set, agreed, control
        if not same:
            self._waiting, self._learning, self._stale = set(), "", False
            if label_set is not None and not label_set.read_only:
                for stale in label_set.folder.glob("learned-*.npz"):  # of a session before, in an order of its own
                    stale.unlink(missing_ok=True)
        self._forget()
        self.learned_changed.emit()
        self.start()

    def start(self) -> None:
        """Embed what is not yet, such as cells whose embedding was stopped or whose image is back; then learn."""
        label_set = self._set
        if label_set is None or not label_set.cells or label_set.read_only:
            self._to(Stage.NOTHING)
            return
        try:
            self.encoder = suited_encoder(self._models.installed, label_set.options.encoder, label_set.schema)
        except UserError as error:
            self.obstacle = error.happened
            self._to(Stage.NOTHING)
            return
        if self._waiting or self._learning:
            self._stale = True
            self._to(Stage.EMBEDDING if self._waiting else Stage.LEARNING)
            return
        self._stale = False
        encoder, cells, folder = self.encoder, label_set.cells, label_set.folder
        self._to(Stage.EMBEDDING)
        self._read(lambda: embed_cells(cells, folder, encoder, "auto"), self._embed)

    def _read(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Read the files of embeddings away from this thread; what comes of an older reading is dropped."""
        this = self._reading = object()

        def tried() -> Any:
            try:
                return work()
            except Exception as error:
                return error

        def done(found: Any) -> None:
            if self._reading is not this:
                return
            self._reading = None
            if isinstance(found, OSError):
                self.obstacle = _("The folder of these cells cannot be written.")
                self._to(Stage.NOTHING)
            elif isinstance(found, Exception):  # a bug: whoever reports bugs does, and nobody waits for its end
                self._to(Stage.NOTHING)
                raise found
            else:
                then(found)

        self._away(tried, done)

    def _embed(self, requests: list[EmbedRequest]) -> None:
        self._waiting = {self._queue.submit(request, person=self._people.id) for request in requests}
        if self._waiting:
            self._to(Stage.EMBEDDING)
            self._jobs.submitted(Changes(jobs=tuple(self._waiting)))
        else:
            self.learn()

    def heed(self, label_set: LabelSet, agreed: Mapping[str, str]) -> None:
        """Labels were given: learn anew where enough of them are new and nothing is under way."""
        self._agreed = agreed
        if len(self._teaching()) - self._heard >= label_set.options.batch:
            self.learn()

    def learn(self) -> None:
        """Have the worker learn from what labels there are; nothing happens while it does already."""
        if self._set is None or self._set.read_only or self.busy or self.encoder is None:
            return
        if self.cells is not None:
            self._ask(self.cells)
            return
        encoder, control, cells, folder = self.encoder, self._control, self._set.cells, self._set.folder
        self._read(lambda: embedded_cells(cells, folder, encoder, control), self._ask)

    def _ask(self, cells: EmbeddedCells | None) -> None:
        self.cells = cells
        if self._set is None or cells is None:
            self.obstacle = self.obstacle or _("None of the images of these cells is there.")
            self._to(Stage.NOTHING)
            return
        self._heard = len(self._teaching())
        request = learn_request(self._set, cells, self._agreed, self._file)
        self._learning = self._queue.submit(request, person=self._people.id)
        self._to(Stage.LEARNING)
        self._jobs.submitted(Changes(jobs=(self._learning,)))

    @property
    def busy(self) -> bool:
        """Whether cells are compared or learned from for the set."""
        return bool(self._waiting or self._learning or self._reading is not None)

    def prediction(self, place: int) -> tuple[str, float]:
        """The likeliest class of a cell of the set, and how likely that is; "" and 0 while nothing was learned."""
        row = self.row(place)
        if self.learned is None or row is None or not len(self.learned.probabilities):
            return "", 0.0
        shares = self.learned.probabilities[row]
        best = int(shares.argmax())
        return self.learned.classes[best], float(shares[best])

    def share(self, place: int, kind: str) -> float:
        """How likely a cell is of a class; 0 while nothing was learned."""
        row = self.row(place)
        if self.learned is None or row is None or not len(self.learned.probabilities) \
                or kind not in self.learned.classes:
            return 0.0
        return float(self.learned.probabilities[row, self.learned.classes.index(kind)])

    def row(self, place: int) -> int | None:
        """The row of `learned` for a cell of the set; None where it has none."""
        row = int(self._rows[place]) if place < len(self._rows) else NONE
        return row if row != NONE else None

    def place(self, row: int) -> int:
        """The cell of the set for a row of `learned`."""
        return int(self.places[row])

    @property
    def order(self) -> list[Place]:
        """Cells to label next, the most useful first."""
        return self._order

    # -- inner

    def _forget(self) -> None:
        self.learned: Learned | None = None
        self.labels_known = 0
        self.obstacle = None
        self.encoder = None
        self.fraction = 0.0
        self.stage = Stage.NOTHING
        self._file: Path | None = None
        self._reading = None
        self.cells = None
        self._rows = np.empty(0, np.int32)  # of what was learned, by place in the set
        self.places = np.empty(0, np.int32)
        self._order: list[Place] = []

    def _again(self) -> None:
        """An encoder may have come."""
        if self._set is not None and self.encoder is None:
            self.start()

    def _teaching(self) -> list[str]:
        """Cells whose label teaches."""
        return [cell for cell, answer in self._agreed.items() if answer not in OTHER_ANSWERS]

    def _hear(self, record: JobRecord, event: JobEvent) -> None:
        if record.id in self._waiting:
            if event.steps:
                self.fraction = event.step / event.steps
                self.stage_changed.emit()
            if record.state.ended:
                self._waiting.discard(record.id)
                if event.kind is EventKind.FAILED:
                    self.obstacle = event.message
                elif event.kind is EventKind.CANCELLED:
                    self.obstacle = _("Comparing the cells was stopped; label some and press Learn to go on.")
                self.cells = None
                if not self._waiting and self._stale and event.kind is EventKind.DONE:
                    self.start()  # other cells came meanwhile
                elif not self._waiting:
                    self.learn()
        elif record.id == self._learning:
            if event.kind is EventKind.RESULT:
                self._take_learned(Path(str(event.data["file"])))
            if record.state.ended:
                self._learning = ""
                if event.kind is EventKind.FAILED:
                    self.obstacle = event.message
                self._to(Stage.READY if self.learned is not None else Stage.NOTHING)
                if self._stale:
                    self.start()
                elif self._set is not None:
                    self.heed(self._set, self._agreed)

    def _take_learned(self, path: Path) -> None:
        label_set, old = self._set, self._file
        if label_set is None or path.parent != label_set.folder:
            return
        learned, cells = read_learned(path), self.cells
        if cells is None or len(cells.ids) != len(learned.groups):
            return  # cells came or went meanwhile
        self.learned, self._file, self.labels_known = learned, path, self._heard
        self.places = cells.places
        self._rows = np.full(len(label_set.cells), NONE, np.int32)
        self._rows[cells.places] = np.arange(len(cells.places))
        names = {each.id: each.name for each in label_set.schema.classes}
        self._order = [Place(int(self.places[row]), rank, label_set.options.strategy,
                             _words(reason, classes, learned, names), reason_words(Reason(reason)))
                       for rank, (row, reason, classes) in enumerate(
                           zip(learned.order, learned.reasons, learned.reason_classes, strict=True), 1)]
        if old is not None:
            old.unlink(missing_ok=True)
        self.learned_changed.emit()

    def _to(self, stage: Stage) -> None:
        self.stage = stage
        self.stage_changed.emit()


def _words(reason: str, classes: np.ndarray, learned: Learned, names: Mapping[str, str]) -> str:
    named = [learned.classes[int(k)] for k in classes if k >= 0]
    return reason_words(Reason(reason), [names.get(each, each) for each in named])
