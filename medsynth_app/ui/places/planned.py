"""Places that are not built yet: they say what they will do."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QWidget

from medsynth_app.core.words import _
from medsynth_app.ui.shell.frame import Frame
from medsynth_app.ui.shell.place import Place
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import column, label, row
from medsynth_app.ui.widgets.reach import Reach


class PlannedPanel(QWidget):
    """The inspector of a place that is not built yet."""

    def __init__(self, theme: Theme, title: str, icon: str, purpose: str, points: Sequence[str]) -> None:
        super().__init__()
        self.setAccessibleName(_("{place}: not built yet").format(place=title))
        self._theme, self._icon = theme, icon
        self._mark = label()
        head = QFrame()
        head.setObjectName("header")
        head.setFixedHeight(look.HEADER_PX)
        row(self._mark, label(title, "subtitle"), None, label(_("Not built yet"), "warning"), parent=head,
            margins=(look.L, 0, look.L, 0))
        outer = column(label(purpose, "heading", wrap=True), label(_("It will show:"), "muted"), spacing=look.M,
                       margins=(look.L, look.L, look.L, look.L))
        inner = QWidget()
        inner.setLayout(outer)
        column(head, Reach(inner), parent=self, spacing=0)
        for text in points:
            bullet = label("\N{BULLET}", "muted")
            bullet.setAlignment(Qt.AlignmentFlag.AlignTop)
            line = row(bullet, label(text, wrap=True))
            line.setStretch(1, 1)
            outer.addLayout(line)
        outer.addWidget(label(_("Meanwhile the image stays open, and the other places work."), "help", wrap=True))
        outer.addStretch(1)
        theme.changed.connect(self._paint)
        self._paint()

    def _paint(self, _tokens: object = None) -> None:
        t = self._theme.tokens
        self._mark.setPixmap(self._theme.icon(self._icon, t.muted).pixmap(look.ICON_PX, look.ICON_PX))


def planned(frame: Frame, place_id: str, title: str, icon: str, purpose: str, points: Sequence[str]) -> Place:
    """A place that is not built yet, with a page about it."""
    return Place(place_id, title, icon, PlannedPanel(frame.theme, title, icon, purpose, points),
                 tools=(frame.steps, frame.image_tools), planned=True)
