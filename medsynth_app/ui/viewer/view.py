"""Where the image stands on the canvas: flips, quarter turns, zoom and centre."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QPointF, QRectF, QSizeF, Signal
from PySide6.QtGui import QTransform

Matrix = npt.NDArray[np.float64]
SMALLEST, LARGEST = 0.01, 200.0


class View(QObject):
    """Maps image coordinates (x = column, y = row, whole numbers at pixel centres) to the canvas and back.

    Attributes
    ----------
    scale
        Height and width of a pixel; the smaller of the two is 1 (square pixels: both).
    zoom
        Canvas pixels per unit of `scale`.
    center
        World point in the middle of the free part of the canvas; the middle of the image is (0, 0).
    below
        Height at the foot of the canvas, in its pixels, that is not counted as free: something else stands there at
        other times, and the image lies still when it comes.
    fitted
        True until the person zooms or pans: the image then fits anew when the window gets another size.

    Signals
    -------
    turned
        Flips, turns or the image changed; `moved` follows.
    moved
        Something is drawn elsewhere than before.
    """

    turned = Signal()
    moved = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows, self.columns = 1, 1
        self.scale = (1.0, 1.0)
        self.flip_horizontal = self.flip_vertical = False
        self.turns = 0
        self.zoom = 1.0
        self.center = QPointF(0, 0)
        self.size = QSizeF(1, 1)
        self.below = 0
        self.fitted = True
        self._known: tuple[object, QTransform, QTransform] = ((), QTransform(), QTransform())

    def set_image(self, rows: int, columns: int, row_spacing: float, column_spacing: float, *, anew: bool = False
                  ) -> None:
        """Show an image of this size; `anew`: upright and whole, however the last one stood."""
        least = min(row_spacing, column_spacing)
        self.rows, self.columns = rows, columns
        self.scale = (row_spacing / least, column_spacing / least) if least > 0 else (1.0, 1.0)
        if anew:
            self.flip_horizontal = self.flip_vertical = False
            self.turns = 0
            self.fitted = True
        self._turned()

    def resize(self, size: QSizeF, *, refit: bool = True) -> None:
        """The canvas has this size now; without `refit` zoom and centre stay as they are."""
        self.size = size
        if refit and self.fitted:
            self._fit()
        self.moved.emit()

    def leave_below(self, height: int) -> None:
        """Set `below`; zoom and centre stay as they are."""
        if height != self.below:
            self.below = height
            self.moved.emit()

    # -- turning ------------------------------------------------------------------------------------------------

    def turn(self) -> None:
        """A quarter turn clockwise."""
        self.turns = (self.turns + 1) % 4
        self._turned()

    def flip(self, horizontal: bool) -> None:
        """Flip what the screen shows; flips are kept as done before the turns."""
        if horizontal != bool(self.turns % 2):
            self.flip_horizontal = not self.flip_horizontal
        else:
            self.flip_vertical = not self.flip_vertical
        self._turned()

    def reset(self) -> None:
        """Undo flips, turns and zoom."""
        self.flip_horizontal = self.flip_vertical = False
        self.turns = 0
        self.fitted = True
        self._turned()

    def _turned(self) -> None:
        if self.fitted:
            self._fit()
        self.turned.emit()
        self.moved.emit()

    @property
    def linear(self) -> Matrix:
        """Flips, then turns, acting on (row, column) vectors."""
        matrix = np.diag([-1.0 if self.flip_vertical else 1.0, -1.0 if self.flip_horizontal else 1.0])
        for _ in range(self.turns):
            matrix = np.array([[0.0, 1.0], [-1.0, 0.0]]) @ matrix
        return matrix

    @property
    def affine(self) -> Matrix:
        """3 x 3, from scaled (row, column) to the world, whose origin is the middle of the image."""
        middle = np.array([(self.rows - 1) / 2 * self.scale[0], (self.columns - 1) / 2 * self.scale[1]])
        result = np.eye(3)
        result[:2, :2] = self.linear
        result[:2, 2] = -self.linear @ middle
        return result

    @property
    def to_screen(self) -> QTransform:
        """From image coordinates to canvas pixels."""
        return self._transforms()[0]

    def to_image(self, point: QPointF) -> tuple[float, float]:
        """(row, column) under a canvas point, not rounded."""
        found = self._transforms()[1].map(point)
        return found.y(), found.x()

    def _transforms(self) -> tuple[QTransform, QTransform]:
        """There and back; worked out anew only when something changed, for every event of the pointer asks."""
        key = (self.zoom, self.center.x(), self.center.y(), self._middle().toTuple(), self.scale, self.rows,
               self.columns, self.flip_horizontal, self.flip_vertical, self.turns)
        if key != self._known[0]:
            (rr, rc), (cr, cc) = (self.linear @ np.diag(self.scale) * self.zoom).tolist()
            turned = QTransform(cc, rc, cr, rr, 0, 0)
            middle = turned.map(QPointF((self.columns - 1) / 2, (self.rows - 1) / 2))
            shift = self._middle() - self.center * self.zoom - middle
            found = QTransform(cc, rc, cr, rr, shift.x(), shift.y())
            self._known = (key, found, found.inverted()[0])
        return self._known[1], self._known[2]

    def rect(self, top: float, left: float, bottom: float, right: float) -> QRectF:
        """Canvas rectangle of a box of pixels."""
        box = QRectF(left - 0.5, top - 0.5, right - left, bottom - top)
        return self.to_screen.mapRect(box)

    @property
    def image_rect(self) -> QRectF:
        return self.rect(0, 0, self.rows, self.columns)

    # -- moving -------------------------------------------------------------------------------------------------

    def fit(self) -> None:
        """Show the whole image."""
        self.fitted = True
        self._fit()
        self.moved.emit()

    def _fit(self, margin: float = 28.0) -> None:
        """Zoom and centre for the whole image, with room for the orientation letters."""
        height, width = self.rows * self.scale[0], self.columns * self.scale[1]
        if self.turns % 2:
            height, width = width, height
        across = max(self.size.width() - 2 * margin, 16.0)
        down = max(self.size.height() - self.below - 2 * margin, 16.0)
        self.zoom = float(np.clip(min(across / width, down / height), SMALLEST, LARGEST))
        self.center = QPointF(0, 0)

    def actual_size(self) -> None:
        """One image pixel on one canvas pixel."""
        self.zoom_at(self._middle(), 1 / self.zoom)

    def zoom_at(self, point: QPointF, factor: float) -> None:
        """Zoom by `factor`, keeping the image point under `point` where it is."""
        after = float(np.clip(self.zoom * factor, SMALLEST, LARGEST))
        offset = point - self._middle()
        self.center += offset / self.zoom - offset / after
        self.zoom = after
        self.fitted = False
        self.moved.emit()

    def pan(self, delta: QPointF) -> None:
        """Move the image by `delta` canvas pixels; some of it always stays in sight."""
        self.center -= delta / self.zoom
        half = np.array([self.rows * self.scale[0], self.columns * self.scale[1]]) / 2
        down, across = np.abs(self.linear @ half)
        self.center.setX(float(np.clip(self.center.x(), -across, across)))
        self.center.setY(float(np.clip(self.center.y(), -down, down)))
        self.fitted = False
        self.moved.emit()

    def _middle(self) -> QPointF:
        return QPointF(self.size.width() / 2, (self.size.height() - self.below) / 2)

    @property
    def camera(self) -> QPointF:
        """World point in the middle of the whole canvas."""
        return self.center + QPointF(0, self.below / 2 / self.zoom)
