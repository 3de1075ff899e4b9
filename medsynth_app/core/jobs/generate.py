"""The request to generate whole pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class GenerateRequest:
    """Make whole pictures from a prompt, at the pack's native size or a multiple of 8 pixels.

    Attributes
    ----------
    mask
        Labels that the pictures follow, shape (h, w), uint8, 0 the background (`PackManifest.mask_labels`);
        resized to the pictures' size. None: the prompt alone decides.
    control_scale
        How firmly a mask is followed; 0 ignores it, 1 is as the model learned.
    pairs
        Draw a mask for every picture first, from the pack's model of masks; then `mask` is None.
    source
        sha256 or UID text of the frame on which the mask was painted, for the provenance record; never a path. Empty
        where there is none.
    """

    kind: ClassVar[str] = "generate"
    pack: str
    pack_sha256: str
    prompt: str
    negative_prompt: str = ""
    width: int = 0
    height: int = 0
    steps: int = 25
    guidance: float = 2.5
    seed: int = 0
    count: int = 4
    preview_every: int = 4
    device: str = "auto"
    mask: npt.NDArray[np.uint8] | None = None
    control_scale: float = 1.0
    pairs: bool = False
    source: str = ""
