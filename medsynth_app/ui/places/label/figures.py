"""Two small figures: how much is done, and the confusion matrix."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from medsynth_app.core.cell_schema import CellSchema
from medsynth_app.core.learned import Scores
from medsynth_app.core.words import _
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme

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
