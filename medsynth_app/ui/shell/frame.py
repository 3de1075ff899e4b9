"""What a place is given to build itself from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtWidgets import QWidget

from medsynth_app.session.session import Session
from medsynth_app.ui.shell.banners import Banners
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.shell.dialogs import Dialogs
from medsynth_app.ui.shell.navigator import Navigator
from medsynth_app.ui.shell.opening import Opening
from medsynth_app.ui.shell.place import Place
from medsynth_app.ui.shell.runner import Runner
from medsynth_app.ui.shell.toasts import Toasts
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.viewer.canvas import Canvas


@dataclass(frozen=True)
class Frame:
    """The window as a place sees it.

    Attributes
    ----------
    run
        Calls what may fail in a way that the person can mend.
    report_bug
        Told of errors that only we can mend.
    steps, image_tools
        Parts of the tool bar: undo and redo; window and view.
    """

    session: Session
    theme: Theme
    canvas: Canvas
    commands: Commands
    navigator: Navigator
    run: Runner
    toasts: Toasts
    banners: Banners
    dialogs: Dialogs
    opening: Opening
    report_bug: Callable[[Exception], None]
    steps: QWidget
    image_tools: QWidget


MakePlace = Callable[[Frame], Place]
