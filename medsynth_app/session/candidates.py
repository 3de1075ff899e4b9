"""The candidates of the slice in view, in runs, waiting to be accepted or discarded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from medsynth_app.actions.accept_result import accept_result
from medsynth_app.actions.discard_result import discard_result
from medsynth_app.actions.frames import fit
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent, JobRecord
from medsynth_app.core.jobs.kind import Outcome
from medsynth_app.core.jobs.table import outcome_of
from medsynth_app.core.words import _
from medsynth_app.session.documents import Documents
from medsynth_app.session.drawing import Drawing
from medsynth_app.session.hook import AFTER_VIEWS, BEFORE_VIEWS, Hook
from medsynth_app.session.job_entry import previews_of
from medsynth_app.session.jobs import Jobs
from medsynth_app.session.people import People
from medsynth_app.session.view import View
from medsynth_app.workspace.candidates import Candidate, CandidateState
from medsynth_app.workspace.workspace import Workspace


@dataclass(frozen=True)
class Run:
    """Candidates that were drawn together.

    Attributes
    ----------
    pack, pack_sha256
        What drew them; the hash is "" for the fill without a model.
    made
        When the first of them was there.
    places
        Indices of its candidates among `Candidates.results`.
    """

    job_id: str
    mode: str
    pack: str
    pack_sha256: str
    prompt: str
    made: datetime
    places: tuple[int, ...]


class Candidates:
    """Results of the document and slice in view, and what a job draws there now.

    Attributes
    ----------
    results
        Staged and accepted results, newest job first, candidates of a job in their order.
    selected
        Index into `results` of the one that is looked at, or None.
    against
        Id of the candidate that the others are held against; "" for the image as it is.
    drawing
        The run that is drawing into this slice now, with its previews; None where there is none.
    changed
        Signal: of `results`, or of all of these where another slice came into view.
    selected_changed
        Signal: another one is looked at, or it is held against another one.
    """

    changed = Signal()
    selected_changed = Signal()
    previews_changed = Signal()

    def __init__(self, workspace: Workspace, documents: Documents, view: View, people: People, jobs: Jobs,
                 hook: Hook) -> None:
        self._workspace, self._documents, self._view = workspace, documents, view
        self._people, self._hook = people, hook
        self.results: tuple[Candidate, ...] = ()
        self.selected: int | None = None
        self.against = ""
        self.drawing: Drawing | None = None
        self._filled = ""  # key of the frame whose these are
        self._drawings: dict[str, Drawing] = {}  # by job
        documents.follow(self._fill)
        view.index_changed.connect(self._turn, priority=BEFORE_VIEWS)
        view.index_changed.connect(self._tell, priority=AFTER_VIEWS)
        hook.changed.connect(self._take, priority=BEFORE_VIEWS)
        hook.changed.connect(self._follow, priority=AFTER_VIEWS)
        jobs.event.connect(self._hear, priority=BEFORE_VIEWS)

    @property
    def current(self) -> Candidate | None:
        """The selected result."""
        return self.results[self.selected] if self.selected is not None else None

    @property
    def reference(self) -> Candidate | None:
        """The candidate that the selected one is held against; None for the image as it is."""
        current = self.current
        found = next((result for result in self.results if result.id == self.against), None)
        return found if current is not None and found is not current else None

    @property
    def staged(self) -> tuple[Candidate, ...]:
        """Those that are neither accepted nor discarded."""
        return tuple(result for result in self.results if result.state is CandidateState.STAGED)

    @property
    def region(self) -> tuple[Bounds, npt.NDArray[np.bool_]] | None:
        """The box that is worked on, and which of its pixels a candidate fills; None where there is nothing.

        Of the selected result, the newest, or what is being drawn.
        """
        result = self.current or next(iter(self.results), None)
        if result is not None:
            return result.bounds, result.effective()
        if self.drawing is None or self.drawing.effective is None:
            return None
        return self.drawing.bounds, self.drawing.effective

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs that drew the results, newest first."""
        places: dict[str, list[int]] = {}
        for place, result in enumerate(self.results):
            places.setdefault(result.job_id, []).append(place)
        return tuple(_run(job_id, [self.results[place] for place in found], found) for job_id, found in places.items())

    def select(self, index: int | None) -> None:
        """Look at this one; None: at the image as it is."""
        if index is not None and not 0 <= index < len(self.results):
            raise IndexError(f"there is no candidate {index}")
        self.selected = index
        self.selected_changed.emit()

    def compare_with(self, candidate_id: str) -> None:
        """Hold the candidates that are looked at against this one; "": against the image as it is."""
        self.against = candidate_id
        self.selected_changed.emit()

    def at(self, index: int | None = None) -> Candidate:
        """A candidate, the selected one by default; raises `UserError` where there is none."""
        at = self.selected if index is None else index
        if at is None or not 0 <= at < len(self.results):
            raise UserError("No candidate is selected.", "Choose one in the strip first.")
        return self.results[at]

    def accept(self, index: int | None = None) -> Changes:
        """Write a candidate (the selected one by default) into the document; undoable.

        Where another one of the same region is accepted, this one takes its place, and a notice says so. Another says
        where what surrounds it has changed since it was drawn.
        """
        self._documents.settle()
        document, candidate = self._view.seen(), self.at(index)
        found = fit(document, candidate) if candidate.state is CandidateState.STAGED else None
        changes = self._hook.tell(accept_result(document, candidate, self._people.id, found=found))
        if found is not None and found.replaced:
            self._hook.notice.emit("info", _("It has taken the place of the one that was accepted before, which is a "
                                             "candidate again."))
        if found is not None and found.beside:
            self._hook.notice.emit("info", _("What surrounds this fill has changed since it was drawn: look at its "
                                             "edge."))
        return changes

    def discard(self, index: int | None = None) -> Changes:
        """Take a candidate (the selected one by default) away; undoable."""
        return self._discard([self.at(index)])

    def discard_all(self) -> Changes:
        """Take away every candidate of this slice that has not been accepted, as one step."""
        return self._discard(self.staged)

    def go_to(self, job_id: str) -> None:
        """Show the slice of the document at work that a job drew into; nothing changes where there is none."""
        document = self._documents.current
        if document is not None and all(result.job_id != job_id for result in self.results):
            drawn = {str(result.frame_key) for result in self._workspace.candidates.of_document(
                document.id, CandidateState.STAGED, CandidateState.ACCEPTED) if result.job_id == job_id}
            frames = [index for index, about in enumerate(document.info.frames) if str(about.key) in drawn]
            if frames:
                self._view.set_index(frames[0])

    # --- inner

    def _discard(self, results: Sequence[Candidate]) -> Changes:
        self._documents.settle()
        return self._hook.tell(discard_result(self._documents.opened(), results, self._people.id))

    @property
    def _frame(self) -> str:
        """Key of the frame in view; "" where there is none."""
        document = self._documents.current
        return str(document.info.frames[self._view.index].key) if document is not None else ""

    def _fill(self) -> None:
        """Read the results of the slice in view; the selected one stays selected where it is still there."""
        self._filled = frame = self._frame
        found = [] if not frame else self._workspace.candidates.of_frame(
            frame, CandidateState.STAGED, CandidateState.ACCEPTED)
        kept = self.current.id if self.current is not None else ""
        order: dict[str, int] = {}
        for result in found:
            order.setdefault(result.job_id, len(order))
        self.results = tuple(sorted(found, key=lambda r: (-order[r.job_id], r.candidate)))
        self.selected = next((k for k, result in enumerate(self.results) if result.id == kept), None)
        if all(result.id != self.against for result in self.results):
            self.against = ""
        self._choose_drawing()

    def _turn(self, _index: int) -> None:
        if self._frame != self._filled:  # with a new document they are there already
            self._fill()

    def _tell(self, _index: int) -> None:
        self.changed.emit()

    def _concerned(self, changes: Changes) -> bool:
        return self._documents.current is not None and self._documents.current.id in changes.candidates

    def _take(self, changes: Changes) -> None:
        if changes.removed:
            for job_id in changes.jobs:
                self._drawings.pop(job_id, None)
            self._choose_drawing()
        if self._concerned(changes):
            self._fill()

    def _follow(self, changes: Changes) -> None:
        if self._concerned(changes):
            self.changed.emit()

    def _hear(self, record: JobRecord, event: JobEvent) -> None:
        if outcome_of(record.kind) is not Outcome.CANDIDATES:
            return
        if event.kind is EventKind.PREVIEW:
            known = self._drawings.get(record.id) or Drawing.of(self._workspace, record.id)
            self._drawings[record.id] = known.after(previews_of(event))
        elif not record.state.ended or self._drawings.pop(record.id, None) is None:
            return
        self._choose_drawing()
        self.previews_changed.emit()

    def _choose_drawing(self) -> None:
        frame = self._frame
        here = [drawing for drawing in self._drawings.values() if frame and drawing.frame_key == frame]
        self.drawing = here[-1] if here else None


def _run(job_id: str, results: Sequence[Candidate], places: Sequence[int]) -> Run:
    about = results[0].provenance
    return Run(job_id, str(about.parameters.get("mode", "")), about.pack, about.pack_sha256,
               str(about.parameters.get("prompt", "")),
               datetime.fromisoformat(min(result.created for result in results)), tuple(places))
