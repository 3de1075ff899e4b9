"""Outlines of masks as polygons in image coordinates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF
from PySide6.QtGui import QPolygonF

from medsynth_app.core.bounds import Bounds

FINEST = 1024  # masks larger than this on a side are outlined at a coarser step


def outlines(mask: npt.NDArray[np.bool_] | None, left: int = 0, top: int = 0) -> list[QPolygonF]:
    """Closed lines round the true pixels of a 2-D mask whose first pixel lies at (`top`, `left`).

    Whole numbers are pixel centres, so the line runs between the pixels inside and those outside.
    """
    bounds = Bounds.of_mask(mask) if mask is not None else None
    if mask is None or bounds is None:
        return []
    from skimage.measure import find_contours  # not needed before something is painted

    step = max(1, -(-max(bounds.height, bounds.width) // FINEST))
    crop = np.pad(mask[bounds.slices][::step, ::step].astype(np.float32), 1)
    shapes = []
    for line in find_contours(crop, 0.5):
        line = (line - 1) * step + (bounds.top + top, bounds.left + left)
        shapes.append(QPolygonF([QPointF(column, row) for row, column in line.tolist()]))
    return shapes
