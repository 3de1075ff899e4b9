"""Finds texts that are cut off or lie upon each other, by the geometry of the widgets that hold them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QStyle,
    QStyleOptionButton,
    QStyleOptionComboBox,
    QToolButton,
    QWidget,
)

from medsynth_app.ui.widgets.basic import ElidedLabel

SLACK = 1  # px


def faults(window: QWidget, layers: tuple[QWidget, ...] = ()) -> list[str]:
    """What is wrong with the texts that are shown in a window, in words.

    Parameters
    ----------
    layers
        Widgets that lie over others on purpose: texts in one may cover texts elsewhere.
    """
    shown = [widget for widget in _texts(window) if widget.isVisible() and not widget.visibleRegion().isEmpty()]
    found = [f"{_name(widget)}: {fault}" for widget in shown if (fault := _cut(widget) or _beyond(widget, window))]
    placed = [(widget, _place(widget, window), _layer(widget, layers)) for widget in shown]
    for (first, here, layer), (second, there, other) in combinations(placed, 2):
        if layer is not other or not here.intersects(there):
            continue
        both = here.intersected(there)
        if both.width() > SLACK and both.height() > SLACK and not _within(first, second):
            found.append(f"{_name(first)} and {_name(second)} overlap by {both.width()} x {both.height()} px")
    return found


def _texts(window: QWidget) -> Iterator[QWidget]:
    """The widgets that show a text of their own."""
    for widget in window.findChildren(QWidget):
        if isinstance(widget, QLabel | QAbstractButton):
            if widget.text() and not (isinstance(widget, QToolButton) and _icon_alone(widget)):
                yield widget
        elif isinstance(widget, QLineEdit):
            if not isinstance(widget.parentWidget(), QAbstractSpinBox | QComboBox):
                yield widget
        elif isinstance(widget, QComboBox | QAbstractSpinBox):
            yield widget


def _icon_alone(button: QToolButton) -> bool:
    return button.toolButtonStyle() is Qt.ToolButtonStyle.ToolButtonIconOnly and not button.icon().isNull()


def _cut(widget: QWidget) -> str:
    """How a widget is too small for its text; "" where it is not."""
    metrics, room = widget.fontMetrics(), widget.contentsRect()
    if isinstance(widget, ElidedLabel):
        whole = widget.accessibleName()
        return "" if widget.text() == whole or widget.toolTip() == whole else "cut without a tooltip"
    if isinstance(widget, QLabel):
        return _label(widget, metrics, room)
    if isinstance(widget, QPushButton):
        return _too_narrow(metrics, widget.text(), _inside(widget))
    if isinstance(widget, QToolButton):
        return _button(widget, metrics)
    if isinstance(widget, QCheckBox):
        return _too_narrow(metrics, widget.text(), widget.width() - 24)  # the box, and what lies between
    if isinstance(widget, QComboBox):
        option = QStyleOptionComboBox()
        widget.initStyleOption(option)
        field = widget.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option,
                                              QStyle.SubControl.SC_ComboBoxEditField, widget)
        return "" if widget.toolTip().startswith(widget.currentText()) else \
            _too_narrow(metrics, widget.currentText(), field.width())
    line = widget.lineEdit() if isinstance(widget, QAbstractSpinBox) else widget
    assert isinstance(line, QLineEdit)
    text = line.displayText() if isinstance(widget, QAbstractSpinBox) else line.placeholderText()
    return _too_narrow(metrics, text, line.contentsRect().width() - 4)


def _label(widget: QLabel, metrics: QFontMetrics, room: QRect) -> str:
    if not widget.wordWrap():
        size = metrics.size(0, widget.text())
        margins = 2 * widget.margin()
        return "" if size.width() <= room.width() - margins + SLACK and size.height() <= room.height() + SLACK else \
            f"needs {size.width()} x {size.height()} px, has {room.width()} x {room.height()}"
    longest = max((metrics.horizontalAdvance(word) for word in widget.text().split()), default=0)
    needed = widget.heightForWidth(widget.width())
    if needed > widget.height() + SLACK:
        return f"needs a height of {needed} px, has {widget.height()}"
    return "" if longest <= room.width() + SLACK else f"a word of {longest} px in {room.width()} px"


def _button(widget: QToolButton, metrics: QFontMetrics) -> str:
    """Where the icon stands beside the text, or over it."""
    width, height, icon = metrics.horizontalAdvance(widget.text()), metrics.height(), widget.iconSize()
    style = widget.toolButtonStyle()
    if style is Qt.ToolButtonStyle.ToolButtonTextBesideIcon:
        width += icon.width() + 4
    elif style is Qt.ToolButtonStyle.ToolButtonTextUnderIcon:
        height += icon.height()
    return "" if width <= widget.width() and height <= widget.height() else \
        f"needs {width} x {height} px, has {widget.width()} x {widget.height()}"


def _inside(widget: QPushButton) -> int:
    """Width of the room for the text of a push button."""
    option = QStyleOptionButton()
    widget.initStyleOption(option)
    inside = widget.style().subElementRect(QStyle.SubElement.SE_PushButtonContents, option, widget)
    return inside.width() - (widget.iconSize().width() + 4 if not widget.icon().isNull() else 0)


def _too_narrow(metrics: QFontMetrics, text: str, width: int) -> str:
    needed = metrics.horizontalAdvance(text)
    return "" if needed <= width + SLACK else f"needs {needed} px, has {width}"


def _beyond(widget: QWidget, window: QWidget) -> str:
    """Whether a part of a widget lies where it can never be seen: outside its parents, with nothing to scroll."""
    rect, inner = widget.rect(), widget
    while inner is not window:
        outer = inner.parentWidget()
        if outer is None or inner.isWindow():
            return ""
        rect.translate(inner.pos())
        area = outer.parentWidget()
        if isinstance(area, QAbstractScrollArea) and area.viewport() is outer:
            across = area.horizontalScrollBar().maximum() > 0
            if not across and (rect.left() < -SLACK or rect.right() > outer.width() + SLACK):
                return f"lies {max(-rect.left(), rect.right() - outer.width())} px beside what can be scrolled"
            rect = outer.rect()
        elif not outer.rect().adjusted(-SLACK, -SLACK, SLACK, SLACK).contains(rect):
            return f"sticks out of {_name(outer)}: {rect.getRect()} of {outer.width()} x {outer.height()}"
        inner = outer
    return ""


def _place(widget: QWidget, window: QWidget) -> QRect:
    """Where on the window it is seen."""
    seen = widget.visibleRegion().boundingRect()
    return seen.translated(widget.mapTo(window, QPoint(0, 0)))


def _layer(widget: QWidget, layers: tuple[QWidget, ...]) -> QWidget | None:
    return next((layer for layer in layers if layer is widget or layer.isAncestorOf(widget)), None)


def _within(first: QWidget, second: QWidget) -> bool:
    return first.isAncestorOf(second) or second.isAncestorOf(first)


def _name(widget: QWidget) -> str:
    text = getattr(widget, "text", lambda: "")() or widget.accessibleName() or widget.objectName()
    return f"{type(widget).__name__} “{text[:60]}”"
