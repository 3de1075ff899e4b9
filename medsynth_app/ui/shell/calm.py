"""Nothing comes, goes or moves while a mouse button is down."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication

LOOK_MS = 30


class Calm(QObject):
    """Has what would cover or move something wait until the person has let go.

    Parameters
    ----------
    held
        Whether a button is down on the image.
    """

    def __init__(self, held: Callable[[], bool], parent: QObject) -> None:
        super().__init__(parent)
        self._held = held
        self._waiting: list[Callable[[], object]] = []
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)

    @property
    def held(self) -> bool:
        """Whether a mouse button is down anywhere."""
        return self._held() or QGuiApplication.mouseButtons() is not Qt.MouseButton.NoButton

    def __call__(self, act: Callable[[], object]) -> None:
        """Call `act` now, or, while a button is down, as soon as it is up; in the order of the calls."""
        if self._waiting or self.held:
            self._waiting.append(act)
            self._timer.start()
        else:
            act()

    def stop(self) -> None:
        """The window closes: what waits is forgotten."""
        self._timer.stop()
        self._waiting.clear()

    def _look(self) -> None:
        if self.held:
            self._timer.start()
            return
        waiting, self._waiting = self._waiting, []
        for act in waiting:
            act()
