"""The pictures of the candidates as a list: the image as it is, and the candidates under the heads of their runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QFont, QGuiApplication, QImage, QPainter, QPen
from PySide6.QtWidgets import QListView, QMenu, QStyledItemDelegate, QStyleOptionViewItem

from medsynth_app.core.words import _
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.lists import ROW, Index, RowsModel, draw_text

EDGE, HEAD = 56, 16  # px, of a picture and of the line over it
PITCH = EDGE + look.S  # from one picture to the next
GAP = look.M  # px before a run


@dataclass(frozen=True)
class Thumb:
    """One picture of the strip.

    Attributes
    ----------
    place
        Of the candidate among `session.candidates.results`; None for the image as it is and for what is being drawn.
    number
        Stands in its corner: "1".
    note
        Said in a badge, e.g. "accepted".
    chosen
        Looked at now.
    reference
        The others are held against it.
    live
        The number of a candidate that is still being drawn; None for all else.
    head, lead, room, last
        Of its run: the words over all its pictures, how many px to the right of their left end this one stands, how
        many px they have, and whether it is the last of them.
    """

    key: str
    title: str
    place: int | None = None
    number: str = ""
    synthetic: bool = False
    note: str = ""
    tip: str = ""
    chosen: bool = False
    reference: bool = False
    live: int | None = None
    head: str = ""
    lead: int = 0
    room: int = 0
    last: bool = False

    @property
    def width(self) -> int:
        """px; the last picture of a run holds what room its words need beyond the pictures."""
        return max(PITCH, self.room - self.lead) + GAP if self.last else PITCH


class ThumbsModel(RowsModel):
    """Rows are `Thumb` values."""

    def say(self, row: Thumb, role: int) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            return row.number or row.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return row.tip or None
        if role == Qt.ItemDataRole.AccessibleTextRole:
            title = _("Synthetic: {title}").format(title=row.title) if row.synthetic else row.title
            words = [title, row.head, row.note, _("chosen") if row.chosen else ""]
            return ", ".join(word for word in words if word)
        return None


class ThumbDelegate(QStyledItemDelegate):
    """Draws a picture with its badges under the head of its run; asks for pictures that it has to show."""

    def __init__(self, theme: Theme, view: QListView, wanted: Callable[[Thumb], QImage | None]) -> None:
        super().__init__(view)
        self._theme, self._wanted = theme, wanted

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        thumb: Thumb = index.data(ROW)
        return QSize(thumb.width, HEAD + EDGE + look.XS)

    def paint(self, painter: QPainter, option: Any, index: Index) -> None:
        thumb: Thumb = index.data(ROW)
        t, place = self._theme.tokens, option.rect
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.setFont(option.font)
        self._draw_head(painter, thumb, place)
        box = QRectF(place.left() + 2, place.top() + HEAD, EDGE, EDGE)
        painter.fillRect(box, QColor(look.CANVAS_RADIOLOGY))
        image = self._wanted(thumb)
        if image is not None:
            size = image.size().toSizeF().scaled(box.size(), Qt.AspectRatioMode.KeepAspectRatio)
            painter.drawImage(QRectF(box.center().x() - size.width() / 2, box.center().y() - size.height() / 2,
                                     size.width(), size.height()), image)
        if thumb.synthetic:
            self._badge(painter, "SYN", t.synthetic, QRectF(box.left() + 3, box.top() + 3, 26, 14))
        if thumb.number:
            self._badge(painter, thumb.number, "", QRectF(box.right() - 21, box.top() + 3, 18, 14))
        if thumb.note:
            ground = "" if thumb.live is not None else t.accent if thumb.reference else t.done
            self._badge(painter, thumb.note, ground,
                        QRectF(box.left() + 2, box.bottom() - 16, EDGE - 4, 14))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        strong = thumb.chosen or thumb.reference
        style = Qt.PenStyle.SolidLine if thumb.chosen or not thumb.reference else Qt.PenStyle.DashLine
        painter.setPen(QPen(QColor(t.accent if strong else t.border), 3 if strong else 1, style))
        painter.drawRoundedRect(box.adjusted(-0.5, -0.5, 0.5, 0.5) if strong else box, 4, 4)
        painter.restore()

    def _draw_head(self, painter: QPainter, thumb: Thumb, place: QRect) -> None:
        """This picture's part of the words over its run: so they are whole however far the strip is scrolled."""
        t = self._theme.tokens
        painter.save()
        painter.setClipRect(QRect(place.left(), place.top(), thumb.width, HEAD))
        draw_text(painter, QRect(place.left() + 2 - thumb.lead, place.top() - 1, thumb.room - 4, HEAD), thumb.head,
                  t.muted, pixels=11)
        painter.restore()

    def _badge(self, painter: QPainter, text: str, colour: str, box: QRectF) -> None:
        """Words on a ground of this colour, or on the dark one of the canvas."""
        painter.setPen(QPen(QColor(0, 0, 0, 120), 1))
        painter.setBrush(QColor(colour) if colour else QColor(11, 13, 16, 215))
        painter.drawRoundedRect(box, 3, 3)
        font = QFont(painter.font())
        font.setPixelSize(9)
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor(self._theme.tokens.on_accent) if colour else QColor("#F2F5F8"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


class ThumbList(QListView):
    """One row of pictures; the strip that holds it takes the keys.

    Signals
    -------
    chosen, compared
        `Thumb`: a click looks at it; Ctrl and a click, or the menu of the right button, hold the others against it.
    """

    chosen = Signal(object)
    compared = Signal(object)

    def __init__(self, theme: Theme, wanted: Callable[[Thumb], QImage | None]) -> None:
        super().__init__()
        self.thumbs = ThumbsModel()
        self.setObjectName("flat")
        self.setAccessibleName(_("Candidates"))
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QListView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor)
        self.setModel(self.thumbs)
        self.setItemDelegate(ThumbDelegate(theme, self, wanted))
        self.clicked.connect(self._tell)
        theme.changed.connect(lambda _tokens: self.viewport().update())

    def _tell(self, index: QModelIndex) -> None:
        thumb = self.thumbs.row(index.row())
        with_control = QGuiApplication.keyboardModifiers() & Qt.KeyboardModifier.ControlModifier
        if thumb is not None:
            (self.compared if with_control else self.chosen).emit(thumb)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        thumb = self.thumbs.row(self.indexAt(event.pos()).row())
        if thumb is None or thumb.live is not None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(_("Compare with this"), lambda: self.compared.emit(thumb))
        menu.popup(event.globalPos())
