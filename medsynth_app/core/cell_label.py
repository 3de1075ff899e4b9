"""What one person called one cell, and under what circumstances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

SKIPPED = "skipped"
"""An answer that asks for the cell again later: no label."""


@dataclass(frozen=True)
class CellLabel:
    """One answer.

    Attributes
    ----------
    cell, image_sha256, box
        The cell as it was on the screen when the key went down (`core.cells.Cell`).
    person
        Id of who answered.
    answer
        Id of a class, or one of `core.cell_schema.OTHER_ANSWERS` or `SKIPPED`.
    repeat
        0, and 1 or more where the person had labelled the cell before and was asked again without being told.
    at
        When, ISO text in UTC.
    seconds
        How long the cell was looked at, without pauses.
    rank, reason, strategy
        Which place the cell had in which order, and why; 0, "" and "" for none.
    model
        What classifier there was, by the number of labels that it knew; 0 for none.
    shown
        The class that was suggested on the screen; "" where none was.
    predicted, confidence
        The classifier's class, seen or not; "" and 0.
    control
        Whether the cell stood here by chance, for the figures.
    group
        How many cells the same key labelled; 1 for a cell alone.
    checked
        Whether it was one of those of its group that were looked at large.
    """

    cell: str
    image_sha256: str
    box: tuple[int, int, int, int]
    person: str
    answer: str
    repeat: int = 0
    at: str = ""
    seconds: float = 0.0
    rank: int = 0
    reason: str = ""
    strategy: str = ""
    model: int = 0
    shown: str = ""
    predicted: str = ""
    confidence: float = 0.0
    control: bool = False
    group: int = 1
    checked: bool = False

    @property
    def alone(self) -> bool:
        """Whether it was given to this cell, not to a page of cells that were thought alike."""
        return self.group == 1 and not self.checked

    @property
    def subject(self) -> str:
        """What the journal calls the label: everybody has a label of their own of a cell."""
        return subject_of(self.cell, self.person, self.repeat)

    def to_plain(self) -> dict[str, Any]:
        """JSON values; those that say nothing are left out."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)
                 if getattr(self, each.name) != each.default}
        return {**plain, "box": list(self.box)}

    @staticmethod
    def from_plain(plain: Mapping[str, Any]) -> CellLabel:
        """The inverse of `to_plain`; what a newer version added is passed over."""
        known = {each.name for each in fields(CellLabel)}
        values = {name: value for name, value in plain.items() if name in known}
        left, top, right, bottom = (int(side) for side in values.pop("box"))
        return CellLabel(box=(left, top, right, bottom), **values)


def subject_of(cell: str, person: str, repeat: int = 0) -> str:
    return f"{cell}/{person}/{repeat}"
