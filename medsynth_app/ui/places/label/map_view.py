"""The map: all cells as small pictures, like beside like; a lasso round some shows them as a group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QWidget

from medsynth_app.core.words import _, ngettext
from medsynth_app.session.session import Session
from medsynth_app.session.teaching import Stage
from medsynth_app.ui.places.label.pictures import CellPictures
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import ElidedLabel, column, row

TILE = 34  # px of a picture at least, and at most half as large again
STEP, CLOSEST = 1.2, 4000.0  # of the wheel, and how much larger than the whole map it can get
MARGIN = 48  # px round the whole map
POINTS = 120  # corners of a lasso that are kept
ARROW = 80  # px of a step


@dataclass(frozen=True, eq=False)
class Level:
    """The map in squares of one size: which cell stands for each, and how many lie in it.

    Attributes
    ----------
    edge
        Of a square, in units of the map.
    columns, rows, cells, counts
        One entry for each square that is not empty.
    """

    edge: float
    columns: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    cells: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]


def level_of(points: npt.NDArray[np.float32], edge: float) -> Level:
    """Points, shape (n, 2) from 0 to 1, in squares; the first one in a square stands for it."""
    places = np.floor(points / edge).astype(np.int64)
    keys = places[:, 1] * (math.ceil(1 / edge) + 2) + places[:, 0]
    _keys, first, counts = np.unique(keys, return_index=True, return_counts=True)
    return Level(edge, places[first, 0], places[first, 1], first, counts)


def inside(points: npt.NDArray[np.float32], corners: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which points, (n, 2), lie in a polygon, (k, 2), by counting how often its edge is crossed on the way there."""
    found = np.zeros(len(points), np.bool_)
    x, y = points[:, 0], points[:, 1]
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 != y1:
            between = (y0 > y) != (y1 > y)
            found ^= between & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return found


