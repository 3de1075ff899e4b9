"""One by one: the asked cell large, those most like it beside it, and what comes next below."""

from __future__ import annotations

import time

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from medsynth_app.core.cell_label import SKIPPED
from medsynth_app.core.cells import Origin
from medsynth_app.core.errors import UserError
from medsynth_app.core.words import _
from medsynth_app.session.label_queue import Asked
from medsynth_app.session.session import Session
from medsynth_app.session.teaching import Stage
from medsynth_app.ui.places.label.cell_view import CellView
from medsynth_app.ui.places.label.neighbours import Neighbours
from medsynth_app.ui.places.label.pictures import CellPictures
from medsynth_app.ui.places.label.queue_strip import SHOWN, QueueStrip
from medsynth_app.ui.shell.runner import Runner
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import ElidedLabel, column, label, line, row

SEEN = 0.15  # seconds on the screen before a key counts
AHEAD = 4  # cells whose pictures are there before their turn
LOOKED_AT = 250  # ms between two looks at the clock
NARROW = 620  # px below which the cell needs the room of its neighbours


class OnePage(QWidget):
    """Shows the asked cell and gives its answers.

    Attributes
    ----------
    shown
        The cell on the screen, to which an answer belongs; None before it is drawn.
    """

    def __init__(self, theme: Theme, session: Session, pictures: CellPictures, run: Runner) -> None:
        super().__init__()
        self._session, self._labelling, self._run = session, session.labelling, run
        self._pictures = pictures
        self._wanted: Asked | None = None
        self._drawn_ahead: Asked | None = None  # is on the screen, and asked as soon as the label is written
        self.shown: Asked | None = None
        self.view = CellView(theme)
        self.neighbours = Neighbours(theme, session.labelling, pictures)
        self.strip = QueueStrip(theme, session.labelling, pictures)
        self.count, self.reason, self.last = label("", "subtitle"), ElidedLabel("", "muted"), label("", "help")
        head = row(self.count, self.reason, self.last, spacing=look.M, margins=(look.L, look.S, look.L, look.S))
        head.setStretch(1, 1)
        middle = row(self.view, self.neighbours, spacing=0)
        middle.setStretch(0, 1)
        below = row(self.strip, margins=(look.S, look.XS, look.S, look.XS))
        column(head, middle, line(), below, parent=self, spacing=0).setStretch(1, 1)
        self._clock = QTimer(self)
        self._clock.setInterval(LOOKED_AT)
        self._clock.timeout.connect(self._look_at_clock)
        self.view.drawn.connect(self._drawn)
        self.view.touched.connect(self._touched)
        pictures.large_ready.connect(self._arrived)
        self._labelling.asked_changed.connect(self.refresh)
        self._labelling.changed.connect(self._begin)
        self._labelling.labels_changed.connect(self._show_last)
        self._labelling.teaching.stage_changed.connect(self._show_nothing)

    # -- answers

    @property
    def ready(self) -> bool:
        """Whether the asked cell has been seen long enough for a key to count."""
        drawn = self.view.drawn_at
        return self.shown is not None and self.shown == self._labelling.asked and drawn is not None \
            and time.monotonic() - drawn >= SEEN

    def answer(self, answer: str) -> bool:
        """Label the cell on the screen; whether it counted. One that cannot be read can be skipped alone."""
        asked = self._labelling.asked
        if answer == SKIPPED and asked is not None and (self.ready or self.failed):
            return self._run(lambda: self._labelling.skip(asked)) is not None
        if not self.ready or self.shown is None:
            return False
        shown = self.shown
        self._draw_next()
        if self._run(lambda: self._labelling.answer(shown, answer)) is not None:
            return True
        self._wanted = self._drawn_ahead = None  # it stays asked
        self.refresh()
        return False

    def _draw_next(self) -> None:
        """Put the cell that follows on the screen before the label is written: the eye waits for it, not for the disk.

        The label is written before the next event is looked at; a kill in between loses this one label.
        """
        following = self._labelling.upcoming(2)[1:]
        if following and not self._labelling.opened().read_only:
            self._drawn_ahead = following[0]
            self._show_cell(following[0])
            self.view.repaint()

    @property
    def failed(self) -> bool:
        """Whether the picture of the asked cell cannot be read."""
        return self._wanted is not None and isinstance(self._pictures.large(self._wanted.cell), UserError)

    def try_again(self) -> None:
        """Look again for a picture that could not be read."""
        if self._wanted is not None and self.failed:
            self._pictures.forget(self._wanted.cell)
            self._show_cell(self._wanted)

    # -- what is shown

    def _begin(self) -> None:
        """Another set, or the same one is looked at otherwise: its cell is drawn anew."""
        self._wanted = None
        self.refresh()

    def refresh(self) -> None:
        """Show the cell that is asked now."""
        if not self.isVisible():
            return
        upcoming = self._labelling.upcoming(SHOWN)
        asked = upcoming[0] if upcoming else None
        fresh = asked is None or asked != self._wanted
        self._wanted = asked
        if asked is None:
            self.shown = None
            self._labelling.clock.pause()
            self._show_end()
        elif fresh:
            self.shown = None
            if asked != self._drawn_ahead:
                self._show_cell(asked)
        self._drawn_ahead = None
        self._pictures.prefetch([each.cell for each in upcoming[1:1 + AHEAD]])
        self.strip.refresh(upcoming)
        self._show_words()

    def _show_cell(self, asked: Asked) -> None:
        crop, opened = self._pictures.large(asked.cell), self._labelling.opened()
        if crop is None:
            self.view.say("", "")
        elif isinstance(crop, UserError):
            self.view.say_error(crop)
        else:
            synthetic = asked.cell.origin is Origin.SYNTHETIC and not opened.options.blind
            name = _("Cell to label, synthetic") if synthetic else _("Cell to label")
            self.view.show_crop(crop, synthetic, name)

    def _arrived(self, cell_id: str) -> None:
        if self.isVisible() and self._wanted is not None and self._wanted.cell.id == cell_id and self.shown is None:
            self._show_cell(self._wanted)

    def _drawn(self) -> None:
        """The cell is on the screen: from now on it is looked at."""
        self.shown = self._wanted
        self._labelling.clock.start()
        if not self.isActiveWindow():
            self._labelling.clock.pause()
        self._look_at_clock()
        QTimer.singleShot(0, self, self._show_neighbours)

    def _show_neighbours(self) -> None:
        if self.shown is not None and self._labelling.current is not None:
            self.neighbours.show_cells(self._session.label_review.neighbours(self.shown), self._why_nothing())

    def _why_nothing(self) -> str:
        opened, teaching = self._labelling.opened(), self._labelling.teaching
        if opened.options.blind:
            return _("Hidden: this set is labelled blind.")
        if self.shown is not None and (self.shown.control or self.shown.repeat):
            return _("Hidden for this cell: its answer measures how good the classifier is.")
        if teaching.stage is Stage.NOTHING:
            return teaching.obstacle or _("Nothing was learned yet.")
        return _("They show once labels were learned from.")

    def _show_words(self) -> None:
        tally, asked = self._labelling.tally, self._wanted
        if asked is None:
            self.count.setText(_("{count} cells labelled").format(count=f"{tally.answers:,}"))
            self.reason.setText("")
        else:
            self.count.setText(_("Cell {number} of {count}").format(number=f"{tally.answers + 1:,}",
                                                                   count=f"{max(tally.planned, tally.answers + 1):,}"))
            self.reason.setText(_("Why: {reason}").format(reason=self._labelling.reason(asked)))
        self._show_last()

    def _show_last(self) -> None:
        """What Ctrl+Z would take back."""
        done = (self._labelling.undo_name or "").partition(": ")[2]
        self.last.setText(_("Last: {what}").format(what=done) if done else "")

    def _show_end(self) -> None:
        opened = self._labelling.current
        if opened is None or not opened.cells:
            self.view.say("")
        else:
            self.view.say(_("All cells are labelled."), _("Look at the doubtful ones at the right, add cells, or "
                                                          "take labels back with Ctrl+Z."))
        self.neighbours.show_cells((), "")

    def _show_nothing(self) -> None:
        if self.isVisible() and self.neighbours.nothing:
            self._show_neighbours()

    # -- the clock

    def _touched(self) -> None:
        clock = self._labelling.clock
        if self.shown is not None and self.isActiveWindow() and not clock.running:
            clock.resume()
            self._look_at_clock()

    def _look_at_clock(self) -> None:
        stopped = self.shown is not None and not self._labelling.clock.running
        self.view.say_paused(_("Clock paused") if stopped else "")

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.ActivationChange and self.isVisible() and self.shown is not None:
            clock = self._labelling.clock
            if self.isActiveWindow():
                clock.resume()
            else:
                clock.pause()
            self._look_at_clock()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._wanted = self.shown = None  # it is drawn anew, and its time begins then
        self._clock.start()
        QTimer.singleShot(0, self, self.refresh)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._labelling.clock.pause()
        self._clock.stop()

    def resizeEvent(self, event: object) -> None:
        self.neighbours.setVisible(self.width() >= NARROW)
