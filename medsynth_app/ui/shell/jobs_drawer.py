"""The ring at the top right and the drawer that it opens: jobs with preview, time left, cancel, retry and order."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QToolButton, QWidget

from medsynth_app.core.job import JobState
from medsynth_app.core.words import _, ngettext
from medsynth_app.session.session import Session
from medsynth_app.ui.shell.command import Command
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.shell.jobs_list import AGAIN, CANCEL, LATER, SOONER, Deed, JobsView
from medsynth_app.ui.shell.jobs_model import JobsModel, said
from medsynth_app.ui.shell.runner import Runner
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import IconButton, button, column, label, row


class JobRing(QToolButton):
    """How many jobs wait or run, and how far the running one is."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._count, self._share = theme, 0, 0.0
        self.setCheckable(True)
        self.setFixedSize(34, 34)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        theme.changed.connect(lambda _tokens: self.update())
        self.show_state(0, 0.0, "")

    def show_state(self, count: int, share: float, text: str) -> None:
        self._count, self._share = count, share
        words = (_("No jobs running") if not count else
                 ngettext("{count} job", "{count} jobs", count).format(count=count) + (f": {text}" if text else ""))
        self.setAccessibleName(words)
        self.setToolTip(words + "\n" + _("Show the jobs  (Ctrl+J)"))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        t = self._theme.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(6, 6, -6, -6)
        painter.setPen(QPen(QColor(t.outline), 2.4))
        painter.drawEllipse(box)
        if self._count:
            painter.setPen(QPen(QColor(t.accent), 2.8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawArc(box, 90 * 16, -round(360 * 16 * max(0.04, self._share)))
        font = self.font()
        font.setPixelSize(11)
        font.setBold(bool(self._count))
        painter.setFont(font)
        painter.setPen(QColor(t.text if self._count else t.muted))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, str(self._count))
        painter.end()


class JobsDrawer(QFrame):
    """Lies over the inspector while it is open; the canvas stays free."""

    def __init__(self, theme: Theme, session: Session, run: Runner, commands: Commands, ring: JobRing, parent: QWidget
                 ) -> None:
        super().__init__(parent)
        self.setObjectName("drawer")
        self.setAccessibleName(_("Jobs"))
        self._session, self._run, self._commands = session, run, commands
        self._ring, self._over = ring, parent
        self.model = JobsModel()
        self.list = JobsView(theme, self.model)
        self.list.asked.connect(self._do)
        self.list.selectionModel().currentChanged.connect(lambda _now, _before: self._show_chosen())
        self._empty = label(_("No jobs yet. Runs, their previews and their time left appear here."), "muted", wrap=True)
        self.cancel_waiting = button(_("Cancel all waiting"), role="link")
        commands.follow(self.cancel_waiting, "jobs.cancel_waiting")
        self.fold = button(_("Details"), self._fold_details, "link")
        self.details = QPlainTextEdit()
        self.details.setReadOnly(True)
        self.details.setFixedHeight(96)
        self.details.setAccessibleName(_("Details"))
        self.details.hide()
        head = QFrame()
        head.setObjectName("header")
        head.setFixedHeight(look.HEADER_PX)
        row(label(_("Jobs"), "subtitle"), None, self.cancel_waiting,
            IconButton(theme, "close", _("Close  (Esc)"), self.close_drawer), parent=head, spacing=look.XS,
            margins=(look.L, 0, look.S, 0))
        body = column(self._empty, self.list, row(self.fold, None), self.details, spacing=look.XS,
                      margins=(look.M, look.M, look.S, look.S))
        body.setStretch(1, 1)
        body.setAlignment(self._empty, Qt.AlignmentFlag.AlignTop)
        column(head, body, parent=self, spacing=0)
        session.jobs.changed.connect(self.refresh)
        session.jobs.progressed.connect(lambda _job: self.refresh())
        ring.clicked.connect(lambda _checked: commands["view.jobs"].trigger())
        parent.installEventFilter(self)
        self.hide()
        self.refresh()

    def close_drawer(self) -> None:
        self.set_open(False)

    def set_open(self, is_open: bool) -> None:
        """Open or close it; the focus goes back to the ring."""
        held = self.isAncestorOf(self.window().focusWidget() or self.window())
        self.setVisible(is_open)
        self._ring.setChecked(is_open)
        if is_open:
            self._place()
            self.refresh()
            self.raise_()
        elif held:
            self._ring.setFocus()
        self._commands.refresh("view.jobs")

    def refresh(self) -> None:
        """Follow the jobs; only rows of which something changed are drawn anew."""
        jobs = self._session.jobs
        running = jobs.running
        first = running[0] if running else None
        text = said(first)[0].split("\n")[0] if first else ""
        self._ring.show_state(jobs.active, first.fraction if first else 0.0, text)
        if not self.isHidden():
            self.model.follow(jobs)
            count = len(self.model.rows)
            self.list.setVisible(count > 0)
            self._empty.setVisible(count == 0)
            self._show_chosen()

    # -- what is done with a job

    def commands(self) -> tuple[Command, ...]:
        """What can be done with the chosen job, and with all that wait."""
        group = _("Jobs")

        def chosen(deed: Deed, text: str) -> Command:
            return Command(f"jobs.{deed.id}", text, group, lambda: self._do(deed.id, self._chosen),
                           icon=deed.icon, enabled_when=lambda: self._refusal(deed))

        return (Command("jobs.cancel_waiting", _("Cancel all waiting jobs"), group,
                        lambda: self._run(self._session.jobs.cancel_waiting), icon="close-box-multiple-outline",
                        enabled_when=lambda: None if self._session.jobs.any_waits else _("No job waits")),
                chosen(CANCEL, _("Cancel the chosen job")), chosen(AGAIN, _("Run the chosen job again")),
                chosen(SOONER, _("Chosen job: sooner")), chosen(LATER, _("Chosen job: later")))

    @property
    def _chosen(self) -> str:
        entry = self.model.entry(self.list.currentIndex().row())
        return entry.record.id if entry is not None and not self.isHidden() else ""

    def _refusal(self, deed: Deed) -> str | None:
        if not self._chosen:
            return _("Choose a job in the list of jobs first")
        able = self.list.can(deed, self.list.currentIndex().row())
        return None if able else _("Not with the job that is chosen")

    def _do(self, deed: str, job_id: str) -> None:
        jobs, at = self._session.jobs, self.model.place(job_id)
        deeds = {CANCEL.id: partial(jobs.cancel, job_id), AGAIN.id: partial(jobs.retry, job_id),
                 SOONER.id: partial(jobs.move, job_id, self.model.before(at, -1)[1]),
                 LATER.id: partial(jobs.move, job_id, self.model.before(at, 1)[1])}
        self._run(deeds[deed])

    # -- the chosen job, and the details where it failed

    def _show_chosen(self) -> None:
        entry = self.model.entry(self.list.currentIndex().row())
        text = entry.details if entry is not None and entry.record.state is JobState.FAILED else ""
        self.fold.setVisible(bool(text))
        if text != self.details.toPlainText():
            self.details.setPlainText(text)
            self.details.hide()
        self._commands.refresh(*(f"jobs.{name}" for name in ("cancel_waiting", "cancel", "again", "sooner", "later")))

    def _fold_details(self) -> None:
        self.details.setVisible(self.details.isHidden())
        self.list.scrollTo(self.list.currentIndex())

    # -- where it lies

    def _place(self) -> None:
        parent = self._over
        self.setGeometry(parent.width() - look.INSPECTOR_PX, 0, look.INSPECTOR_PX, parent.height())

    def sizeHint(self) -> QSize:
        return QSize(look.INSPECTOR_PX, 400)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_drawer()
            return
        super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize and not self.isHidden():
            self._place()
        return False
