"""Paint, erase, fill or clear: one stroke, one journalled edit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from medsynth_app.actions.guard import require_writable
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.changes import Changes
from medsynth_app.core.edit import Edit, MaskPart
from medsynth_app.workspace.documents import Document


def paint_mask(document: Document, frame: int, bounds: Bounds, before: npt.NDArray[np.uint8],
               after: npt.NDArray[np.uint8], name: str = "paint", person: str = "") -> Changes:
    """Write one stroke.

    Parameters
    ----------
    before, after
        Mask values in `bounds`, uint8, shape (bounds.height, bounds.width).
    name
        What undo calls it, e.g. "paint polyp".

    Raises
    ------
    UserError
        When the workspace is read-only.
    """
    require_writable(document)
    shape = (bounds.height, bounds.width)
    if before.shape != shape or after.shape != shape:
        raise ValueError(f"a stroke in {bounds} needs arrays of {shape}")
    key = document.info.frames[frame].key
    part = MaskPart(key, bounds, np.array(before, np.uint8), np.array(after, np.uint8))
    return document.apply(Edit(name, (part,)), person)
