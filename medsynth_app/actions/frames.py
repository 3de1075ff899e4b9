"""Where in a document a candidate belongs, and whether it still fits there."""

from __future__ import annotations

import numpy as np

from medsynth_app.core.errors import UserError
from medsynth_app.core.image import FrameKey, Pixels
from medsynth_app.workspace.candidates import Candidate
from medsynth_app.workspace.documents import Document, revision_of


def frame_of(document: Document, key: FrameKey | str) -> int:
    """Index of the frame with this key; raises `UserError` when the document does not hold it."""
    for index, about in enumerate(document.info.frames):
        if str(about.key) == str(key):
            return index
    raise UserError("This result belongs to another image.", "Open the image that it was made for.")


def replaced(document: Document, frame: int, result: Candidate) -> tuple[Pixels, Pixels]:
    """The pixels in the bounds of a candidate as they are now, and with the candidate in place.

    What surrounds its effective mask may have changed since the run began, e.g. by a fill beside it that was accepted
    first; what it replaces may not.

    Raises
    ------
    UserError
        When one of the pixels that it replaces has changed.
    """
    before = np.array(document.region(frame, result.bounds))
    filled = result.pixels().astype(before.dtype, copy=False)
    inside = result.effective() if before.ndim == 2 else result.effective()[..., None]
    # Outside the mask a candidate is what the run saw; with what is inside now that is all of it, or it has changed.
    if revision_of(np.where(inside, before, filled)) != result.provenance.parameters.get("revision"):
        raise UserError("The image has changed in this region since the run began.",
                        "Undo that change, or run again on the image as it is now.",
                        safe="The image was left as it is and the result is kept.")
    return before, np.where(inside, filled, before)


def beside_other_pixels(document: Document, result: Candidate) -> bool:
    """Whether what surrounds a candidate's effective mask has changed since the run began."""
    now = document.region(frame_of(document, result.frame_key), result.bounds)
    return bool((now != result.pixels())[~result.effective()].any())
