"""Rows of what was opened lately: a small picture, and three lines that tell one image from another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QListView, QStyleOptionViewItem

from medsynth_app.core.words import _
from medsynth_app.session.thumbnail import Thumbnail
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets import words
from medsynth_app.ui.widgets.basic import draw_syn
from medsynth_app.ui.widgets.lists import ROW, Index, Line, LineDelegate, LineList, draw_ground, draw_text
from medsynth_app.ui.widgets.recent import counted, described, small_picture
from medsynth_app.workspace.recent import RecentDocument

HEIGHT, PICTURE = 66, 52
LINE_PX = 18


def line_of(found: RecentDocument) -> Line:
    """A row; what can no longer be opened says why."""
    when = words.ago(found.opened) if found.exists else _("its file is gone")
    return Line(found.id, found.pseudonym, f"{described(found)}\n{counted(found)}", when, enabled=found.exists,
                value=found)


class RecentDelegate(LineDelegate):
    """Draws such a row; pictures are asked for once, when their row is first seen."""

    def __init__(self, theme: Theme, picture: Callable[[str], Thumbnail | None], parent: QListView) -> None:
        super().__init__(theme, HEIGHT, parent)
        self._theme, self._picture = theme, picture
        self._kept: dict[tuple[str, Any], tuple[QPixmap, bool]] = {}

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(0, HEIGHT)

    def paint(self, painter: QPainter, option: Any, index: Index) -> None:
        line, t = index.data(ROW), self._theme.tokens
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.setFont(option.font)
        box = option.rect.adjusted(1, 1, -1, -1)
        draw_ground(painter, t, option, box)
        inner = box.adjusted(look.S, 0, -look.S, 0)
        place = QRect(inner.left(), inner.center().y() - PICTURE // 2 + 1, PICTURE, PICTURE)
        self._draw_picture(painter, place, line)
        inner.setLeft(place.right() + look.M)
        top = inner.center().y() - 3 * LINE_PX // 2
        when = draw_text(painter, QRect(inner.left(), top, inner.width(), LINE_PX), line.aside, t.muted, pixels=12,
                         align=Qt.AlignmentFlag.AlignRight)
        colours = (t.text, t.text, t.muted) if line.enabled else (t.faint,) * 3
        for k, (text, colour) in enumerate(zip((line.text, *line.more.split("\n")), colours, strict=False)):
            width = inner.width() - (when + look.S if k == 0 else 0)
            draw_text(painter, QRect(inner.left(), top + k * LINE_PX, width, LINE_PX), text, colour,
                      pixels=look.TEXT_PX if k == 0 else 12)
        painter.restore()

    def _draw_picture(self, painter: QPainter, place: QRect, line: Line) -> None:
        picture, synthetic = self._seen(line.value)
        if picture.isNull():
            icon = self._theme.icon("image-outline", self._theme.tokens.faint)
            icon.paint(painter, place.adjusted(12, 12, -12, -12))
        else:
            painter.setOpacity(1.0 if line.enabled else 0.5)
            painter.drawPixmap(place, picture)
            painter.setOpacity(1.0)
        if synthetic:
            draw_syn(painter, self._theme.tokens, place.left() + 2, place.top() + 2)

    def _seen(self, found: RecentDocument) -> tuple[QPixmap, bool]:
        """The picture of a document, null where there is none, and whether anything in it is generated."""
        key = found.id, found.opened
        if key not in self._kept:
            small = self._picture(found.id)
            self._kept = {kept: value for kept, value in self._kept.items() if kept[0] != found.id}
            self._kept[key] = small_picture(small, 2 * PICTURE), small is not None and small.synthetic
        picture, synthetic = self._kept[key]
        return picture, synthetic or found.changed > 0


class RecentList(LineList):
    """What was opened lately; grows up to `most` rows, then scrolls."""

    def __init__(self, theme: Theme, picture: Callable[[str], Thumbnail | None], most: int) -> None:
        super().__init__(theme, _("Opened lately"), HEIGHT, most)
        self.setItemDelegate(RecentDelegate(theme, picture, self))
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_documents(self, found: Iterable[RecentDocument]) -> None:
        self.show_lines(line_of(item) for item in found)
