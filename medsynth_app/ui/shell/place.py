"""A place of the window as a value: what stands there and what can be done there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from medsynth_app.core.job import JobRecord
from medsynth_app.core.jobs.kind import Outcome
from medsynth_app.ui.shell.command import Command


@dataclass(frozen=True)
class PlaceKeys:
    """Keys that are no shortcuts of a command.

    Attributes
    ----------
    sheet
        (group, keys, what they do), for the sheet of keys.
    digit
        Told of a digit's key, by its place on the keyboard; returns whether it was of use.
    press
        Told of every key without Ctrl or Alt that nobody writes with, before digits and shortcuts are; returns whether
        the place uses it. An event of the type `ShortcutOverride` only asks.
    """

    sheet: tuple[tuple[str, str, str], ...] = ()
    digit: Callable[[int], bool] | None = None
    press: Callable[[QKeyEvent], bool] | None = None


class History(Protocol):
    """What can be undone and redone; the names are those of the steps, None where there is none."""

    undo_name: str | None
    redo_name: str | None

    def undo(self) -> object: ...

    def redo(self) -> object: ...


@dataclass(frozen=True)
class JobEnd:
    """Where the result of jobs is seen.

    Attributes
    ----------
    outcome
        What such jobs leave behind.
    is_seen
        Whether a look at this place shows the result of that job.
    show
        Brings it into view, once this place is shown.
    """

    outcome: Outcome
    is_seen: Callable[[JobRecord], bool] = lambda record: True
    show: Callable[[JobRecord], object] = lambda record: None


def nothing() -> None:
    """The `finish` of a place where nothing runs."""


@dataclass(frozen=True)
class Place:
    """One place of the rail.

    Attributes
    ----------
    panel
        The inspector.
    centre
        What stands in the middle; None for the image.
    strip
        What stands below the image, None for nothing.
    commands
        What can be done here; their keys stand in the sheet of this place.
    tools
        Parts of the tool bar, from left to right.
    entry
        The field to write into, None where nothing is written.
    ends
        The jobs whose results are seen here.
    planned
        Not built yet: it says what it will do.
    history
        What undo and redo act on here; None: on the painting, where the image stands in the middle.
    finish
        Called when the window closes: stops what runs.
    """

    id: str
    title: str
    icon: str
    panel: QWidget
    centre: QWidget | None = None
    strip: QWidget | None = None
    commands: tuple[Command, ...] = ()
    keys: PlaceKeys = field(default_factory=PlaceKeys)
    tools: tuple[QWidget, ...] = ()
    entry: QWidget | None = None
    ends: tuple[JobEnd, ...] = ()
    planned: bool = False
    history: History | None = None
    finish: Callable[[], None] = nothing

    @property
    def shows_image(self) -> bool:
        """Whether the image stands in the middle."""
        return self.centre is None
