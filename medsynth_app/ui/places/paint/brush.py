"""The size of the brush, kept from one image and one day to the next."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from medsynth_app.session.session import Session
from medsynth_app.ui.viewer.tools import Tools

LATER_MS = 1000


class KeptBrush(QObject):
    """In millimetres where the image has spacing, in pixels elsewhere."""

    def __init__(self, session: Session, tools: Tools, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._tools = session, tools
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(LATER_MS)
        self._timer.timeout.connect(self._keep)
        tools.set_size(session.settings.current.brush_pixels)
        tools.size_changed.connect(lambda _size: self._timer.start())
        session.documents.current_changed.connect(self._restore)

    def stop(self) -> None:
        """Keep nothing more: the window closes."""
        self._timer.stop()

    def _restore(self) -> None:
        settings = self._session.settings.current
        if self._session.documents.current is None:
            return
        if self._tools.width_mm is not None:
            self._tools.set_width_mm(settings.brush_mm)
        else:
            self._tools.set_size(settings.brush_pixels)

    def _keep(self) -> None:
        width = self._tools.width_mm
        if width is not None:
            self._session.settings.change(brush_mm=min(max(width, 0.01), 500))
        elif self._session.documents.current is not None:
            self._session.settings.change(brush_pixels=self._tools.size)
