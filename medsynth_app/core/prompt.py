"""What of a prompt a model does not read, for its text encoder takes so many tokens and no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MOST_TOLD = 300  # letters of what is not read


@dataclass(frozen=True)
class Unread:
    """A text that is longer than a model reads.

    Attributes
    ----------
    name
        "prompt" or "negative prompt".
    tokens, counted
        How many it has, and how many count.
    rest
        What is not read.
    """

    name: str
    tokens: int
    counted: int
    rest: str

    def words(self, most: int = MOST_TOLD) -> str:
        """What to say of it, with so many letters of what is not read."""
        rest = f"{self.rest[:most]}…" if len(self.rest) > most else self.rest
        return (f"The {self.name} has {self.tokens} tokens, and the first {self.counted} count: the rest, '{rest}', "
                "is not read.")


def unread_part(name: str, text: str, places: Sequence[tuple[int, int]], counted: int) -> Unread | None:
    """What of a text does not count; None where all of it does.

    Parameters
    ----------
    places
        Of each token in the text: from, to.
    """
    if len(places) <= counted:
        return None
    return Unread(name, len(places), counted, text[places[counted][0]:].strip())
