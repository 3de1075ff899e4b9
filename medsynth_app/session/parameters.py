"""What a panel has set, and which of it changes."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from psygnal import Signal

from medsynth_app.core import options
from medsynth_app.core.parameters import GenerateParameters, InpaintParameters

P = TypeVar("P", InpaintParameters, GenerateParameters)


class Chosen(Generic[P]):
    """The parameters of one kind of run.

    Attributes
    ----------
    value
        All of them.
    changed
        Signal(frozenset[str]): the names of those that have another value now.
    """

    changed = Signal(frozenset)

    def __init__(self, value: P) -> None:
        self.value: P = value
        self._offered = ""

    def set(self, **changes: Any) -> P:
        """Change some; raises `UserError` when one is out of its range, and then none is changed."""
        before, self.value = self.value, options.changed(self.value, **changes).checked()
        names = options.differing(before, self.value)
        if names:
            self.changed.emit(names)
        return self.value

    def offer(self, prompt: str) -> None:
        """Put a pack's prompt where the person has not typed one: the offered is replaced, a typed one never."""
        typed = self.value.conditioning.prompt not in ("", self._offered)
        self._offered = prompt
        if not typed:
            self.set(prompt=prompt)
