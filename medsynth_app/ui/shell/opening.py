"""Opening images on another thread, with a line that shows progress and cancels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QThreadPool, QTimer, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFrame, QProgressBar, QWidget

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.words import _
from medsynth_app.formats.common import TooLarge
from medsynth_app.session.session import Session
from medsynth_app.ui.shell.banners import Banners
from medsynth_app.ui.shell.calm import Calm
from medsynth_app.ui.shell.glimpse import Glimpse
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets import words
from medsynth_app.ui.widgets.background import Background
from medsynth_app.ui.widgets.basic import ElidedLabel, button, column, row

PATIENCE_MS = 250  # an image that opens faster shows no strip


class Opening(QFrame):
    """The progress strip, and who opens. One image at a time: a new one cancels the one before."""

    opened = Signal(object)  # Path of what is now in view

    def __init__(self, theme: Theme, session: Session, banners: Banners, failed: Callable[[Exception], None],
                 another: Callable[[], None], over: QWidget, calm: Calm) -> None:
        super().__init__()
        self.setObjectName("banner")
        self.setProperty("level", "info")
        self._session, self._banners, self._report, self._another = session, banners, failed, another
        self._calm = calm
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._task: Background | None = None
        self._folder: Path | None = None
        self._series = ""
        self._tasks: set[Background] = set()  # kept until they have ended
        self.glimpse = Glimpse(theme, over)
        self._words = ElidedLabel(_("Opening…"))
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self.cancel_button = button(_("Cancel"), self.cancel)
        row(column(self._words, self._bar, spacing=2), self.cancel_button, parent=self, spacing=look.L,
            margins=(look.L, 0, look.M, 0)).setStretch(0, 1)
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(PATIENCE_MS)
        self._patience.timeout.connect(lambda: calm(self._take_time))
        self.hide()

    def _take_time(self) -> None:
        """It takes a while: say how far it is, and show the first picture that there is."""
        if not self.busy:  # it ended while a button was down
            return
        self.show()
        if self._series:  # a folder may hold others: what is known of this one is shown
            small = self._session.documents.thumbnail_of_series(self._series)
            if small is not None:
                self.glimpse.show_image(QImage.fromData(small.png), small.synthetic)
        elif self._folder is not None:
            self.glimpse.look_into(self._folder)

    @property
    def busy(self) -> bool:
        return self._task is not None

    @property
    def reading(self) -> bool:
        """Whether something is being read, wanted or not."""
        return bool(self._tasks)

    def open(self, path: Path, **options: Any) -> None:
        """Open a file or folder; the image in view stays until the new one is there.

        `options` go to `Documents.load`: ``allow_bytes`` for an image that was asked about, ``series`` (the hash of its
        UID) of a folder.
        """
        self.cancel()
        self._banners.drop("opening")
        load = self._session.documents.load
        task = Background(lambda task: load(path, task.tell, task.stopped, **options),
                          lambda document: self._done(task, path, document),
                          lambda error: self._failed(task, path, options, error))
        task.news.progress.connect(lambda at, of: self._progress(task, at, of))
        self._task = task
        self._tasks.add(task)
        self._folder, self._series = path if path.is_dir() else None, str(options.get("series", ""))
        self._words.setText(_("Opening {name}").format(name=path.name))
        self._bar.setRange(0, 0)
        self._patience.start()
        self._pool.start(task)

    def cancel(self) -> None:
        if self._task is not None:
            self._task.stop()
            self._end(self._task)

    def finish(self) -> None:
        """Stop and wait, when the window closes."""
        self.cancel()
        self.glimpse.finish()
        self._pool.waitForDone(3000)

    def _progress(self, task: Background, at: int, of: int) -> None:
        if task is self._task and of > 0:
            self._bar.setRange(0, of)
            self._bar.setValue(at)
            self._words.setText(_("Opening: {at} of {of} files read").format(at=at, of=of))

    def _end(self, task: Background) -> bool:
        """Whether `task` was still wanted."""
        if task is not self._task:
            return False
        self._task = None
        self._patience.stop()
        self.glimpse.clear()
        self.hide()
        return True

    def _done(self, task: Background, path: Path, document: Any) -> None:
        """The image is there; the one in view is not taken away under the hand of who works on it."""
        self._tasks.discard(task)
        self._calm(lambda: self._show(task, path, document))

    def _show(self, task: Background, path: Path, document: Any) -> None:
        if self._end(task):
            self._session.documents.show(document)
            self.opened.emit(path)
        else:
            document.close()

    def _failed(self, task: Background, path: Path, options: dict[str, Any], error: Exception) -> None:
        self._tasks.discard(task)
        if not self._end(task) or isinstance(error, Cancelled):
            return
        if isinstance(error, TooLarge):
            self._ask(path, options, error)
        elif isinstance(error, UserError):
            self._banners.error(error, key="opening", choices=((_("Open another…"), self._another),))
        else:
            self._report(error)

    def _ask(self, path: Path, options: dict[str, Any], error: TooLarge) -> None:
        self._banners.say(
            "warning", _("This image takes {size} of memory once it is decoded.").format(size=words.size(error.bytes)),
            _("Nothing has been opened yet. A file made to harm looks like this too: go on only if you know the file."),
            key="opening",
            choices=((_("Open anyway"), lambda: self.open(path, **{**options, "allow_bytes": error.bytes + 1})),))
