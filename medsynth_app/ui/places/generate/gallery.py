"""The generated pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QListView, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from medsynth_app.core.jobs.kind import Outcome
from medsynth_app.core.jobs.table import outcome_of
from medsynth_app.core.words import _, ngettext
from medsynth_app.session.pictures import Pictures, Sketch
from medsynth_app.session.session import Session
from medsynth_app.ui.places.generate.filter_bar import FilterBar
from medsynth_app.ui.places.generate.picture_card import PictureCard
from medsynth_app.ui.places.generate.thumbnails import EDGE, Thumbnails, sketched
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import ElidedLabel, button, column, label, row
from medsynth_app.ui.widgets.lists import ROW, Index, RowsModel, draw_ground, draw_text
from medsynth_app.workspace.pictures import Picture

PAGE = 60
WIDE = 560  # px beside the card, in which filter and buttons stand on one line


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
            text = _("seed {seed}").format(seed=row.seed)
            return f"\N{BLACK STAR} {text}" if row.favourite else text
        if role == Qt.ItemDataRole.ToolTipRole:
            return str(row.provenance.parameters.get("prompt", ""))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            text = _("Synthetic picture, seed {seed}").format(seed=row.seed)
            text = f"{text}, {_('favourite')}" if row.favourite else text
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


class PictureList(QListView):
    """Thumbnails of which several can be marked.

    Signals
    -------
    remove_asked
        Delete or Backspace was pressed.
    """

    remove_asked = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove_asked.emit()
        else:
            super().keyPressEvent(event)


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
        self._title, self._count = ElidedLabel(_("Generated pictures"), "subtitle"), ElidedLabel("", "muted")
        self.empty = label("", "muted", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        left = QWidget()
        self.make = button(_("Make a set…"), tip=_("Hundreds of pictures by class, as a data set"))
        self.save, self.remove = button(""), button("", role="danger")
        for each, name in ((self.make, "generate.make"), (self.save, "generate.save_these"),
                           (self.remove, "generate.remove")):
            commands.follow(each, name, tip=False)
        self.filter = FilterBar(pictures)
        head = row(column(self._title, self._count, spacing=0), self.make)
        head.setStretch(0, 1)
        self._bar = row(self.filter, row(self.remove, self.save))  # one below the other where there is little room
        self._bar.setStretch(0, 1)
        body = column(head, self._bar, self.empty, self.list, parent=left, spacing=look.M,
                      margins=(look.L, look.L, look.M, look.L))
        body.setStretch(2, 1)
        body.setStretch(3, 1)
        self.card = PictureCard(theme, session, commands)
        row(left, self.card, parent=self, spacing=0).setStretch(0, 1)
        pictures.changed.connect(self.refresh)
        pictures.sketched.connect(self._show_sketches)
        session.jobs.changed.connect(self._show_running)
        session.jobs.progressed.connect(lambda _job: self._show_running())
        self.refresh()

    def _make_list(self, theme: Theme) -> QListView:
        found = PictureList()
        found.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        found.remove_asked.connect(lambda: self._commands["generate.remove"].trigger())
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
        found.selectionModel().selectionChanged.connect(lambda _now, _before: self._show_selected())
        self.thumbnails.ready.connect(lambda _id: found.viewport().update())
        theme.changed.connect(lambda _tokens: found.viewport().update())
        return found

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.card.fit(self.width())
        self._bar.setDirection(QBoxLayout.Direction.LeftToRight if self.width() - self.card.width() > WIDE else
                               QBoxLayout.Direction.TopToBottom)

    @property
    def _shown(self) -> Picture | Sketch | None:
        found: Picture | Sketch | None = self.model.row(self.list.currentIndex().row())
        return found

    @property
    def chosen(self) -> Picture | None:
        """The picture that is shown large; None where that is still being drawn."""
        return self._shown if isinstance(self._shown, Picture) else None

    @property
    def selected(self) -> tuple[Picture, ...]:
        """The pictures that are marked, in their order; the one that is shown large where no more are."""
        rows = sorted(index.row() for index in self.list.selectionModel().selectedIndexes())
        found = tuple(each for each in map(self.model.row, rows) if isinstance(each, Picture))
        return found if len(found) > 1 or self.chosen is None else (self.chosen,)

    @property
    def meant_count(self) -> int:
        """How many `meant` has."""
        marked = len(self.list.selectionModel().selectedIndexes())
        return len(self.selected) if marked > 1 else self._session.generate.pictures.count

    def meant(self) -> tuple[str, ...]:
        """Ids of the pictures that are marked, where they are several; else of all that the filter lets through."""
        marked = self.selected
        return tuple(each.id for each in marked) if len(marked) > 1 else self._session.generate.pictures.ids()

    def choose(self, place: int) -> None:
        """Show the picture of this number, 0 is the newest."""
        self.list.setCurrentIndex(self.model.index(place))

    def refresh(self) -> None:
        """Follow the session's pictures; the chosen one stays chosen, or that in its place where it went."""
        self.filter.refresh()
        self._follow(self.model.follow)
        self._show_running()
        self._show_selected()
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
        if at < 0 or at != self.list.currentIndex().row():  # else what is marked stays marked
            self.choose(at if at >= 0 else min(place, count - 1))
        self.list.setVisible(count > 0)
        self.card.setVisible(count > 0)
        self.empty.setText(_("No picture is like that.") if self._session.generate.pictures.total else
                           _("No pictures yet. Write a prompt at the right and press Generate."))
        self.empty.setVisible(count == 0)

    def _show_running(self) -> None:
        """Say what is under way."""
        busy = [entry for entry in self._session.jobs.running if outcome_of(entry.record.kind) is Outcome.PICTURES]
        count, total = self._session.generate.pictures.count, self._session.generate.pictures.total
        parts = [ngettext("{count} picture", "{count} pictures", count).format(count=count)] if count == total else [
            _("{count} of {total} pictures").format(count=count, total=total)]
        if not total:
            parts = []
        if busy:
            parts.append(_("drawing: {percent} %").format(percent=round(busy[0].fraction * 100)))
        self._count.setText(", ".join(parts))

    def _show_selected(self) -> None:
        """What the buttons above would be done to."""
        marked, count = len(self.selected), self.meant_count
        self.remove.setText(_("Remove {count}…").format(count=f"{marked:,}"))
        self.remove.setVisible(marked > 1)
        self.save.setText(_("Save {count}…").format(count=f"{count:,}"))
        self.save.setToolTip(_("Save the pictures that are marked") if marked > 1
                             else _("Save all pictures that are shown"))
        self.save.setVisible(count > 1)
        self._commands.refresh("generate.save_these", "generate.remove")

    def _show_chosen(self) -> None:
        shown = self._shown
        if isinstance(shown, Sketch):
            entry = self._session.jobs.entry(shown.job_id)
            self.card.show_sketch(shown, entry.record.title if entry is not None else "")
        elif shown is not None:
            self.card.show_picture(shown)
        self._commands.refresh("generate.open", "generate.save", "generate.use", "generate.favourite",
                               "generate.remove", "generate.label", "label.generated")
