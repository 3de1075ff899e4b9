"""A quiet line under a prompt of which a person should know something: too long, unknown words, none at all."""

from __future__ import annotations

from collections.abc import Sequence

from medsynth_app.core.prompt import Told
from medsynth_app.ui.widgets.basic import label

MOST = 60  # letters of what was typed; the tool tip has more


class PromptLine:
    """Says what there is to know of the prompts; not there while there is nothing.

    Attributes
    ----------
    label
        What goes into the panel.
    """

    def __init__(self) -> None:
        self.label = label("", "help", wrap=True)
        self.label.hide()

    def show(self, found: Sequence[Told]) -> None:
        self.label.setText("\n".join(part.words(MOST) for part in found))
        self.label.setToolTip("\n".join(part.words() for part in found))
        self.label.setVisible(bool(found))
