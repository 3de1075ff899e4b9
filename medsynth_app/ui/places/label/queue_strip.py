"""The cells that come next, each with its reason, in one thin line."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPixmap, QResizeEvent
from PySide6.QtWidgets import QListView, QStyledItemDelegate, QStyleOptionViewItem

from medsynth_app.core.words import _
from medsynth_app.session.label_queue import Asked
from medsynth_app.session.labelling import Labelling
from medsynth_app.ui.places.label.pictures import CellPictures
from medsynth_app.ui.places.label.thumbs import draw_cell
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.lists import ROW, Index, RowsModel, draw_ground, draw_text

EDGE, WIDTH, SHOWN = 52, 148, 14  # px of a picture and of its tile; tiles
WRITTEN = 500  # reasons that are kept as they are drawn


class QueueModel(RowsModel):
    """Rows are `Asked` values."""

    def __init__(self, labelling: Labelling) -> None:
        super().__init__(lambda row: f"{row.cell.id}/{row.repeat}")
        self._labelling = labelling

    def say(self, row: Asked, role: int) -> Any:
        reason = self._labelling.reason(row)
        if role == Qt.ItemDataRole.ToolTipRole or role == Qt.ItemDataRole.AccessibleTextRole:
            return _("Comes soon: {reason}").format(reason=reason)
        return reason if role == Qt.ItemDataRole.DisplayRole else None


class QueueDelegate(QStyledItemDelegate):
    def __init__(self, theme: Theme, pictures: CellPictures, labelling: Labelling, view: QListView) -> None:
        super().__init__(view)
        self._theme, self._pictures, self._labelling = theme, pictures, labelling
        self._written: dict[tuple[str, int, int, str, float], QPixmap] = {}  # a reason stands in many tiles, all move

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(WIDTH, EDGE + 12)

    def paint(self, painter: QPainter, option: Any, index: Index) -> None:
        asked, t, box = index.data(ROW), self._theme.tokens, option.rect.adjusted(1, 1, -1, -1)
        opened = self._labelling.current
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(option.font)
        draw_ground(painter, t, option, box)
        place = QRect(box.left() + 5, box.top() + (box.height() - EDGE) // 2, EDGE, EDGE)
        draw_cell(painter, self._pictures, t, asked.cell, place, opened is None or opened.options.blind)
        words = QRect(place.right() + look.S, box.top(), box.right() - place.right() - look.S - 4, box.height())
        painter.drawPixmap(words.topLeft(), self._words(self._labelling.reason(asked), words.size(), t.muted, painter))
        painter.restore()

    def _words(self, text: str, size: QSize, colour: str, onto: QPainter) -> QPixmap:
        """A text in lines, in the middle of its height."""
        ratio = onto.device().devicePixelRatioF()
        key = (text, size.width(), size.height(), colour, ratio)
        found = self._written.get(key)
        if found is None:
            found = QPixmap(size * ratio)
            found.setDevicePixelRatio(ratio)
            found.fill(Qt.GlobalColor.transparent)
            painter = QPainter(found)
            painter.setFont(onto.font())
            lines = _lines(painter, text, size.width())
            top = size.height() // 2 - 8 * len(lines)
            for number, line in enumerate(lines):
                draw_text(painter, QRect(0, top + 16 * number, size.width(), 16), line, colour, pixels=11)
            painter.end()
            if len(self._written) >= WRITTEN:
                self._written.clear()
            self._written[key] = found
        return found


def _lines(painter: QPainter, text: str, room: int, most: int = 3) -> list[str]:
    """A text in a few lines, the last one cut by whoever draws it."""
    font = painter.font()
    font.setPixelSize(11)
    painter.setFont(font)
    width, lines = painter.fontMetrics().horizontalAdvance, [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width(longer) > room and len(lines) < most:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


class QueueStrip(QListView):
    """What comes after the asked cell; a click asks another one next."""

    def __init__(self, theme: Theme, labelling: Labelling, pictures: CellPictures) -> None:
        super().__init__()
        self.rows = QueueModel(labelling)
        self._labelling = labelling
        self._upcoming: list[Asked] = []
        self.setObjectName("flat")
        self.setAccessibleName(_("Cells that come next"))
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setFixedHeight(EDGE + 16)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setModel(self.rows)
        self.setItemDelegate(QueueDelegate(theme, pictures, labelling, self))
        self.clicked.connect(self._choose)
        self.activated.connect(self._choose)
        pictures.ready.connect(self.viewport().update)
        theme.changed.connect(lambda _tokens: self.viewport().update())

    def refresh(self, upcoming: list[Asked]) -> None:
        self._upcoming = upcoming[1:SHOWN]
        self._fit()
        self.viewport().update()  # whether reasons may name classes can have changed

    def _fit(self) -> None:
        """Show those that have room: half a reason says nothing."""
        self.rows.show(self._upcoming[:max(1, self.viewport().width() // WIDTH)])

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _choose(self, index: Index) -> None:
        asked = self.rows.row(index.row())
        if asked is not None:
            self._labelling.ask(asked.place)
