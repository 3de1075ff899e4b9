"""Tiles beside one another where there is room, below one another where there is not."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from medsynth_app.ui.theme import tokens as look

LEAST = 400  # px of a tile
MOST_COLUMNS = 3


class Tiles(QWidget):
    """A grid with as many columns as have room."""

    def __init__(self) -> None:
        super().__init__()
        self._tiles: list[QWidget] = []
        self._columns = 1
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(look.L)
        self._grid.setVerticalSpacing(look.M)

    def add(self, tile: QWidget) -> None:
        """Put one more at the end."""
        self._tiles.append(tile)
        self._place()

    def clear(self) -> None:
        """Take all away and delete them."""
        for tile in self._tiles:
            self._grid.removeWidget(tile)
            tile.hide()
            tile.deleteLater()
        self._tiles = []

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        columns = min(max(1, (self.width() + look.L) // (LEAST + look.L)), MOST_COLUMNS)
        if columns != self._columns:
            self._columns = columns
            self._place()

    def _place(self) -> None:
        for tile in self._tiles:
            self._grid.removeWidget(tile)
        for k, tile in enumerate(self._tiles):
            self._grid.addWidget(tile, k // self._columns, k % self._columns)
        for column in range(MOST_COLUMNS):
            self._grid.setColumnStretch(column, int(column < self._columns))
