"""What an action changed: the one value that every view refreshes from."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.image import FrameKey


@dataclass(frozen=True)
class Change:
    """A region of a document that changed.

    Attributes
    ----------
    kind
        ``"mask"``, ``"pixels"``, or ``"candidate"`` where nothing but the state of a candidate changed.
    description
        What happened, as undo calls it.
    """

    document_id: str
    frame: FrameKey
    bounds: Bounds
    kind: str
    description: str = ""


@dataclass(frozen=True)
class Changes:
    """What every action returns; empty where nothing changed.

    Attributes
    ----------
    documents
        Regions of documents, one per frame and kind.
    candidates
        Documents (ids) whose candidates changed.
    pictures, labels, packs, jobs, people
        Ids of those that came, went or changed.
    cells
        Label sets (ids) whose cells came, went or changed.
    opened, removed
        Documents (ids) that were opened, and that no longer exist.
    """

    documents: tuple[Change, ...] = ()
    candidates: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    packs: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))

    def __or__(self, other: Self) -> Self:
        """Both, in order."""
        return type(self)(**{field.name: (*getattr(self, field.name), *getattr(other, field.name))
                             for field in fields(self)})
