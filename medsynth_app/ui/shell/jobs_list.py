"""The list of the jobs drawer: each job is painted as a card with its buttons; none of them is a widget."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6.QtCore import QEvent, QModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFont,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QListView, QMenu, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QToolTip

from medsynth_app.core.job import JobState
from medsynth_app.core.words import _
from medsynth_app.session.job_entry import JobEntry
from medsynth_app.ui.shell.jobs_model import JobsModel, said
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import draw_syn, pixmap
from medsynth_app.ui.widgets.lists import ROW, Index, draw_text

HEAD, BUTTON, PREVIEW, GAP = 34, 30, 60, 8  # px
SMALL_PX = 12


@dataclass(frozen=True)
class Deed:
    """Something that can be done with one job; the same by its button, by a key and in the menu."""

    id: str
    icon: str
    text: str


SOONER, LATER = Deed("sooner", "arrow-up", _("Sooner")), Deed("later", "arrow-down", _("Later"))
CANCEL, AGAIN = Deed("cancel", "close", _("Cancel this job")), Deed("again", "refresh", _("Run this job again"))
_OF_STATE = {JobState.WAITING: (SOONER, LATER, CANCEL), JobState.RUNNING: (CANCEL,), JobState.DONE: (),
             JobState.FAILED: (AGAIN,), JobState.CANCELLED: (AGAIN,)}


class JobCards(QStyledItemDelegate):
    """Draws one job: its title and buttons, how it stands, a bar and previews while it runs."""

    def __init__(self, theme: Theme, view: JobsView) -> None:
        super().__init__(view)
        self._theme, self._view = theme, view
        self.hot: tuple[int, str] = (-1, "")  # row and deed of the button under the pointer
        self._small = QFont(view.font())
        self._small.setPixelSize(SMALL_PX)
        self._metrics = QFontMetrics(self._small)
        self._heights: dict[str, int] = {}  # of the rows, by job
        self._marks: dict[tuple[str, str], QPixmap] = {}  # icons by name and colour
        self._pictures: tuple[Any, list[QPixmap]] = ((), [])
        theme.changed.connect(lambda _tokens: self._marks.clear())

    def height(self, entry: JobEntry) -> int:
        """Pixels that a job needs in the present width."""
        width = max(self._view.viewport().width() - 2 * look.M, 60)
        text = said(entry)[0]
        lines = self._metrics.boundingRect(QRect(0, 0, width, 4000), Qt.TextFlag.TextWordWrap, text).height()
        running = entry.record.state is JobState.RUNNING
        return HEAD + lines + look.S * (2 if running else 1) + (PREVIEW + look.XS if entry.previews else 0) + GAP

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        entry: JobEntry = index.data(ROW)
        if entry.record.id not in self._heights:
            self._heights[entry.record.id] = self.height(entry)
        return QSize(0, self._heights[entry.record.id])

    def fit(self, entry: JobEntry, index: Index) -> None:
        """Give a row more room, or less, where what it says has grown or shrunk."""
        height = self.height(entry)
        if self._heights.get(entry.record.id) != height:
            self._heights[entry.record.id] = height
            self.sizeHintChanged.emit(index)

    def forget_heights(self) -> None:
        """The width has changed, or other jobs are shown."""
        self._heights.clear()

    @staticmethod
    def buttons(card: QRect, entry: JobEntry) -> list[tuple[Deed, QRect]]:
        """The buttons of a card, from left to right, and where they stand."""
        deeds = _OF_STATE[entry.record.state]
        left = card.right() - BUTTON * len(deeds) - 2
        return [(deed, QRect(left + BUTTON * place, card.top() + 2, BUTTON, BUTTON))
                for place, deed in enumerate(deeds)]

    def paint(self, painter: QPainter, option: Any, index: Index) -> None:
        entry: JobEntry = index.data(ROW)
        t, card = self._theme.tokens, option.rect.adjusted(0, 0, -1, -GAP)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        focus = bool(option.state & QStyle.StateFlag.State_HasFocus)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(option.font)
        painter.setPen(QPen(QColor(t.accent if focus else t.border), 2 if focus else 1))
        painter.setBrush(QColor(t.selected if chosen else t.surface))
        painter.drawRoundedRect(card.adjusted(1, 1, -1, -1), look.RADIUS, look.RADIUS)
        buttons = self.buttons(card, entry)
        room = (buttons[0][1].left() if buttons else card.right() - look.S) - card.left() - look.M
        draw_text(painter, QRect(card.left() + look.M, card.top() + 2, room, BUTTON), entry.record.title, t.text,
                  bold=True)
        for deed, box in buttons:
            self._draw_button(painter, deed, box, index.row())
        self._draw_state(painter, QRect(card.left() + look.M, card.top() + HEAD, card.width() - 2 * look.M,
                                        card.height() - HEAD), entry)
        painter.restore()

    def _draw_button(self, painter: QPainter, deed: Deed, box: QRect, row: int) -> None:
        t, able = self._theme.tokens, self._view.can(deed, row)
        if able and self.hot == (row, deed.id):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(t.pressed))
            painter.drawRoundedRect(box, look.RADIUS, look.RADIUS)
        mark, edge = (deed.icon, t.text if able else t.faint), look.ICON_PX
        if mark not in self._marks:
            self._marks[mark] = self._theme.icon(*mark).pixmap(QSize(edge, edge), self._view.devicePixelRatioF())
        painter.drawPixmap(box.center().x() - edge // 2 + 1, box.center().y() - edge // 2 + 1, self._marks[mark])

    def _draw_state(self, painter: QPainter, box: QRect, entry: JobEntry) -> None:
        t = self._theme.tokens
        text, role = said(entry)
        painter.setFont(self._small)
        painter.setPen(QColor({"done": t.done, "error": t.error}.get(role, t.muted)))
        used = painter.drawText(box, Qt.TextFlag.TextWordWrap, text)
        top = used.bottom() + look.S
        if entry.record.state is JobState.RUNNING:
            bar = QRect(box.left(), top, box.width(), 4)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(t.pressed))
            painter.drawRoundedRect(bar, 2, 2)
            painter.setBrush(QColor(t.accent))
            painter.drawRoundedRect(QRect(bar.left(), bar.top(), round(bar.width() * entry.fraction), 4), 2, 2)
            top += look.S
        for place, picture in enumerate(self._previews(entry)):
            left = box.left() + place * (PREVIEW + look.S)
            painter.drawPixmap(left, top, picture)
            draw_syn(painter, t, left + look.XS, top + look.XS)

    def _previews(self, entry: JobEntry) -> list[QPixmap]:
        if self._pictures[0] is not entry.previews:
            self._pictures = entry.previews, [pixmap(picture, PREVIEW) for picture in entry.previews[:4]]
        return self._pictures[1]


class JobsView(QListView):
    """The jobs; the chosen one is also worked by keys: Delete cancels it, Enter runs a failed one again, Ctrl and an
    arrow move a waiting one.

    Signals
    -------
    asked
        Id of a deed ("sooner", "later", "cancel" or "again"), and of the job.
    """

    asked = Signal(str, str)

    def __init__(self, theme: Theme, model: JobsModel) -> None:
        super().__init__()
        self.jobs = model
        self.setObjectName("flat")
        self.setAccessibleName(_("Jobs"))
        self.setAccessibleDescription(_("Delete cancels the chosen job, Enter runs one that failed again, Ctrl and an "
                                        "arrow move one that waits"))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMouseTracking(True)
        self.setModel(model)
        self.cards = JobCards(theme, self)
        self.setItemDelegate(self.cards)
        model.modelReset.connect(self.cards.forget_heights)
        model.dataChanged.connect(self._fit)
        theme.changed.connect(lambda _tokens: self.viewport().update())

    def can(self, deed: Deed, row: int) -> bool:
        """Whether this can be done with the job of that row."""
        entry = self.jobs.entry(row)
        if entry is None or deed not in _OF_STATE[entry.record.state]:
            return False
        return deed not in (SOONER, LATER) or self.jobs.before(row, -1 if deed is SOONER else 1)[0]

    def button(self, row: int, deed: Deed) -> QRect:
        """Where a button stands in the viewport."""
        entry = self.jobs.entry(row)
        assert entry is not None
        card = self.visualRect(self.jobs.index(row)).adjusted(0, 0, -1, -GAP)
        return dict((found.id, box) for found, box in self.cards.buttons(card, entry))[deed.id]

    def _fit(self, first: QModelIndex, last: QModelIndex) -> None:
        for row in range(first.row(), last.row() + 1):
            entry = self.jobs.entry(row)
            if entry is not None:
                self.cards.fit(entry, self.jobs.index(row))

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.cards.forget_heights()
        super().resizeEvent(event)

    def _under(self, at: QPoint) -> tuple[int, Deed | None]:
        index = self.indexAt(at)
        entry = self.jobs.entry(index.row()) if index.isValid() else None
        if entry is None:
            return -1, None
        card = self.visualRect(index).adjusted(0, 0, -1, -GAP)
        return index.row(), next((deed for deed, box in self.cards.buttons(card, entry) if box.contains(at)), None)

    def _ask(self, deed: Deed, row: int) -> None:
        entry = self.jobs.entry(row)
        if entry is not None and self.can(deed, row):
            self.asked.emit(deed.id, entry.record.id)

    def _ask_later(self, deed: Deed, job_id: str, _checked: bool = False) -> None:
        """As `_ask`, of the menu: meanwhile other jobs may have come or gone."""
        self._ask(deed, self.jobs.place(job_id))

    # -- Qt's own events

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        row, deed = self._under(event.position().toPoint())
        hot = (row, deed.id) if deed is not None else (-1, "")
        if hot != self.cards.hot:
            self.cards.hot = hot
            self.viewport().update()
        super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        row, deed = self._under(event.position().toPoint())
        if deed is not None and event.button() is Qt.MouseButton.LeftButton:
            self._ask(deed, row)

    def leaveEvent(self, event: QEvent) -> None:
        self.cards.hot = (-1, "")
        super().leaveEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            row, deed = self._under(event.pos())
            if deed is not None and self.can(deed, row):
                QToolTip.showText(event.globalPos(), deed.text, self)
                return True
        return super().viewportEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row, key = self.currentIndex().row(), event.key()
        moves = {Qt.Key.Key_Up: SOONER, Qt.Key.Key_Down: LATER}
        if key in moves and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._ask(moves[Qt.Key(key)], row)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._ask(CANCEL, row)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._ask(AGAIN, row)
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """What can be done with the job below the pointer, or with the chosen one."""
        keyboard = event.reason() is QContextMenuEvent.Reason.Keyboard
        row = self.currentIndex().row() if keyboard else self.indexAt(event.pos()).row()
        entry = self.jobs.entry(row)
        if entry is None:
            return
        menu, job = QMenu(self), entry.record.id
        for deed in _OF_STATE[entry.record.state]:
            action = menu.addAction(deed.text)
            action.setEnabled(self.can(deed, row))
            action.triggered.connect(partial(self._ask_later, deed, job))
        if menu.actions():
            menu.exec(event.globalPos())
