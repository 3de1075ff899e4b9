"""The widgets of the canvas: napari's view, the overlay over it, the chips and the slice slider."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer
from PySide6.QtGui import QColor, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QStackedLayout, QStyle, QStyleOptionSlider, QWidget

from medsynth_app.core.words import _
from medsynth_app.ui.theme.tokens import Tokens
from medsynth_app.ui.viewer.chips import Chips
from medsynth_app.ui.viewer.compare import SideBySide
from medsynth_app.ui.viewer.facts import Fact
from medsynth_app.ui.viewer.overlay import EDGE, Overlay

CHIPS_TOP = 8  # px below the top, or below what covers it
CORNER_PX = 220  # at the left of the chips: the words in the corner


def single_timer(parent: QObject, milliseconds: int, due: Callable[[], None]) -> QTimer:
    """A timer that fires once after each start."""
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(due)
    return timer


class Stage(QWidget):
    """Holds the OpenGL view and what lies over it, all of one size."""

    def __init__(self, view: QWidget, resized: Callable[[], None]) -> None:
        super().__init__()
        self._resized = resized
        self.side = SideBySide()
        self._stack = QStackedLayout(self)
        self._stack.addWidget(view)
        self._stack.addWidget(self.side)
        self.overlay = Overlay(self)
        self.chips = Chips(self)

    def show_side(self, shown: bool) -> None:
        self._stack.setCurrentIndex(1 if shown else 0)
        self.overlay.setVisible(not shown)
        self._raise()

    def _raise(self) -> None:
        self.overlay.raise_()
        self.chips.raise_()

    @property
    def chip(self) -> QWidget:
        """The chip SYNTHETIC."""
        return self.chips.synthetic

    def show_facts(self, facts: tuple[Fact, ...], synthetic: bool, from_file: bool) -> None:
        """Say these on chips; `synthetic`: what is shown is generated, `from_file`: the file itself says so."""
        self.chips.show_facts(facts, from_file)
        self.chips.show_synthetic(synthetic)
        self._place_chips()

    def leave_above(self, height: int) -> None:
        """Something covers so much of the top: words and chips stand below it; the image lies still."""
        self.overlay.marks.above = height
        self._place_chips()
        self.overlay.update()

    def _place_chips(self) -> None:
        self.chips.fit(self.width() - CORNER_PX - EDGE)
        self.chips.adjustSize()
        self.chips.move(self.width() - self.chips.width() - EDGE, self.overlay.marks.above + CHIPS_TOP)
        self._raise()

    def set_theme(self, tokens: Tokens) -> None:
        self.overlay.accent = QColor(tokens.accent)
        self._place_chips()
        self.overlay.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.overlay.setGeometry(self.rect())
        self._place_chips()
        self._resized()


class SliceSlider(QWidget):
    """Chooses the slice of a stack; hidden for single images."""

    def __init__(self, chosen: Callable[[int], Any]) -> None:
        super().__init__()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(_("Slice"))
        self.slider.setPageStep(5)
        self.slider.installEventFilter(self)
        self.text = QLabel()
        self.text.setProperty("role", "muted")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 0, 12, 0)
        layout.setSpacing(12)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self.text)
        self.slider.valueChanged.connect(chosen)

    def show_frame(self, frame: int, count: int) -> None:
        """Follow the frame in view without telling of it."""
        self.setVisible(count > 1)
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(count - 1, 0))
        self.slider.setValue(frame)
        self.slider.blockSignals(False)
        self.text.setMinimumWidth(self.text.fontMetrics().horizontalAdvance(f"{count} / {count}") + 4)
        self.text.setText(f"{frame + 1} / {count}")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QMouseEvent) and event.type() is QEvent.Type.MouseButtonPress \
                and event.button() is Qt.MouseButton.LeftButton:
            self._go_to(event.position().toPoint())  # the handle is under the pointer then, and can be dragged on
        return event.type() is QEvent.Type.Wheel and not self.slider.hasFocus()

    def _go_to(self, at: QPoint) -> None:
        """The slice where the pointer is, unless that is on the handle."""
        slider, option = self.slider, QStyleOptionSlider()
        slider.initStyleOption(option)
        groove, handle = (slider.style().subControlRect(QStyle.ComplexControl.CC_Slider, option, part, slider)
                          for part in (QStyle.SubControl.SC_SliderGroove, QStyle.SubControl.SC_SliderHandle))
        if not handle.contains(at):
            slider.setValue(QStyle.sliderValueFromPosition(
                slider.minimum(), slider.maximum(), at.x() - groove.x() - handle.width() // 2,
                groove.width() - handle.width(), option.upsideDown))
