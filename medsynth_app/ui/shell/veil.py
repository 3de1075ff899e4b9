"""The veil: covers the images when nobody has touched the window for a while."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QWidget

from medsynth_app.core.words import _
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import button, column, label, row

_ACTIVITY = frozenset({QEvent.Type.MouseMove, QEvent.Type.MouseButtonPress, QEvent.Type.KeyPress, QEvent.Type.Wheel,
                       QEvent.Type.TouchBegin})
_WAKING = frozenset({QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride})


class Veil(QFrame):
    """An opaque page over `parent`; any key or click lifts it.

    Its event filter belongs on the native window: it notes activity, and swallows the key that lifts the veil.
    """

    def __init__(self, theme: Theme, parent: QWidget, minutes: int, person: Callable[[], str]) -> None:
        super().__init__(parent)
        self.setObjectName("veil")
        self.setAccessibleName(_("Images covered"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._theme, self._person, self._over = theme, person, parent
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.cover)
        self.minutes = 0
        self._mark = label()
        self.resume = button(_("Resume"), self.lift, "primary")
        column(row(None, self._mark, None), row(None, label(_("The images are covered"), "title"), None),
               row(None, label(_("Press any key or click to go on. Running jobs continue."), "muted"), None),
               row(None, self.resume, None), spacing=look.M, parent=self)
        layout = self.layout()
        assert layout is not None
        layout.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._before: QWidget | None = None
        parent.installEventFilter(self)
        theme.changed.connect(self._paint)
        self._paint()
        self.hide()
        self.set_minutes(minutes)

    def set_minutes(self, minutes: int) -> None:
        """Idle minutes until the images are covered; 0 turns it off."""
        self.minutes = minutes
        self._touch()

    def cover(self) -> None:
        person = self._person()
        self.resume.setText(_("Resume as {person}").format(person=person) if person else _("Resume"))
        self._before = self.window().focusWidget()
        self.setGeometry(self._over.rect())
        self.show()
        self.raise_()
        self.resume.setFocus(Qt.FocusReason.OtherFocusReason)

    def lift(self) -> None:
        self.hide()
        if self._before is not None:
            self._before.setFocus(Qt.FocusReason.OtherFocusReason)
        self._touch()

    def mousePressEvent(self, event: object) -> None:
        self.lift()

    def _touch(self) -> None:
        if self.minutes:
            self._timer.start(self.minutes * 60_000)
        else:
            self._timer.stop()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if watched is self._over:
            if kind is QEvent.Type.Resize:
                self.setGeometry(self._over.rect())
            return False
        if not self.isHidden() and kind in _WAKING and isinstance(event, QKeyEvent):
            if kind is QEvent.Type.ShortcutOverride:
                event.accept()
            elif event.key() not in (Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Meta):
                self.lift()
            return True
        if kind in _ACTIVITY and self.isHidden() and self._timer.remainingTime() < self.minutes * 60_000 - 1000:
            self._touch()
        return False

    def _paint(self, _tokens: object = None) -> None:
        icon = self._theme.icon("eye-off-outline", self._theme.tokens.muted)
        self._mark.setPixmap(icon.pixmap(40, 40))
