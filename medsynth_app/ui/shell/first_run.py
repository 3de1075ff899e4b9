"""What is shown before anything is open, and the quiet question for the person's name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QThreadPool, QTimer, Signal
from PySide6.QtGui import QIcon, QImage, QKeyEvent, QPainter, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QFrame, QGridLayout, QLineEdit, QToolButton, QWidget

from medsynth_app.actions.demo import demo_images
from medsynth_app.core.errors import UserError
from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.shell.last_image import LastImage
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme, square_icon
from medsynth_app.ui.widgets.background import Background
from medsynth_app.ui.widgets.basic import ElidedLabel, IconButton, button, column, draw_syn, label, row, set_role
from medsynth_app.ui.widgets.reach import Reach
from medsynth_app.ui.widgets.thumbnails import SYNTHETIC, picture_of

THUMB, WIDER = 128, 52  # px of a picture, and what its button is wider


KEPT = _("Stays in this workspace; undo acts on your own strokes.")


def _picture(path: Path, _task: Background) -> QImage | None:
    return picture_of(path)


class NameBar(QFrame):
    """Asks once who is at work; work can go on without an answer.

    Signals
    -------
    left
        It went with the focus, which would come to rest on whatever Qt finds next.
    """

    left = Signal()

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__()
        self.setObjectName("banner")
        self.setProperty("level", "info")
        self._theme, self._session = theme, session
        self.field = QLineEdit()
        self.field.setPlaceholderText(_("Name or initials"))
        self.field.setAccessibleName(_("Your name or initials"))
        self.field.setMaxLength(80)
        self.field.setMinimumWidth(120)
        self.field.setMaximumWidth(200)
        self.field.returnPressed.connect(self.save)
        self._about = ElidedLabel(KEPT, "help")
        self._mark = label()
        row(self._mark, label(_("Who is at work?"), "heading"), self.field, button(_("Save"), self.save),
            self._about, IconButton(theme, "close", _("Not now"), self.leave), parent=self, spacing=look.S,
            margins=(look.M, 0, look.S, 0)).setStretch(4, 1)
        theme.changed.connect(self._paint)
        session.people.changed.connect(self._answered)
        self._paint()
        self.hide()

    def _answered(self) -> None:
        """Somebody said who it is, here or in the status bar."""
        self.leave()

    def leave(self) -> None:
        there = QApplication.focusWidget()
        held = there is not None and self.isAncestorOf(there)
        self.hide()
        if held:
            self.left.emit()

    def ask(self) -> None:
        """Show the bar with the field in focus."""
        self.field.clear()
        self._say(KEPT, "help")
        self.show()
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)

    def save(self) -> None:
        try:
            self._session.people.switch(self.field.text())
        except UserError as error:
            self._say(error.remedy, "error")
            return
        self.leave()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.leave()
        else:
            super().keyPressEvent(event)

    def _say(self, text: str, role: str) -> None:
        self._about.setText(text)
        set_role(self._about, role)

    def _paint(self, _tokens: object = None) -> None:
        t = self._theme.tokens
        self._mark.setPixmap(self._theme.icon("account-outline", t.accent).pixmap(look.ICON_PX, look.ICON_PX))


class Welcome(QWidget):
    """The empty canvas: how to open an image, and images to try."""

    def __init__(self, theme: Theme, session: Session, commands: Commands, open_path: Callable[[Path], None]) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setAccessibleName(_("No image is open"))
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._theme, self._open = theme, open_path
        self._mark, self.last = label(), LastImage(theme, session, commands)
        self._demos = QGridLayout()
        self._demos.setSpacing(look.M)
        self._buttons: list[QToolButton] = []
        self._demo_title = label(_("Or try one of these"), "muted")
        open_file = button(_("Open file…"))
        open_folder = button(_("Open folder…"))
        commands.follow(open_file, "file.open")
        commands.follow(open_folder, "file.open_folder")
        inner = QWidget()
        layout = column(
            row(None, self._mark, None), row(None, label(_("Open an image"), "title"), None),
            row(None, label(_("Drop a file or a folder here: DICOM, NIfTI, PNG, JPEG, TIFF."), "muted"), None),
            row(None, open_file, open_folder, None), row(None, self.last, None), parent=inner, spacing=look.M,
            margins=(look.S,) * 4)
        column(Reach(inner), parent=self, spacing=0)
        layout.insertStretch(0, 2)
        layout.addSpacing(look.L)
        layout.addLayout(row(None, self._demo_title, None))
        layout.addLayout(row(None, self._demos, None))
        layout.addStretch(3)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._tasks: list[Background] = []
        theme.changed.connect(self._paint)
        self._paint()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.last.refresh()
        QTimer.singleShot(150, self, self.fill)  # after the first frame

    def fill(self) -> None:
        """Offer the demo images; their pictures follow from another thread."""
        if self._tasks or not self.isVisible():
            return
        images = demo_images()[:5]
        self._demo_title.setVisible(bool(images))
        for image in images:
            found = QToolButton()
            found.setText(image.title)
            found.setToolTip(image.credit)
            found.setAccessibleName(_("Open the demo image: {title}").format(title=image.title))
            found.setProperty("role", "field")
            found.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            found.setIconSize(QSize(THUMB, THUMB))
            found.setFixedSize(THUMB + WIDER, THUMB + 46)
            found.setIcon(self._theme.icon("image-outline", self._theme.tokens.faint))
            found.clicked.connect(lambda _=False, path=image.path: self._open(path))
            self._buttons.append(found)
            task = Background(partial(_picture, image.path), partial(self._set_picture, found),
                              lambda _error: None)
            self._tasks.append(task)
            self._pool.start(task)
        self._lay_out()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def _lay_out(self) -> None:
        """As many demo images in a row as there is room for."""
        columns = max(1, (self.width() - 2 * look.L) // (THUMB + WIDER + look.M))
        for at, found in enumerate(self._buttons):
            self._demos.addWidget(found, at // columns, at % columns)
            self._demos.setRowMinimumHeight(at // columns, found.maximumHeight())  # a style sheet lets it shrink

    def finish(self) -> None:
        """Wait for the pictures under way, when the window closes."""
        self._pool.clear()
        self._pool.waitForDone(3000)

    def demo_buttons(self) -> list[QToolButton]:
        return self._buttons

    def _set_picture(self, found: QToolButton, picture: QImage | None) -> None:
        if picture is None:
            return
        shown = square_icon(picture, THUMB).pixmap(THUMB, THUMB)
        if picture.text(SYNTHETIC):
            painter = QPainter(shown)
            draw_syn(painter, self._theme.tokens, look.XS, look.XS)
            painter.end()
            found.setAccessibleName(_("{name}, synthetic").format(name=found.accessibleName()))
        found.setIcon(QIcon(shown))

    def _paint(self, _tokens: object = None) -> None:
        t = self._theme.tokens
        self._mark.setPixmap(self._theme.icon("image-plus-outline", t.muted).pixmap(48, 48))
