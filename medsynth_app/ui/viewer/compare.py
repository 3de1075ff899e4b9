"""Two pictures side by side: the original and a candidate, or two candidates."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QTransform
from PySide6.QtWidgets import QWidget

from medsynth_app.core.words import _

GAP = 12  # px


class SideBySide(QWidget):
    """Two equal panes at the same size and turned alike."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._images: tuple[QImage, QImage] | None = None
        self._names = ("", "")
        self._surround, self._ink = QColor("#0B0D10"), QColor("#F2F5F8")

    def set_surround(self, colour: str, bright: bool) -> None:
        self._surround, self._ink = QColor(colour), QColor("#18212C" if bright else "#F2F5F8")
        self.update()

    def show_pair(self, first: QImage, second: QImage, turn: QTransform, proportion: float,
                  names: tuple[str, str]) -> None:
        """Show both; `turn` holds flips and quarter turns, `proportion` the height of a pixel over its width."""
        stretch = QTransform.fromScale(1, proportion) * turn
        self._images, self._names = (first.transformed(stretch), second.transformed(stretch)), names
        self.setAccessibleName(_("{first} and {second} side by side").format(first=names[0], second=names[1]))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._surround)
        if self._images is None:
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        font = painter.font()
        font.setPixelSize(13)
        painter.setFont(font)
        painter.setPen(self._ink)
        width = (self.width() - 3 * GAP) / 2
        for place, (image, text) in enumerate(zip(self._images, self._names, strict=True)):
            pane = QRectF(GAP + place * (width + GAP), 44, width, self.height() - 44 - GAP)
            size = image.size().toSizeF().scaled(pane.size(), Qt.AspectRatioMode.KeepAspectRatio)
            box = QRectF(pane.center().x() - size.width() / 2, pane.center().y() - size.height() / 2,
                         size.width(), size.height())
            painter.drawImage(box, image)
            painter.drawText(QRectF(pane.left(), 14, width, 22), Qt.AlignmentFlag.AlignCenter, text)
