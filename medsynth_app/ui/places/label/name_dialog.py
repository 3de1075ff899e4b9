"""Asks for the name of a set."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QLineEdit, QWidget

from medsynth_app.core.words import _
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.widgets.basic import button, column, label, row


class NameDialog(QDialog):
    """One field; an empty name is not taken.

    Signals
    -------
    named
        The new name.
    """

    named = Signal(str)

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(_("Rename the set"))
        self.setMinimumWidth(360)
        self.field = QLineEdit(name)
        self.field.setAccessibleName(_("Name"))
        self.field.setMaxLength(80)
        self.field.selectAll()
        self.save = button(_("Rename"), self._take, role="primary")
        self.field.textChanged.connect(lambda text: self.save.setEnabled(bool(text.strip())))
        self.field.returnPressed.connect(self._take)
        column(label(_("Rename the set"), "title"), self.field, row(None, button(_("Cancel"), self.reject), self.save),
               parent=self, spacing=look.L, margins=(look.L + 8,) * 4)

    def _take(self) -> None:
        if self.field.text().strip():
            self.named.emit(" ".join(self.field.text().split()))
            self.accept()
