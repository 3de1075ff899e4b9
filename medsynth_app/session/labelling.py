"""Labelling: which cells are labelled, which one is asked, and what people call them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from medsynth_app.actions import label as action
from medsynth_app.actions.cell_crops import CropReader
from medsynth_app.core.cell_label import SKIPPED, CellLabel, subject_of
from medsynth_app.core.cell_schema import CellSchema
from medsynth_app.core.cells import Cell
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.label_options import LabelOptions
from medsynth_app.formats.cell_schemas import shipped_schemas
from medsynth_app.session.hook import BEFORE_VIEWS, Hook
from medsynth_app.session.label_clock import LabelClock
from medsynth_app.session.label_queue import Asked, LabelQueue
from medsynth_app.session.people import People
from medsynth_app.session.teaching import Teaching
from medsynth_app.workspace.label_sets import LabelSet, LabelSetInfo
from medsynth_app.workspace.workspace import Workspace

LATELY = 20  # answers that the pace is counted on
MANNER = frozenset({"suggest", "repeats", "batch", "budget"})  # options that change neither order nor pictures


@dataclass(frozen=True)
class Tally:
    """How far one has come.

    Attributes
    ----------
    answers
        Of the person at work: labels and other answers, hidden repeats not counted.
    labelled
        Cells that somebody has labelled with a class.
    planned
        Answers that are planned: the budget, or all cells.
    per_class
        Cells by the class that the consensus gives them.
    per_minute
        Cells a minute, over the last `LATELY` answers; None before the third.
    """

    answers: int = 0
    labelled: int = 0
    planned: int = 0
    per_class: Counter[str] = field(default_factory=Counter)
    per_minute: float | None = None


class Labelling:
    """The label set at work.

    Attributes
    ----------
    current
        The open set; None where none is.
    asked
        The cell that is asked; None where there is none left, or no set is open.
    teaching
        What is learned from the labels.
    crops
        Reads pictures of cells.
    clock
        How long the asked cell was looked at; the view starts it when the cell is drawn.
    undo_name, redo_name
        "Undo: label neutrophil", or None.
    sets_changed, changed, asked_changed, labels_changed, history_changed
        Signals: which sets there are; another set, its cells, classes or options; another cell is asked, or others
        follow; labels were given or taken back; what can be undone.
    """

    sets_changed = Signal()
    changed = Signal()
    asked_changed = Signal()
    labels_changed = Signal()
    history_changed = Signal()

    def __init__(self, workspace: Workspace, people: People, teaching: Teaching, hook: Hook) -> None:
        self._workspace, self._people, self._hook = workspace, people, hook
        self.teaching, self.crops, self.clock = teaching, CropReader(), LabelClock()
        self.current: LabelSet | None = None
        self._queue: LabelQueue | None = None
        self._agreed: dict[str, str] = {}
        self._pace: deque[tuple[int, float]] = deque(maxlen=LATELY)
        self.undo_name: str | None = None
        self.redo_name: str | None = None
        hook.changed.connect(self._follow, priority=BEFORE_VIEWS)
        people.changed.connect(self._take_person, priority=BEFORE_VIEWS)
        teaching.learned_changed.connect(self._take_order, priority=BEFORE_VIEWS)

    # -- sets

    @property
    def sets(self) -> list[LabelSetInfo]:
        """All of the workspace, newest work first."""
        return self._workspace.label_sets.all()

    @property
    def schemas(self) -> tuple[CellSchema, ...]:
        """Sets of classes to begin with."""
        return shipped_schemas()

    def new(self, name: str, schema: CellSchema, options: LabelOptions | None = None) -> LabelSet:
        """Make a set without cells, and open it."""
        made = self._workspace.label_sets.add(name, schema, options, self._people.id)
        self._put(made)
        self.sets_changed.emit()
        return made

    def open(self, set_id: str) -> None:
        """Open a set; where somebody stopped, they go on."""
        self._put(self._workspace.label_sets.open(set_id))

    def open_last(self) -> None:
        """Open the set that was worked on last, where there is one and none is open."""
        if self.current is None and (known := self.sets):
            self.open(known[0].id)

    def close(self) -> None:
        self._put(None)

    def remove(self, set_id: str) -> Changes:
        """Purge a set with its labels; the images stay."""
        if self.current is not None and self.current.id == set_id:
            self._put(None)
        changes = self._workspace.label_sets.remove(set_id, self._people.id)
        self.sets_changed.emit()
        return self._hook.tell(changes)

    def change(self, *, name: str | None = None, schema: CellSchema | None = None, **options: Any) -> None:
        """Give the open set another name, other classes or options; labels stay."""
        opened = self.opened()
        fresh = replace(opened.options, **options) if options else None
        self._workspace.label_sets.change(opened.id, name=name, schema=schema, options=fresh)
        if self._queue is not None and schema is None and options.keys() <= MANNER:
            opened.reread()
            self._queue.take(opened.options)  # the cell on the screen stays, and so does what was learned
        else:
            opened.refresh()
            self._begin()
        self.changed.emit()
        self.asked_changed.emit()
        self.sets_changed.emit()

    def opened(self) -> LabelSet:
        """The open set; raises `UserError` where none is."""
        if self.current is None:
            raise UserError("No cells are open to be labelled.", "Choose a set of cells, or make one.")
        return self.current

    # -- cells

    def gather(self, data: Path, progress: Callable[[int, int], None] = action.nobody_waits,
               cancelled: Callable[[], bool] = lambda: False, schema: CellSchema | None = None) -> list[Cell]:
        """Cells of a folder or table; may run on any thread, emits nothing. Give them to `add`.

        Parameters
        ----------
        schema
            For a set that is not made yet; None for that of the open one.
        """
        return action.gather(data, schema or self.opened().schema, progress, cancelled)

    def gather_generated(self, picture_ids: Collection[str], progress: Callable[[int, int], None] = action.nobody_waits,
                         cancelled: Callable[[], bool] = lambda: False, schema: CellSchema | None = None) -> list[Cell]:
        """The same of generated pictures; those that are gone are passed over."""
        held = [found for number in picture_ids if (found := self._workspace.pictures.get(number)) is not None]
        return action.generated(self._workspace, held, schema or self.opened().schema, progress, cancelled)

    def add(self, cells: Sequence[Cell], *, document_id: str = "", set_id: str = "") -> Changes:
        """Add cells to the open set, or to the one of this id."""
        own = self.current if self.current is not None and set_id in ("", self.current.id) else None
        target = own or (self._workspace.label_sets.open(set_id) if set_id else self.opened())
        return self._hook.tell(action.add_cells(self._workspace, target, cells, document_id=document_id,
                                                person=self._people.id))

    def add_generated(self, picture_ids: Collection[str]) -> Changes:
        """Add generated pictures to the open set; those that are gone are passed over."""
        return self.add(self.gather_generated(picture_ids))

    # -- labels

    @property
    def asked(self) -> Asked | None:
        return self._queue.ahead[0] if self._queue is not None and self._queue.ahead else None

    def upcoming(self, count: int) -> list[Asked]:
        """The asked cell and those after it."""
        return self._queue.upcoming(count) if self._queue is not None else []

    def ask(self, place: int) -> None:
        """Ask this cell of the set next."""
        if self._queue is not None:
            self._queue.first(place)
            self.asked_changed.emit()

    def review(self, places: Sequence[int], reason: str) -> None:
        """Ask cells once more, the first one first: the answer takes the place of one's own label."""
        if self._queue is not None:
            for place in reversed(places):
                self._queue.first(place, again=reason)
            self.asked_changed.emit()

    @property
    def suggests(self) -> bool:
        """Whether anything that the classifier thinks of a cell may be shown before its answer."""
        return self.current is not None and self.current.options.suggest and not self.current.options.blind

    def suggestion(self, asked: Asked) -> str:
        """The class that may be shown before the answer: never on the control slice, nor where the set is blind."""
        return "" if asked.control or asked.repeat or not self.suggests else self.teaching.prediction(asked.place)[0]

    def reason(self, asked: Asked) -> str:
        """Why a cell is asked, in words that tell its likely class only where that may be shown."""
        return asked.reason if self.suggests else asked.plain

    def answer(self, asked: Asked, answer: str) -> Changes:
        """Label the cell that was on the screen when the key went down, and ask the next one."""
        return self._give([self._label(asked, answer)])

    def answer_group(self, places: Collection[int], answer: str, checked: Collection[int] = ()) -> Changes:
        """Label many cells with one key: one step of undo.

        Parameters
        ----------
        places
            Indices in the set.
        checked
            Those of them that were looked at large.
        """
        cells, asked = self.opened().cells, self.asked
        share = replace(self._label(Asked(cells[0], 0), answer), seconds=self.clock.seconds / max(len(places), 1))
        labels = []
        for place in places:
            about = asked if asked is not None and asked.place == place else Asked(cells[place], place)
            labels.append(replace(self._label(about, answer), seconds=share.seconds, group=len(places),
                                  checked=place in checked, shown=""))
        return self._give(labels)

    def skip(self, asked: Asked) -> Changes:
        """Ask this cell again at the end; one whose label was asked for anew keeps it."""
        if not asked.repeat and self.label_of(asked.place) is not None and self._queue is not None:
            self._queue.passed(asked.place)
            self.asked_changed.emit()
            return Changes()
        return self._give([self._label(asked, SKIPPED)])

    def undo(self) -> Changes:
        """Take back one's own last step, and ask that cell again; nothing changes where there is none."""
        return self._turn(self.opened().undo(self._people.id))

    def redo(self) -> Changes:
        return self._turn(self.opened().redo(self._people.id))

    def is_open(self, place: int) -> bool:
        """Whether nobody has labelled a cell, and chance has not drawn it for the figures."""
        return self._queue is not None and self._queue.is_open(place)

    def open_places(self) -> npt.NDArray[np.bool_]:
        """`is_open` of every cell of the set."""
        return self._queue.open_places() if self._queue is not None else np.empty(0, np.bool_)

    def label_of(self, place: int) -> CellLabel | None:
        """One's own first label of a cell; None where there is none."""
        opened = self.opened()
        return opened.labels.get(subject_of(opened.cells[place].id, self._people.id))

    @property
    def consensus(self) -> dict[str, str]:
        """What each cell is called by most, for what is learned and counted; not shown before one's own answer."""
        return self._agreed

    @property
    def tally(self) -> Tally:
        if self.current is None:
            return Tally()
        agreed = Counter(self._agreed.values())
        per_class = Counter({name: agreed[name] for name in self.current.schema.ids if agreed[name]})
        own = sum(1 for each in self.current.labels.values()
                  if each.person == self._people.id and each.repeat == 0 and each.answer != SKIPPED)
        count, seconds = sum(n for n, _s in self._pace), sum(s for _n, s in self._pace)
        return Tally(own, per_class.total(), self.current.options.budget or len(self.current.cells), per_class,
                     60 * count / seconds if len(self._pace) > 2 and seconds > 0 else None)

    # -- inner

    def _label(self, asked: Asked, answer: str) -> CellLabel:
        predicted, confidence = self.teaching.prediction(asked.place)
        return CellLabel(
            asked.cell.id, asked.cell.image_sha256, asked.cell.box, self._people.id, answer, asked.repeat,
            datetime.now(UTC).isoformat(), round(self.clock.seconds, 2), asked.rank, asked.reason, asked.strategy,
            self.teaching.labels_known, self.suggestion(asked), predicted, round(confidence, 4), asked.control)

    def _give(self, labels: Sequence[CellLabel]) -> Changes:
        opened = self.opened()
        changes = action.label(opened, labels, self._people.id)
        self._pace.append((len(labels), sum(each.seconds for each in labels)))
        assert self._queue is not None
        for each in labels:
            self._queue.answered(each)
        self._agree(changes)
        if changes:
            self.undo_name, self.redo_name = f"Undo: {action.named(opened.schema, labels)}", None
        self._tell(changes)
        self.teaching.heed(opened, self._agreed)
        return changes

    def _turn(self, changes: Changes) -> Changes:
        if changes and self._queue is not None:
            self._agree(changes)
            self._queue.read()
            first = changes.labels[0].split("/")[0] if changes.labels else ""
            place = self.opened().places.get(first)
            if place is not None and len(changes.labels) == 1 and self.label_of(place) is None:
                self._queue.first(place)
        self._name_steps()
        self._tell(changes)
        return changes

    def _agree(self, changes: Changes) -> None:
        """Count anew what the cells of these labels are called."""
        opened = self.opened()
        for cell in {subject.split("/")[0] for subject in changes.labels}:
            self._agreed.pop(cell, None)
            self._agreed |= action.consensus(opened.labels_of(cell))

    def _tell(self, changes: Changes) -> None:
        self._hook.tell(changes)
        self.labels_changed.emit()
        self.asked_changed.emit()
        self.history_changed.emit()

    def _put(self, opened: LabelSet | None) -> None:
        self.current = opened
        self._pace.clear()
        self._begin()
        self.changed.emit()
        self.labels_changed.emit()
        self.asked_changed.emit()
        self.history_changed.emit()

    def _begin(self) -> None:
        """A new queue for the set and person at work."""
        opened = self.current
        self._queue = None
        self._agreed = {}
        if opened is not None:
            self._queue = LabelQueue(opened.cells, opened.options, opened.labels, self._people.id)
            self._agreed = action.consensus(opened.labels.values())
        self.teaching.take(opened, self._agreed, self._queue.control_places() if self._queue is not None
                           else np.empty(0, np.bool_))
        self._name_steps()

    def _take_order(self) -> None:
        if self._queue is not None:
            self._queue.rank(self.teaching.order)
            self.asked_changed.emit()

    def _take_person(self) -> None:
        if self.current is not None:
            self._pace.clear()
            self._begin()
            self.changed.emit()
            self.asked_changed.emit()
        self.history_changed.emit()

    def _name_steps(self) -> None:
        opened, person = self.current, self._people.id
        self.undo_name = opened.can_undo(person) if opened is not None else None
        self.redo_name = opened.can_redo(person) if opened is not None else None

    def _follow(self, changes: Changes) -> None:
        opened = self.current
        if opened is None:
            if changes.cells:
                self.sets_changed.emit()
            return
        if changes.removed:
            opened.refresh()
            if opened.read_only and not self._workspace.read_only:
                self._put(None)
                return
        if changes.removed or opened.id in changes.cells:
            opened.refresh()
            self._begin()
            self.changed.emit()
            self.asked_changed.emit()
            self.sets_changed.emit()
