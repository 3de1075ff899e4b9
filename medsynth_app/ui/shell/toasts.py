"""Toasts: short notes at the bottom right of what has ended."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QFrame, QStackedWidget, QWidget

from medsynth_app.core.words import _
from medsynth_app.ui.shell.calm import Calm
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import IconButton, button, column, label, row, widgets_of

SECONDS = 6.0
MOST = 3
_ICONS = {"done": "check-circle-outline", "info": "information-outline", "warning": "alert-outline",
          "error": "alert-circle-outline"}


class Toasts(QWidget):
    """Holds the toasts over the bottom right corner of its parent; never takes the focus."""

    def __init__(self, theme: Theme, parent: QStackedWidget, calm: Calm) -> None:
        super().__init__(parent)
        self._theme, self._over, self._calm = theme, parent, calm
        self._layout = column(parent=self, margins=(0, 0, 0, 0))
        self.setAccessibleName(_("Notes"))
        parent.installEventFilter(self)
        parent.currentChanged.connect(lambda _index: self.raise_())  # a page that is turned to lies on top
        self.hide()

    def say(self, level: str, text: str, action: str = "", run: Callable[[], object] | None = None) -> None:
        """Show a note ("done", "info", "warning" or "error"), with one thing to do at most."""
        while self._layout.count() >= MOST:
            self._drop(self._notes()[0])
        t = self._theme.tokens
        colour = {"done": t.done, "warning": t.warning, "error": t.error}.get(level, t.accent)
        note = QFrame()
        note.setObjectName("toast")
        note.setAccessibleName(text)
        mark = label()
        mark.setPixmap(self._theme.icon(_ICONS.get(level, _ICONS["info"]), colour).pixmap(look.ICON_PX, look.ICON_PX))
        words = label(text, wrap=True)
        words.setMinimumWidth(220)
        close = IconButton(self._theme, "close", _("Close"), lambda: self._drop(note))
        line = row(mark, words, spacing=look.M, margins=(look.M, look.XS, look.XS, look.XS), parent=note)
        line.setStretch(1, 1)
        if action and run is not None:
            line.addWidget(button(action, lambda: self._act(run, note), "link"))
        line.addWidget(close)
        note.hide()
        self._layout.addWidget(note)
        self._calm(lambda: self._show(note))

    def _show(self, note: QWidget) -> None:
        if self._layout.indexOf(note) < 0:
            return
        note.show()  # what is hidden gets no room
        seconds = SECONDS + 0.04 * len(note.accessibleName())
        QTimer.singleShot(round(1000 * seconds), note, lambda: self._calm(lambda: self._drop(note)))
        self._place()

    def texts(self) -> list[str]:
        """What is shown now, oldest first."""
        return [note.accessibleName() for note in self._notes()]

    def _notes(self) -> list[QWidget]:
        return widgets_of(self._layout)

    def _act(self, run: Callable[[], object], note: QWidget) -> None:
        self._drop(note)
        run()

    def _drop(self, note: QWidget) -> None:
        if self._layout.indexOf(note) >= 0:
            self._layout.removeWidget(note)
            note.deleteLater()
            self._place()

    def _place(self) -> None:
        if all(note.isHidden() for note in self._notes()):
            self.hide()
            return
        parent = self._over
        width = min(380, parent.width() - 2 * look.L)
        self.setFixedWidth(width)
        self._layout.activate()
        height = self._layout.heightForWidth(width) if self._layout.hasHeightForWidth() else self.sizeHint().height()
        self.setGeometry(parent.width() - width - look.L, parent.height() - height - look.L, width, height)
        self.show()
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize and watched is self._over:
            self._place()
        return False
