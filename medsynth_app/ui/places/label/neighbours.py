"""Beside the asked cell: those with a label that are most like it, of each likely class."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from medsynth_app.core.words import _
from medsynth_app.session.labelling import Labelling
from medsynth_app.ui.places.label.pictures import CellPictures
from medsynth_app.ui.places.label.thumbs import draw_cell
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.lists import draw_text

EDGE, CLASSES, EACH = 64, 4, 3  # px of a picture; classes, and cells of each, that are shown
WIDTH = EACH * (EDGE + look.XS) + 2 * look.M


class Neighbours(QWidget):
    """Draws them; what is said where there are none tells why."""

    def __init__(self, theme: Theme, labelling: Labelling, pictures: CellPictures) -> None:
        super().__init__()
        self._theme, self._labelling, self._pictures = theme, labelling, pictures
        self._shown: Sequence[tuple[str, list[int]]] = ()
        self.nothing = ""
        self.setFixedWidth(WIDTH)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        pictures.ready.connect(self.update)
        theme.changed.connect(lambda _tokens: self.update())

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, 120)

    def show_cells(self, found: Sequence[tuple[str, list[int]]], nothing: str) -> None:
        """Show cells of the set by class; without any, why there are none."""
        self._shown, self.nothing = found, "" if found else nothing
        names = ", ".join(kind for kind, _places in found)
        self.setAccessibleName(_("Most alike of: {classes}").format(classes=names) if names else nothing)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, t, opened = QPainter(self), self._theme.tokens, self._labelling.current
        if opened is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        top, left = look.S, look.M
        draw_text(painter, QRect(left, top, self.width() - 2 * look.M, 18), _("Most alike, by your labels"), t.muted,
                  pixels=12)
        top += 26
        if not self._shown:
            painter.drawText(QRect(left, top, self.width() - 2 * look.M, self.height() - top),
                             Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap, self.nothing)
        for kind, places in self._shown[:CLASSES]:
            if top + 20 + EDGE > self.height():
                break
            named = opened.schema.of(kind)
            draw_text(painter, QRect(left, top, self.width() - 2 * look.M, 18),
                      f"{named.key.upper()}  {named.name}" if named is not None else kind, t.text, bold=True)
            for number, place in enumerate(places[:EACH]):
                draw_cell(painter, self._pictures, t, opened.cells[place],
                          QRect(left + number * (EDGE + look.XS), top + 20, EDGE, EDGE), opened.options.blind)
            top += 20 + EDGE + look.M
        painter.end()
