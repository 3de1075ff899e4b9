"""Lists as models: rows that change one at a time, and how a row is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme

Index = QModelIndex | QPersistentModelIndex
ROW = Qt.ItemDataRole.UserRole  # the row's own value


@dataclass(frozen=True)
class Line:
    """One row of a plain list.

    Attributes
    ----------
    key
        Tells rows apart when the list changes.
    text, more
        First line, and a second one below it ("" for none).
    aside
        Said at the right end: a key, or why the row cannot be used.
    value
        What is handed on when the row is chosen.
    """

    key: str
    text: str
    more: str = ""
    aside: str = ""
    enabled: bool = True
    value: Any = None
    icon: str = ""


class RowsModel(QAbstractListModel):
    """Values in a list; `show` finds out what came, went, moved or changed and tells of that alone.

    Parameters
    ----------
    key
        What tells two rows apart.
    """

    def __init__(self, key: Callable[[Any], str] = lambda row: str(row.key)) -> None:
        super().__init__()
        self._key = key
        self._rows: list[Any] = []
        self._keys: list[str] = []

    @property
    def rows(self) -> Sequence[Any]:
        return self._rows

    def row(self, index: int) -> Any:
        """The value in a row; None where there is none."""
        return self._rows[index] if 0 <= index < len(self._rows) else None

    def place(self, key: str) -> int:
        """Where the row with this key stands; -1 where there is none."""
        return self._keys.index(key) if key in self._keys else -1

    def show(self, rows: Iterable[Any]) -> None:
        """Hold these rows."""
        fresh = list(rows)
        keys = [self._key(row) for row in fresh]
        if not self._rows or not fresh:
            if self._rows or fresh:
                self.beginResetModel()
                self._rows, self._keys = fresh, keys
                self.endResetModel()
            return
        self._remove(set(keys))
        final = {key: at for at, key in enumerate(keys)}
        for at, key in enumerate(keys):
            if self._keys[at + 1:at + 2] == [key]:  # what stands here has gone further down
                self._move(at, min(final[self._keys[at]], len(self._keys) - 1))
            if at >= len(self._keys) or self._keys[at] != key:
                self._bring(at, key, fresh[at])
        for at, row in enumerate(fresh):
            changed, self._rows[at] = not self.same(self._rows[at], row), row
            if changed:
                self.dataChanged.emit(self.index(at), self.index(at))

    def same(self, old: Any, new: Any) -> bool:
        """Whether two values of one row look the same."""
        return bool(old is new or old == new)

    def extend(self, rows: Sequence[Any]) -> None:
        """Append these rows."""
        if rows:
            self.beginInsertRows(QModelIndex(), len(self._rows), len(self._rows) + len(rows) - 1)
            self._rows.extend(rows)
            self._keys.extend(self._key(row) for row in rows)
            self.endInsertRows()

    def _remove(self, kept: set[str]) -> None:
        top = QModelIndex()
        for at in range(len(self._keys) - 1, -1, -1):
            if self._keys[at] not in kept:
                self.beginRemoveRows(top, at, at)
                del self._rows[at], self._keys[at]
                self.endRemoveRows()

    def _bring(self, at: int, key: str, row: Any) -> None:
        """Have this row at this place: from further down, or new."""
        if key in self._keys:
            self._move(self._keys.index(key), at)
            return
        self.beginInsertRows(QModelIndex(), at, at)
        self._keys.insert(at, key)
        self._rows.insert(at, row)
        self.endInsertRows()

    def _move(self, old: int, new: int) -> None:
        top = QModelIndex()
        self.beginMoveRows(top, old, old, top, new + 1 if new > old else new)
        self._keys.insert(new, self._keys.pop(old))
        self._rows.insert(new, self._rows.pop(old))
        self.endMoveRows()

    # -- what Qt asks

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.row(index.row())
        if row is None:
            return None
        return row if role == ROW else self.say(row, role)

    def say(self, row: Any, role: int) -> Any:
        """What a row answers to a role; of a `Line`."""
        if role == Qt.ItemDataRole.DisplayRole:
            return row.text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(part for part in (row.text, row.more, row.aside) if part)
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        row, chosen = self.row(index.row()), Qt.ItemFlag.ItemIsSelectable
        if row is None:
            return Qt.ItemFlag.NoItemFlags
        return chosen | Qt.ItemFlag.ItemIsEnabled if getattr(row, "enabled", True) else chosen


def draw_ground(painter: QPainter, tokens: look.Tokens, option: Any, box: QRect) -> None:
    """What lies below a row: a tint where it is chosen or pointed at, and the focus ring."""
    state = option.state
    chosen, over = bool(state & QStyle.StateFlag.State_Selected), bool(state & QStyle.StateFlag.State_MouseOver)
    focus = bool(state & QStyle.StateFlag.State_HasFocus)
    enabled = bool(state & QStyle.StateFlag.State_Enabled)
    painter.setPen(QPen(QColor(tokens.accent), 2) if focus else Qt.PenStyle.NoPen)
    painter.setBrush(QColor(tokens.selected) if chosen else QColor(tokens.hover) if over and enabled
                     else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(box.adjusted(1, 1, -1, -1) if focus else box, 4, 4)


def draw_text(painter: QPainter, box: QRect, text: str, colour: str, *, pixels: int = look.TEXT_PX, bold: bool = False,
              align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft) -> int:
    """One line of text, cut with an ellipsis where there is no room; returns its width."""
    font = QFont(painter.font())
    font.setPixelSize(pixels)
    font.setBold(bold)
    painter.setFont(font)
    painter.setPen(QColor(colour))
    shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, box.width())
    painter.drawText(box, align | Qt.AlignmentFlag.AlignVCenter, shown)
    return painter.fontMetrics().horizontalAdvance(shown)


class LineDelegate(QStyledItemDelegate):
    """Draws a `Line`: an icon, one or two lines of text, and a word at the right end."""

    def __init__(self, theme: Theme, height: int, parent: QListView, *, icons: bool = False) -> None:
        super().__init__(parent)
        self._theme, self._height, self._icons = theme, height, icons
        theme.changed.connect(lambda _tokens: parent.viewport().update())

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(0, self._height)

    def paint(self, painter: QPainter, option: Any, index: Index) -> None:
        line, t = index.data(ROW), self._theme.tokens
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(option.font)
        box = option.rect.adjusted(1, 1, -1, -1)
        draw_ground(painter, t, option, box)
        inner = box.adjusted(look.S, 0, -look.S, 0)
        if self._icons:
            if line.icon:
                edge = look.ICON_PX
                self._theme.icon(line.icon, t.text if line.enabled else t.faint).paint(
                    painter, QRect(inner.left(), inner.center().y() - edge // 2, edge, edge))
            inner.setLeft(inner.left() + look.ICON_PX + look.S)
        inner.setRight(inner.right() - self._draw_aside(painter, inner, line))
        self._draw_texts(painter, inner, line)
        painter.restore()

    def _draw_texts(self, painter: QPainter, inner: QRect, line: Line) -> None:
        t = self._theme.tokens
        colour = t.text if line.enabled else t.faint
        if not line.more:
            draw_text(painter, inner, line.text, colour)
            return
        middle = inner.center().y()
        draw_text(painter, QRect(inner.left(), middle - 18, inner.width(), 18), line.text, colour)
        draw_text(painter, QRect(inner.left(), middle + 1, inner.width(), 16), line.more,
                  t.muted if line.enabled else t.faint, pixels=12)

    def _draw_aside(self, painter: QPainter, inner: QRect, line: Line) -> int:
        """The word at the right end: a key as a key, a reason as a note; returns the room that it takes."""
        if not line.aside:
            return 0
        t = self._theme.tokens
        if not line.enabled:
            return draw_text(painter, inner, line.aside, t.muted, pixels=12,
                             align=Qt.AlignmentFlag.AlignRight) + look.S
        width = painter.fontMetrics().horizontalAdvance(line.aside) + 14
        key = QRect(inner.right() - width, inner.center().y() - 10, width, 21)
        painter.setPen(QColor(t.outline))
        painter.setBrush(QColor(t.ground))
        painter.drawRoundedRect(key, 4, 4)
        draw_text(painter, key, line.aside, t.text, align=Qt.AlignmentFlag.AlignHCenter)
        return width + look.S


class LineList(QListView):
    """A list of `Line`s; with `most` it grows with them up to so many rows, then scrolls.

    Signals of Qt serve: `activated` (Enter, double click) and `clicked`.
    """

    def __init__(self, theme: Theme, name: str, height: int = 44, most: int = 0, *, icons: bool = False) -> None:
        super().__init__()
        self.rows = RowsModel()
        self._height, self._most = height, most
        self.setAccessibleName(name)
        self.setObjectName("flat")
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        self.setModel(self.rows)
        self.setItemDelegate(LineDelegate(theme, height, self, icons=icons))

    def show_lines(self, lines: Iterable[Line]) -> None:
        self.rows.show(lines)
        if self._most:
            self.setFixedHeight(max(1, min(len(self.rows.rows), self._most)) * self._height + 8)

    @property
    def current(self) -> int:
        """Number of the current row, -1 without one."""
        return self.currentIndex().row()

    def set_current(self, row: int) -> None:
        self.setCurrentIndex(self.rows.index(row))
