"""The strip: the original and the candidates beside it; nothing enters the document before it is accepted."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QModelIndex, Qt, QTimer
from PySide6.QtGui import QColor, QImage, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QProgressBar, QToolButton, QVBoxLayout, QWidget

from medsynth_app.core.job import EventKind, JobEvent, JobRecord
from medsynth_app.core.jobs.kind import Outcome
from medsynth_app.core.jobs.table import outcome_of
from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.ui.places.paint.commands import drawing_job
from medsynth_app.ui.places.paint.report import report_words
from medsynth_app.ui.places.paint.thumbs import Thumb, ThumbList
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.viewer import Canvas
from medsynth_app.ui.viewer.display import to_picture
from medsynth_app.ui.widgets import words
from medsynth_app.ui.widgets.basic import Segmented, button, label, qimage, row, set_role
from medsynth_app.workspace.candidates import Candidate, CandidateState

LATER_MS = 120
AS_IS = "original"  # key of the image as it is, among the pictures
COMPARE = (("off", _("Candidate"), _("Show the candidate in its place")),
           ("slider", _("Slider"), _("Drag a line between the original and the candidate")),
           ("flicker", _("Flicker"), _("Change between the two; hold X for the original at any time")),
           ("side", _("Side by side"), _("Both next to each other")),
           ("difference", _("Difference"), _("What changed: orange brighter, blue darker")))


class CandidateStrip(QWidget):
    """Shows `session.candidates` and drives the canvas' preview.

    With the strip in focus: arrows choose, Enter accepts, Delete discards.
    """

    def __init__(self, theme: Theme, session: Session, canvas: Canvas, commands: Commands) -> None:
        super().__init__()
        self.session, self.canvas, self._commands, self._theme = session, canvas, commands, theme
        self._pictures: dict[str, QImage] = {}
        self._wanted: set[str] = set()  # keys of pictures that are looked at and not there yet
        self._previewed: object = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(_("Candidates"))
        self.setAccessibleDescription(_("Arrows choose, Enter accepts, Delete discards"))
        self.setObjectName("surface")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._build()
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(LATER_MS)
        self._later.timeout.connect(self._fill_pictures)
        self._links: tuple[tuple[Any, Any], ...] = (
            (session.candidates.changed, self.refresh), (session.candidates.selected_changed, self.refresh),
            (session.candidates.previews_changed, self._show_previews), (session.jobs.event, self._heard),
            (session.jobs.changed, self._show_job), (session.jobs.progressed, self._show_job),
            (session.view.window_level_changed, self._forget_pictures),
            (session.view.index_changed, self._follow_frame))
        for signal, slot in self._links:
            signal.connect(slot)
        canvas.candidate.mode_changed.connect(self.compare.set_value)
        theme.changed.connect(lambda _tokens: self.update())
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
        self.fold.setText(_("Candidates"))
        self.fold.setProperty("role", "fold")
        self.fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.fold.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        fold = self._commands["view.strip"]  # the window gives the strip its height, folded or not
        self.fold.clicked.connect(lambda _=False: fold.trigger())
        fold.toggled.connect(self._set_open)
        self.progress_text = label(role="muted")
        self.progress = QProgressBar()
        self.progress.setAccessibleName(_("Progress of the drawing"))
        self.progress.setFixedWidth(140)
        self.cancel = self._button(_("Cancel"), "candidate.stop", _("Stop drawing; finished candidates stay"))
        self.compare = Segmented(COMPARE, _("Compare"))
        self.compare.set_value(self.canvas.candidate.mode)
        self.compare.chosen.connect(self.canvas.candidate.set_mode)
        head = row(self.fold, self.progress_text, self.progress, self.cancel, None, self.compare)
        self.list = ThumbList(self._theme, self._picture)
        self.list.clicked.connect(self._choose)
        self.body = QWidget()
        body = QHBoxLayout(self.body)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(12)
        body.addWidget(self.list, 1)
        body.addWidget(self._build_actions())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 4, 12, 4)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self.body)
        layout.addStretch(1)
        self._set_open(fold.isChecked())

    def _build_actions(self) -> QWidget:
        self.accept = self._button(_("Accept"), "candidate.accept", _("Write the candidate into the image (Enter)"))
        self.discard = self._button(_("Discard"), "candidate.discard", _("Take the candidate away (Delete)"))
        self.more = self._button(_("More like this"), "candidate.more", _("Draw again with new seeds"))
        self.clear = self._button(_("Discard all"), "candidate.discard_all",
                                  _("Take away all that have not been accepted"))
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

    def _button(self, text: str, command: str, tip: str) -> QAbstractButton:
        found = button(text, tip=tip)
        self._commands.follow(found, command, tip=False)
        return found

    def _set_open(self, is_open: bool) -> None:
        self.fold.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        self.body.setVisible(is_open)

    # -- showing ------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the session's candidates anew."""
        kept = {AS_IS, *(result.id for result in self.session.candidates.results)}
        self._pictures = {key: image for key, image in self._pictures.items() if key in kept}
        self._wanted.add(AS_IS)  # it shows the region of the chosen candidate
        self._later.start()
        self._show_thumbs()
        self._show_current()
        self._show_job()

    def _show_thumbs(self) -> None:
        candidates, document = self.session.candidates, self.session.documents.current
        found = list(candidates.results)
        thumbs = []
        if found and document is not None:
            changed = bool(document.synthetic_mask(self.session.view.index)[found[0].bounds.slices].any())
            thumbs.append(Thumb(AS_IS, _("Image as it is") if changed else _("Original"), None,
                                changed or document.info.synthetic, chosen=candidates.selected is None))
        for index, result in enumerate(found):
            about = _("Candidate {number}, seed {seed}").format(number=result.candidate + 1, seed=result.seed)
            thumbs.append(Thumb(result.id, f"{result.candidate + 1}:  {result.seed}", index, True,
                                _("accepted") if result.state == CandidateState.ACCEPTED else "",
                                "\n".join([about, *result.notices]), candidates.selected == index))
        self.list.thumbs.show([*thumbs, *self._live()])
        chosen = next((at for at, thumb in enumerate(thumbs) if thumb.chosen), -1)
        if chosen >= 0:
            self.list.scrollTo(self.list.thumbs.index(chosen))

    def _live(self) -> list[Thumb]:
        """Previews of the running job, behind the finished candidates."""
        candidates = self.session.candidates
        drawing = candidates.drawing
        if drawing is None:
            return []
        done = {result.candidate for result in candidates.results if result.job_id == drawing.job_id}
        waiting = [number for number in sorted(drawing.previews) if number not in done]
        for number in waiting:
            self._pictures[f"live.{number}"] = qimage(drawing.previews[number])
        return [Thumb(f"live.{number}", _("{number}   drawing").format(number=number + 1), synthetic=True, live=True)
                for number in waiting]

    def _show_previews(self) -> None:
        self._show_thumbs()
        self.list.viewport().update()

    def _show_current(self) -> None:
        """Words for the selected candidate, and its preview on the canvas."""
        result = self.session.candidates.current
        staged = result is not None and result.state == CandidateState.STAGED
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

    def _words(self, result: Candidate | None) -> tuple[list[str], bool]:
        """What to know of a candidate, and whether it is a warning."""
        document = self.session.documents.current
        if result is None or document is None:
            any_there = bool(self.session.candidates.results)
            return ([_("Choose a candidate to see it in its place.")] if any_there else []), False
        lines, warn = report_words(result, document.info.frames[self.session.view.index].rescale.unit)
        lines, warn = [*lines, *result.notices], warn or bool(result.notices)
        if result.state == CandidateState.ACCEPTED:
            lines.insert(0, _("Accepted into the image. Undo takes it back."))
        return lines, warn

    # -- pictures -----------------------------------------------------------------------------------------------

    def _forget_pictures(self) -> None:
        self._pictures.clear()
        self.list.viewport().update()

    def _picture(self, thumb: Thumb) -> QImage | None:
        """The picture of a thumb that is looked at; where it is not there it is made a moment later."""
        found = self._pictures.get(thumb.key)
        if found is None and not thumb.live:
            self._wanted.add(thumb.key)
            if not self._later.isActive():
                self._later.start()
        return found

    def _fill_pictures(self) -> None:
        """Render the pictures that somebody looks at."""
        document, view = self.session.documents.current, self.session.view
        results = {result.id: result for result in self.session.candidates.results}
        wanted, self._wanted = self._wanted, set()
        if document is None or not results or view.state.unreadable is not None:
            return
        frame = document.info.frames[view.index]
        box = (self.session.candidates.current or self.session.candidates.results[0]).bounds
        for key in wanted & {AS_IS, *results}:
            pixels = document.pixels(view.index)[box.slices] if key == AS_IS else results[key].pixels()
            self._pictures[key] = qimage(to_picture(pixels, document.info, frame, view.window_level))
        self.list.viewport().update()

    # -- the job ------------------------------------------------------------------------------------------------

    def _show_job(self, _job: str = "") -> None:
        entry = drawing_job(self.session)
        for part in (self.progress_text, self.progress, self.cancel):
            part.setVisible(entry is not None)
        if entry is not None:
            self.progress.setRange(0, entry.steps or 0)
            self.progress.setValue(entry.step)
            self.progress_text.setText(words.progress(entry))
        self._commands.refresh("candidate.stop")

    def _heard(self, record: JobRecord, event: JobEvent) -> None:
        """Show the first candidate of a run as soon as it is there, unless another one is being looked at."""
        candidates = self.session.candidates
        if event.kind is EventKind.RESULT and outcome_of(record.kind) is Outcome.CANDIDATES:
            current = candidates.current
            if current is None or current.state != CandidateState.STAGED:
                place = next((k for k, result in enumerate(candidates.results)
                              if result.job_id == record.id and result.state == CandidateState.STAGED), None)
                if place is not None:
                    candidates.select(place)

    def _follow_frame(self, _frame: int) -> None:
        self._previewed = None
        self._pictures.clear()
        self.refresh()

    # -- acting -------------------------------------------------------------------------------------------------

    def _choose(self, index: QModelIndex) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        thumb = self.list.thumbs.row(index.row())
        if thumb is not None and not thumb.live:
            self.session.candidates.select(thumb.index)

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
        candidates = self.session.candidates
        names = {Qt.Key.Key_Delete: "candidate.discard", Qt.Key.Key_Backspace: "candidate.discard",
                 Qt.Key.Key_Left: "candidate.previous", Qt.Key.Key_Right: "candidate.next"}
        if enter or key in names:
            self._commands["candidate.accept" if enter else names[Qt.Key(key)]].trigger()
        elif key == Qt.Key.Key_Home:
            candidates.select(None)
        elif key == Qt.Key.Key_End and candidates.results:
            candidates.select(len(candidates.results) - 1)
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
            painter.setPen(QPen(QColor(self._theme.tokens.accent), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
