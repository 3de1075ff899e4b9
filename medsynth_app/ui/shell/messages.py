"""Lines of one height over the top of the middle: what went wrong, what is being opened, who is at work."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import QFrame, QStackedWidget, QWidget

from medsynth_app.ui.shell.calm import Calm
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.widgets.basic import column

MOST = 2  # lines; what stands first comes first
_NEWS = frozenset({QEvent.Type.ShowToParent, QEvent.Type.HideToParent})


class Messages(QWidget):
    """Holds the lines over its parent, which keeps its size; a line shows and hides itself, here it gets its room.

    Signals
    -------
    covered
        How much of the parent's top is covered now, in px.
    """

    covered = Signal(int)

    def __init__(self, over: QStackedWidget, calm: Calm, *lines: QWidget) -> None:
        super().__init__(over)
        self._over, self._calm, self._lines = over, calm, lines
        self._holders = tuple(QFrame() for _line in lines)
        for line, holder in zip(lines, self._holders, strict=True):
            column(line, parent=holder, spacing=0)
            holder.setFixedHeight(look.MESSAGE_PX)
            holder.hide()
            line.installEventFilter(self)
        column(*self._holders, parent=self, spacing=0)
        over.installEventFilter(self)
        over.currentChanged.connect(lambda _index: self.raise_())  # a page that is turned to lies on top
        self.hide()

    def _follow(self) -> None:
        wanted = [holder for line, holder in zip(self._lines, self._holders, strict=True) if not line.isHidden()][:MOST]
        for holder in self._holders:
            holder.setVisible(holder in wanted)
        height = len(wanted) * look.MESSAGE_PX
        self.setGeometry(0, 0, self._over.width(), height)
        self.setVisible(bool(wanted))
        self.raise_()
        self.covered.emit(height)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._over:
            if event.type() is QEvent.Type.Resize:
                self.resize(self._over.width(), self.height())
        elif event.type() in _NEWS:
            self._calm(self._follow)
        return False
