"""One picture of the staging strip."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton

from medsynth_app.ui.theme.tokens import CANVAS_RADIOLOGY, Tokens

EDGE = 92  # px


class Thumb(QAbstractButton):
    """One picture of the strip with its badge and a line of text below."""

    def __init__(self, title: str, tokens: Tokens, synthetic: bool) -> None:
        super().__init__()
        self._tokens, self._synthetic = tokens, synthetic
        self._image: QImage | None = None
        self.note = ""
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the strip itself takes the keys
        self.setText(title)
        self.setAccessibleName(f"Synthetic candidate {title}" if synthetic else title)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:
        return QSize(EDGE + 8, EDGE + 28)

    minimumSizeHint = sizeHint

    def set_theme(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self.update()

    def show_image(self, image: QImage) -> None:
        self._image = image
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        box = QRectF(4, 4, EDGE, EDGE)
        painter.fillRect(box, QColor(CANVAS_RADIOLOGY))
        if self._image is not None:
            size = self._image.size().toSizeF().scaled(box.size(), Qt.AspectRatioMode.KeepAspectRatio)
            painter.drawImage(QRectF(box.center().x() - size.width() / 2, box.center().y() - size.height() / 2,
                                     size.width(), size.height()), self._image)
        if self._synthetic:
            self._badge(painter, "SYN", self._tokens.synthetic, QRectF(8, 8, 34, 17))
        if self.note:
            self._badge(painter, self.note, self._tokens.done, QRectF(8, EDGE - 17, 68, 17))
        chosen = self.isChecked()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(self._tokens.accent if chosen else self._tokens.border), 3 if chosen else 1))
        painter.drawRoundedRect(box.adjusted(-1.5, -1.5, 1.5, 1.5) if chosen else box, 4, 4)
        font = QFont(self.font())
        font.setPixelSize(12)
        font.setBold(chosen)
        painter.setFont(font)
        painter.setPen(QColor(self._tokens.text if chosen else self._tokens.muted))
        painter.drawText(QRect(0, EDGE + 8, self.width(), 18), Qt.AlignmentFlag.AlignCenter, self.text())

    def _badge(self, painter: QPainter, text: str, colour: str, box: QRectF) -> None:
        ground = QColor(colour)
        painter.setPen(QPen(QColor(0, 0, 0, 120), 1))
        painter.setBrush(ground)
        painter.drawRoundedRect(box, 3, 3)
        font = QFont(self.font())
        font.setPixelSize(11)
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor(self._tokens.on_accent))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
