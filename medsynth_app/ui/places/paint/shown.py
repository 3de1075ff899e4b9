"""What the canvas shows over the image: the candidate that is looked at, alone or against another, or its preview."""

from __future__ import annotations

import numpy as np

from medsynth_app.core.image import Pixels
from medsynth_app.session.job_entry import Preview
from medsynth_app.session.session import Session
from medsynth_app.ui.places.paint.groups import named, waiting
from medsynth_app.ui.viewer import Canvas
from medsynth_app.workspace.candidates import Candidate, CandidateState

NEXT_BEST = "slider"  # how two are compared where nobody said


def hold_against(session: Session, canvas: Canvas, candidate_id: str) -> None:
    """Hold the candidates that are looked at against this one; once more, or "": against the image as it is."""
    candidates = session.candidates
    fresh = candidate_id if candidate_id != candidates.against else ""
    if fresh and candidates.current is None:
        candidates.select(next(k for k, result in enumerate(candidates.results) if result.id == fresh))
    candidates.compare_with(fresh)
    if fresh and canvas.candidate.mode == "off":
        canvas.candidate.set_mode(NEXT_BEST)


class Shown:
    """Drives the canvas' candidate from the session."""

    def __init__(self, session: Session, canvas: Canvas) -> None:
        self._session, self._candidate = session, canvas.candidate
        self._now: tuple[object, ...] = ()  # what is shown
        self._preview: Preview | None = None
        self._job = ""  # whose previews are watched
        self._number: int | None = None
        self._watching = True

    @property
    def watched(self) -> int | None:
        """The candidate in the making that is looked at, while none that is finished is; None: the image as it is."""
        numbers, drawing = waiting(self._session), self._session.candidates.drawing
        if drawing is None or not numbers or self._session.candidates.current is not None:
            return None
        if drawing.job_id != self._job:  # another run begins to be watched by itself
            self._job, self._number, self._watching = drawing.job_id, None, True
        if not self._watching:
            return None
        return self._number if self._number in numbers else numbers[0]

    def watch(self, number: int | None) -> None:
        """Look at this one as it is drawn; None: at the image as it is."""
        drawing = self._session.candidates.drawing
        self._job = drawing.job_id if drawing is not None else ""
        self._number, self._watching = number, number is not None
        self._session.candidates.select(None)

    @property
    def compared(self) -> bool:
        """Whether somebody is comparing now: nothing else is put in view by itself."""
        return self._candidate.comparing

    def refresh(self) -> None:
        """Show what is looked at: nothing over a slice that cannot be read."""
        candidates, view = self._session.candidates, self._session.view
        current, reference, watched, index = candidates.current, candidates.reference, self.watched, view.index
        if view.state.unreadable is not None:
            current = watched = None
        now: tuple[object, ...] = ()
        if current is not None and (current.state is CandidateState.STAGED or reference is not None):
            now = (current.id, reference.id if reference is not None else "", index)
        elif watched is not None and self._candidate.mode == "off":
            now = (self._job, watched, index)
        preview = self._preview_of(watched) if current is None else None
        if now == self._now and preview is self._preview and bool(now) == self._candidate.shown:
            return
        self._now, self._preview = now, preview
        if not now:
            self._candidate.hide()
        elif current is None and watched is not None:
            self._show_preview(watched)
        elif current is not None and reference is None:
            self._candidate.show(current.pixels(), current.bounds, current.effective())
        elif current is not None and reference is not None:
            self._show_pair(reference, current)

    def _preview_of(self, number: int | None) -> Preview | None:
        drawing = self._session.candidates.drawing
        return drawing.previews.get(number) if drawing is not None and number is not None else None

    def _show_preview(self, number: int) -> None:
        """As it is being drawn, in its place; nothing of it is stored."""
        document, drawing = self._session.documents.current, self._session.candidates.drawing
        index = self._session.view.index
        if document is None or drawing is None or drawing.effective is None:
            return
        info, now = document.info, document.region(index, drawing.bounds)
        self._candidate.show(drawing.seen(number, info, info.frames[index], now), drawing.bounds, drawing.effective,
                             live=True)

    def _show_pair(self, first: Candidate, second: Candidate) -> None:
        """Two candidates, each as the image would look with it, in the box that holds both."""
        document = self._session.documents.current
        if document is None:
            return
        bounds = first.bounds.union(second.bounds)
        now = document.region(self._session.view.index, bounds)

        def placed(result: Candidate) -> Pixels:
            with_it, inside = now.copy(), result.effective()
            with_it[result.bounds.within(bounds).slices][inside] = result.pixels()[inside]
            return with_it

        effective = np.zeros(now.shape[:2], np.bool_)
        for result in (first, second):
            effective[result.bounds.within(bounds).slices] |= result.effective()
        self._candidate.show(placed(second), bounds, effective, against=placed(first),
                             names=(named(first), named(second)))
