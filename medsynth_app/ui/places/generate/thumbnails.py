"""Small pictures of the generated ones, made on another thread when somebody looks at them."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Qt, QThreadPool, Signal
from PySide6.QtGui import QImage, QPainter, QPixmap

from medsynth_app.core.labels import LabelSchema
from medsynth_app.session.generate import Generate
from medsynth_app.session.pictures import Sketch
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.background import Background
from medsynth_app.ui.widgets.basic import draw_syn, qimage
from medsynth_app.ui.widgets.mask_picture import draw_inset
from medsynth_app.workspace.pictures import Picture

EDGE = 144  # px
KEPT = 400


class Thumbnails(QObject):
    """Keeps the last ones.

    Signals
    -------
    ready
        Id of a picture whose thumbnail is there now.
    """

    ready = Signal(str)

    def __init__(self, theme: Theme, generate: Generate) -> None:
        super().__init__()
        self._theme, self._generate = theme, generate
        self._made: OrderedDict[str, QPixmap] = OrderedDict()
        self._wanted: list[Picture] = []  # the last that was asked for is made first
        self._task: Background | None = None
        self._making = ""
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        theme.changed.connect(lambda _tokens: self._made.clear())

    @property
    def busy(self) -> bool:
        """Whether one is being made."""
        return self._task is not None

    def of(self, picture: Picture) -> QPixmap | None:
        """The thumbnail; None where it is not there yet."""
        found = self._made.get(picture.id)
        if found is None:
            if picture.id != self._making and all(picture.id != other.id for other in self._wanted):
                self._wanted.append(picture)
            self._go_on()
        return found

    def _go_on(self) -> None:
        if self._task is not None or not self._wanted:
            return
        picture = self._wanted.pop()
        self._making = picture.id
        labels = self._generate.labels_of(picture) if picture.has_mask else None
        self._task = Background(lambda _task: thumbnail(picture, labels, self._theme.tokens),
                                partial(self._take, picture.id), lambda _error: self._take(picture.id, QImage()))
        self._pool.start(self._task)

    def _take(self, picture_id: str, image: QImage) -> None:
        self._task, self._making = None, ""
        self._made[picture_id] = QPixmap.fromImage(image)
        while len(self._made) > KEPT:
            self._made.popitem(last=False)
        self.ready.emit(picture_id)
        self._go_on()

    def finish(self) -> None:
        """Make no more, when the window closes."""
        self._wanted.clear()
        self._pool.waitForDone(3000)


def sketched(sketch: Sketch, tokens: look.Tokens) -> QPixmap:
    """The same of one that is being drawn, as it looks now."""
    return QPixmap.fromImage(_marked(sketch.pixels, tokens))


def thumbnail(picture: Picture, labels: LabelSchema | None, tokens: look.Tokens) -> QImage:
    """A small picture with the chip SYN, and its mask in a corner where it has one."""
    shown, mask = _marked(picture.pixels(), tokens), picture.mask()
    if mask is not None and labels is not None:
        painter = QPainter(shown)
        draw_inset(painter, mask, labels, shown.rect())
        painter.end()
    return shown


def _marked(pixels: npt.NDArray[np.uint8], tokens: look.Tokens) -> QImage:
    shown = qimage(pixels).convertToFormat(QImage.Format.Format_RGB32).scaled(
        EDGE, EDGE, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)
    painter = QPainter(shown)
    draw_syn(painter, tokens, look.XS, look.XS)
    painter.end()
    return shown
