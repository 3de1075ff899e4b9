"""The answers: every class with its key and how many cells have it, and what is no class."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QIcon, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QStyle, QStyleOptionToolButton, QToolButton, QWidget

from medsynth_app.core.cell_label import SKIPPED
from medsynth_app.core.cell_schema import IMPLAUSIBLE, NOT_A_CELL, NOT_SURE, CellSchema
from medsynth_app.core.words import _
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import clear, column

OTHERS = ((NOT_A_CELL, _("Not a cell"), "N", _("Dirt, a fold, an empty place, half a cell")),
          (IMPLAUSIBLE, _("Implausible"), "Shift+N", _("A cell that cannot be: an artefact of the model")),
          (NOT_SURE, _("Not sure"), "U", _("It teaches nothing, and is not asked again")),
          (SKIPPED, _("Skip"), "S", _("Ask again at the end; Space does the same")))
ROW_PX = 28


class AnswerButton(QToolButton):
    """An answer with its key; the bar below it grows with the cells that have it."""

    def __init__(self, theme: Theme, name: str, key: str, tip: str = "") -> None:
        super().__init__()
        self._theme, self._key = theme, key
        self._count, self._most, self._predicted = -1, 1, ""
        self.setText(name)
        self.setProperty("role", "class")
        self.setAccessibleName(_("{name}, key {key}").format(name=name, key=key))
        self.setToolTip(f"{name}  ({key})" + (f"\n{tip}" if tip else ""))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(ROW_PX)

    def sizeHint(self) -> QSize:
        return QSize(120, ROW_PX)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def show_count(self, count: int, most: int) -> None:
        if (count, most) != (self._count, self._most):
            self._count, self._most = count, max(most, 1)
            self.update()

    def show_predicted(self, words: str) -> None:
        """What is thought of it, such as "82 %"; "" for nothing."""
        if words != self._predicted:
            self._predicted = words
            self.update()

    @property
    def predicted(self) -> str:
        return self._predicted

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, t = QPainter(self), self._theme.tokens
        option = QStyleOptionToolButton()
        self.initStyleOption(option)
        option.text, option.icon = "", QIcon()
        self.style().drawComplexControl(QStyle.ComplexControl.CC_ToolButton, option, painter, self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = t.text if self.isEnabled() else t.faint
        left = look.XS + 2 + _draw_key(painter, t, self._key, look.XS + 2, self.height())
        right = self.width() - look.S
        font = QFont(self.font())
        painter.setFont(font)
        middle = Qt.AlignmentFlag.AlignVCenter
        if self._count >= 0:
            text = f"{self._count:,}"
            width = max(painter.fontMetrics().horizontalAdvance(text), 20)
            painter.setPen(QColor(t.text if self._count else t.muted))
            painter.drawText(QRect(right - width, 0, width, self.height()), middle | Qt.AlignmentFlag.AlignRight, text)
            right -= width + look.S
        if self._predicted:
            font.setBold(True)
            painter.setFont(font)
            width = painter.fontMetrics().horizontalAdvance(self._predicted)
            painter.setPen(QColor(t.accent))
            painter.drawText(QRect(right - width, 0, width, self.height()), middle, self._predicted)
            right -= width + look.S
        painter.setPen(QColor(ink))
        room = QRect(left + look.S, 0, right - left - look.S, self.height())
        shown = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, middle, shown)
        if self._count > 0:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(t.accent))
            whole = self.width() - 2 * look.S
            painter.drawRoundedRect(look.S, self.height() - 4, max(2, whole * self._count // self._most), 2, 1, 1)
        painter.end()


def _draw_key(painter: QPainter, tokens: look.Tokens, key: str, left: int, height: int) -> int:
    """A key as on a keyboard; returns its width."""
    text = "\N{UPWARDS WHITE ARROW}" + key[-1] if key.startswith("Shift+") else key.upper()
    font = QFont(painter.font())
    font.setPixelSize(11)
    painter.setFont(font)
    width = max(18, painter.fontMetrics().horizontalAdvance(text) + 8)
    cap = QRect(left, (height - 18) // 2, width, 18)
    painter.setPen(QColor(tokens.outline))
    painter.setBrush(QColor(tokens.ground))
    painter.drawRoundedRect(cap, 4, 4)
    painter.setPen(QColor(tokens.text))
    painter.drawText(cap, Qt.AlignmentFlag.AlignCenter, text)
    return width


class AnswerPalette(QWidget):
    """All answers of a set.

    Signals
    -------
    chosen
        Id of the answer that was clicked.
    """

    chosen = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setAccessibleName(_("Answers"))
        self._theme = theme
        self.classes: dict[str, AnswerButton] = {}
        self._shown: CellSchema | None = None
        self._column = column(spacing=2)
        self._grid = QGridLayout()
        self._grid.setSpacing(2)
        self.others = {answer: self._add(answer, AnswerButton(theme, name, key, tip))
                       for answer, name, key, tip in OTHERS}
        for place, found in enumerate(self.others.values()):
            self._grid.addWidget(found, place // 2, place % 2)
        column(self._column, self._grid, parent=self, spacing=look.S)

    def show_schema(self, schema: CellSchema | None) -> None:
        """Offer these classes."""
        if schema == self._shown:
            return
        self._shown = schema
        clear(self._column)
        self.classes = {}
        for each in schema.classes if schema is not None else ():
            parent = schema.of(each.parent) if schema is not None and each.parent else None
            tip = _("belongs to {parent}").format(parent=parent.name) if parent is not None else ""
            self.classes[each.id] = self._add(each.id, AnswerButton(self._theme, each.name, each.key, tip))
            self._column.addWidget(self.classes[each.id])

    def show_counts(self, counts: Mapping[str, int]) -> None:
        most = max(counts.values(), default=1)
        for name, found in self.classes.items():
            found.show_count(counts.get(name, 0), most)

    def show_predicted(self, answer: str, confidence: float = 0.0) -> None:
        """Mark the class that the classifier suggests; "" for none."""
        for name, found in self.classes.items():
            found.show_predicted(f"\N{BLACK LEFT-POINTING SMALL TRIANGLE} {round(100 * confidence)} %"
                                 if name == answer else "")

    def enable(self, on: bool) -> None:
        for found in (*self.classes.values(), *self.others.values()):
            found.setEnabled(on)

    def _add(self, answer: str, found: AnswerButton) -> AnswerButton:
        found.clicked.connect(lambda _checked=False: self.chosen.emit(answer))
        return found
