"""Room for what may be larger than what it stands in."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

SLACK = 2  # px that borders take once they are styled


class Reach(QScrollArea):
    """Fills itself with one widget, and scrolls where that needs more room than there is.

    Parameters
    ----------
    least
        Size in px that the widget always gets; None: what it needs, in height at the width that there is.
    """

    def __init__(self, inner: QWidget, least: QSize | None = None) -> None:
        super().__init__()
        self._inner, self._least = inner, least
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidgetResizable(least is None)
        if least is None:
            self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inner)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._least is not None:
            self._inner.resize(self.viewport().size().expandedTo(self._least))

    def sizeHint(self) -> QSize:
        """Room for all of it; what wraps needs more at least than it asks for."""
        return self._inner.sizeHint().expandedTo(self._inner.minimumSizeHint()) + QSize(0, SLACK)
