"""The staging strip: candidates of the frame in view, waiting to be accepted or discarded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from medsynth_app.session.jobs import Picture

if TYPE_CHECKING:
    from medsynth_app.workspace.results import Result


class Staging:
    """Results of the document and frame in view.

    Attributes
    ----------
    results
        Staged and accepted results of this frame, newest job first, candidates of a job in their order.
    selected
        Index into `results` of the one held against the original, or None.
    job_id
        The job that is drawing into this frame now, or "".
    previews
        Its latest previews, uint8 RGB (h, w, 3), one per candidate.
    """

    def __init__(self) -> None:
        self.results: tuple[Result, ...] = ()
        self.selected: int | None = None
        self.job_id = ""
        self.previews: tuple[Picture, ...] = ()
        self._frame = ""
        self._drawing: dict[str, tuple[str, tuple[Picture, ...]]] = {}  # by job: its frame and previews

    @property
    def current(self) -> Result | None:
        """The selected result."""
        return self.results[self.selected] if self.selected is not None else None

    @property
    def groups(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """(job, indices of its results), in the order of the strip."""
        found: dict[str, list[int]] = {}
        for index, result in enumerate(self.results):
            found.setdefault(result.job_id, []).append(index)
        return tuple((job, tuple(indices)) for job, indices in found.items())

    def fill(self, results: Sequence[Result], frame: str = "") -> None:
        """Show these results (oldest first) and the previews of jobs that draw into `frame` (a frame's key).

        The selected result stays selected where it is still there.
        """
        kept = self.current.id if self.current is not None else ""
        order: dict[str, int] = {}
        for result in results:
            order.setdefault(result.job_id, len(order))
        self.results = tuple(sorted(results, key=lambda r: (-order[r.job_id], r.candidate)))
        self.selected = next((k for k, result in enumerate(self.results) if result.id == kept), None)
        self._frame = frame
        self._show_previews()

    def select(self, index: int | None) -> None:
        if index is not None and not 0 <= index < len(self.results):
            raise IndexError(f"there is no staged result {index}")
        self.selected = index

    def preview(self, job_id: str, frame: str, previews: tuple[Picture, ...]) -> None:
        """Take in a job's latest previews; they are shown while its frame is in view."""
        self._drawing[job_id] = frame, previews
        self._show_previews()

    def end(self, job_id: str) -> None:
        """The job has ended: its previews go."""
        self._drawing.pop(job_id, None)
        self._show_previews()

    def _show_previews(self) -> None:
        here = [(job, previews) for job, (frame, previews) in self._drawing.items() if frame and frame == self._frame]
        self.job_id, self.previews = here[-1] if here else ("", ())
