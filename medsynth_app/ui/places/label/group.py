"""In groups: a page of cells that are thought alike, which one key labels; some by chance are looked at large first."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QEvent, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QHideEvent, QKeyEvent, QPainter, QPaintEvent, QPen, QShowEvent
from PySide6.QtWidgets import QComboBox, QListView, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from medsynth_app.core.cell_page import CHECKS
from medsynth_app.core.words import _, ngettext
from medsynth_app.session.label_groups import GroupPage, LabelGroups
from medsynth_app.session.session import Session
from medsynth_app.session.teaching import Stage
from medsynth_app.ui.places.label.pictures import CellPictures
from medsynth_app.ui.places.label.thumbs import draw_cell
from medsynth_app.ui.shell.runner import Runner
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import ElidedLabel, button, column, label, row
from medsynth_app.ui.widgets.lists import ROW, Index, RowsModel, draw_ground

SEEN = 0.15  # seconds that the checks are on the screen before a key counts
LARGE, LEAST, SMALL = 200, 84, 76  # px of a picture: of one to check, at least in one row, and of another one


class TileDelegate(QStyledItemDelegate):
    """Draws a cell; one that is left out is struck out and pale."""

    def __init__(self, theme: Theme, session: Session, pictures: CellPictures, view: Tiles, edge: int) -> None:
        super().__init__(view)
        self._theme, self._labelling, self._pictures = theme, session.labelling, pictures
        self._view, self.edge = view, edge

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(self.edge + 8, self.edge + 8)

    def paint(self, painter: QPainter, option: Any, index: Index) -> None:
        place, opened = index.data(ROW), self._labelling.current
        if opened is None or place >= len(opened.cells):
            return
        t, box = self._theme.tokens, option.rect
        out = place in self._view.out
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        draw_ground(painter, t, option, box)
        square = QRect(box.left() + 4, box.top() + 4, self.edge, self.edge)
        if out:
            painter.setOpacity(0.35)
        draw_cell(painter, self._pictures, t, opened.cells[place], square, opened.options.blind)
        painter.setOpacity(1)
        if out:
            for colour, width in (("#FFFFFF", 5), (t.error, 3)):
                painter.setPen(QPen(QColor(colour), width))
                painter.drawLine(square.topLeft(), square.bottomRight())
                painter.drawLine(square.topRight(), square.bottomLeft())
        painter.restore()


class Tiles(QListView):
    """Cells of a page; a click, Enter or Space leaves one out and takes it in again.

    Signals
    -------
    toggled
        The place in the set of the cell.
    """

    toggled = Signal(int)

    def __init__(self, theme: Theme, session: Session, pictures: CellPictures, name: str, edge: int) -> None:
        super().__init__()
        self.rows = RowsModel(str)
        self.out: set[int] = set()
        self.drawn_at: float | None = None
        self._pictures, self._session, self._edge = pictures, session, edge
        self.setObjectName("flat")
        self.setAccessibleName(name)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QListView.SelectionMode.NoSelection)
        self.setMouseTracking(True)
        self.setSpacing(2)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setModel(self.rows)
        self._delegate = TileDelegate(theme, session, pictures, self, edge)
        self.setItemDelegate(self._delegate)
        self.clicked.connect(lambda index: self.toggled.emit(self.rows.row(index.row())))
        pictures.ready.connect(self.viewport().update)
        theme.changed.connect(lambda _tokens: self.viewport().update())

    def set_edge(self, edge: int) -> None:
        """Draw pictures so large."""
        if edge != self._edge:
            self._edge = self._delegate.edge = edge
            self.drawn_at = None
            self.doItemsLayout()

    def show_places(self, places: Sequence[int], out: set[int]) -> None:
        self.out, self.drawn_at = out, None
        self.rows.show(())
        self.rows.show(places)
        self.scrollToTop()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            place = self.rows.row(self.currentIndex().row())
            if place is not None and not event.isAutoRepeat():
                self.toggled.emit(place)
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        opened = self._session.labelling.current
        if self.drawn_at is None and self.rows.rows and opened is not None:
            edge = round(self._edge * self.devicePixelRatioF())
            if all(self._pictures.small(opened.cells[place], edge) is not None for place in self.rows.rows
                   if place < len(opened.cells)):
                self.drawn_at = time.monotonic()


class GroupView(QWidget):
    """Shows pages and labels them.

    Attributes
    ----------
    shown
        The page on the screen; None where there is none.
    """

    def __init__(self, theme: Theme, session: Session, pictures: CellPictures, run: Runner) -> None:
        super().__init__()
        self._session, self._labelling, self._run = session, session.labelling, run
        self.groups = LabelGroups(session.labelling)
        self.shown: GroupPage | None = None
        self._chosen: tuple[int, ...] | None = None  # a choice of cells in the place of a group
        self._passed: set[int] = set()
        self._out: set[int] = set()
        self._choice = ""
        self.box = QComboBox()
        self.box.setAccessibleName(_("Group"))
        self.box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.box.activated.connect(self._choose_group)
        self._words = ElidedLabel("", "muted")
        self.back = button(_("Show groups again"), self._drop_choice, role="link")
        head = row(self.box, self._words, self.back, spacing=look.M, margins=(look.L, look.S, look.L, look.S))
        head.setStretch(1, 1)
        self._check = label(_("Check these first: click each that is a stranger"), "heading")
        self.estimate = label("", "muted", wrap=True)
        self.large = Tiles(theme, session, pictures, _("Cells to check first"), LARGE)
        self.large.setFlow(QListView.Flow.LeftToRight)
        self.large.setWrapping(False)
        self.large.setFixedHeight(LARGE + 16)
        self.small = Tiles(theme, session, pictures, _("The other cells of the page"), SMALL)
        self._rest = label("", "heading")
        for tiles in (self.large, self.small):
            tiles.toggled.connect(self._toggle)
        self.empty = label("", "muted", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._body = QWidget()
        column(self._check, self.large, self.estimate, self._rest, self.small, parent=self._body, spacing=look.S,
               margins=(look.L, 0, look.S, look.S)).setStretch(4, 1)
        outer = column(head, self._body, self.empty, parent=self, spacing=0)
        outer.setStretch(1, 1)
        outer.setStretch(2, 1)
        self.setFocusProxy(self.large)
        self._labelling.teaching.learned_changed.connect(self._follow)
        self._labelling.teaching.stage_changed.connect(self._say_nothing)
        self._labelling.labels_changed.connect(self._follow)
        self._labelling.changed.connect(self._begin)

    # -- answers

    @property
    def ready(self) -> bool:
        """Whether the cells to check have been seen long enough for a key to count."""
        drawn = self.large.drawn_at
        return self.shown is not None and drawn is not None and time.monotonic() - drawn >= SEEN

    def answer(self, answer: str) -> bool:
        """Label all cells of the page that are not left out; whether it counted."""
        page = self.shown
        if page is None or not self.ready:
            return False
        places = [place for place in page.places if place not in self._out]
        if not places:
            return self.next_page()
        checked = set(page.checked) - self._out
        self._passed |= self._out
        self.shown = None  # the labels that come now turn the page once
        given = self._run(lambda: self._labelling.answer_group(places, answer, checked))
        self._turn()
        return given is not None

    def next_page(self) -> bool:
        """Leave this page as it is."""
        if self.shown is None or not self.ready:
            return False
        self._passed |= set(self.shown.places)
        self._turn()
        return True

    def choose(self, places: Sequence[int], words: str) -> None:
        """Show these cells, whatever their groups, in this order."""
        self._chosen, self._choice = tuple(places), words
        self._passed.clear()
        self._turn()

    # -- what is shown

    def _begin(self) -> None:
        self._chosen = None
        self._passed.clear()
        self._turn()

    def _follow(self) -> None:
        """Labels came or went, or others are thought alike: the page stays as long as its cells have no label."""
        if not self.isVisible() or self._labelling.current is None:
            return
        if self.shown is None or not all(self._labelling.is_open(place) for place in self.shown.places):
            self._turn()
        else:
            self._fill_box()

    def _turn(self) -> None:
        """Show the next page of the group in hand, or of the surest one where it has none left."""
        if not self.isVisible() or self._labelling.current is None:
            self.shown = None
            return
        self._fill_box()
        if self._chosen is not None:
            page = self.groups.choice([place for place in self._chosen if place not in self._passed])
        else:
            page = self.groups.page(self.box.currentData(), self._passed)
            if page is None and self._passed:
                self._passed.clear()  # what was passed over comes again
                page = self.groups.page(self.box.currentData())
            if page is not None:
                self.box.setCurrentIndex(self.box.findData(page.group))
        self._show(page)

    def _fill_box(self) -> None:
        kept, opened = self.box.currentData(), self._labelling.current
        sizes = self.groups.sizes() if self._labelling.teaching.learned is not None else {}
        self.box.clear()
        for group, count in sizes.items():
            named = opened.schema.of(self.groups.kind(group)) if opened is not None else None
            name = named.name if named is not None else _("Group {number}").format(number=self.groups.number(group))
            self.box.addItem(f"{name}  ({count:,})", group)
        found = self.box.findData(kept)
        self.box.setCurrentIndex(found)

    def _show(self, page: GroupPage | None) -> None:
        self.shown, self._out = page, set()
        self.box.setVisible(self._chosen is None and page is not None)
        self.back.setVisible(self._chosen is not None)
        self._body.setVisible(page is not None)
        self.empty.setVisible(page is None)
        self._labelling.clock.start()
        if page is None:
            self._words.setText("")
            self._say_nothing()
            return
        kind = self._labelling.opened().schema.of(page.kind) if page.kind else None
        count = len(page.places)
        left = _("{count} of {left}").format(count=count, left=f"{page.left:,}")
        self._words.setText(f"{self._choice}: {left}" if self._chosen is not None else
                            _("{count}, taken for {kind}").format(count=left, kind=kind.name) if kind is not None
                            else _("{count}, thought alike").format(count=left) if page.expected is not None
                            else _("{count}, alike by what the encoder sees").format(count=left))
        checked = set(page.checked)
        rest = [place for place in page.places if place not in checked]
        self.large.show_places(page.checked, self._out)
        self.small.show_places(rest, self._out)
        others = _("The other {count}") if self._chosen is not None else _("The other {count}, like beside like")
        self._rest.setText(others.format(count=len(rest)) if rest else "")
        self._rest.setVisible(bool(rest))
        self.small.setVisible(bool(rest))
        self._estimate()

    def _toggle(self, place: int) -> None:
        self._out ^= {place}
        for tiles in (self.large, self.small):
            tiles.out = self._out
            tiles.viewport().update()
        self._estimate()

    def _estimate(self) -> None:
        """How many of the page are likely to be strangers, by those that were checked."""
        page = self.shown
        if page is None or self._labelling.current is None:
            return
        wrong, n = len(self._out & set(page.checked)), len(page.checked)
        checked = ngettext("{wrong} of {n} checked is a stranger.", "{wrong} of {n} checked are strangers.", wrong
                           ).format(wrong=wrong, n=n)
        share = page.strangers(self._out)
        likely = round(share.value * share.n)
        others = ngettext("Of the other {count} that a key labels about {likely} may be a stranger, {low} to {high} "
                          "(90 % interval).", "Of the other {count} that a key labels about {likely} may be strangers, "
                          "{low} to {high} (90 % interval).", likely).format(
            count=share.n, likely=likely, low=round(share.low * share.n), high=round(share.high * share.n)
        ) if share.n else ""
        left = len(page.places) - len(self._out & set(page.places))
        key = ngettext("A class key labels {count} cell.", "A class key labels {count} cells.", left
                       ).format(count=left)
        self.estimate.setText(" ".join(part for part in (checked, others, key) if part))

    def _say_nothing(self) -> None:
        if self.shown is not None or not self.isVisible():
            return
        teaching = self._labelling.teaching
        if teaching.stage is Stage.EMBEDDING:
            words = _("The encoder looks at the cells: {percent} %. Groups come then.").format(
                percent=round(100 * teaching.fraction))
        elif teaching.learned is None and teaching.stage is Stage.LEARNING:
            words = _("Cells are being put into groups.")
        elif teaching.learned is None:
            words = teaching.obstacle or _("Nothing is known of these cells yet.")
        else:
            words = _("No cells are left here.") if self._chosen is not None else _("All cells are labelled.")
        self.empty.setText(words)

    def _choose_group(self, _index: int) -> None:
        self._passed.clear()
        self._turn()
        self.large.setFocus()

    def _drop_choice(self) -> None:
        self._chosen = None
        self._passed.clear()
        self._turn()
        self.large.setFocus()

    def resizeEvent(self, event: object) -> None:
        """All cells to check are seen: side by side, or in two rows where they would be too small to judge."""
        room = self.width() - 3 * look.L
        lines = 1 if room // CHECKS - 12 >= LEAST else 2
        edge = min(max(LEAST, min(LARGE, self.height() // 5)) if lines == 1 else LEAST, room // (CHECKS // lines) - 12)
        self.large.setWrapping(lines > 1)
        self.large.set_edge(edge)
        self.large.setFixedHeight(lines * (edge + 10) + 8)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.ActivationChange and self.isVisible() and self.shown is not None:
            (self._labelling.clock.resume if self.isActiveWindow() else self._labelling.clock.pause)()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        QTimer.singleShot(0, self, self._turn)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._labelling.clock.pause()
