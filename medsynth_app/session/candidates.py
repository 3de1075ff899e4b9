"""The candidates of the slice in view, waiting to be accepted or discarded."""

from __future__ import annotations

from psygnal import Signal

from medsynth_app.actions.accept_result import accept_result
from medsynth_app.actions.discard_result import discard_result
from medsynth_app.actions.frames import beside_other_pixels
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent, JobRecord
from medsynth_app.core.jobs.inpaint import image_in
from medsynth_app.core.jobs.kind import Outcome
from medsynth_app.core.jobs.table import outcome_of
from medsynth_app.core.words import _
from medsynth_app.session.documents import Documents
from medsynth_app.session.hook import AFTER_VIEWS, BEFORE_VIEWS, Hook
from medsynth_app.session.job_entry import Preview, previews_of
from medsynth_app.session.jobs import Jobs
from medsynth_app.session.people import People
from medsynth_app.session.view import View
from medsynth_app.workspace.candidates import Candidate, CandidateState
from medsynth_app.workspace.workspace import Workspace


class Candidates:
    """Results of the document and slice in view, and what a job draws there now.

    Attributes
    ----------
    results
        Staged and accepted results, newest job first, candidates of a job in their order.
    selected
        Index into `results` of the one held against the original, or None.
    job_id
        The job that is drawing into this slice now, or "".
    previews
        Its latest previews, uint8 RGB (h, w, 3), one per candidate.
    changed
        Signal: of `results`, or of all of these where another slice came into view.
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
        self.job_id = ""
        self.previews: tuple[Preview, ...] = ()
        self._filled = ""  # key of the frame whose these are
        self._drawing: dict[str, tuple[str, tuple[Preview, ...]]] = {}  # by job: key of its frame, and previews
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
    def groups(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """(job, indices of its results), in the order of the strip."""
        found: dict[str, list[int]] = {}
        for index, result in enumerate(self.results):
            found.setdefault(result.job_id, []).append(index)
        return tuple((job, tuple(indices)) for job, indices in found.items())

    def select(self, index: int | None) -> None:
        """Hold this one against the original; None: none."""
        if index is not None and not 0 <= index < len(self.results):
            raise IndexError(f"there is no candidate {index}")
        self.selected = index
        self.selected_changed.emit()

    def at(self, index: int | None = None) -> Candidate:
        """A candidate, the selected one by default; raises `UserError` where there is none."""
        at = self.selected if index is None else index
        if at is None or not 0 <= at < len(self.results):
            raise UserError("No candidate is selected.", "Choose one in the strip first.")
        return self.results[at]

    def accept(self, index: int | None = None) -> Changes:
        """Write a candidate (the selected one by default) into the document; undoable.

        A notice says where what surrounds it has changed since it was drawn.
        """
        self._documents.settle()
        document, candidate = self._view.seen(), self.at(index)
        beside = beside_other_pixels(document, candidate)
        changes = self._hook.tell(accept_result(self._workspace, document, candidate, self._people.id))
        if beside:
            self._hook.notice.emit("info", _("What surrounds this fill has changed since it was drawn: look at its "
                                             "edge."))
        return changes

    def discard(self, index: int | None = None) -> Changes:
        return self._hook.tell(discard_result(self._workspace, self.at(index), self._people.id))

    def discard_all(self) -> Changes:
        """Discard every candidate of this slice that has not been accepted."""
        changes = Changes()
        for result in self.results:
            if result.state is CandidateState.STAGED:
                changes |= discard_result(self._workspace, result, self._people.id)
        return self._hook.tell(changes)

    # --- inner

    @property
    def _frame(self) -> str:
        """Key of the frame in view; "" where there is none."""
        document = self._documents.current
        return str(document.info.frames[self._view.index].key) if document is not None else ""

    def _fill(self) -> None:
        """Read the results of the slice in view; the selected one stays selected where it is still there."""
        document, frame = self._documents.current, self._frame
        self._filled = frame
        found = [] if document is None else [
            result for result in self._workspace.candidates.of_document(
                document.id, CandidateState.STAGED, CandidateState.ACCEPTED)
            if str(result.frame_key) == frame]
        kept = self.current.id if self.current is not None else ""
        order: dict[str, int] = {}
        for result in found:
            order.setdefault(result.job_id, len(order))
        self.results = tuple(sorted(found, key=lambda r: (-order[r.job_id], r.candidate)))
        self.selected = next((k for k, result in enumerate(self.results) if result.id == kept), None)
        self._choose_previews()

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
                self._drawing.pop(job_id, None)
            self._choose_previews()
        if self._concerned(changes):
            self._fill()

    def _follow(self, changes: Changes) -> None:
        if self._concerned(changes):
            self.changed.emit()

    def _hear(self, record: JobRecord, event: JobEvent) -> None:
        if outcome_of(record.kind) is not Outcome.CANDIDATES:
            return
        if event.kind is EventKind.PREVIEW:
            self._drawing[record.id] = self._drawn(record.id), previews_of(event)
        elif not record.state.ended or self._drawing.pop(record.id, None) is None:
            return
        self._choose_previews()
        self.previews_changed.emit()

    def _drawn(self, job_id: str) -> str:
        """Key of the frame that a job draws into; "" where it is not known."""
        if job_id in self._drawing:
            return self._drawing[job_id][0]
        try:
            return str(image_in(self._workspace.jobs.plain(job_id))["frame_key"])
        except KeyError:
            return ""

    def _choose_previews(self) -> None:
        frame = self._frame
        here = [(job, previews) for job, (key, previews) in self._drawing.items() if frame and key == frame]
        self.job_id, self.previews = here[-1] if here else ("", ())
