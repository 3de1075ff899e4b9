"""Masks as pictures in the colours of their classes, and the legend that names them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QLabel, QWidget

from medsynth_app.core.control_image import resized
from medsynth_app.core.labels import LabelSchema
from medsynth_app.core.words import _
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import swatch
from medsynth_app.ui.widgets.basic import clear, column, label, qimage, row

Pixels = npt.NDArray[np.uint8]
CHIP, INSET = 12, 40  # px
TINT = 45  # opacity of 255


def _colours(schema: LabelSchema) -> Pixels:
    """RGB of every value, shape (256, 3)."""
    named = {0: look.CANVAS_RADIOLOGY} | {item.value: item.colour for item in schema.classes}
    colours = [QColor(named.get(value, look.NAMELESS)) for value in range(256)]
    return np.array([(colour.red(), colour.green(), colour.blue()) for colour in colours], np.uint8)


def mask_picture(mask: Pixels, schema: LabelSchema, edge: int) -> Pixels:
    """Labels (rows, columns) as sharp RGB in the colours of their classes, on dark; the longer edge has `edge` px."""
    rows, columns = mask.shape
    scale = edge / max(rows, columns)
    return _colours(schema)[resized(mask, max(1, round(rows * scale)), max(1, round(columns * scale)))]


def laid_over(picture: Pixels, mask: Pixels, schema: LabelSchema, edge: int) -> QImage:
    """The picture, grey or RGB, under the outlines of its mask and a thin tint of the classes; as `mask_picture`."""
    large = mask_picture(mask, schema, edge)
    rows, columns = large.shape[:2]
    labels = resized(mask, rows, columns)
    border = np.zeros(labels.shape, np.bool_)
    for axis in (0, 1):
        for step in (-3, -2, -1, 1, 2, 3):
            border |= np.roll(labels, step, axis) != labels
    alpha = np.where(border & (labels > 0), 255, np.where(labels > 0, TINT, 0)).astype(np.uint8)
    cover = np.ascontiguousarray(np.dstack((large, alpha)))
    shown = qimage(picture).convertToFormat(QImage.Format.Format_RGB32).scaled(
        columns, rows, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
    painter = QPainter(shown)
    painter.drawImage(0, 0, QImage(cover.data, columns, rows, columns * 4, QImage.Format.Format_RGBA8888))
    painter.end()
    return shown


def draw_inset(painter: QPainter, mask: Pixels, schema: LabelSchema, box: QRect) -> None:
    """A small picture of the mask in the lower right corner of `box`, with a light edge."""
    image = qimage(mask_picture(mask, schema, INSET))
    left, top = box.right() - image.width() - look.XS, box.bottom() - image.height() - look.XS
    painter.fillRect(left - 1, top - 1, image.width() + 2, image.height() + 2, QColor("#FFFFFF"))
    painter.drawImage(left, top, image)


class Legend(QWidget):
    """The classes of a mask, each with its colour."""

    def __init__(self) -> None:
        super().__init__()
        self._lines = column(parent=self, spacing=2)
        self.names: tuple[str, ...] = ()

    def show_classes(self, schema: LabelSchema, values: tuple[int, ...]) -> None:
        clear(self._lines)
        items = [(value, schema.of(value)) for value in values]
        self.names = tuple(item.name if item is not None else _("label {value}").format(value=value)
                           for value, item in items)
        for name, (_value, item) in zip(self.names, items, strict=True):
            holder = QWidget()
            row(_chip(item.colour if item is not None else look.NAMELESS), label(name), parent=holder).setStretch(1, 1)
            self._lines.addWidget(holder)
        self.setAccessibleName(_("Classes: {names}").format(names=", ".join(self.names) or _("none")))


def _chip(colour: str) -> QLabel:
    """A small square of a class's colour."""
    found = QLabel()
    found.setPixmap(swatch(colour, CHIP, 3))
    found.setFixedWidth(CHIP)
    return found
