"""Banners: what went wrong or waits for an answer, in one line over the image; details fold out over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QWidget

from medsynth_app.core.errors import UserError
from medsynth_app.core.words import _
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import ElidedLabel, IconButton, button, column, label, row, widgets_of

Choice = tuple[str, Callable[[], object]]
MOST = 3  # that pass; what stays is not counted
WIDEST, TALLEST = 640, 110  # px, of what folds out, and of its details
_ICONS = {"info": "information-outline", "warning": "alert-outline", "error": "alert-circle-outline",
          "synthetic": "creation-outline"}


class Details(QFrame):
    """The whole text of a banner and its details, over the image; can be copied."""

    def __init__(self, text: str, details: str, over: QWidget) -> None:
        super().__init__(over)
        self._over = over
        self.setObjectName("toast")
        self.setAccessibleName(_("Details"))
        words = label(text, wrap=True)
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.details = QPlainTextEdit(details)
        self.details.setReadOnly(True)
        self.details.setAccessibleName(_("Details"))
        self.details.setFixedHeight(TALLEST)
        self.details.setVisible(bool(details))
        whole = f"{text}\n\n{details}" if details else text
        copy = button(_("Copy"), lambda: QGuiApplication.clipboard().setText(whole), "link")
        column(words, self.details, row(copy, None), parent=self, margins=(look.M, look.M, look.M, look.S))
        self.hide()

    def open(self, below: QWidget) -> None:
        """Show it below a banner."""
        over, corner = self._over, below.mapTo(self._over, QPoint(look.S, below.height() + look.XS))
        width = min(WIDEST, over.width() - corner.x() - look.S)
        self.setFixedWidth(width)
        self.ensurePolished()
        self.setFixedHeight(min(self.heightForWidth(width), over.height() - corner.y() - look.S))
        self.move(corner)
        self.show()
        self.raise_()


class Banner(QFrame):
    """One banner."""

    def __init__(self, theme: Theme, level: str, key: str, happened: str, rest: str, details: str,
                 choices: Sequence[Choice], close: Callable[[], None] | None, over: QWidget) -> None:
        super().__init__()
        self._theme, self.level, self.key, self.text = theme, level, key, f"{happened} {rest}".strip()
        self.setObjectName("banner")
        self.setProperty("level", level)
        self.setAccessibleName(self.text)
        self.setFixedHeight(look.MESSAGE_PX)
        self._mark = label()
        words = ElidedLabel(self.text)
        self.others = label("", "help")
        self.holder = Details(self.text, details, over)
        self.details = self.holder.details
        self.fold = button(_("Details"), self._fold, "link")
        self.buttons = [button(text, self._closing(run, close), "link") for text, run in choices]
        for part in self.buttons:
            part.setProperty("starts_job", True)  # "Run again", or what is asked first: only who goes there means it
        line = row(self._mark, words, self.others, *self.buttons, self.fold, parent=self, spacing=look.S,
                   margins=(look.M, 0, look.S, 0))
        line.setStretch(1, 1)
        if close is not None:
            line.addWidget(IconButton(theme, "close", _("Close this message"), close))
        theme.changed.connect(self._paint)
        self._paint()

    @staticmethod
    def _closing(run: Callable[[], object], close: Callable[[], None] | None) -> Callable[[], object]:
        def both() -> None:
            if close is not None:
                close()
            run()
        return both

    def _fold(self) -> None:
        if self.holder.isHidden():
            self.holder.open(self)
        else:
            self.holder.hide()

    def remove(self) -> None:
        """Take it away, with what has folded out of it."""
        for part in (self.holder, self):
            part.hide()
            part.deleteLater()

    def _paint(self, _tokens: object = None) -> None:
        t = self._theme.tokens
        colour = {"error": t.error, "warning": t.warning, "synthetic": t.synthetic}.get(self.level, t.accent)
        self._mark.setPixmap(self._theme.icon(_ICONS[self.level], colour).pixmap(look.ICON_PX, look.ICON_PX))


class Banners(QWidget):
    """The last banner, in one line; those before it come back when it is closed.

    A new one with the same key takes the old one's place.
    """

    def __init__(self, theme: Theme, over: QWidget) -> None:
        super().__init__()
        self._theme, self._over = theme, over
        self._layout = column(parent=self, spacing=0)
        over.installEventFilter(self)
        self.hide()

    def all(self) -> list[Banner]:
        """Oldest first."""
        return [banner for banner in widgets_of(self._layout) if isinstance(banner, Banner)]

    def by_key(self, key: str) -> Banner | None:
        return next((banner for banner in self.all() if banner.key == key), None)

    def say(self, level: str, happened: str, rest: str = "", *, details: str = "", key: str = "",
            choices: Sequence[Choice] = (), closable: bool = True) -> Banner:
        """Show a banner ("info", "warning", "error" or "synthetic")."""
        name = key or happened
        self._take(name)
        passing = [banner for banner in self.all() if not banner.key.startswith("stays.")]
        for old in passing[:max(0, len(passing) - MOST + 1)]:
            self._take(old.key)
        banner = Banner(self._theme, level, name, happened, rest, details, choices,
                        (lambda: self.drop(name)) if closable else None, self._over)
        self._layout.addWidget(banner)
        self._show_last()
        return banner

    def error(self, error: UserError, *, key: str = "", choices: Sequence[Choice] = ()) -> Banner:
        """Say a `UserError`: what happened, what is safe, what to do."""
        rest = " ".join(part for part in (error.safe, error.remedy) if part)
        return self.say("error", error.happened, rest, details=error.details, key=key, choices=choices)

    def drop(self, key: str) -> None:
        self._take(key)
        self._show_last()

    def _take(self, key: str) -> None:
        for banner in self.all():
            if banner.key == key:
                self._layout.removeWidget(banner)
                banner.remove()

    def _show_last(self) -> None:
        there = self.all()
        for banner in there[:-1]:
            banner.hide()
            banner.holder.hide()
        if there:
            there[-1].others.setText(_("{count} more").format(count=len(there) - 1) if there[1:] else "")
            there[-1].show()
        self.setVisible(bool(there))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize:
            for banner in self.all():
                banner.holder.hide()
        return False
