"""Two small figures of what was learned: the learning curve and the confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QHelpEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from medsynth_app.core.cell_schema import CellSchema
from medsynth_app.core.learned import CurvePoint, Scores
from medsynth_app.core.words import _
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme

CURVE_PX, AXIS_PX = 116, 30
CELL_PX = 22  # of a square of the matrix, at most


class Bar(QWidget):
    """How much is done; unlike Qt's own it is drawn when its turn comes, not at once."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._share = theme, 0.0
        self.setFixedHeight(4)
        self.setAccessibleName(_("Progress"))
        theme.changed.connect(lambda _tokens: self.update())

    def show_share(self, share: float) -> None:
        self._share = min(1.0, max(0.0, share))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, t = QPainter(self), self._theme.tokens
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for colour, width in ((t.pressed, self.width()), (t.accent, round(self.width() * self._share))):
            painter.setBrush(QColor(colour))
            painter.drawRoundedRect(0, 0, width, 4, 2, 2)
        painter.end()


class Curve(QWidget):
    """Macro-F1 by the number of labels, with a band of one standard error either way."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._points: Sequence[CurvePoint] = ()
        self.setFixedHeight(CURVE_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(lambda _tokens: self.update())

    def show_curve(self, points: Sequence[CurvePoint]) -> None:
        self._points = points
        self.setVisible(len(points) > 1)
        self.setAccessibleName(_("Learning curve: macro-F1 {first} after {few} labels, {last} after {many}").format(
            first=f"{points[0].macro_f1:.2f}", few=points[0].labels, last=f"{points[-1].macro_f1:.2f}",
            many=points[-1].labels) if points else "")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if len(self._points) < 2:
            return
        painter, t = QPainter(self), self._theme.tokens
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        room = QRectF(AXIS_PX, 6, self.width() - AXIS_PX - 6, self.height() - 24)
        font = QFont(self.font())
        font.setPixelSize(11)
        painter.setFont(font)
        for value in (0.0, 0.5, 1.0):
            y = room.bottom() - value * room.height()
            painter.setPen(QPen(QColor(t.border), 1))
            painter.drawLine(QPointF(room.left(), y), QPointF(room.right(), y))
            painter.setPen(QColor(t.muted))
            painter.drawText(QRectF(0, y - 8, AXIS_PX - 6, 16),
                             Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{value:g}")
        most = max(point.labels for point in self._points)

        def at(labels: int, value: float) -> QPointF:
            return QPointF(room.left() + room.width() * labels / most,
                           room.bottom() - room.height() * min(1.0, max(0.0, value)))

        band = [at(each.labels, each.macro_f1 + each.error) for each in self._points] \
            + [at(each.labels, each.macro_f1 - each.error) for each in reversed(self._points)]
        tint = QColor(t.accent)
        tint.setAlpha(50)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tint)
        painter.drawPolygon(QPolygonF(band))
        painter.setPen(QPen(QColor(t.accent), 2))
        painter.drawPolyline(QPolygonF([at(each.labels, each.macro_f1) for each in self._points]))
        painter.setPen(QColor(t.muted))
        below = QRectF(room.left(), room.bottom() + 2, room.width(), 16)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, "0")
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, _("labelled one by one"))
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, f"{most:,}")
        painter.end()


class Confusion(QWidget):
    """Rows as labelled, columns as named; the keys of the classes stand for them, a tooltip says all."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._classes: list[int] = []
        self._scores: Scores | None = None
        self._schema: CellSchema | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(_("Confusion matrix"))
        theme.changed.connect(lambda _tokens: self.update())

    def show_scores(self, schema: CellSchema, scores: Scores | None) -> None:
        """Show the classes that occur."""
        self._schema, self._scores = schema, scores
        matrix = scores.confusion if scores is not None else ()
        self._classes = [k for k in range(len(matrix)) if any(matrix[k]) or any(line[k] for line in matrix)]
        self.setVisible(bool(self._classes))
        self.setFixedHeight((len(self._classes) + 1) * self._edge() + 4)
        self.update()

    def _edge(self) -> int:
        return min(CELL_PX, max(10, (look.INSPECTOR_PX - 3 * look.L) // (len(self._classes) + 1)))

    def sizeHint(self) -> QSize:
        return QSize(120, self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        scores, schema = self._scores, self._schema
        if scores is None or schema is None or not self._classes:
            return
        painter, t, edge = QPainter(self), self._theme.tokens, self._edge()
        font = QFont(self.font())
        font.setPixelSize(max(8, edge // 2))
        painter.setFont(font)
        for line, kind in enumerate(self._classes):
            key = schema.classes[kind].key.upper()
            painter.setPen(QColor(t.muted))
            painter.drawText(QRect(0, (line + 1) * edge, edge, edge), Qt.AlignmentFlag.AlignCenter, key)
            painter.drawText(QRect((line + 1) * edge, 0, edge, edge), Qt.AlignmentFlag.AlignCenter, key)
            counts = scores.confusion[kind]
            whole = max(1, sum(counts))
            for column, other in enumerate(self._classes):
                square = QRect((column + 1) * edge, (line + 1) * edge, edge - 1, edge - 1)
                share = counts[other] / whole
                painter.fillRect(square, QColor(look.mix(t.ground, t.accent, 0.75 * share)))
                if counts[other]:
                    painter.setPen(QColor(t.on_accent if share > 0.7 else t.text))
                    painter.drawText(square, Qt.AlignmentFlag.AlignCenter, str(counts[other]))
        painter.end()

    def event(self, event: object) -> bool:
        if isinstance(event, QHelpEvent) and self._schema is not None and self._scores is not None:
            edge = self._edge()
            column, line = event.pos().x() // edge - 1, event.pos().y() // edge - 1
            if 0 <= line < len(self._classes) and 0 <= column < len(self._classes):
                truth, named = self._classes[line], self._classes[column]
                QToolTip.showText(event.globalPos(), _("{count} cells labelled {truth}, named {named}").format(
                    count=self._scores.confusion[truth][named], truth=self._schema.classes[truth].name,
                    named=self._schema.classes[named].name), self)
                return True
        return super().event(event)  # type: ignore[arg-type]
