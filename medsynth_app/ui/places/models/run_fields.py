"""What every training run is asked for: the name of what it makes, and how long it may take at most."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QLineEdit, QSpinBox

from medsynth_app.core.words import _
from medsynth_app.ui.widgets.fields import indent

FIELD = 300  # px


def name_field(changed: Callable[[], None], text: str = "") -> QLineEdit:
    """The name of a folder; `changed` is called after every keystroke."""
    field = QLineEdit(text)
    field.setMaxLength(60)
    field.setFixedWidth(FIELD)
    field.textChanged.connect(lambda _text: changed())
    return field


def minutes_field() -> QSpinBox:
    """Minutes, up to a week; 0 as the recipe says."""
    field = QSpinBox()
    field.setRange(0, 7 * 24 * 60)
    field.setSuffix(" min")
    field.setSpecialValueText(_("as the recipe says"))
    field.setFixedWidth(FIELD)
    indent(field)
    return field
