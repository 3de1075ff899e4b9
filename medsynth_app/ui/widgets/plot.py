"""Curves: lines over one axis, with ticks and their names beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from medsynth_app.core.words import _
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme

LEFT, BELOW, ABOVE, NAMES = 52, 22, 4, 18  # px for ticks and for each row of names
SMALL_PX = 11
STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)


@dataclass(frozen=True)
class PlotLine:
    """One line: its name and its points (x, y), in the order of x; `faint` for what it is held against.

    `band` tells of each point from where to where a band about it reaches; empty for no band.
    """

    name: str
    points: Sequence[tuple[float, float]]
    faint: bool = False
    band: Sequence[tuple[float, float]] = ()


class Plot(QWidget):
    """Lines told apart by dashes as well as by colour. The axes begin and end where the points do.

    Parameters
    ----------
    about
        What must be known of the values, for the tooltip.
    values
        From where to where those reach that are shown; None: as the points do.
    """

    def __init__(self, theme: Theme, title: str, about: str = "", height: int = 180,
                 values: tuple[float, float] | None = None) -> None:
        super().__init__()
        self._theme, self.title, self._about, self._values = theme, title, about, values
        self.lines: tuple[PlotLine, ...] = ()
        self._height = height
        self.setMinimumHeight(height)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(lambda _tokens: self.update())

    def sizeHint(self) -> QSize:
        return QSize(360, self._height)

    def show_lines(self, lines: Sequence[PlotLine]) -> None:
        """Draw these; those without points are left out."""
        self.lines = tuple(line for line in lines if line.points)
        last = "; ".join(f"{line.name} {line.points[-1][1]:.4g}" for line in self.lines)
        self.setAccessibleName(f"{self.title}: {last}" if last else self.title)
        self.setToolTip("\n".join(part for part in (last, self._about) if part))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        t = self._theme.tokens
        font = painter.font()
        font.setPixelSize(SMALL_PX)
        painter.setFont(font)
        names = self._placed_names(painter)
        above = ABOVE + NAMES * (names[-1][1] + 1 if names else 1)
        area = QRectF(LEFT, above, max(1, self.width() - LEFT - look.S), max(1, self.height() - above - BELOW))
        points = [point for line in self.lines for point in line.points]
        edges = [edge for line in self.lines for ends in line.band for edge in ends]
        painter.setPen(QColor(t.muted))
        if not points:
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, _("No figures yet"))
            painter.end()
            return
        xs, ys = _span([x for x, _y in points]), self._values or _span([*(y for _x, y in points), *edges])
        self._draw_axes(painter, t, area, xs, ys)
        for k, line in enumerate(self.lines):
            self._draw_line(painter, t, area, xs, ys, k, line)
        self._draw_names(painter, t, names)
        painter.end()

    def _draw_axes(self, painter: QPainter, t: look.Tokens, area: QRectF, xs: tuple[float, float],
                   ys: tuple[float, float]) -> None:
        for value in ticks(*ys, 4):
            y = area.bottom() - (value - ys[0]) / (ys[1] - ys[0]) * area.height()
            painter.setPen(QColor(t.border))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(QColor(t.muted))
            painter.drawText(QRectF(0, y - 8, LEFT - look.S, 16),
                             Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{value:.4g}")
        for value in ticks(*xs, max(2, int(area.width() // 110))):
            x = area.left() + (value - xs[0]) / (xs[1] - xs[0]) * area.width()
            box = QRectF(min(x - 40, self.width() - 80), area.bottom() + 4, 80, 16)
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, f"{value:,.0f}")

    def _draw_line(self, painter: QPainter, t: look.Tokens, area: QRectF, xs: tuple[float, float],
                   ys: tuple[float, float], k: int, line: PlotLine) -> None:
        def at(x: float, y: float) -> QPointF:
            return QPointF(area.left() + (x - xs[0]) / (xs[1] - xs[0]) * area.width(),
                           area.bottom() - (min(max(y, ys[0]), ys[1]) - ys[0]) / (ys[1] - ys[0]) * area.height())

        pen, shown = self._pen(t, k, line), [at(*point) for point in line.points]
        if line.band:
            edges = [(x, *each) for (x, _y), each in zip(line.points, line.band, strict=True)]
            tint = pen.color()
            tint.setAlpha(50)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tint)
            painter.drawPolygon(QPolygonF([*(at(x, high) for x, _low, high in edges),
                                           *(at(x, low) for x, low, _high in reversed(edges))]))
            painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(pen)
        if len(shown) == 1:
            painter.drawEllipse(shown[0], 2, 2)
        painter.drawPolyline(QPolygonF(shown))

    def _placed_names(self, painter: QPainter) -> list[tuple[float, int, float]]:
        """Where the name of each line begins, in which row, and how wide it is, in px; in as many rows as needed."""
        placed, left, row = list[tuple[float, int, float]](), float(LEFT), 0
        for line in self.lines:
            width = float(painter.fontMetrics().horizontalAdvance(line.name))
            if left > LEFT and left + 26 + width > self.width():
                left, row = float(LEFT), row + 1
            placed.append((left, row, width))
            left += 24 + width + look.L
        return placed

    def _draw_names(self, painter: QPainter, t: look.Tokens, names: Sequence[tuple[float, int, float]]) -> None:
        for k, (line, (left, row, width)) in enumerate(zip(self.lines, names, strict=True)):
            top = 2 + NAMES * row
            painter.setPen(self._pen(t, k, line))
            painter.drawLine(QPointF(left, top + 9), QPointF(left + 18, top + 9))
            painter.setPen(QColor(t.muted))
            painter.drawText(QRectF(left + 24, top, width + 2, 18), Qt.AlignmentFlag.AlignVCenter, line.name)

    @staticmethod
    def _pen(t: look.Tokens, k: int, line: PlotLine) -> QPen:
        colour = t.muted if line.faint else (t.accent, t.text, t.warning)[k % 3]
        return QPen(QColor(colour), 1.2 if line.faint else 1.8, STYLES[k % len(STYLES)])


def ticks(low: float, high: float, most: int) -> list[float]:
    """At most about so many round numbers from low to high."""
    rough = (high - low) / max(most, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in (1, 2, 5, 10) if power * each >= rough)
    first = math.ceil(low / step)
    return [step * k for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _span(values: Sequence[float]) -> tuple[float, float]:
    """From where to where; never nothing."""
    low, high = min(values), max(values)
    if high - low < 1e-9 * max(1.0, abs(high)):
        room = max(abs(high) * 0.1, 1e-3)
        return low - room, high + room
    return low, high
