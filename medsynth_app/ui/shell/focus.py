"""The focus never lands by itself on a button that starts a job."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget

from medsynth_app.ui.shell.commands import Commands

TABS = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
PRESSES = (Qt.Key.Key_Space, Qt.Key.Key_Select, Qt.Key.Key_Return, Qt.Key.Key_Enter)


class FocusGuard(QObject):
    """Sends the focus on where it comes to such a button by anything but Tab, and where that button was pressed.

    Qt hands the focus to the next widget when the one that had it is hidden or disabled, as after Accept, and back to
    the one before when a dialog closes; a pressed button keeps it. Space would start another job from there.

    Sits on the native window, where every key passes; install it after the window has one.

    Parameters
    ----------
    rest
        Where the focus goes instead.
    """

    def __init__(self, window: QWidget, commands: Commands, rest: Callable[[], QWidget]) -> None:
        super().__init__(window)
        self._window, self._commands, self._rest = window, commands, rest
        self._tabbing = False
        self._meant: QWidget | None = None  # the button to which somebody has gone
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._moved)
        for command in commands.all():
            if command.starts_job:
                commands[command.id].triggered.connect(self._pressed)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            self._tabbing = event.key() in TABS
            now = self._window.focusWidget()
            if event.key() in PRESSES and self._starts_job(now) and now is not self._meant:
                self._leave()  # a window that came up again had told nobody of its focus
                return True
        elif event.type() in (QEvent.Type.KeyRelease, QEvent.Type.MouseButtonPress):
            self._tabbing = False
        elif event.type() is QEvent.Type.WindowBlocked:  # by a dialog
            self._meant = None
        return False

    def _moved(self, _before: QWidget | None, now: QWidget | None) -> None:
        self._meant = now if self._tabbing and self._starts_job(now) else None
        if self._meant is None and self._starts_job(now):
            self._leave()

    def _pressed(self) -> None:
        if self._starts_job(self._window.focusWidget()):
            self._leave()

    def _leave(self) -> None:
        self._rest().setFocus(Qt.FocusReason.OtherFocusReason)

    def _starts_job(self, widget: QWidget | None) -> bool:
        return (isinstance(widget, QAbstractButton) and widget.window() is self._window
                and self._commands.starts_job(widget))
