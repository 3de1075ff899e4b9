"""Banners over the canvas: what happened, what is safe, what to do. They stay until they are closed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from medsynth_app.core.errors import UserError
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import IconButton, button, column, label, row, widgets_of

Choice = tuple[str, Callable[[], object]]
MOST = 3
_ICONS = {"info": "information-outline", "warning": "alert-outline", "error": "alert-circle-outline",
          "synthetic": "creation-outline"}


class Banner(QFrame):
    """One banner."""

    def __init__(self, theme: Theme, level: str, key: str, happened: str, rest: str, details: str,
                 choices: Sequence[Choice], close: Callable[[], None] | None) -> None:
        super().__init__()
        self._theme, self.level, self.key, self.text = theme, level, key, f"{happened} {rest}".strip()
        self.setObjectName("banner")
        self.setProperty("level", level)
        self.setAccessibleName(self.text)
        self._mark = label()
        words = column(label(happened, "heading", wrap=True), spacing=2)
        if rest:
            words.addWidget(label(rest, wrap=True))
        line = row(self._mark, words, spacing=look.M)
        line.setStretch(1, 1)
        self.buttons = [button(text, self._closing(run, close)) for text, run in choices]
        outer = column(parent=self, margins=(look.M, look.S, look.S, look.S))
        outer.addLayout(line)
        if details:
            self._fold(line, outer, details)
        for extra in self.buttons:
            line.addWidget(extra)
        if close is not None:
            line.addWidget(IconButton(theme, "close", "Close this message", close))
        theme.changed.connect(self._paint)
        self._paint()

    @staticmethod
    def _closing(run: Callable[[], object], close: Callable[[], None] | None) -> Callable[[], object]:
        def both() -> None:
            if close is not None:
                close()
            run()
        return both

    def _fold(self, line: QHBoxLayout, outer: QVBoxLayout, details: str) -> None:
        """Details fold out and can be copied."""
        self.details = QPlainTextEdit(details)
        self.details.setReadOnly(True)
        self.details.setAccessibleName("Details")
        self.details.setFixedHeight(110)
        copy = button("Copy", lambda: QGuiApplication.clipboard().setText(f"{self.text}\n\n{details}"), "link")
        holder = QWidget()
        column(self.details, row(copy, None), parent=holder, spacing=look.XS, margins=(look.ICON_PX + look.M, 0, 0, 0))
        holder.hide()
        self.fold = button("Details", lambda: holder.setVisible(holder.isHidden()), "link")
        self.holder = holder
        line.addWidget(self.fold)
        outer.addWidget(holder)

    def _paint(self, _tokens: object = None) -> None:
        t = self._theme.tokens
        colour = {"error": t.error, "warning": t.warning, "synthetic": t.synthetic}.get(self.level, t.accent)
        self._mark.setPixmap(self._theme.icon(_ICONS[self.level], colour).pixmap(look.ICON_PX, look.ICON_PX))


class Banners(QWidget):
    """The stack of banners; a new one with the same key takes the old one's place."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._layout = column(parent=self, spacing=0)
        self.hide()

    def all(self) -> list[Banner]:
        return [banner for banner in widgets_of(self._layout) if isinstance(banner, Banner)]

    def by_key(self, key: str) -> Banner | None:
        return next((banner for banner in self.all() if banner.key == key), None)

    def say(self, level: str, happened: str, rest: str = "", *, details: str = "", key: str = "",
            choices: Sequence[Choice] = (), closable: bool = True) -> Banner:
        """Show a banner ("info", "warning", "error" or "synthetic")."""
        name = key or happened
        self.drop(name)
        passing = [banner for banner in self.all() if not banner.key.startswith("stays.")]
        for old in passing[:max(0, len(passing) - MOST + 1)]:
            self.drop(old.key)
        banner = Banner(self._theme, level, name, happened, rest, details, choices,
                        (lambda: self.drop(name)) if closable else None)
        self._layout.addWidget(banner)
        self.show()
        return banner

    def error(self, error: UserError, *, key: str = "", choices: Sequence[Choice] = ()) -> Banner:
        """Say a `UserError`: what happened, what is safe, what to do."""
        rest = " ".join(part for part in (error.safe, error.remedy) if part)
        return self.say("error", error.happened, rest, details=error.details, key=key, choices=choices)

    def drop(self, key: str) -> None:
        for banner in self.all():
            if banner.key == key:
                self._layout.removeWidget(banner)
                banner.hide()
                banner.deleteLater()
        self.setVisible(bool(self.all()))
