"""The generated pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QResizeEvent
from PySide6.QtWidgets import QListView, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from medsynth_app.core.jobs.kind import Outcome
from medsynth_app.core.jobs.table import outcome_of
from medsynth_app.core.words import _, ngettext
from medsynth_app.session.pictures import Pictures, Sketch
from medsynth_app.session.session import Session
from medsynth_app.ui.places.generate.picture_card import PictureCard
from medsynth_app.ui.places.generate.thumbnails import EDGE, Thumbnails, sketched
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import ElidedLabel, column, label, row
from medsynth_app.ui.widgets.lists import ROW, Index, RowsModel, draw_ground, draw_text
from medsynth_app.workspace.pictures import Picture

PAGE = 60


class PicturesModel(RowsModel):
    """Rows are the `Sketch` values of what is being drawn, and `Picture` values, newest first, read page by page."""

    def __init__(self, pictures: Pictures) -> None:
        super().__init__(lambda row: str(row.id))
        self._pictures = pictures
        self._sketches = 0

    def follow(self) -> None:
        """Hold as many pictures as before, and a page at least."""
        self._hold(self._pictures.page(0, max(PAGE, self._read)))

    def follow_sketches(self) -> None:
        """Take over what is being drawn; the pictures are not read again."""
        self._hold(self.rows[self._sketches:])

    def _hold(self, pictures: Sequence[Picture]) -> None:
        sketches = self._pictures.sketches
        self._sketches = len(sketches)
        self.show((*sketches, *pictures))

    @property
    def _read(self) -> int:
        """How many pictures are held."""
        return len(self.rows) - self._sketches

    def canFetchMore(self, parent: Index) -> bool:
        return not parent.isValid() and self._read < self._pictures.count

    def fetchMore(self, parent: Index) -> None:
        self.extend(self._pictures.page(self._read, PAGE))

    def say(self, row: Picture | Sketch, role: int) -> Any:
        if isinstance(row, Sketch):
            return _("being drawn") if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole) \
                else None
        if role == Qt.ItemDataRole.DisplayRole:
            return _("seed {seed}").format(seed=row.seed)
        if role == Qt.ItemDataRole.ToolTipRole:
            return str(row.provenance.parameters.get("prompt", ""))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            text = _("Synthetic picture, seed {seed}").format(seed=row.seed)
            return f"{text}, {_('with its mask')}" if row.has_mask else text
        return None


class PictureDelegate(QStyledItemDelegate):
    """Draws a thumbnail and the seed below it."""

    def __init__(self, theme: Theme, thumbnails: Thumbnails, view: QListView) -> None:
        super().__init__(view)
        self._theme, self._thumbnails = theme, thumbnails

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(EDGE + 16, EDGE + 36)

    def paint(self, painter: QPainter, option: Any, index: Index) -> None:
        picture: Picture | Sketch = index.data(ROW)
        t, box = self._theme.tokens, option.rect
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(option.font)
        draw_ground(painter, t, option, box)
        place = QRect(box.left() + 8, box.top() + 8, EDGE, EDGE)
        shown = sketched(picture, t) if isinstance(picture, Sketch) else self._thumbnails.of(picture)
        if shown is None:
            painter.fillRect(place, QColor(t.hover))
        else:
            painter.drawPixmap(place.left() + (EDGE - shown.width()) // 2, place.top() + (EDGE - shown.height()) // 2,
                               shown)
        draw_text(painter, QRect(box.left() + 4, place.bottom() + 4, box.width() - 8, 20), index.data(), t.text,
                  align=Qt.AlignmentFlag.AlignHCenter)
        painter.restore()


class PictureGrid(QWidget):
    """The generated pictures, newest first; the chosen one large at the side with what it came from."""

    def __init__(self, theme: Theme, session: Session, commands: Commands) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(_("Generated pictures"))
        self._session, self._commands = session, commands
        pictures = session.generate.pictures
        self.model = PicturesModel(pictures)
        self.thumbnails = Thumbnails(theme, session.generate)
        self.list = self._make_list(theme)
        self._title, self._count = label(_("Generated pictures"), "subtitle"), ElidedLabel("", "muted")
        self.empty = label(_("No pictures yet. Write a prompt at the right and press Generate."), "muted", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        left = QWidget()
        body = column(column(self._title, self._count, spacing=0), self.empty, self.list, parent=left, spacing=look.M,
                      margins=(look.L, look.L, look.M, look.L))
        body.setStretch(1, 1)
        body.setStretch(2, 1)
        self.card = PictureCard(theme, session, commands)
        row(left, self.card, parent=self, spacing=0).setStretch(0, 1)
        pictures.changed.connect(self.refresh)
        pictures.sketched.connect(self._show_sketches)
        session.jobs.changed.connect(self._show_running)
        session.jobs.progressed.connect(lambda _job: self._show_running())
        self.refresh()

    def _make_list(self, theme: Theme) -> QListView:
        found = QListView()
        found.setObjectName("flat")
        found.setAccessibleName(_("Generated pictures, all synthetic"))
        found.setViewMode(QListView.ViewMode.IconMode)
        found.setResizeMode(QListView.ResizeMode.Adjust)
        found.setMovement(QListView.Movement.Static)
        found.setUniformItemSizes(True)
        found.setMouseTracking(True)
        found.setSpacing(look.S)
        found.setModel(self.model)
        found.setItemDelegate(PictureDelegate(theme, self.thumbnails, found))
        found.selectionModel().currentChanged.connect(lambda _now, _before: self._show_chosen())
        self.thumbnails.ready.connect(lambda _id: found.viewport().update())
        theme.changed.connect(lambda _tokens: found.viewport().update())
        return found

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.card.fit(self.width())

    @property
    def _shown(self) -> Picture | Sketch | None:
        found: Picture | Sketch | None = self.model.row(self.list.currentIndex().row())
        return found

    @property
    def chosen(self) -> Picture | None:
        """The picture that is shown large; None where that is still being drawn."""
        return self._shown if isinstance(self._shown, Picture) else None

    def choose(self, place: int) -> None:
        """Show the picture of this number, 0 is the newest."""
        self.list.setCurrentIndex(self.model.index(place))

    def refresh(self) -> None:
        """Follow the session's pictures; the chosen one stays chosen, or that in its place where it went."""
        self._follow(self.model.follow)
        self._show_running()
        self._show_chosen()

    def _show_sketches(self) -> None:
        """What is being drawn looks different now."""
        self._follow(self.model.follow_sketches)
        if isinstance(self._shown, Sketch):
            self._show_chosen()

    def _follow(self, follow: Callable[[], None]) -> None:
        place, kept = max(0, self.list.currentIndex().row()), self._shown
        follow()
        count = len(self.model.rows)
        at = self.model.place(kept.id) if kept is not None else -1
        self.choose(at if at >= 0 else min(place, count - 1))
        self.list.setVisible(count > 0)
        self.card.setVisible(count > 0)
        self.empty.setVisible(count == 0)

    def _show_running(self) -> None:
        """Say what is under way."""
        busy = [entry for entry in self._session.jobs.running if outcome_of(entry.record.kind) is Outcome.PICTURES]
        count = self._session.generate.pictures.count
        parts = [ngettext("{count} picture", "{count} pictures", count).format(count=count)] if count else []
        if busy:
            parts.append(_("drawing: {percent} %").format(percent=round(busy[0].fraction * 100)))
        self._count.setText(", ".join(parts))

    def _show_chosen(self) -> None:
        shown = self._shown
        if isinstance(shown, Sketch):
            entry = self._session.jobs.entry(shown.job_id)
            self.card.show_sketch(shown, entry.record.title if entry is not None else "")
        elif shown is not None:
            self.card.show_picture(shown)
        self._commands.refresh("generate.open", "generate.save", "generate.remove")
