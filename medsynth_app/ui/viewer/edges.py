"""What is outlined over the image: what a run would change, and what is generated."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QPolygonF

from medsynth_app.session.session import Session
from medsynth_app.ui.viewer.candidate import Candidate
from medsynth_app.ui.viewer.contours import outlines
from medsynth_app.ui.viewer.overlay import Overlay
from medsynth_app.ui.viewer.paint_look import PaintLook
from medsynth_app.ui.viewer.stage import single_timer
from medsynth_app.ui.viewer.subject import Subject

LATER_MS = 150  # outlines follow this long after the last change


class Edges(QObject):
    """Traces the outlines and hands them to the overlay.

    Attributes
    ----------
    any_accepted
        Whether any pixel of the frame in view is generated and accepted.
    """

    def __init__(self, session: Session, subject: Subject, candidate: Candidate, paint_look: PaintLook,
                 overlay: Overlay) -> None:
        super().__init__(overlay)
        self._session, self._subject, self._candidate, self._overlay = session, subject, candidate, overlay
        self._look = paint_look
        self._effective_wanted = self._generated_wanted = True
        self._accepted: list[QPolygonF] = []
        self._later = single_timer(self, LATER_MS, self.trace)

    @property
    def any_accepted(self) -> bool:
        return bool(self._accepted)

    def stop(self) -> None:
        """Trace nothing more."""
        self._later.stop()

    def trace_later(self) -> None:
        """Draw the outline of what a run would change anew, a moment after the last change."""
        self._later.start()

    def trace(self) -> None:
        """Draw it now; not over a candidate, nor over a fill that was accepted."""
        wanted = self._effective_wanted and self._subject.document is not None and not self._candidate.shown \
            and not self._look.back
        mask = self._session.inpaint.effective_mask(self._subject.index) if wanted else None
        self._overlay.marks.effective = outlines(mask)
        self._overlay.update()

    def trace_generated(self) -> None:
        """Look again at what is generated and accepted; `mark` shows it."""
        document = self._subject.document
        self._accepted = outlines(document.synthetic_mask(self._subject.index) if document is not None else None)

    def mark(self) -> None:
        """Show the edges of what is generated in view."""
        marks, candidate = self._overlay.marks, self._candidate
        edges = self._accepted + (candidate.edges if candidate.generated_in_view else [])
        marks.synthetic = edges if self._generated_wanted else []
        if candidate.shown:
            marks.effective = []
        self._overlay.update()

    def show_generated(self, shown: bool) -> None:
        """Show or hide the hatched edge round generated regions; the chip stays."""
        self._generated_wanted = shown
        self.mark()

    def show_effective(self, shown: bool) -> None:
        """Show or hide the outline of what a run would change."""
        self._effective_wanted = shown
        self.trace()
