"""One slice of a folder that is still being read, so that one sees early whether it is the right one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

from PySide6.QtCore import Qt, QThreadPool
from PySide6.QtGui import QImage, QPainter, QPixmap
from PySide6.QtWidgets import QFrame, QLabel, QWidget

from medsynth_app.core.words import _
from medsynth_app.formats.registry import dicom_files
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.background import Background
from medsynth_app.ui.widgets.basic import column, draw_syn, label
from medsynth_app.ui.widgets.thumbnails import SYNTHETIC, picture_of

EDGE = 224  # px of the longer side
TRIED = 20  # files without an image that are passed over


class Glimpse(QFrame):
    """Lies over the top right of the middle, below the message; nothing can be done to what it shows."""

    def __init__(self, theme: Theme, over: QWidget) -> None:
        super().__init__(over)
        self.setObjectName("toast")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._theme, self._over = theme, over
        self._picture, self._pool = QLabel(), QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._task: Background | None = None
        self._tasks: set[Background] = set()  # kept until they have ended
        words = label(_("Being opened: one of its slices"), "help")
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column(self._picture, words, parent=self, spacing=look.XS, margins=(look.S,) * 4)
        self.hide()

    def look_into(self, folder: Path) -> None:
        """Show the first image of a folder when it has been read, which takes no more than one file."""
        self.clear()
        task = Background(lambda task: _first_picture(folder, task.stopped), lambda found: self._found(task, found),
                          lambda _error: self._found(task, None))
        self._task = task
        self._tasks.add(task)
        self._pool.start(task)

    def clear(self) -> None:
        """It is not wanted any more."""
        if self._task is not None:
            self._task.stop()
        self._task = None
        self.hide()

    def finish(self) -> None:
        """Stop and wait, when the window closes."""
        self.clear()
        self._pool.waitForDone(3000)

    def _found(self, task: Background, image: QImage | None) -> None:
        self._tasks.discard(task)
        if task is self._task and image is not None:
            self.show_image(image, bool(image.text(SYNTHETIC)))

    def show_image(self, image: QImage, synthetic: bool) -> None:
        picture = QPixmap.fromImage(image.scaled(EDGE, EDGE, Qt.AspectRatioMode.KeepAspectRatio,
                                                 Qt.TransformationMode.SmoothTransformation))
        if synthetic:
            painter = QPainter(picture)
            draw_syn(painter, self._theme.tokens, look.XS, look.XS)
            painter.end()
        self._picture.setPixmap(picture)
        self.adjustSize()
        self.move(self._over.width() - self.width() - look.L, look.MESSAGE_PX + look.M)
        self.show()
        self.raise_()


def _first_picture(folder: Path, stopped: Callable[[], bool]) -> QImage | None:
    """Of the first file that holds an image."""
    for path in islice(dicom_files(folder), TRIED):
        if stopped():
            return None
        if (picture := picture_of(path)) is not None:
            return picture
    return None
