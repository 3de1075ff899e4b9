"""Places that are not built yet: they say what they will do."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QWidget

from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import column, label, row

PLANS = {
    "label": ("Label", "tag-outline", "Label first the cells that teach a classifier most.", (
        "The cell large in the middle, the nearest labelled cells of each class beside it.",
        "One key gives the class and brings the next cell.",
        "A queue that says why each cell comes now, and a blind mode that hides predictions and origin.")),
    "evaluate": ("Evaluate", "chart-box-outline", "Find out whether synthetic images are good, and for what.", (
        "Distances between real and synthetic sets, with their uncertainty.",
        "The nearest training patients of a synthetic image: has the model only copied?",
        "Reader studies and classifiers trained with and without synthetic images.")),
}


class PlannedPanel(QWidget):
    """The inspector of a place that is not built yet."""

    def __init__(self, theme: Theme, place: str) -> None:
        super().__init__()
        title, icon, purpose, points = PLANS[place]
        self.setAccessibleName(f"{title}: not built yet")
        self._theme, self._icon = theme, icon
        self._mark = label()
        head = QFrame()
        head.setObjectName("header")
        head.setFixedHeight(look.HEADER_PX)
        row(self._mark, label(title, "subtitle"), None, label("Not built yet", "warning"), parent=head,
            margins=(look.L, 0, look.L, 0))
        outer = column(label(purpose, "heading", wrap=True), label("It will show:", "muted"), spacing=look.M,
                       margins=(look.L, look.L, look.L, look.L))
        column(head, outer, parent=self, spacing=0)
        for text in points:
            bullet = label("\N{BULLET}", "muted")
            bullet.setAlignment(Qt.AlignmentFlag.AlignTop)
            line = row(bullet, label(text, wrap=True))
            line.setStretch(1, 1)
            outer.addLayout(line)
        outer.addWidget(label("Meanwhile the image stays open, and the other places work.", "help", wrap=True))
        outer.addStretch(1)
        theme.changed.connect(self._paint)
        self._paint()

    def _paint(self, _tokens: object = None) -> None:
        t = self._theme.tokens
        self._mark.setPixmap(self._theme.icon(self._icon, t.muted).pixmap(look.ICON_PX, look.ICON_PX))
