"""Crisp Qt drawing over the OpenGL canvas: letters, texts, edges, the scale bar and the brush circle."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QWidget

from medsynth_app.ui.viewer.marks import Marks
from medsynth_app.ui.widgets.on_picture import draw_outlined, draw_scale_bar, inks

EDGE = 12  # px between texts and the edge of the canvas
CHIPS_PX = 26  # height of the row of chips, which stands at the top, there or not
_NONE = Qt.PenStyle.NoPen


class Overlay(QWidget):
    """Draws `marks`; lets every event through to what lies below."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.marks = Marks()
        self.synthetic, self.accent = QColor("#6D43C9"), QColor("#35B6B4")
        self._last = QRect()
        self._text = QFont(self.font())
        self._text.setPixelSize(13)
        self._letter = QFont(self.font())
        self._letter.setPixelSize(17)
        self._letter.setBold(True)

    def set_pointer(self, pointer: QPointF | None) -> None:
        """Move the brush circle, redrawing no more than it covers."""
        self.marks.pointer = pointer
        if self.marks.polygon or self.marks.bubble:
            self.update()
            return
        fresh = self._circle_rect()
        self.update(self._last.united(fresh))
        self._last = fresh

    def _circle_rect(self) -> QRect:
        brush, pointer = self.marks.brush, self.marks.pointer
        if brush is None or pointer is None:
            return QRect()
        across, down = brush[0] / 2 + 8, brush[1] / 2 + 8
        return QRectF(pointer.x() - across, pointer.y() - down, 2 * across, 2 * down).toAlignedRect()

    # -- painting -----------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        m = self.marks
        if m.empty and not m.message:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if m.empty:
            self._draw_message(painter, m.message)
            return
        self._draw_edges(painter, QRectF(event.rect()))
        self._draw_divider(painter)
        self._draw_polygon(painter)
        self._draw_brush(painter)
        self._draw_letters(painter)
        self._draw_corners(painter)
        if m.pixel_mm:
            corner = QPointF(self.width() - EDGE, self.height() - EDGE - 2)
            draw_scale_bar(painter, m.pixel_mm, corner, self.width() / 4, self._text, m.bright)
        if m.bubble and m.pointer is not None:
            self._draw_bubble(painter, m.bubble, m.pointer)

    def _draw_edges(self, painter: QPainter, dirty: QRectF) -> None:
        """Generated: hatched violet between a dark and a light line. To be changed: a thin light line on dark."""
        hatched = QBrush(self.synthetic, Qt.BrushStyle.BDiagPattern)
        edge = (QPen(QColor(0, 0, 0, 170), 5), QPen(QColor(255, 255, 255, 235), 3.2),
                QPen(hatched, 3.2), QPen(self.synthetic, 1))
        self._stroke(painter, self.marks.synthetic, edge, dirty)
        dashes = QPen(QColor(255, 255, 255, 245), 1.6)
        dashes.setDashPattern([4, 2.5])
        self._stroke(painter, self.marks.effective, (QPen(QColor(0, 0, 0, 190), 3.2), dashes), dirty)

    def _stroke(self, painter: QPainter, shapes: list[QPolygonF], pens: tuple[QPen, ...], dirty: QRectF) -> None:
        path = QPainterPath()
        for shape in shapes:
            mapped = self.marks.to_screen.map(shape)
            if mapped.boundingRect().adjusted(-6, -6, 6, 6).intersects(dirty):
                path.addPolygon(mapped)
        if path.isEmpty():
            return
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in pens:
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            painter.strokePath(path, pen)

    def _draw_message(self, painter: QPainter, text: str) -> None:
        """In the middle, in lines short enough to be read."""
        width = min(560, self.width() - 4 * EDGE)
        painter.setFont(self._text)
        painter.setPen(inks(self.marks.bright)[0])
        painter.drawText(QRect((self.width() - width) // 2, EDGE, width, self.height() - 2 * EDGE),
                         Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, text)

    def _draw_divider(self, painter: QPainter) -> None:
        x = self.marks.divider
        left, right = self.marks.captions
        if x is not None:
            for width, colour in ((4.0, QColor(0, 0, 0, 160)), (2.0, QColor(255, 255, 255))):
                painter.setPen(QPen(colour, width))
                painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
            painter.setPen(QPen(QColor(0, 0, 0, 160), 1))
            painter.setBrush(QColor(255, 255, 255))
            middle = self.height() / 2
            painter.drawRoundedRect(QRectF(x - 11, middle - 15, 22, 30), 6, 6)
            painter.setPen(QPen(QColor("#18212C"), 1.6))
            for side in (-1, 1):
                painter.drawPolyline([QPointF(x + side * 3, middle - 4), QPointF(x + side * 7, middle),
                                      QPointF(x + side * 3, middle + 4)])
        if not (left or right):
            return
        middle = x if x is not None else self.width() / 2
        y = self.height() - 66
        metrics = QFontMetricsF(self._text)
        if left:
            self._pill(painter, left, middle - 12 - metrics.horizontalAdvance(left) - 16, y)
        if right:
            start = middle + 12 if x is not None else middle - metrics.horizontalAdvance(right) / 2 - 8
            self._pill(painter, right, start, y)

    def _draw_polygon(self, painter: QPainter) -> None:
        points = [self.marks.to_screen.map(point) for point in self.marks.polygon]
        if not points:
            return
        line = QPolygonF([*points, self.marks.pointer] if self.marks.pointer is not None else points)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for width, colour in ((3.4, QColor(0, 0, 0, 170)), (1.6, QColor(255, 255, 255))):
            painter.setPen(QPen(colour, width))
            painter.drawPolyline(line)
        painter.setPen(QPen(QColor(0, 0, 0, 190), 1.2))
        for index, point in enumerate(points):
            painter.setBrush(self.accent if index == 0 else QColor(255, 255, 255))
            painter.drawEllipse(point, 4.5 if index == 0 else 3.2, 4.5 if index == 0 else 3.2)

    def _draw_brush(self, painter: QPainter) -> None:
        brush, pointer = self.marks.brush, self.marks.pointer
        if brush is None or pointer is None:
            return
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for width, colour in ((3.0, QColor(0, 0, 0, 170)), (1.3, QColor(255, 255, 255))):
            painter.setPen(QPen(colour, width))
            painter.drawEllipse(pointer, max(brush[0] / 2, 1.0), max(brush[1] / 2, 1.0))
        if min(brush) > 24:
            painter.drawPoint(pointer)

    def _draw_letters(self, painter: QPainter) -> None:
        m = self.marks
        if not m.letters.known:
            return
        metrics = QFontMetricsF(self._letter)
        across, down = self.width(), self.height()
        top = m.above + EDGE + CHIPS_PX + metrics.ascent()

        def centred(text: str) -> float:
            return across / 2 - metrics.horizontalAdvance(text) / 2

        middle = down / 2 + metrics.ascent() / 2 - 2
        for text, x, y in (
                (m.letters.left, float(EDGE), middle),
                (m.letters.right, across - EDGE - metrics.horizontalAdvance(m.letters.right), middle),
                (m.letters.top, centred(m.letters.top), top),
                (m.letters.bottom, centred(m.letters.bottom), float(down - EDGE))):
            self._outlined(painter, text, x, y, self._letter)

    def _draw_corners(self, painter: QPainter) -> None:
        m = self.marks
        metrics = QFontMetricsF(self._text)
        for row, text in enumerate(m.corner):
            y = m.above + EDGE + metrics.ascent() + row * (metrics.height() + 3)
            self._outlined(painter, text, EDGE, y, self._text)
        if m.lower:
            self._outlined(painter, m.lower, EDGE, self.height() - EDGE, self._text)

    def _draw_bubble(self, painter: QPainter, text: str, at: QPointF) -> None:
        width = QFontMetricsF(self._text).horizontalAdvance(text) + 16
        self._pill(painter, text, min(at.x() + 18, self.width() - width - 8), max(at.y() - 34, 8))

    # -- texts --------------------------------------------------------------------------------------------------

    def _outlined(self, painter: QPainter, text: str, x: float, y: float, font: QFont) -> None:
        draw_outlined(painter, text, x, y, font, self.marks.bright)

    def _pill(self, painter: QPainter, text: str, x: float, y: float) -> None:
        metrics = QFontMetricsF(self._text)
        box = QRectF(x, y, metrics.horizontalAdvance(text) + 16, metrics.height() + 8)
        painter.setPen(_NONE)
        painter.setBrush(QColor(11, 13, 16, 225))
        painter.drawRoundedRect(box, 6, 6)
        painter.setPen(QColor("#F2F5F8"))
        painter.setFont(self._text)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