class MapView(QWidget):
    """Draws what is visible at the size at hand, so that it is as quick with 50,000 cells as with 500.

    Signals
    -------
    chosen
        Places in the set of the cells in a lasso.
    hovered
        Place in the set of the cell under the pointer and how many lie there; -1 and 0 for none.
    """

    chosen = Signal(list)
    hovered = Signal(int, int)

    def __init__(self, theme: Theme, session: Session, pictures: CellPictures) -> None:
        super().__init__()
        self._theme, self._labelling, self._pictures = theme, session.labelling, pictures
        self.setAccessibleName(_("Map of the cells, like beside like"))
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(160, 120)
        self._points = np.zeros((0, 2), np.float32)
        self._levels: dict[int, Level] = {}
        self._zoom, self._middle = 1.0, (0.5, 0.5)
        self._drag: QPointF | None = None
        self._lasso: list[QPointF] | None = None
        self._later = QTimer(self)  # pictures come many at once
        self._later.setSingleShot(True)
        self._later.setInterval(30)
        self._later.timeout.connect(self.update)
        pictures.ready.connect(lambda: None if self._later.isActive() else self._later.start())
        theme.changed.connect(lambda _tokens: self.update())

    def show_points(self, points: npt.NDArray[np.float32]) -> None:
        """Lay out cells: row k of `points` is of row k of what was learned."""
        self._points, self._levels = points * np.float32(0.999), {}  # the last ones lie in the last square
        self.update()

    def fit(self) -> None:
        """The whole map."""
        self._zoom, self._middle = 1.0, (0.5, 0.5)
        self.update()

    # -- from the map to the window

    @property
    def _scale(self) -> float:
        """Px of the window that the map's edge takes."""
        return max(40.0, min(self.width(), self.height()) - 2 * MARGIN) * self._zoom

    def _to_window(self, x: float, y: float) -> tuple[float, float]:
        return ((x - self._middle[0]) * self._scale + self.width() / 2,
                (y - self._middle[1]) * self._scale + self.height() / 2)

    def _to_map(self, point: QPointF) -> tuple[float, float]:
        return ((point.x() - self.width() / 2) / self._scale + self._middle[0],
                (point.y() - self.height() / 2) / self._scale + self._middle[1])

    @property
    def _level(self) -> Level:
        """Squares that are `TILE` px large, or up to half as large again: they stay while one zooms a little."""
        power = math.floor(2 * math.log2(self._scale / TILE))
        found = self._levels.get(power)
        if found is None:
            found = self._levels[power] = level_of(self._points, 2.0 ** (-power / 2))
        return found

    def _visible(self) -> tuple[Level, npt.NDArray[np.intp]]:
        level = self._level
        left, top = self._to_map(QPointF(0, 0))
        right, bottom = self._to_map(QPointF(self.width(), self.height()))
        shown = ((level.columns >= math.floor(left / level.edge)) & (level.columns <= math.floor(right / level.edge))
                 & (level.rows >= math.floor(top / level.edge)) & (level.rows <= math.floor(bottom / level.edge)))
        return level, shown.nonzero()[0]

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, t, opened = QPainter(self), self._theme.tokens, self._labelling.current
        painter.fillRect(self.rect(), QColor(t.ground))
        if opened is None or not len(self._points):
            return
        level, shown = self._visible()
        edge = max(8, int(level.edge * self._scale) - 2)
        kept = round(TILE * 1.5 * self.devicePixelRatioF())
        teaching, blind = self._labelling.teaching, opened.options.blind
        for at in shown:
            x, y = self._to_window(float(level.columns[at]) * level.edge, float(level.rows[at]) * level.edge)
            place = teaching.place(int(level.cells[at]))
            square, cell = QRect(round(x) + 1, round(y) + 1, edge, edge), opened.cells[place]
            found = self._pictures.small(cell, kept)
            if found is None or found.isNull():
                painter.fillRect(square, QColor(t.hover))
            else:
                painter.drawPixmap(square, found)
            if cell.origin and not blind:
                draw_cell_mark(painter, t, square, "SYN", t.synthetic, t.on_accent, at_right=False)
            own = self._labelling.label_of(place)
            named = opened.schema.of(own.answer) if own is not None else None
            if named is not None:
                draw_cell_mark(painter, t, square, named.key.upper(), t.surface, t.text, at_right=True)
        if self._lasso is not None and len(self._lasso) > 1:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            fill = QColor(t.accent)
            fill.setAlpha(40)
            painter.setBrush(fill)
            painter.setPen(QPen(QColor(t.accent), 2))
            painter.drawPolygon(QPolygonF(self._lasso))
        painter.end()

    # -- what the person does

    def wheelEvent(self, event: QWheelEvent) -> None:
        before = self._to_map(event.position())
        self._zoom = min(CLOSEST, max(1.0, self._zoom * (STEP if event.angleDelta().y() > 0 else 1 / STEP)))
        after = self._to_map(event.position())
        self._move(before[0] - after[0], before[1] - after[1])
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if event.button() is Qt.MouseButton.LeftButton:
            self._lasso = [event.position()]
        else:
            self._drag = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._lasso is not None:
            if (event.position() - self._lasso[-1]).manhattanLength() >= 3:
                self._lasso.append(event.position())
                self.update()
        elif self._drag is not None:
            moved = event.position() - self._drag
            self._drag = event.position()
            self._move(-moved.x() / self._scale, -moved.y() / self._scale)
        else:
            self._tell_hovered(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        lasso, self._lasso, self._drag = self._lasso, None, None
        self.update()
        if lasso is not None and len(lasso) > 2 and len(self._points):
            step = max(1, len(lasso) // POINTS)
            corners = np.array([self._to_map(point) for point in lasso[::step]])
            rows = inside(self._points, corners).nonzero()[0]
            if len(rows):
                self.chosen.emit([self._labelling.teaching.place(int(each)) for each in rows])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}
        if event.key() in steps:
            x, y = steps[Qt.Key(event.key())]
            self._move(x * ARROW / self._scale, y * ARROW / self._scale)
            return
        super().keyPressEvent(event)

    def zoom_by(self, factor: float) -> None:
        self._zoom = min(CLOSEST, max(1.0, self._zoom * factor))
        self._move(0, 0)

    def _move(self, x: float, y: float) -> None:
        if self._zoom == 1.0:
            self._middle = (0.5, 0.5)
        else:
            self._middle = (min(1.0, max(0.0, self._middle[0] + x)), min(1.0, max(0.0, self._middle[1] + y)))
        self.update()

    def _tell_hovered(self, point: QPointF) -> None:
        if not len(self._points):
            return
        level, (x, y) = self._level, self._to_map(point)
        at = ((level.columns == math.floor(x / level.edge)) & (level.rows == math.floor(y / level.edge))).nonzero()[0]
        if len(at):
            self.hovered.emit(self._labelling.teaching.place(int(level.cells[at[0]])), int(level.counts[at[0]]))
        else:
            self.hovered.emit(-1, 0)


def draw_cell_mark(painter: QPainter, tokens: look.Tokens, square: QRect, text: str, ground: str, ink: str, *,
                   at_right: bool) -> None:
    """A word in the upper corner of a picture."""
    font = QFont(painter.font())
    font.setPixelSize(9)
    font.setBold(True)
    painter.setFont(font)
    width = painter.fontMetrics().horizontalAdvance(text) + 6
    left = square.right() - width - 1 if at_right else square.left() + 2
    mark = QRect(left, square.top() + 2, width, 13)
    painter.fillRect(mark, QColor(ground))
    painter.setPen(QColor(ink))
    painter.drawText(mark, Qt.AlignmentFlag.AlignCenter, text)


class MapPage(QWidget):
    """The map with a line about it.

    Signals
    -------
    chosen
        Places in the set, and words about them.
    """

    chosen = Signal(list, str)

    def __init__(self, theme: Theme, session: Session, pictures: CellPictures) -> None:
        super().__init__()
        self._labelling = session.labelling
        self.view = MapView(theme, session, pictures)
        self.words = ElidedLabel("", "muted")
        head = row(self.words, margins=(look.L, look.S, look.L, look.S))
        head.setStretch(0, 1)
        column(head, self.view, parent=self, spacing=0).setStretch(1, 1)
        self.setFocusProxy(self.view)
        self.view.chosen.connect(self._choose)
        self.view.hovered.connect(self._tell)
        self._labelling.teaching.learned_changed.connect(self.refresh)
        self._labelling.teaching.stage_changed.connect(self._say)
        self._labelling.labels_changed.connect(lambda: self.view.update())
        self.refresh()

    def refresh(self) -> None:
        learned = self._labelling.teaching.learned
        self.view.show_points(learned.map if learned is not None else np.zeros((0, 2), np.float32))
        self._say()

    def _say(self) -> None:
        teaching = self._labelling.teaching
        if teaching.learned is not None:
            self.words.setText(_("Drag round cells to look at them as a group. The wheel zooms, the right button or "
                                 "the arrows move."))
        elif teaching.stage is Stage.EMBEDDING:
            self.words.setText(_("The encoder looks at the cells: {percent} %.").format(
                percent=round(100 * teaching.fraction)))
        else:
            self.words.setText(teaching.obstacle or _("The map comes once the cells were compared."))

    def _tell(self, place: int, count: int) -> None:
        opened = self._labelling.current
        if place < 0 or opened is None:
            self._say()
            return
        own, (kind, share) = self._labelling.label_of(place), self._labelling.teaching.prediction(place)
        parts = [ngettext("{count} cell here", "{count} cells here", count).format(count=f"{count:,}")]
        if own is not None and (named := opened.schema.of(own.answer)) is not None:
            parts.append(_("you called it {kind}").format(kind=named.name))
        elif kind and self._labelling.suggests and (named := opened.schema.of(kind)) is not None \
                and self._labelling.is_open(place):
            parts.append(_("taken for {kind}, {share} %").format(kind=named.name, share=round(100 * share)))
        self.words.setText(", ".join(parts))

    def _choose(self, places: Sequence[int]) -> None:
        self.chosen.emit(list(places), _("In the lasso"))
