"""What all inspectors share: a column of groups, and one primary button pinned below."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QScrollBar, QVBoxLayout, QWidget

from medsynth_app.core.words import _
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import ElidedLabel, Slider, button, column, label, row


class Gutter(QScrollBar):
    """A scroll bar that keeps its room while there is nothing to scroll: no text ever moves or lies under it."""

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.maximum() > self.minimum():
            super().paintEvent(event)


class Panel(QWidget):
    """The inspector of a place."""

    def __init__(self, theme: Theme, title: str) -> None:
        super().__init__()
        self.theme = theme
        self.setAccessibleName(_("{place} inspector").format(place=title))
        self._showing = False
        inner = QWidget()
        self.body = column(parent=inner, spacing=look.S, margins=(look.L, look.S, look.L - look.SCROLL_PX, look.S))
        self.area = QScrollArea()
        self.area.setVerticalScrollBar(Gutter())
        self.area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.area.setWidget(inner)
        self.area.setWidgetResizable(True)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.outer = column(self._head(title), self.area, parent=self, spacing=0)

    @staticmethod
    def _head(title: str) -> QFrame:
        """The name of the place, on the line of the tool bar."""
        frame = QFrame()
        frame.setObjectName("header")
        frame.setFixedHeight(look.HEADER_PX)
        row(label(title, "subtitle"), parent=frame, margins=(look.L, 0, look.L, 0))
        return frame

    def pin(self, text: str) -> None:
        """The one primary button of the place, with a line below it that says more."""
        self.primary = button(text, role="primary")
        self.hint = ElidedLabel("", "help")
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        frame = QFrame()
        frame.setObjectName("action")
        column(self.primary, self.hint, parent=frame, spacing=look.XS, margins=(look.L, look.M, look.L, look.S))
        self.outer.addWidget(frame)

    @contextmanager
    def showing(self) -> Iterator[None]:
        """While the state is shown, widgets must not write it back."""
        before, self._showing = self._showing, True
        try:
            yield
        finally:
            self._showing = before

    @property
    def is_showing(self) -> bool:
        return self._showing


class SliderRow(QWidget):
    """A named slider with its value at the right and a line of help."""

    def __init__(self, name: str, low: int, high: int, changed: Callable[[int], Any], help_text: str = "") -> None:
        super().__init__()
        self.slider = Slider(low, high, name)
        self.value = label()
        self.help = label(help_text, "help", wrap=True)
        self.help.setVisible(bool(help_text))
        column(row(label(name), None, self.value), self.slider, self.help, parent=self, spacing=2)
        self.slider.valueChanged.connect(changed)
        self.slider.setToolTip(help_text)

    def show_value(self, value: int, text: str) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(value)
        self.slider.blockSignals(False)
        self.value.setText(text)


def field_row(name: str, field: QWidget, help_text: str = "") -> QWidget:
    """A named field with its help below."""
    holder = QWidget()
    title = label(name)
    title.setBuddy(field)
    if not field.accessibleName():
        field.setAccessibleName(name)
    line: QHBoxLayout = row(title, None, field)
    outer: QVBoxLayout = column(line, parent=holder, spacing=2)
    if help_text:
        outer.addWidget(label(help_text, "help", wrap=True))
        field.setToolTip(help_text)
    return holder


def fact(name: str, value: str, role: str = "") -> QWidget:
    """One line of facts: name at the left, value beside it, wrapped."""
    holder = QWidget()
    key = label(name, "muted")
    key.setFixedWidth(96)
    key.setAlignment(Qt.AlignmentFlag.AlignTop)
    text: QLabel = label(value, role, wrap=True)
    text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    line = row(key, text, parent=holder, spacing=look.S)
    line.setStretch(1, 1)
    return holder
