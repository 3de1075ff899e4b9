"""A detector of cells that somebody else wrote: Cellpose, StarDist, InstanSeg, a site's own.

A package offers one by an entry point in its ``pyproject.toml``, whose name is what ``detect --engine`` calls it::

    [project.entry-points."medsynth.detectors"]
    my-detector = "my_package:MyDetector"

What it names is called without arguments, in the worker process of the first run that asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from typing import Protocol

import numpy as np
import numpy.typing as npt

from medsynth_app.core.cell import FoundCell
from medsynth_app.core.errors import UserError

GROUP = "medsynth.detectors"
Progress = Callable[[int, int], None]


class CellDetector(Protocol):
    """Finds the cells of one field at a time."""

    def find(self, pixels: npt.NDArray[np.uint8], progress: Progress) -> Sequence[FoundCell]:
        """The cells of a field.

        Parameters
        ----------
        pixels
            Shape (h, w, 3), uint8, RGB.
        progress
            To be called now and then with how much is done, and of how much. What it raises ends the run: it is not to
            be caught.
        """
        ...


def detector_names() -> tuple[str, ...]:
    """The detectors that plug-ins offer; none of their code is loaded."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def made_detector(name: str) -> CellDetector:
    """The detector that a plug-in offers under a name.

    Raises
    ------
    UserError
        When there is none, or it cannot be loaded.
    """
    point = next(iter(entry_points(group=GROUP, name=name)), None)
    if point is None:
        raise UserError(f"No plug-in offers the detector {name!r}.",
                        f"Offered are: {', '.join(detector_names()) or 'none'}.")
    try:
        found: CellDetector = point.load()()
    except Exception as error:  # whatever somebody else's code does
        raise UserError(f"The plug-in with the detector {name!r} cannot be loaded.",
                        "Install it again, with all that it needs.", details=type(error).__name__) from error
    return found
