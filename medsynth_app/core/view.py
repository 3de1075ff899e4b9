"""How one canvas looks at a document."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from medsynth_app.core.errors import UserError
from medsynth_app.core.window_level import WindowLevel


class Plane(Enum):
    """Which cut through an image is shown."""

    ACQUIRED = "acquired"  # the slices as they are stored


@dataclass(frozen=True)
class ViewState:
    """What a canvas shows, and how.

    Attributes
    ----------
    document
        Id of the document; "" where none is open.
    index
        Which slice of the plane, from 0.
    window_level
        None for colour images.
    zoom
        Pixels of the screen per pixel of the image; None: all of the slice is seen.
    unreadable
        Why the slice cannot be shown, where it cannot be read; None where it is seen.
    """

    document: str = ""
    plane: Plane = Plane.ACQUIRED
    index: int = 0
    window_level: WindowLevel | None = None
    zoom: float | None = None
    unreadable: UserError | None = None
