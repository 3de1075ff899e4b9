"""Edits: what one stroke, one accepted or discarded candidate or one label changed, enough to undo and to redo it.

An edit is one step of undo, whatever it touches: a stroke through several slices has a part for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.image import FrameKey, Pixels


@dataclass(frozen=True, eq=False)
class MaskPart:
    """Mask values in `bounds` of a frame before and after, uint8, shape (bounds.height, bounds.width).

    A stroke across a slide is best given as one part per tile that it touches: its box could be the whole slide.
    """

    frame: FrameKey
    bounds: Bounds
    before: npt.NDArray[np.uint8]
    after: npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class PixelPart:
    """Pixels in `bounds` of a frame before and after, in the image's own type, and the result that they come from."""

    frame: FrameKey
    bounds: Bounds
    before: Pixels
    after: Pixels
    result_id: str


@dataclass(frozen=True, eq=False)
class LabelPart:
    """What `subject`, the id of a cell, is called before and after: JSON values, None for no label."""

    subject: str
    before: Any
    after: Any


@dataclass(frozen=True, eq=False)
class CandidatePart:
    """What becomes of a candidate beside the pixels: from "staged" to "discarded", from "accepted" to "staged".

    The state of one that is accepted follows its `PixelPart`.
    """

    frame: FrameKey
    bounds: Bounds
    candidate_id: str
    before: str
    after: str


Part = MaskPart | PixelPart | LabelPart | CandidatePart


@dataclass(frozen=True, eq=False)
class Edit:
    """One step.

    Attributes
    ----------
    name
        What undo calls it: "paint polyp".
    parts
        What it changes. No two parts may change the same pixels, the same label or the state of the same candidate.
    action
        Name of the file in `actions/` that the audit has an entry of; "" for one that the journal alone tells of.
    """

    name: str
    parts: tuple[Part, ...]
    action: str = ""
