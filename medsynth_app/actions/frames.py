"""Where in a document a result belongs."""

from __future__ import annotations

from medsynth_app.core.errors import UserError
from medsynth_app.core.image import FrameKey
from medsynth_app.workspace.documents import Document


def frame_of(document: Document, key: FrameKey | str) -> int:
    """Index of the frame with this key; raises `UserError` when the document does not hold it."""
    for index, about in enumerate(document.info.frames):
        if str(about.key) == str(key):
            return index
    raise UserError("This result belongs to another image.", "Open the image that it was made for.")
