"""The staging strip: candidates of the frame in view, waiting to be accepted or discarded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from medsynth_app.session.joblist import Picture

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

    def fill(self, results: Sequence[Result]) -> None:
        """Show these results (oldest first); keeps the selected one selected where it is still there."""
        kept = self.current.id if self.current is not None else ""
        order: dict[str, int] = {}
        for result in results:
            order.setdefault(result.job_id, len(order))
        self.results = tuple(sorted(results, key=lambda r: (-order[r.job_id], r.candidate)))
        self.selected = next((k for k, result in enumerate(self.results) if result.id == kept), None)

    def select(self, index: int | None) -> None:
        if index is not None and not 0 <= index < len(self.results):
            raise IndexError(f"there is no staged result {index}")
        self.selected = index

    def preview(self, job_id: str, previews: tuple[Picture, ...]) -> None:
        self.job_id, self.previews = job_id, previews

    def end(self, job_id: str) -> None:
        """The job has ended: its previews go."""
        if job_id == self.job_id:
            self.job_id, self.previews = "", ()
