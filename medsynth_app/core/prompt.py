"""What to know of a prompt: what of it a model does not read, or never learned, and what an empty one means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

MOST_TOLD = 300  # letters of what is not read
MOST_WORDS = 8  # that are named
# Words that people type beside the captions. Our tokenizers give them pieces of their own, so that they train as
# neutral fill, though no picture was ever called so.
COMMON = """
a an the of in on with without and or at to from small large round oval flat pale dark bright smooth image
picture photograph microscopy slide stained stain cell cells tissue normal healthy abnormal left right upper
lower nucleus cytoplasm granules lobed segmented polyp mucosa colon vessel fold lesion tumour brain
hippocampus anterior posterior background surroundings
"""


class Told(Protocol):
    """Something that is told of a prompt."""

    def words(self, most: int = MOST_TOLD) -> str:
        """What to say, with so many letters of what the person typed."""
        ...


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


@dataclass(frozen=True)
class Unseen:
    """Words of a prompt that stood in none of the captions that a model learned from."""

    name: str
    found: tuple[str, ...]

    def words(self, most: int = MOST_TOLD) -> str:
        """What to say of them."""
        named = " and ".join(f"'{word[:most]}'" for word in self.found[:MOST_WORDS])
        if len(self.found) > MOST_WORDS:
            named += f" and {len(self.found) - MOST_WORDS} more"
        if len(self.found) == 1:
            return (f"The model never learned the word {named} of the {self.name}: it stood in none of its captions, "
                    "and what it adds is chance.")
        return (f"The model never learned the words {named} of the {self.name}: they stood in none of its captions, "
                "and what they add is chance.")


@dataclass(frozen=True)
class Usual:
    """What is drawn where there is no prompt."""

    prompt: str

    def words(self, most: int = MOST_TOLD) -> str:
        """What to say of it."""
        return f"There is no prompt; the model's own is drawn: '{self.prompt[:most]}'."


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
