"""The asked cell, large."""

from __future__ import annotations

import time

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFont, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from medsynth_app.actions.cell_crops import Crop
from medsynth_app.core.errors import UserError
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import draw_syn, qimage
from medsynth_app.ui.widgets.on_picture import draw_scale_bar

SMOOTH = 3.0  # enlargement up to which pixels are smoothed: beyond it they would only look blurred
STEP, MOST = 1.25, 12.0  # of the zoom
GAIN, GAINS = 1.15, 6  # of the brightness, and how many steps there are either way


class CellView(QWidget):
    """Shows a crop; the wheel zooms, dragging moves.

    Attributes
    ----------
    drawn_at
        When the cell was first on the screen, in seconds of `time.monotonic`; None before.

    Signals
    -------
    drawn
        A cell is on the screen for the first time.
    touched
        Somebody is there.
    """

    drawn = Signal()
    touched = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 120)
        self._crop: Crop | None = None
        self._image: QImage | None = None
        self._synthetic = False
        self._words: tuple[str, str] = ("", "")
        self.paused = ""
        self.drawn_at: float | None = None
        self.zoom, self.gain, self.outlined = 1.0, 0, True
        self._moved = QPointF()
        self._from: QPointF | None = None
        theme.changed.connect(lambda _tokens: self.update())

    def show_crop(self, crop: Crop, synthetic: bool, name: str) -> None:
        """Show a cell as the one before was looked at, in its middle."""
        self._crop, self._synthetic, self._words = crop, synthetic, ("", "")
        self._moved = QPointF()
        self.drawn_at = None
        self.setAccessibleName(name)
        self._render()

    def _tell_drawn(self) -> None:
        if self.drawn_at is not None:  # else another cell, or words, took its place before it could be told
            self.drawn.emit()

    def say(self, happened: str, more: str = "") -> None:
        """Show words in the place of a cell."""
        self._crop = self._image = None
        self._words, self.drawn_at = (happened, more), None
        self.setAccessibleName(" ".join((happened, more)).strip())
        self.update()

    def say_error(self, error: UserError) -> None:
        self.say(error.happened, " ".join(part for part in (error.safe, error.remedy) if part))

    def say_paused(self, words: str) -> None:
        """Words at the edge while the clock stands still, "" for none."""
        if words != self.paused:
            self.paused = words
            self.update()

    def zoom_by(self, factor: float) -> None:
        self.zoom = min(MOST, max(1.0, self.zoom * factor))
        if self.zoom == 1.0:
            self._moved = QPointF()
        self.update()

    def brighten(self, steps: int) -> None:
        self.gain = min(GAINS, max(-GAINS, self.gain + steps))
        self._render()

    def reset(self) -> None:
        """As it was taken: whole, and at its own brightness."""
        self.zoom, self.gain, self._moved = 1.0, 0, QPointF()
        self._render()

    def outline(self, on: bool) -> None:
        self.outlined = on
        self.update()

    # -- drawing

    def _render(self) -> None:
        if self._crop is not None:
            pixels = self._crop.pixels
            if self.gain:
                pixels = np.clip(pixels * GAIN ** self.gain, 0, 255).astype(np.uint8)
            self._image = qimage(pixels)
        self.update()

    def _place(self, image: QImage) -> tuple[QRectF, float]:
        """Where the image lies, and how many px of the window one of its own takes."""
        fits = min(self.width() / image.width(), self.height() / image.height())
        scale = min(fits, SMOOTH) * self.zoom
        width, height = image.width() * scale, image.height() * scale
        left, top = (self.width() - width) / 2 + self._moved.x(), (self.height() - height) / 2 + self._moved.y()
        return QRectF(left, top, width, height), scale

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, t = QPainter(self), self._theme.tokens
        painter.fillRect(self.rect(), QColor(t.canvas_bright_field))
        if self._image is not None and self._crop is not None:
            place, scale = self._place(self._image)
            ratio = self.devicePixelRatioF()
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale * ratio <= SMOOTH * max(1, ratio))
            painter.drawImage(place, self._image)
            whole = self._crop.box == (0, 0, self._image.width(), self._image.height())
            if self.outlined and not whole:
                self._draw_box(painter, place, scale)
            if self._crop.pixel_mm is not None:
                corner = QPointF(self.width() - look.M, self.height() - look.M)
                draw_scale_bar(painter, self._crop.pixel_mm / scale, corner, self.width() / 4, self._text(), True)
            if self._synthetic:
                draw_syn(painter, t, max(0, round(place.left())) + look.S, max(0, round(place.top())) + look.S)
            if self.drawn_at is None:
                self.drawn_at = time.monotonic()
                QTimer.singleShot(0, self, self._tell_drawn)
        else:
            self._draw_words(painter)
        if self.paused:
            self._draw_paused(painter)
        painter.end()

    def _text(self) -> QFont:
        font = QFont(self.font())
        font.setPixelSize(look.TEXT_PX)
        return font

    def _draw_box(self, painter: QPainter, place: QRectF, scale: float) -> None:
        """The corners of the cell's box, in white with a dark edge: seen on every ground, and the cell stays free."""
        assert self._crop is not None
        left, top, right, bottom = self._crop.box
        box = QRectF(place.left() + left * scale, place.top() + top * scale, (right - left) * scale,
                     (bottom - top) * scale).adjusted(-2, -2, 2, 2)
        arm = min(box.width(), box.height()) * 0.16
        for colour, width in (("#000000", 4), ("#FFFFFF", 2)):
            painter.setPen(QPen(QColor(colour), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
            for corner, x, y in ((box.topLeft(), 1, 1), (box.topRight(), -1, 1), (box.bottomLeft(), 1, -1),
                                 (box.bottomRight(), -1, -1)):
                painter.drawLine(corner, corner + QPointF(arm * x, 0))
                painter.drawLine(corner, corner + QPointF(0, arm * y))

    def _draw_words(self, painter: QPainter) -> None:
        happened, more = self._words
        room = self.rect().adjusted(look.L, look.L, -look.L, -look.L)
        font = QFont(self.font())
        font.setPixelSize(15)
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor("#18212C"))  # the ground is the same light grey in both themes
        centred = Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
        upper = room.adjusted(0, 0, 0, -room.height() // 2)
        painter.drawText(upper, centred | Qt.AlignmentFlag.AlignBottom, happened)
        font.setPixelSize(look.TEXT_PX)
        font.setBold(False)
        painter.setFont(font)
        painter.setPen(QColor("#46515F"))
        painter.drawText(room.adjusted(0, room.height() // 2 + look.S, 0, 0),
                         centred | Qt.AlignmentFlag.AlignTop, more)

    def _draw_paused(self, painter: QPainter) -> None:
        font = QFont(self.font())
        font.setPixelSize(12)
        painter.setFont(font)
        width = painter.fontMetrics().horizontalAdvance(self.paused) + 16
        chip = QRectF(look.M, self.height() - 24 - look.M, width, 24)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(11, 13, 16, 225))
        painter.drawRoundedRect(chip, 4, 4)
        painter.setPen(QColor("#F2F5F8"))
        painter.drawText(chip, Qt.AlignmentFlag.AlignCenter, self.paused)

    # -- what the person does

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.zoom_by(STEP if event.angleDelta().y() > 0 else 1 / STEP)
        self.touched.emit()
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._from = event.position() - self._moved
        self.touched.emit()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.touched.emit()
        if self._from is not None and self.zoom > 1:
            self._moved = event.position() - self._from
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._from = None
