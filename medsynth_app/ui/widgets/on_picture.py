"""Texts and the scale bar over a picture: with a halo, so that they stay legible on any."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QPolygonF

LONGEST = 140.0  # px of a scale bar


def inks(bright: bool) -> tuple[QColor, QColor]:
    """Text colour and halo on a bright surround, or on a dark one."""
    if bright:
        return QColor("#18212C"), QColor(255, 255, 255, 225)
    return QColor("#F2F5F8"), QColor(0, 0, 0, 200)


def draw_outlined(painter: QPainter, text: str, x: float, y: float, font: QFont, bright: bool) -> None:
    """Text from x on, its baseline at y."""
    path = QPainterPath()
    path.addText(QPointF(x, y), font, text)
    ink, halo = inks(bright)
    painter.strokePath(path, QPen(halo, 3.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap,
                                  Qt.PenJoinStyle.RoundJoin))
    painter.fillPath(path, ink)


def scale_bar(pixel_mm: float, room: float) -> tuple[float, str]:
    """(length in px, text) of the longest round bar that fits into `room` px, each of them `pixel_mm` wide."""
    longest = pixel_mm * room
    power = 10.0 ** math.floor(math.log10(longest))
    length = max(step * power for step in (1, 2, 5) if step * power <= longest * (1 + 1e-9))
    if length >= 100:
        text = f"{length / 10:g} cm"
    elif length >= 1:
        text = f"{length:g} mm"
    else:
        text = f"{length * 1000:g} µm"
    return length / pixel_mm, text


def draw_scale_bar(painter: QPainter, pixel_mm: float, corner: QPointF, room: float, font: QFont, bright: bool) -> None:
    """A bar whose right end lies in a corner, and its length above it, in `room` px at most."""
    length, text = scale_bar(pixel_mm, min(LONGEST, room))
    left, right, y = corner.x() - length, corner.x(), corner.y()
    bar = QPolygonF([QPointF(left, y - 5), QPointF(left, y), QPointF(right, y), QPointF(right, y - 5)])
    ink, halo = inks(bright)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for width, colour in ((4.5, halo), (1.8, ink)):
        painter.setPen(QPen(colour, width))
        painter.drawPolyline(bar)
    across = QFontMetricsF(font).horizontalAdvance(text)
    draw_outlined(painter, text, right - max(length, across) / 2 - across / 2, y - 9, font, bright)
    painter.restore()
