"""The pictures of the candidates as a list: the image as it is, the candidates, and those that are being drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPen
from PySide6.QtWidgets import QListView, QStyledItemDelegate, QStyleOptionViewItem

from medsynth_app.core.words import _
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.lists import ROW, Index, RowsModel, draw_text

EDGE = 52  # px


@dataclass(frozen=True)
class Thumb:
    """One picture of the strip.

    Attributes
    ----------
    index
        Of the candidate; None for the image as it is.
    note
        Said in a badge, e.g. "accepted".
    chosen
        Held against the original now.
    live
        Still being drawn: it cannot be chosen.
    """

    key: str
    title: str
    index: int | None = None
    synthetic: bool = False
    note: str = ""
    tip: str = ""
    chosen: bool = False
    live: bool = False

    @property
    def enabled(self) -> bool:
        return not self.live


class ThumbsModel(RowsModel):
    """Rows are `Thumb` values."""

    def say(self, row: Thumb, role: int) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            return row.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return row.tip or None
        if role == Qt.ItemDataRole.AccessibleTextRole:
            words = [_("Synthetic candidate {title}").format(title=row.title) if row.synthetic else row.title, row.note,
                     _("chosen") if row.chosen else ""]
            return ", ".join(word for word in words if word)
        return None


class ThumbDelegate(QStyledItemDelegate):
    """Draws a picture with its badge and a line of text below; asks for pictures that it has to show."""

    def __init__(self, theme: Theme, view: QListView, wanted: Callable[[Thumb], QImage | None]) -> None:
        super().__init__(view)
        self._theme, self._wanted = theme, wanted

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(EDGE + 12, EDGE + 30)

    def paint(self, painter: QPainter, option: Any, index: Index) -> None:
        thumb: Thumb = index.data(ROW)
        t, place = self._theme.tokens, option.rect
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.setFont(option.font)
        box = QRectF(place.left() + 4, place.top() + 4, EDGE, EDGE)
        painter.fillRect(box, QColor(look.CANVAS_RADIOLOGY))
        image = self._wanted(thumb)
        if image is not None:
            size = image.size().toSizeF().scaled(box.size(), Qt.AspectRatioMode.KeepAspectRatio)
            painter.drawImage(QRectF(box.center().x() - size.width() / 2, box.center().y() - size.height() / 2,
                                     size.width(), size.height()), image)
        if thumb.synthetic:
            self._badge(painter, "SYN", t.synthetic, QRectF(box.left() + 4, box.top() + 4, 34, 17))
        if thumb.note:
            self._badge(painter, thumb.note, t.done, QRectF(box.left() + 4, box.bottom() - 21, 68, 17))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(t.accent if thumb.chosen else t.border), 3 if thumb.chosen else 1))
        painter.drawRoundedRect(box.adjusted(-1.5, -1.5, 1.5, 1.5) if thumb.chosen else box, 4, 4)
        draw_text(painter, QRect(place.left(), place.top() + EDGE + 8, EDGE + 8, 18), thumb.title,
                  t.text if thumb.chosen else t.muted, pixels=12, bold=thumb.chosen,
                  align=Qt.AlignmentFlag.AlignHCenter)
        painter.restore()

    def _badge(self, painter: QPainter, text: str, colour: str, box: QRectF) -> None:
        painter.setPen(QPen(QColor(0, 0, 0, 120), 1))
        painter.setBrush(QColor(colour))
        painter.drawRoundedRect(box, 3, 3)
        font = QFont(painter.font())
        font.setPixelSize(11)
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor(self._theme.tokens.on_accent))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


class ThumbList(QListView):
    """One row of pictures; the strip that holds it takes the keys."""

    def __init__(self, theme: Theme, wanted: Callable[[Thumb], QImage | None]) -> None:
        super().__init__()
        self.thumbs = ThumbsModel()
        self.setObjectName("flat")
        self.setAccessibleName(_("Candidates"))
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QListView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFixedHeight(EDGE + 30)
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor)
        self.setModel(self.thumbs)
        self.setItemDelegate(ThumbDelegate(theme, self, wanted))
        theme.changed.connect(lambda _tokens: self.viewport().update())
