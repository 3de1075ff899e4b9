"""Small widgets that the window is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QPainter, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QButtonGroup,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medsynth_app.core.words import _
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme

Box = TypeVar("Box", bound=QBoxLayout)


def set_role(widget: QWidget, role: str) -> None:
    """Give a widget a role of the style sheet ("primary", "muted", ...)."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        restyle(widget)


def restyle(widget: QWidget) -> None:
    """Let the style sheet look again at a widget's properties."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def label(text: str = "", role: str = "", wrap: bool = False) -> QLabel:
    """A label; wrapped ones take the height that their text needs."""
    found = QLabel(text)
    found.setTextFormat(Qt.TextFormat.PlainText)
    found.setWordWrap(wrap)
    if role:
        found.setProperty("role", role)
    if wrap:
        found.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    return found


def button(text: str, clicked: Callable[[], Any] | None = None, role: str = "", tip: str = "") -> QPushButton:
    """A push button that never reacts to Enter pressed elsewhere."""
    found = QPushButton(text)
    found.setAutoDefault(False)
    if role:
        found.setProperty("role", role)
    if tip:
        found.setToolTip(tip)
    if clicked is not None:
        found.clicked.connect(lambda _=False: clicked())
    return found


def column(*items: QWidget | QLayout, spacing: int = look.S, margins: tuple[int, int, int, int] = (0, 0, 0, 0),
           parent: QWidget | None = None) -> QVBoxLayout:
    """A vertical layout of these; None stretches."""
    return _fill(QVBoxLayout(parent) if parent is not None else QVBoxLayout(), items, spacing, margins)


def row(*items: QWidget | QLayout | None, spacing: int = look.S, margins: tuple[int, int, int, int] = (0, 0, 0, 0),
        parent: QWidget | None = None) -> QHBoxLayout:
    """A horizontal layout of these; None stretches."""
    return _fill(QHBoxLayout(parent) if parent is not None else QHBoxLayout(), items, spacing, margins)


def _fill(layout: Box, items: Sequence[QWidget | QLayout | None], spacing: int,
          margins: tuple[int, int, int, int]) -> Box:
    layout.setSpacing(spacing)
    layout.setContentsMargins(*margins)
    for item in items:
        if item is None:
            layout.addStretch(1)
        elif isinstance(item, QLayout):
            layout.addLayout(item)
        else:
            layout.addWidget(item)
    return layout


def clear(layout: QLayout) -> None:
    """Take all widgets out of a layout and delete them."""
    while (item := layout.takeAt(0)) is not None:
        widget, inner = item.widget(), item.layout()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
        elif inner is not None:
            clear(inner)


def widgets_of(layout: QLayout) -> list[QWidget]:
    """The widgets that stand directly in a layout."""
    items = (layout.itemAt(index) for index in range(layout.count()))
    return [widget for item in items if item is not None and (widget := item.widget()) is not None]


def line(role: str = "line") -> QFrame:
    """A dividing line: "line" lies, "divider" stands."""
    frame = QFrame()
    frame.setProperty("role", role)
    return frame


def qimage(picture: npt.NDArray[np.uint8]) -> QImage:
    """A QImage that owns its pixels, of uint8 (h, w, 3) RGB or (h, w) grey."""
    data = np.ascontiguousarray(picture)
    kind = QImage.Format.Format_RGB888 if data.ndim == 3 else QImage.Format.Format_Grayscale8
    return QImage(data.data, data.shape[1], data.shape[0], data.strides[0], kind).copy()


def pixmap(picture: npt.NDArray[np.uint8], edge: int, ratio: float = 1.0) -> QPixmap:
    """A picture, RGB or grey, scaled to fit a square of `edge` px."""
    size = round(edge * ratio)
    found = QPixmap.fromImage(qimage(picture).scaled(size, size, Qt.AspectRatioMode.KeepAspectRatio,
                                           Qt.TransformationMode.SmoothTransformation))
    found.setDevicePixelRatio(ratio)
    return found


class IconButton(QToolButton):
    """A tool button whose icon follows the theme."""

    def __init__(self, theme: Theme, icon: str, tip: str, clicked: Callable[[], Any] | None = None,
                 text: str = "") -> None:
        super().__init__()
        self._theme, self._icon = theme, icon
        self.setToolTip(tip)
        self.setAccessibleName(text or tip.split("\n")[0])
        self.setIconSize(QSize(look.ICON_PX, look.ICON_PX))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if text:
            self.setText(text)
            self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        if clicked is not None:
            self.clicked.connect(lambda _=False: clicked())
        theme.changed.connect(self._paint)
        self._paint()

    def set_icon(self, icon: str) -> None:
        self._icon = icon
        self._paint()

    def _paint(self, _tokens: object = None) -> None:
        self.setIcon(self._theme.icon(self._icon))


class ElidedLabel(QLabel):
    """One line that ends in an ellipsis where there is no room; the whole text is the tooltip."""

    def __init__(self, text: str = "", role: str = "", mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight) -> None:
        super().__init__()
        self._whole, self._mode = text, mode
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        if role:
            self.setProperty("role", role)
        self.setText(text)

    def setText(self, text: str) -> None:
        self._whole = text
        self.setAccessibleName(text)
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        shown = self.fontMetrics().elidedText(self._whole, self._mode, max(self.width(), 20))
        super().setText(shown)
        self.setToolTip(self._whole if shown != self._whole else "")


class Group(QWidget):
    """A titled group of the inspector that folds."""

    toggled = Signal(bool)

    def __init__(self, theme: Theme, title: str, *, is_open: bool = True) -> None:
        super().__init__()
        self._theme = theme
        self.head = QToolButton()
        self.head.setProperty("role", "fold")
        self.head.setText(title)
        self.head.setCheckable(True)
        self.head.setChecked(is_open)
        self.head.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.head.setIconSize(QSize(14, 14))
        self.head.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.head.toggled.connect(self._fold)
        self.body = QWidget()
        self.body.setVisible(is_open)
        self.content = column(parent=self.body, margins=(0, 2, 0, 0))
        column(self.head, self.body, spacing=0, parent=self)
        theme.changed.connect(self._paint)
        self._paint()

    def add(self, *items: QWidget | QLayout) -> Group:
        for item in items:
            if isinstance(item, QLayout):
                self.content.addLayout(item)
            else:
                self.content.addWidget(item)
        return self

    def _fold(self, is_open: bool) -> None:
        self.body.setVisible(is_open)
        self._paint()
        self.toggled.emit(is_open)

    def _paint(self, _tokens: object = None) -> None:
        icon = "chevron-down" if self.head.isChecked() else "chevron-right"
        self.head.setIcon(self._theme.icon(icon, self._theme.tokens.muted))


class Segmented(QWidget):
    """A row of buttons of which one is chosen."""

    chosen = Signal(object)

    def __init__(self, choices: Sequence[tuple[Any, str, str]], name: str) -> None:
        """`choices`: (value, text, tooltip)."""
        super().__init__()
        self.setAccessibleName(name)
        self._group = QButtonGroup(self)
        self._values = [value for value, _, _ in choices]
        layout = row(parent=self, spacing=0)
        for index, (_value, text, tip) in enumerate(choices):
            part = QToolButton()
            part.setText(text)
            part.setToolTip(tip)
            part.setAccessibleName(f"{name}: {text}")
            part.setCheckable(True)
            part.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            part.setProperty("role", "segment")
            part.setProperty("edge", "first" if index == 0 else "last" if index == len(choices) - 1 else "")
            part.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            self._group.addButton(part, index)
            layout.addWidget(part, 1)
        self._group.idClicked.connect(lambda index: self.chosen.emit(self._values[index]))

    def value(self) -> Any:
        index = self._group.checkedId()
        return self._values[index] if index >= 0 else None

    def set_value(self, value: Any) -> None:
        """Show a choice without telling of it; a value that is not offered leaves nothing chosen."""
        self._group.setExclusive(False)
        for index, known in enumerate(self._values):
            self._group.button(index).setChecked(known == value)
        self._group.setExclusive(True)

    def buttons(self) -> list[QToolButton]:
        return [part for part in self._group.buttons() if isinstance(part, QToolButton)]


class Slider(QSlider):
    """A slider that the wheel does not move by accident while the column scrolls."""

    def __init__(self, low: int, high: int, name: str) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setRange(low, high)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def wheelEvent(self, event: Any) -> None:
        event.ignore()


class PromptEdit(QPlainTextEdit):
    """What to draw, in words. Enter does nothing here: it neither starts a run nor accepts a result."""

    edited = Signal(str)

    def __init__(self, name: str, placeholder: str, lines: int = 2) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setPlaceholderText(placeholder)
        self.setTabChangesFocus(True)
        self.setFixedHeight(self.fontMetrics().lineSpacing() * lines + 22)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.textChanged.connect(lambda: self.edited.emit(self.toPlainText()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()
            return
        super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        # A run started by Ctrl+Enter is meant; a bare Enter never reaches a shortcut from here.
        if (event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
                and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
                and not event.modifiers() & Qt.KeyboardModifier.ControlModifier):
            event.accept()
            return True
        return super().event(event)

    def set_text(self, text: str) -> None:
        """Show a text without telling of it."""
        if text != self.toPlainText():
            self.blockSignals(True)
            self.setPlainText(text)
            self.blockSignals(False)


class Picture(QWidget):
    """A picture that keeps its proportions, with the word SYN where it is generated."""

    clicked = Signal()

    def __init__(self, theme: Theme, edge: int = 0) -> None:
        super().__init__()
        self._theme, self.synthetic = theme, False
        self._image: QImage | None = None
        if edge:
            self.setFixedSize(edge, edge)

    def show_picture(self, picture: npt.NDArray[np.uint8] | None, synthetic: bool = False) -> None:
        """Show a picture, uint8 RGB or grey, or nothing."""
        self.synthetic = synthetic
        self._image = qimage(picture) if picture is not None else None
        self.update()

    def show_image(self, image: QImage, synthetic: bool = False) -> None:
        self.synthetic, self._image = synthetic, image
        self.update()

    def mousePressEvent(self, event: Any) -> None:
        self.clicked.emit()

    def paintEvent(self, event: Any) -> None:
        if self._image is None or self._image.isNull():
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        size = self._image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        left, top = (self.width() - size.width()) // 2, (self.height() - size.height()) // 2
        painter.drawImage(self.rect().adjusted(left, top, left + size.width() - self.width(),
                                               top + size.height() - self.height()), self._image)
        if self.synthetic:
            draw_syn(painter, self._theme.tokens, left + look.XS, top + look.XS)
        painter.end()


def model_box(chosen: Callable[[int], None]) -> QComboBox:
    """The box from which a person chooses the model; `chosen` gets the place in the list."""
    box = QComboBox()
    box.setAccessibleName(_("Model"))
    box.setToolTip(_("The model that draws"))
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.activated.connect(chosen)
    return box


def draw_syn(painter: QPainter, tokens: look.Tokens, left: int, top: int) -> None:
    """The chip SYN: never colour alone."""
    font = painter.font()
    font.setPixelSize(10)
    font.setBold(True)
    painter.setFont(font)
    width = painter.fontMetrics().horizontalAdvance("SYN") + 8
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(tokens.synthetic))
    painter.drawRoundedRect(left, top, width, 15, 3, 3)
    painter.setPen(QColor(tokens.on_accent))
    painter.drawText(left, top, width, 15, Qt.AlignmentFlag.AlignCenter, "SYN")
