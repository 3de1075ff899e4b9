"""The composition root of the window: the only place where its objects are wired together."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QCoreApplication, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

import medsynth_app
from medsynth_app.core.errors import UserError
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.session.session import Session
from medsynth_app.settings.settings import SettingsStore
from medsynth_app.startup import release_garbage
from medsynth_app.ui.places.evaluate import place as evaluate
from medsynth_app.ui.places.generate import place as generate
from medsynth_app.ui.places.label import place as label
from medsynth_app.ui.places.library import place as library
from medsynth_app.ui.places.models import place as models
from medsynth_app.ui.places.paint import place as paint
from medsynth_app.ui.shell.frame import MakePlace
from medsynth_app.ui.shell.main_window import MainWindow
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.background import Away
from medsynth_app.workspace.workspace import Workspace, usual_folder

log = logging.getLogger(__name__)
ICON = Path(medsynth_app.__file__).resolve().parent.parent / "resources" / "icons" / "medsynth.svg"
WORKER = "medsynth_app.engine.worker"
PLACES: tuple[MakePlace, ...] = (library.make, paint.make, generate.make, label.make, evaluate.make, models.make)


class Post(QObject):
    """Runs functions on the thread that this object belongs to, in order; the session's `post`."""

    _news = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._news.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def __call__(self, news: Callable[[], None]) -> None:
        try:
            self._news.emit(news)
        except RuntimeError:  # the window has closed; what came is written, and shown at the next start
            log.info("news came after the window had closed")

    @staticmethod
    def _run(news: Callable[[], None]) -> None:
        news()


@dataclass
class Desk:
    """All that belongs to one window."""

    workspace: Workspace
    queue: JobQueue
    session: Session
    theme: Theme
    window: MainWindow
    away: Away

    def start(self) -> None:
        """Start the queue and load the model in its worker, so that the first run need not wait for it."""
        if self.workspace.read_only:
            return
        self.queue.start()
        self.session.jobs.refresh()
        pack = self.session.models.pack
        if pack is not None:
            self.queue.warm_up(str(pack.folder), self.session.settings.current.device)

    def close(self) -> None:
        """Close everything; jobs that wait or run go on with the next start."""
        self.window.close()
        self.away.close()
        self.queue.close()
        self.session.documents.close()
        self.workspace.close()


def application() -> QApplication:
    """The QApplication, with its name and icon set before anything of napari is made."""
    found = QApplication.instance()
    if not isinstance(found, QApplication):
        QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
        found = QApplication(sys.argv[:1])
    found.setApplicationName("MedSynth")
    found.setApplicationDisplayName("")
    found.setDesktopFileName("medsynth")
    found.setWindowIcon(QIcon(str(ICON)))
    return found


def build_window(workspace: Workspace, settings: SettingsStore, *, pack_folders: Sequence[Path] | None = None,
                 worker_module: str = WORKER) -> Desk:
    """Wire queue, session, theme and window on a workspace; `Desk.start` starts the work, `Desk.close` ends it.

    A QApplication must exist (see `application`).
    """
    post, away = Post(), Away()
    desk: list[Desk] = []
    queue = JobQueue(workspace.jobs, lambda record, event: desk[0].session.jobs.deliver(record, event),
                     worker_module=worker_module, on_ready=lambda info: desk[0].session.jobs.worker_ready(info))
    session = Session(workspace, queue, settings, pack_folders=pack_folders, post=post, away=away)
    theme = Theme(settings.current.theme)
    theme.prepare()
    desk.append(Desk(workspace, queue, session, theme, MainWindow(session, theme, PLACES), away))
    theme.dress(desk[0].window)
    desk[0].window.painted.connect(release_garbage)
    return desk[0]


def run(workspace_folder: Path | None = None, open_path: Path | None = None) -> int:
    """Open the window and stay until it is closed; returns the exit code.

    Raises
    ------
    UserError
        When the workspace cannot be opened.
    """
    qt = application()
    workspace = Workspace.open(workspace_folder or usual_folder())
    desk = build_window(workspace, SettingsStore())
    _catch_bugs(desk.window)
    desk.window.painted.connect(lambda: QTimer.singleShot(200, desk.start))
    if open_path is not None:
        path = open_path
        desk.window.painted.connect(lambda: desk.window.open_path(path))
    desk.window.show()
    try:
        return int(qt.exec())
    finally:
        sys.excepthook = sys.__excepthook__
        desk.close()


def _catch_bugs(window: MainWindow) -> None:
    """An error that nobody caught is shown, not lost; the log holds its type and place, no values."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            window.close()
            return
        cause = error.__cause__ or error
        if isinstance(cause, UserError):
            window.banners.error(cause)
            return
        log.error("unexpected %s", kind.__name__)
        window.reports.bug(error)

    sys.excepthook = hook
