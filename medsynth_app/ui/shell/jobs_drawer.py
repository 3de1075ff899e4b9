"""The ring at the top right and the drawer that it opens: jobs with preview, time left, cancel, retry and order."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QProgressBar, QScrollArea, QToolButton, QVBoxLayout, QWidget

from medsynth_app.core.job import JobState
from medsynth_app.session.jobs import JobEntry
from medsynth_app.session.session import Session
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets import words
from medsynth_app.ui.widgets.basic import ElidedLabel, IconButton, Picture, button, clear, column, label, row, set_role

SHOWN_ENDED = 12
_ENDS = {JobState.DONE: ("Done", "done"), JobState.FAILED: ("Failed", "error"),
         JobState.CANCELLED: ("Cancelled", "muted")}


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
        said = f"{count} job{'' if count == 1 else 's'}{': ' + text if text else ''}" if count else "No jobs running"
        self.setAccessibleName(said)
        self.setToolTip(f"{said}\nShow the jobs  (Ctrl+J)")
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


class JobRow(QFrame):
    """One job."""

    def __init__(self, theme: Theme, session: Session, entry: JobEntry, previous: str, following: str) -> None:
        super().__init__()
        self.setObjectName("card")
        self.job_id = entry.record.id
        self._session = session
        state = entry.record.state
        title = ElidedLabel(entry.record.title, "heading")
        self._state = label("", "help", wrap=True)
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._bar.setVisible(state is JobState.RUNNING)
        self._pictures = [Picture(theme, 60) for _ in range(4)]
        head = row(title, spacing=0)
        head.setStretch(0, 1)
        if state is JobState.WAITING:
            for icon, tip, target, able in (("arrow-up", "Sooner", previous, previous != ""),
                                            ("arrow-down", "Later", following, following != "")):
                move = IconButton(theme, icon, tip, self._mover(target))
                move.setEnabled(able)
                head.addWidget(move)
        if not state.ended:
            head.addWidget(IconButton(theme, "close", "Cancel this job", lambda: session.cancel_job(self.job_id)))
        elif state is not JobState.DONE:
            head.addWidget(IconButton(theme, "refresh", "Run this job again", lambda: session.retry_job(self.job_id)))
        shown = row(*self._pictures, None)
        outer = column(head, self._state, row(self._bar, margins=(0, 0, look.S, 0)), shown, parent=self,
                       spacing=look.XS,
                       margins=(look.M, look.XS, look.XS, look.S))
        if state is JobState.FAILED and entry.details:
            self._details(outer, entry.details)
        self.update_entry(entry)

    def _mover(self, target: str) -> Callable[[], None]:
        before = None if target == "end" else target
        return lambda: self._session.move_job(self.job_id, before)

    def _details(self, outer: QVBoxLayout, details: str) -> None:
        text = QPlainTextEdit(details)
        text.setReadOnly(True)
        text.setFixedHeight(96)
        text.setAccessibleName("Details")
        text.hide()
        outer.addLayout(row(button("Details", lambda: text.setVisible(text.isHidden()), "link"), None))
        outer.addWidget(text)

    def update_entry(self, entry: JobEntry) -> None:
        """Show how the job stands."""
        text, role = said(entry)
        self._state.setText(text)
        set_role(self._state, role)
        self._bar.setValue(round(1000 * entry.fraction))
        for index, picture in enumerate(self._pictures):
            shown = index < len(entry.previews)
            picture.setVisible(shown)
            if shown:
                picture.show_picture(entry.previews[index], synthetic=True)


def said(entry: JobEntry) -> tuple[str, str]:
    """How a job stands in words, and the role of that text."""
    state = entry.record.state
    if state is JobState.WAITING:
        return f"Waiting. {entry.message}".strip(), "help"
    if state is JobState.RUNNING:
        parts = [f"Step {entry.step} of {entry.steps}" if entry.steps else entry.message or "Starting"]
        if entry.seconds_left is not None:
            parts.append(f"{words.duration(entry.seconds_left)} left")
        if entry.device:
            parts.append(entry.device)
        return ", ".join(parts) + (f"\n{entry.notices[-1]}" if entry.notices else ""), "help"
    text, role = _ENDS[state]
    more = " ".join(part for part in (entry.message, entry.remedy) if part) if state is JobState.FAILED else ""
    return f"{text}. {more}".strip(), role


class JobsDrawer(QFrame):
    """Lies over the inspector while it is open; the canvas stays free."""

    def __init__(self, theme: Theme, session: Session, ring: JobRing, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("drawer")
        self.setAccessibleName("Jobs")
        self._theme, self._session, self._ring, self._over = theme, session, ring, parent
        self._rows: list[JobRow] = []
        self._shown: tuple[object, ...] = ()
        inner = QWidget()
        self._list = column(parent=inner, margins=(look.M, look.S, look.M, look.M))
        area = QScrollArea()
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        head = QFrame()
        head.setObjectName("header")
        head.setFixedHeight(look.HEADER_PX)
        row(label("Jobs", "subtitle"), None, IconButton(theme, "close", "Close  (Esc)", self.close_drawer),
            parent=head, margins=(look.L, 0, look.S, 0))
        column(head, area, parent=self, spacing=0)
        session.jobs_changed.connect(self.refresh)
        ring.toggled.connect(self._toggle)
        parent.installEventFilter(self)
        self.hide()
        self.refresh()

    @property
    def rows(self) -> list[JobRow]:
        return self._rows

    def close_drawer(self) -> None:
        self._ring.setChecked(False)

    def refresh(self) -> None:
        """Follow the job list; the rows are made anew only when jobs came, went or changed places."""
        jobs = self._session.jobs
        running = jobs.running
        first = running[0] if running else None
        text = said(first)[0].split("\n")[0] if first else ""
        self._ring.show_state(jobs.active, first.fraction if first else 0.0, text)
        if self.isHidden():
            return
        entries = self._entries()
        shown = tuple((entry.record.id, entry.record.state) for entry in entries)
        if shown != self._shown or not entries:
            self._rebuild(entries)
            self._shown = shown
        for line, entry in zip(self._rows, entries, strict=True):
            line.update_entry(entry)

    def _entries(self) -> list[JobEntry]:
        entries = self._session.jobs.entries
        ended = [entry for entry in entries if entry.record.state.ended]
        return [entry for entry in entries if not entry.record.state.ended] + ended[:SHOWN_ENDED]

    def _rebuild(self, entries: list[JobEntry]) -> None:
        clear(self._list)
        self._rows = []
        for index, entry in enumerate(entries):
            previous, following = self._neighbours(entries, index)
            line = JobRow(self._theme, self._session, entry, previous, following)
            self._rows.append(line)
            self._list.addWidget(line)
        if not entries:
            self._list.addWidget(label("No jobs yet. Runs, their previews and their time left appear here.", "muted",
                                       wrap=True))
        self._list.addStretch(1)

    @staticmethod
    def _neighbours(entries: list[JobEntry], index: int) -> tuple[str, str]:
        """Before which job this one goes when it moves sooner, and later ("end" for last, "" for not at all)."""
        entry = entries[index]
        waiting = [other.record.id for other in entries
                   if other.record.state is JobState.WAITING and other.record.lane == entry.record.lane]
        if entry.record.id not in waiting:
            return "", ""
        at = waiting.index(entry.record.id)
        later = "" if at == len(waiting) - 1 else "end" if at == len(waiting) - 2 else waiting[at + 2]
        return (waiting[at - 1] if at else ""), later

    def _toggle(self, is_open: bool) -> None:
        self.setVisible(is_open)
        if is_open:
            self._shown = ()
            self.refresh()
            self._place()
            self.raise_()
        elif self.isAncestorOf(self.window().focusWidget() or self.window()):
            self._ring.setFocus()

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
