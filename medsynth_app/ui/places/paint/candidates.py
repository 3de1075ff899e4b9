"""The strip: the original and the candidates beside it; nothing enters the document before it is accepted."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QColor, QGuiApplication, QKeyEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QGridLayout, QProgressBar, QToolButton, QWidget

from medsynth_app.core.job import EventKind, JobEvent, JobRecord
from medsynth_app.core.jobs.kind import Outcome
from medsynth_app.core.jobs.table import outcome_of
from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.ui.places.paint.commands import drawing_job
from medsynth_app.ui.places.paint.groups import thumbs_of
from medsynth_app.ui.places.paint.pictures import StripPictures
from medsynth_app.ui.places.paint.report import ReportLine, report_words, told_of
from medsynth_app.ui.places.paint.shown import Shown, hold_against
from medsynth_app.ui.places.paint.thumbs import Thumb, ThumbList
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.viewer import Canvas
from medsynth_app.ui.widgets import words
from medsynth_app.ui.widgets.basic import ElidedLabel, Segmented, button, column, row
from medsynth_app.workspace.candidates import Candidate, CandidateState

LATER_MS = 50
COMPARE = (("off", _("Candidate"), _("Show the candidate in its place"), "image-outline"),
           ("slider", _("Slider"), _("Drag a line between the two"), "compare"),
           ("flicker", _("Flicker"), _("Change between the two; hold X for the first at any time"), "swap-horizontal"),
           ("side", _("Side by side"), _("Both next to each other"), "view-split-vertical"),
           ("difference", _("Difference"), _("What changed: orange brighter, blue darker"), "vector-difference"))
SEGMENT_PX, PROGRESS_PX, ACTIONS_PX = 30, (28, 72), (232, 520)
NARROW_PX = 640  # of the strip: words before the bar


class CandidateStrip(QWidget):
    """Shows `session.candidates` in runs and drives what the canvas shows of them.

    With the strip in focus: arrows choose, Enter accepts, Delete discards.
    """

    def __init__(self, theme: Theme, session: Session, canvas: Canvas, commands: Commands) -> None:
        super().__init__()
        self.session, self.canvas, self._commands, self._theme = session, canvas, commands, theme
        self._shown = Shown(session, canvas)
        self._pictures = StripPictures(session, lambda: self.list.viewport().update(), self)
        self._arrived = ""  # a run that has ended and was not shown yet
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(_("Candidates"))
        self.setAccessibleDescription(_("Arrows choose, Enter accepts, Delete discards"))
        self.setObjectName("surface")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._build()
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(LATER_MS)
        self._later.timeout.connect(self._show_arrived)
        self._links: tuple[tuple[Any, Any], ...] = (
            (session.candidates.changed, self.refresh), (session.candidates.selected_changed, self.refresh),
            (session.candidates.previews_changed, self._show_previews), (session.jobs.event, self._heard),
            (session.jobs.changed, self._show_job), (session.jobs.progressed, self._show_job),
            (session.view.window_level_changed, self._pictures.forget),
            (session.view.index_changed, self._follow_frame))
        for signal, slot in self._links:
            signal.connect(slot)
        canvas.candidate.mode_changed.connect(self._follow_mode)
        theme.changed.connect(lambda _tokens: self._paint_icons())
        self.refresh()

    def release(self) -> None:
        """Stop listening to the session."""
        for signal, slot in self._links:
            signal.disconnect(slot, missing_ok=True)
        self._links = ()
        self._later.stop()
        self._pictures.stop()

    # -- building -----------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.fold = QToolButton()
        self.fold.setText(_("Candidates"))
        self.fold.setProperty("role", "fold")
        self.fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.fold.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        unfolded = self._commands["view.strip"]  # the window gives the strip its height, folded or not
        self.fold.clicked.connect(lambda _=False: unfolded.trigger())
        unfolded.toggled.connect(self._set_open)
        self.progress_text = ElidedLabel(role="muted")
        self.progress = QProgressBar()
        self.progress.setAccessibleName(_("Progress of the drawing"))
        self.progress.setTextVisible(False)
        self.cancel = self._button(_("Cancel"), "candidate.stop", _("Stop drawing; finished candidates stay"))
        self.compare = Segmented([item[:3] for item in COMPARE], _("Compare"))
        for part in self.compare.buttons():
            part.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
            part.setFixedWidth(SEGMENT_PX)
        self._paint_icons()
        self.compare.set_value(self.canvas.candidate.mode)
        self.compare.chosen.connect(self.canvas.candidate.set_mode)
        head = row(self.fold, self.progress_text, self.progress, self.cancel, self.compare)
        head.setStretch(1, 1)
        self.list = ThumbList(self._theme, self._pictures.of)
        self.list.chosen.connect(self._choose)
        self.list.compared.connect(self._compare)
        self.body = QWidget()
        body = row(self.list, self._build_actions(), parent=self.body, spacing=look.M)
        body.setStretch(0, 2)
        body.setStretch(1, 1)
        column(head, self.body, parent=self, spacing=2, margins=(look.M, look.XS, look.M, look.XS)).addStretch(1)
        self._set_open(unfolded.isChecked())

    def _build_actions(self) -> QWidget:
        self.accept = self._button(_("Accept"), "candidate.accept", _("Write the candidate into the image (Enter)"))
        self.discard = self._button(_("Discard"), "candidate.discard", _("Take the candidate away (Delete)"))
        self.more = self._button(_("More like this"), "candidate.more", _("Draw again with new seeds"))
        self.clear = self._button(_("Discard all"), "candidate.discard_all",
                                  _("Take away all that have not been accepted"))
        self.words = ReportLine()
        holder = QWidget()
        holder.setMinimumWidth(ACTIONS_PX[0])
        holder.setMaximumWidth(ACTIONS_PX[1])
        buttons = QGridLayout()
        buttons.setSpacing(look.XS)
        for place, part in enumerate((self.accept, self.discard, self.more, self.clear)):
            buttons.addWidget(part, place // 2, place % 2)
        column(buttons, self.words, parent=holder, spacing=look.XS).addStretch(1)
        return holder

    def _button(self, text: str, command: str, tip: str) -> QAbstractButton:
        found = button(text, tip=tip)
        self._commands.follow(found, command, tip=False)
        return found

    def _paint_icons(self) -> None:
        for part, item in zip(self.compare.buttons(), COMPARE, strict=True):
            part.setIcon(self._theme.icon(item[3]))
        self.update()

    def _set_open(self, is_open: bool) -> None:
        self.fold.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        self.body.setVisible(is_open)

    # -- showing ------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the session's candidates anew."""
        self._pictures.follow()
        self._show_current()
        self._show_thumbs()
        self._show_job()

    def _show_thumbs(self) -> None:
        self._pictures.follow_previews()
        thumbs = thumbs_of(self.session, self._shown.watched)
        before = next((thumb.key for thumb in self.list.thumbs.rows if thumb.chosen), "")
        self.list.thumbs.show(thumbs)
        chosen = next((at for at, thumb in enumerate(thumbs) if thumb.chosen), -1)
        if chosen >= 0 and thumbs[chosen].key != before:
            self.list.scrollTo(self.list.thumbs.index(chosen))

    def _show_previews(self) -> None:
        self._show_current()
        self._show_thumbs()
        self.list.viewport().update()

    def _show_current(self) -> None:
        """Words for the selected candidate, and what the canvas shows."""
        result = self.session.candidates.current
        self.compare.setEnabled(result is not None and (
            result.state is CandidateState.STAGED or self.session.candidates.reference is not None))
        self.words.show_lines(*self._words(result))
        self._shown.refresh()

    def _words(self, result: Candidate | None) -> tuple[list[str], str]:
        """What to know of a candidate, and the role of that text."""
        document = self.session.documents.current
        if result is None or document is None:
            any_there = bool(self.session.candidates.results)
            return ([_("Choose a candidate to see it in its place.")] if any_there else []), "help"
        lines, warn = report_words(result, document.info.frames[self.session.view.index].rescale.unit)
        told = told_of(result, document.info)
        lines, warn = [*lines, *told], warn or bool(told)
        if result.state == CandidateState.ACCEPTED:
            return [_("Accepted into the image. Undo takes it back."), *lines], "done"
        return lines, "warning" if warn else "help"

    def _follow_mode(self, mode: str) -> None:
        self.compare.set_value(mode)
        self._shown.refresh()  # what is being drawn is seen while nobody compares
        self._show_thumbs()

    # -- the job ------------------------------------------------------------------------------------------------

    def _show_job(self, _job: str = "") -> None:
        entry = drawing_job(self.session)
        for part in (self.progress, self.cancel):
            part.setVisible(entry is not None)
        if entry is not None:
            self.progress.setRange(0, entry.steps or 0)
            self.progress.setValue(entry.step)
            self.progress_text.setText(words.progress(entry))
        elif self.session.candidates.results:
            self.progress_text.setText("")
        else:
            self.progress_text.setText(_("What is drawn into this image is shown here before it changes anything."))
        self._commands.refresh("candidate.stop")

    def _heard(self, record: JobRecord, event: JobEvent) -> None:
        """Show the first candidate of a run as soon as it is there where none is looked at, else when the run ends."""
        if outcome_of(record.kind) is not Outcome.CANDIDATES:
            return
        current = self.session.candidates.current
        looked_at = current is not None and (current.state is CandidateState.STAGED or self._shown.compared)
        if event.kind is EventKind.DONE or (event.kind is EventKind.RESULT and not looked_at):
            self._arrived = record.id
            self._show_arrived()

    def _show_arrived(self) -> None:
        """Choose the first candidate of a run that has come, unless somebody compares; not while a button is down."""
        if not self._arrived:
            return
        if QGuiApplication.mouseButtons() is not Qt.MouseButton.NoButton:
            self._later.start()
            return
        job, self._arrived = self._arrived, ""
        candidates = self.session.candidates
        current = candidates.current
        if self._shown.compared or (current is not None and current.job_id == job):
            return
        place = next((place for run in candidates.runs if run.job_id == job for place in run.places
                      if candidates.results[place].state is CandidateState.STAGED), None)
        if place is not None:
            candidates.select(place)

    def _follow_frame(self, _frame: int) -> None:
        self._pictures.forget()
        self.refresh()

    # -- acting -------------------------------------------------------------------------------------------------

    def _choose(self, thumb: Thumb) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if thumb.place is None:
            self._shown.watch(thumb.live)
        else:
            self.session.candidates.select(thumb.place)

    def _compare(self, thumb: Thumb) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if thumb.live is None:
            hold_against(self.session, self.canvas, thumb.key if thumb.place is not None else "")

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

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.progress.setFixedWidth(PROGRESS_PX[self.width() >= NARROW_PX])

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self)
            painter.setPen(QPen(QColor(self._theme.tokens.accent), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
