"""The wheel scrolls; it edits no field that does not have the focus."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QAbstractSlider, QAbstractSpinBox, QComboBox, QScrollBar, QWidget


class Guard(QObject):
    """Keeps the wheel from fields without the focus; it goes on to what lies round them."""

    def guard(self, root: QWidget) -> None:
        """Look after every field in `root`."""
        for field in root.findChildren(QWidget):
            if isinstance(field, QAbstractSpinBox | QComboBox | QAbstractSlider) and not isinstance(field, QScrollBar):
                if field.focusPolicy() is Qt.FocusPolicy.WheelFocus:
                    field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
                field.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False
