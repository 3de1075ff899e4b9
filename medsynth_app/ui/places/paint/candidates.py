"""The staging strip: the original and the candidates beside it; nothing enters the document before it is accepted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QColor, QImage, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QHBoxLayout,
    QProgressBar,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent, JobRecord, JobState
from medsynth_app.core.jobs.kind import Outcome
from medsynth_app.core.jobs.table import outcome_of
from medsynth_app.ui.places.paint.thumb import EDGE, Thumb
from medsynth_app.ui.theme.tokens import DARK, Tokens
from medsynth_app.ui.viewer import Canvas
from medsynth_app.ui.viewer.display import to_picture
from medsynth_app.ui.widgets import words
from medsynth_app.ui.widgets.basic import Segmented, button, label, qimage, row, set_role

if TYPE_CHECKING:
    from medsynth_app.session.job_entry import JobEntry
    from medsynth_app.session.session import Session
    from medsynth_app.workspace.results import Result

LATER_MS = 120
COMPARE = (("off", "Candidate", "Show the candidate in its place"),
           ("slider", "Slider", "Drag a line between the original and the candidate"),
           ("flicker", "Flicker", "Change between the two; hold X for the original at any time"),
           ("side", "Side by side", "Both next to each other"),
           ("difference", "Difference", "What changed: orange brighter, blue darker"))


class StagingStrip(QWidget):
    """Shows `session.candidates` and drives the canvas' preview.

    With the strip in focus: arrows choose, Enter accepts, Delete discards.
    """

    def __init__(self, session: Session, canvas: Canvas, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session, self.canvas = session, canvas
        self._tokens = DARK
        self.thumbs: list[Thumb] = []
        self._previews: list[Thumb] = []
        self._pictures: dict[tuple[str, object], QImage] = {}
        self._layout_key: object = None
        self._previewed: object = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Candidates")
        self.setAccessibleDescription("Arrows choose, Enter accepts, Delete discards")
        self.setObjectName("surface")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._build()
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(LATER_MS)
        self._later.timeout.connect(self._fill_pictures)
        shown, view = session.candidates, session.view
        self._links: tuple[tuple[Any, Any], ...] = (
            (shown.changed, self.refresh), (shown.selected_changed, self.refresh),
            (shown.previews_changed, self._show_previews), (session.jobs.event, self._heard),
            (session.jobs.changed, self._show_job), (session.jobs.progressed, self._show_job),
            (view.window_level_changed, self._repaint_pictures), (view.index_changed, self._follow_frame))
        for signal, slot in self._links:
            signal.connect(slot)
        canvas.candidate.mode_changed.connect(self.compare.set_value)
        self.refresh()

    def release(self) -> None:
        """Stop listening to the session."""
        for signal, slot in self._links:
            signal.disconnect(slot, missing_ok=True)
        self._links = ()
        self._later.stop()

    # -- building -----------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.fold = QToolButton()
        self.fold.setText("Candidates")
        self.fold.setProperty("role", "fold")
        self.fold.setCheckable(True)
        self.fold.setChecked(True)
        self.fold.setArrowType(Qt.ArrowType.DownArrow)
        self.fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.fold.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.fold.toggled.connect(self._set_open)
        self.progress_text = label(role="muted")
        self.progress = QProgressBar()
        self.progress.setAccessibleName("Progress of the drawing")
        self.progress.setFixedWidth(140)
        self.cancel = button("Cancel", self._cancel, tip="Stop drawing; finished candidates stay")
        self.compare = Segmented(COMPARE, "Compare")
        self.compare.set_value(self.canvas.candidate.mode)
        self.compare.chosen.connect(self.canvas.candidate.set_mode)
        head = row(self.fold, self.progress_text, self.progress, self.cancel, None, self.compare)
        self._holder = QWidget()
        self._row = QHBoxLayout(self._holder)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(4)
        self._row.addStretch(1)
        self.area = QScrollArea()
        self.area.setWidget(self._holder)
        self.area.setWidgetResizable(True)
        self.area.setFixedHeight(EDGE + 42)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.body = QWidget()
        body = QHBoxLayout(self.body)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(12)
        body.addWidget(self.area, 1)
        body.addWidget(self._build_actions())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 12, 6)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self.body)

    def _build_actions(self) -> QWidget:
        self.accept = button("Accept", self.accept_current, tip="Write the candidate into the image (Enter)")
        self.discard = button("Discard", self.discard_current, tip="Take the candidate away (Delete)")
        self.more = button("More like this", self._more, tip="Draw again with new seeds")
        self.clear = button("Discard all", lambda: self._try(self.session.candidates.discard_all),
                            tip="Take away all that have not been accepted")
        self.words = label(role="help", wrap=True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop)
        holder = QWidget()
        holder.setFixedWidth(280)
        layout = QVBoxLayout(holder)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(row(self.accept, self.discard))
        layout.addLayout(row(self.more, self.clear))
        layout.addWidget(self.words, 1)
        return holder

    def set_theme(self, tokens: Tokens) -> None:
        self._tokens = tokens
        for thumb in (*self.thumbs, *self._previews):
            thumb.set_theme(tokens)

    def _set_open(self, is_open: bool) -> None:
        self.fold.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        self.body.setVisible(is_open)

    # -- showing ------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the session's staging anew."""
        staging = self.session.candidates
        results = staging.results
        key = tuple((result.id, result.state) for result in results)
        if key != self._layout_key:
            self._layout_key = key
            self._rebuild(results)
        for place, thumb in enumerate(self.thumbs):
            thumb.setChecked(place == (0 if staging.selected is None else staging.selected + 1))
        self._show_previews()
        self._show_current()
        self._show_job()
        self._later.start()

    def _rebuild(self, results: tuple[Result, ...]) -> None:
        for old in self.thumbs:
            self._row.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.thumbs = []
        if not results:
            return
        document, box = self.session.documents.current, results[0].bounds
        assert document is not None  # results are staged for a document in view only
        changed = bool(document.synthetic_mask(self.session.view.index)[box.slices].any())
        self._add("Image as it is" if changed else "Original", None, changed or document.info.synthetic)
        for index, result in enumerate(results):
            thumb = self._add(f"{result.candidate + 1}:  {result.seed}", index, True)
            thumb.note = "accepted" if result.state == "accepted" else ""
            thumb.setToolTip("\n".join([f"Candidate {result.candidate + 1}, seed {result.seed}", *result.notices]))

    def _add(self, title: str, index: int | None, synthetic: bool) -> Thumb:
        thumb = Thumb(title, self._tokens, synthetic)
        thumb.clicked.connect(lambda _=False: self._choose(index))
        self._row.insertWidget(len(self.thumbs), thumb)
        self.thumbs.append(thumb)
        return thumb

    def _show_previews(self) -> None:
        """Live previews of the running job, behind the finished candidates."""
        staging = self.session.candidates
        done = sum(result.job_id == staging.job_id for result in staging.results)
        live = staging.previews[done:]
        while len(self._previews) > len(live):
            old = self._previews.pop()
            self._row.removeWidget(old)
            old.hide()
            old.deleteLater()
        while len(self._previews) < len(live):
            thumb = Thumb(f"{done + len(self._previews) + 1}   drawing", self._tokens, True)
            thumb.setEnabled(False)
            self._row.insertWidget(len(self.thumbs) + len(self._previews), thumb)
            self._previews.append(thumb)
        for thumb, picture in zip(self._previews, live, strict=True):
            thumb.show_image(qimage(picture))

    def _show_current(self) -> None:
        """Buttons and words for the selected candidate, and its preview on the canvas."""
        result = self.session.candidates.current
        staged = result is not None and result.state == "staged"
        for part in (self.accept, self.discard):
            part.setEnabled(staged and not self.session.documents.read_only)
        self.more.setEnabled(result is not None)
        self.clear.setEnabled(any(r.state == "staged" for r in self.session.candidates.results))
        self.compare.setEnabled(staged)
        lines, warn = self._words(result)
        self.words.setText("\n".join(lines))
        set_role(self.words, "warning" if warn else "help")
        key = (result.id, self.session.view.index) if result is not None and staged else None
        if key != self._previewed or (key is None) == self.canvas.candidate.shown:
            self._previewed = key
            if result is not None and key is not None:
                self.canvas.candidate.show(result.pixels(), result.bounds, result.effective())
            else:
                self.canvas.candidate.hide()

    def _words(self, result: Result | None) -> tuple[list[str], bool]:
        """What to know of a candidate, and whether it is a warning."""
        document = self.session.documents.current
        if result is None or document is None:
            return (["Choose a candidate to see it in its place."] if self.session.candidates.results else []), False
        lines, warn = list(result.notices), bool(result.notices)
        if result.seam is not None:
            window = self.session.view.window_level
            unit = document.info.frames[self.session.view.index].rescale.unit
            visible = result.seam > (window.width / 10 if window is not None else 25)
            text = f"Step at the seam: {result.seam:.3g} {unit}".rstrip()
            lines.insert(0, f"{text}. The edge may be visible." if visible else text)
            warn = warn or visible
        if result.state == "accepted":
            lines.insert(0, "Accepted into the image. Undo takes it back.")
        return lines, warn

    # -- pictures -----------------------------------------------------------------------------------------------

    def _repaint_pictures(self) -> None:
        self._pictures.clear()
        self._later.start()

    def _fill_pictures(self) -> None:
        """Render the thumbnails that are not there yet."""
        staging, document = self.session.candidates, self.session.documents.current
        if document is None or not staging.results or len(self.thumbs) != len(staging.results) + 1:
            return
        frame = document.info.frames[self.session.view.index]

        def picture(key: tuple[str, object], pixels: Callable[[], Any]) -> QImage:
            if key not in self._pictures:
                self._pictures[key] = qimage(to_picture(pixels(), document.info, frame, self.session.view.window_level))
            return self._pictures[key]

        box = (staging.current or staging.results[0]).bounds
        original = to_picture(document.pixels(self.session.view.index)[box.slices], document.info, frame,
                              self.session.view.window_level)
        self.thumbs[0].show_image(qimage(original))
        for thumb, result in zip(self.thumbs[1:], staging.results, strict=True):
            thumb.show_image(picture((result.id, self.session.view.index), result.pixels))
        kept = {result.id for result in staging.results}
        self._pictures = {key: image for key, image in self._pictures.items() if key[0] in kept}

    # -- the job ------------------------------------------------------------------------------------------------

    def _job(self) -> JobEntry | None:
        """The run on the document in view that is drawing, or else waits."""
        document = self.session.documents.current
        if document is None:
            return None
        mine = [entry for entry in self.session.jobs.entries if entry.record.document_id == document.id
                and outcome_of(entry.record.kind) is Outcome.CANDIDATES and not entry.record.state.ended]
        return next((entry for entry in mine if entry.record.state is JobState.RUNNING), mine[0] if mine else None)

    def _show_job(self) -> None:
        entry = self._job()
        for part in (self.progress_text, self.progress, self.cancel):
            part.setVisible(entry is not None)
        if entry is not None:
            self.progress.setRange(0, entry.steps or 0)
            self.progress.setValue(entry.step)
            self.progress_text.setText(words.progress(entry))
        empty = entry is None and not self.session.candidates.results
        self.setMaximumHeight(0 if empty else 16_777_215)
        self.setEnabled(not empty)

    def _cancel(self) -> None:
        entry = self._job()
        if entry is not None:
            self._try(lambda: self.session.jobs.cancel(entry.record.id))

    def _heard(self, record: JobRecord, event: JobEvent) -> None:
        """Show the first candidate of a run as soon as it is there, unless another one is being looked at."""
        staging = self.session.candidates
        drawn = event.kind is EventKind.RESULT and outcome_of(record.kind) is Outcome.CANDIDATES
        if drawn and (staging.current is None or staging.current.state != "staged"):
            place = next((k for k, result in enumerate(staging.results)
                          if result.job_id == record.id and result.state == "staged"), None)
            if place is not None:
                self.session.candidates.select(place)

    def _follow_frame(self, _frame: int) -> None:
        self._previewed = None
        self.refresh()

    # -- acting -------------------------------------------------------------------------------------------------

    def _choose(self, index: int | None) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.session.candidates.select(index)

    def _step(self, by: int) -> None:
        count, selected = len(self.session.candidates.results), self.session.candidates.selected
        place = min(max((0 if selected is None else selected + 1) + by, 0), count)
        self.session.candidates.select(place - 1 if place else None)
        if place < len(self.thumbs):
            self.area.ensureWidgetVisible(self.thumbs[place])

    def accept_current(self) -> None:
        """Write the selected candidate into the document."""
        if self.accept.isEnabled():
            self._try(lambda: self.session.candidates.accept())

    def discard_current(self) -> None:
        """Take the selected candidate away and go to the next one."""
        at = self.session.candidates.selected
        if at is None or not self.discard.isEnabled():
            return
        self._try(lambda: self.session.candidates.discard(at))
        results = self.session.candidates.results
        if results and self.session.candidates.selected is None:
            self.session.candidates.select(min(at, len(results) - 1))

    def _more(self) -> None:
        self._try(lambda: self.session.inpaint.more_like_this())

    def _try(self, action: Callable[[], Any]) -> None:
        try:
            action()
        except UserError as error:
            self.session.notice.emit("error", str(error))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._key(event):
            super().keyPressEvent(event)

    def _key(self, event: QKeyEvent) -> bool:
        key = event.key()
        enter = key in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        inner = self.focusWidget()
        if inner is not None and inner is not self:  # a button of the strip has the focus: Enter presses that one
            if enter and isinstance(inner, QAbstractButton):
                inner.click()
            return enter
        if enter:
            self.accept_current()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.discard_current()
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._step(-1 if key == Qt.Key.Key_Left else 1)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._step(-10**6 if key == Qt.Key.Key_Home else 10**6)
        else:
            return False
        return True

    def event(self, event: QEvent) -> bool:
        # While the strip has the focus its keys are its own, whatever shortcuts the window has on them.
        if (event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
                and self.focusWidget() is self and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
                and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Delete)):
            event.accept()
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self)
            painter.setPen(QPen(QColor(self._tokens.accent), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
