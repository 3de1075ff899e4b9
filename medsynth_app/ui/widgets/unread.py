"""A quiet line under a prompt that is longer than the model reads."""

from __future__ import annotations

from collections.abc import Sequence

from medsynth_app.core.prompt import Unread
from medsynth_app.ui.widgets.basic import label

MOST = 60  # letters of what is not read; the tool tip has more


class UnreadLine:
    """Says how much of the prompts counts; not there while all of them does.

    Attributes
    ----------
    label
        What goes into the panel.
    """

    def __init__(self) -> None:
        self.label = label("", "help", wrap=True)
        self.label.hide()

    def show(self, found: Sequence[Unread]) -> None:
        self.label.setText("\n".join(part.words(MOST) for part in found))
        self.label.setToolTip("\n".join(part.words() for part in found))
        self.label.setVisible(bool(found))
