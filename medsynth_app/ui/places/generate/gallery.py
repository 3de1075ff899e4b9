"""The generated pictures."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon, QPainter
from PySide6.QtWidgets import QListView, QListWidget, QListWidgetItem, QWidget

from medsynth_app.core.job import JobState
from medsynth_app.core.jobs.kind import Outcome
from medsynth_app.core.jobs.table import outcome_of
from medsynth_app.session.session import Session
from medsynth_app.ui.places.generate.picture_card import PictureCard
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import (
    column,
    draw_syn,
    label,
    pixmap,
    row,
)
from medsynth_app.ui.widgets.mask_picture import draw_inset
from medsynth_app.workspace.pictures import Picture

THUMB = 144


class PictureGrid(QWidget):
    """The generated pictures, newest first; the chosen one large at the side with what it came from."""

    def __init__(self, theme: Theme, session: Session, commands: Commands, save: Callable[[int], None]) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Generated pictures")
        self._theme, self._session = theme, session
        self._icons: dict[str, QIcon] = {}
        self.list = QListWidget()
        self.list.setObjectName("flat")
        self.list.setAccessibleName("Generated pictures, all synthetic")
        self.list.setViewMode(QListView.ViewMode.IconMode)
        self.list.setResizeMode(QListView.ResizeMode.Adjust)
        self.list.setMovement(QListView.Movement.Static)
        self.list.setUniformItemSizes(True)
        self.list.setSpacing(look.S)
        self.list.setIconSize(QSize(THUMB, THUMB))
        self.list.currentRowChanged.connect(self._show_chosen)
        self._title = label("Generated pictures", "subtitle")
        self._count = label("", "muted")
        self.empty = label("No pictures yet. Write a prompt at the right and press Generate.", "muted")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        left = QWidget()
        body = column(row(self._title, self._count, None), self.empty, self.list, parent=left, spacing=look.M,
                      margins=(look.L, look.L, look.M, look.L))
        body.setStretch(1, 1)
        body.setStretch(2, 1)
        self.card = PictureCard(theme, session, commands, lambda: save(self.list.currentRow()))
        row(left, self.card, parent=self, spacing=0).setStretch(0, 1)
        session.generate.pictures.changed.connect(self.refresh)
        session.jobs.changed.connect(self._show_running)
        session.jobs.progressed.connect(self._show_running)
        theme.changed.connect(self._repaint)
        self.refresh()

    @property
    def chosen(self) -> Picture | None:
        """The picture that is shown large."""
        index = self.list.currentRow()
        return next(iter(self._session.generate.pictures.page(index, 1)), None) if index >= 0 else None

    def refresh(self) -> None:
        """List the session's pictures; the chosen one stays chosen, or that in its place where it went."""
        all_pictures, place = self._session.generate.pictures, max(0, self.list.currentRow())
        pictures = all_pictures.page(0, all_pictures.count)
        before = self.list.currentItem().data(Qt.ItemDataRole.UserRole) if self.list.currentItem() else None
        self.list.blockSignals(True)
        self.list.clear()
        for picture in pictures:
            item = QListWidgetItem(f"seed {picture.seed}")
            item.setData(Qt.ItemDataRole.UserRole, picture.id)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"Synthetic picture, seed {picture.seed}"
                         + (", with its mask" if picture.has_mask else ""))
            item.setToolTip(str(picture.provenance.parameters.get("prompt", "")))
            item.setSizeHint(QSize(THUMB + 16, THUMB + 36))
            item.setIcon(self._icon(picture))
            self.list.addItem(item)
        ids = [picture.id for picture in pictures]
        self._icons = {key: self._icons[key] for key in ids}
        self.list.setCurrentRow(ids.index(before) if before in ids else min(place, len(ids) - 1))
        self.list.blockSignals(False)
        self.list.setVisible(bool(pictures))
        self.card.setVisible(bool(pictures))
        self.empty.setVisible(not pictures)
        self._show_running()
        self._show_chosen()

    def _icon(self, picture: Picture) -> QIcon:
        if picture.id not in self._icons:
            shown = pixmap(picture.pixels(), THUMB)
            painter = QPainter(shown)
            draw_syn(painter, self._theme.tokens, look.XS, look.XS)
            mask = picture.mask()
            if mask is not None:
                draw_inset(painter, mask, self._session.generate.labels_of(picture), shown.rect())
            painter.end()
            icon = QIcon(shown)
            icon.addPixmap(shown, QIcon.Mode.Selected)
            self._icons[picture.id] = icon
        return self._icons[picture.id]

    def _repaint(self, _tokens: object) -> None:
        self._icons.clear()
        self.refresh()

    def _show_running(self) -> None:
        """Say what is under way; its previews are in the drawer."""
        entries = self._session.jobs.entries
        busy = [e for e in entries
                if outcome_of(e.record.kind) is Outcome.PICTURES and e.record.state is JobState.RUNNING]
        count = self._session.generate.pictures.count
        text = f"{count} picture{'' if count == 1 else 's'}" if count else ""
        if busy:
            text += f"{', ' if text else ''}drawing: {round(busy[0].fraction * 100)} %"
        self._count.setText(text)

    def _show_chosen(self, _index: int = 0) -> None:
        picture = self.chosen
        if picture is not None:
            self.card.show_picture(picture)
