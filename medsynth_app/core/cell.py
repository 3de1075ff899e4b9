"""A cell that was found in a field, however it was found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from medsynth_app.core.bounds import Bounds


class CellKind(StrEnum):
    """The classes of cells that the shipped detectors tell apart."""

    WHITE = "wbc"
    RED = "rbc"
    PLATELET = "platelet"


@dataclass(frozen=True)
class FoundCell:
    """A cell of a field.

    Attributes
    ----------
    kind
        Its class in ``cells.csv``: one of `CellKind`, or another that its detector knows.
    bounds
        In pixels of the field.
    confidence
        0 to 1, by the detector's own measure. No probability.
    at_edge
        The field ends within it.
    """

    kind: str
    bounds: Bounds
    confidence: float
    at_edge: bool


def at_edge(bounds: Bounds, rows: int, columns: int) -> bool:
    """Whether a field of that size ends where a box does."""
    return bounds.top <= 0 or bounds.left <= 0 or bounds.bottom >= rows or bounds.right >= columns
