"""One measured figure of a pack, as its card tells it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A row of a study.

    Attributes
    ----------
    name, measured
        What was measured, and the value with its interval, in words.
    floor
        The same measure between real and real, or of chance; empty where there is none.
    target
        What was asked for; empty where it is only reported.
    n
        How many pictures, masks or seeds it rests on, in words.
    """

    name: str
    measured: str
    floor: str = ""
    target: str = ""
    n: str = ""
