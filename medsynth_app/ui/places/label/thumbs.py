"""Small pictures of cells as a list draws them."""

from __future__ import annotations

from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QPainter

from medsynth_app.core.cells import Cell, Origin
from medsynth_app.ui.places.label.pictures import CellPictures
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.widgets.basic import draw_syn


def draw_cell(painter: QPainter, pictures: CellPictures, tokens: look.Tokens, cell: Cell, place: QRect,
              blind: bool) -> None:
    """A cell in a square, with the chip SYN where it is generated and that may be seen."""
    edge = round(place.width() * painter.device().devicePixelRatioF())
    found = pictures.small(cell, edge)
    if found is None:
        painter.fillRect(place, QColor(tokens.hover))
    elif found.isNull():
        painter.fillRect(place, QColor(tokens.hover))
        painter.setPen(QColor(tokens.muted))
        painter.drawLine(place.topLeft(), place.bottomRight())
    else:
        painter.drawPixmap(place, found)
    if cell.origin is Origin.SYNTHETIC and not blind and place.width() >= 40:
        draw_syn(painter, tokens, place.left() + 3, place.top() + 3)
