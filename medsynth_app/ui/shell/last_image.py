"""The way back to what was opened last, on the empty page."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QToolButton, QWidget

from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.session.thumbnail import Thumbnail
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import draw_syn, row
from medsynth_app.ui.widgets.recent import described, small_picture

PICTURE = 56


class LastImage(QWidget):
    """Names the last image and its slice, and opens it there; hidden where there is none."""

    def __init__(self, theme: Theme, session: Session, commands: Commands) -> None:
        super().__init__()
        self._theme, self._session = theme, session
        self.button = QToolButton()
        self.button.setProperty("role", "field")
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setIconSize(QSize(PICTURE + look.S, PICTURE))  # with room before the words
        self.button.clicked.connect(lambda _checked: commands["file.reopen"].trigger())
        row(self.button, parent=self)
        self.setMinimumHeight(PICTURE + look.L + look.XS)  # of the button the style sheet says a smaller one
        theme.changed.connect(self._repaint)
        self.hide()

    def _repaint(self) -> None:
        if self.isVisible():
            self.refresh()

    def refresh(self) -> None:
        """Follow what was opened last; the page asks for it when it is shown."""
        last = self._session.documents.last()
        self.setVisible(last is not None)
        if last is None:
            return
        document, index = last
        lines = [_("Go on with {name}").format(name=document.pseudonym), described(document)]
        if document.slices > 1:
            lines.append(_("slice {number} of {count}").format(number=index + 1, count=document.slices))
        self.button.setText("\n".join(lines))
        self.button.setAccessibleName(", ".join(lines))
        small = self._session.documents.thumbnail(document.id)
        self.button.setIcon(self._theme.icon("history") if small is None else
                            self._picture(small, small.synthetic or document.changed > 0))

    def _picture(self, small: Thumbnail, synthetic: bool) -> QIcon:
        picture = QPixmap(2 * (PICTURE + look.S), 2 * PICTURE)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.drawPixmap(0, 0, small_picture(small, 2 * PICTURE))
        if synthetic:
            painter.scale(2, 2)
            draw_syn(painter, self._theme.tokens, look.XS, look.XS)
        painter.end()
        return QIcon(picture)
