"""Paint: paint a mask, have it filled, choose among the candidates."""

from __future__ import annotations

from PySide6.QtCore import Qt

from medsynth_app.core.job import JobRecord
from medsynth_app.core.jobs.kind import Outcome
from medsynth_app.core.words import _
from medsynth_app.ui.places.paint.brush import KeptBrush
from medsynth_app.ui.places.paint.candidates import CandidateStrip
from medsynth_app.ui.places.paint.commands import ID, choose_class, paint_commands
from medsynth_app.ui.places.paint.panel import InpaintPanel
from medsynth_app.ui.places.paint.tools import BrushSize, PaintTools, compare_button
from medsynth_app.ui.shell.frame import Frame
from medsynth_app.ui.shell.place import JobEnd, Place, PlaceKeys


def make(frame: Frame) -> Place:
    """Build the place."""
    session, canvas = frame.session, frame.canvas
    panel = InpaintPanel(frame.theme, session, frame.commands)
    strip = CandidateStrip(frame.theme, session, canvas, frame.commands)
    brush = KeptBrush(session, canvas.tools, strip)

    def finish() -> None:
        brush.stop()
        strip.release()

    _keep_tool(frame)
    _take_images(frame)
    return Place(
        ID, _("Paint"), "brush-outline", panel, strip=strip, commands=paint_commands(frame, panel),
        keys=PlaceKeys(((_("Classes"), "1 … 9", _("Choose the class")),
                        (_("Classes"), _("Space"), _("Move the view (hold)"))),
                       lambda digit: choose_class(session, digit)),
        tools=(frame.steps, PaintTools(frame.commands), BrushSize(session, canvas, frame.commands), frame.image_tools,
               compare_button(frame.theme, frame.commands)),
        entry=panel.prompt, ends=(JobEnd(Outcome.CANDIDATES, lambda record: _seen(frame, record),
                                         lambda record: _show(frame, record)),),
        finish=finish)


def _keep_tool(frame: Frame) -> None:
    """Painting belongs to this place: elsewhere the pointer moves the view, and the brush is there again later."""
    tools, kept = frame.canvas.tools, [""]

    def follow(place: Place) -> None:
        if place.id == ID:
            if kept[0]:
                tools.choose(kept[0])
            kept[0] = ""
        elif not kept[0]:
            kept[0] = tools.tool
            tools.choose("pan")

    frame.navigator.changed.connect(follow)


def _take_images(frame: Frame) -> None:
    """An image that is opened where none can be worked on is shown here."""
    def receive() -> None:
        here = frame.navigator.current
        if frame.session.documents.current is not None and (here.planned or not here.shows_image):
            frame.navigator.go(ID)

    frame.session.documents.current_changed.connect(receive)


def _seen(frame: Frame, record: JobRecord) -> bool:
    """Whether the slice in view is one that the job drew into."""
    return any(result.job_id == record.id for result in frame.session.candidates.results)


def _show(frame: Frame, record: JobRecord) -> None:
    """Go to the slice that a job drew into; its image is opened from the list of recent ones where it is not open."""
    candidates, document = frame.session.candidates, frame.session.documents.current
    if document is not None and document.id == record.document_id:
        candidates.go_to(record.id)
        return
    found = next((recent for recent in frame.session.documents.recent(50)
                  if recent.id == record.document_id and recent.exists and recent.path), None)
    if found is not None and found.path is not None:
        frame.opening.opened.connect(lambda _path: candidates.go_to(record.id),
                                     Qt.ConnectionType.SingleShotConnection)
        frame.opening.open(found.path, series=found.identity.series)
