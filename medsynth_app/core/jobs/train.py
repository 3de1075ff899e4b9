"""The request to train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

TRAINABLE = ("base", "control", "masks", "encoder")


@dataclass(frozen=True, eq=False)
class TrainRequest:
    """Train a pack, or a part of one, from a frozen training set.

    Attributes
    ----------
    recipe, data, out, checkpoints
        A file and three folders on this machine; `out` becomes a pack.
    part
        One of `TRAINABLE`.
    pack
        Folder of the base pack that a part joins (``control``, ``masks``): `out` becomes a copy of it with that part;
        or that ``base`` starts from.
    """

    kind: ClassVar[str] = "train"
    recipe: str
    data: str
    out: str
    part: str = "base"
    pack: str = ""
    checkpoints: str = ""
    max_minutes: float = 0.0
