"""When a fitted image follows the size of the canvas: with the window, and with nothing else."""

from __future__ import annotations

from PySide6.QtCore import QObject, QSize, QSizeF
from PySide6.QtWidgets import QWidget

from medsynth_app.ui.viewer.mouse import Pointer
from medsynth_app.ui.viewer.stage import single_timer
from medsynth_app.ui.viewer.view import View

LAYING_MS = 50  # a window that was resized has laid out its parts by then


class Fitting(QObject):
    """Tells the view of its size. What opens round the canvas leaves zoom and centre as they are.

    A window that is resized while a button is down fits its image when the button is up again.
    """

    def __init__(self, canvas: QWidget, view: View, pointer: Pointer) -> None:
        super().__init__(canvas)
        self._canvas, self._view, self._pointer = canvas, view, pointer
        self._window = QSize()
        self._owed = False
        self._laying = single_timer(self, LAYING_MS, lambda: None)
        pointer.released.connect(self._released)

    def begin(self) -> None:
        """An image is shown anew, or the window has another size: until all is laid out, what is fitted stays so."""
        self._laying.start()

    def resized(self, size: QSize) -> None:
        """The canvas has this size now."""
        window = self._canvas.window().size()
        if window != self._window:
            self._window = window
            self.begin()
        follow = self._laying.isActive()
        self._owed = self._owed or (follow and self._pointer.held)
        self._view.resize(QSizeF(size), refit=follow and not self._pointer.held)

    def _released(self) -> None:
        if self._owed:
            self._owed = False
            self._view.resize(self._view.size)
