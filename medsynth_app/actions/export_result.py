"""Export a staged result without accepting it: nothing is journalled, and nobody's undo or redo changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from medsynth_app.actions.export import Exported, export_image
from medsynth_app.actions.frames import frame_of
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import Pixels
from medsynth_app.core.provenance import Provenance
from medsynth_app.core.window_level import WindowLevel
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.results import Result
from medsynth_app.workspace.workspace import Workspace


class _Filled(Document):
    """The same document, seen as if one result had been accepted."""

    def __init__(self, document: Document, frame: int, result: Result) -> None:
        vars(self).update(vars(document))
        self._frame, self._result = frame, result

    def pixels(self, frame: int) -> Pixels:
        found = super().pixels(frame)
        if frame != self._frame:
            return found
        filled, effective = np.array(found), self._result.effective()
        filled[self._result.bounds.slices][effective] = self._result.pixels()[effective]
        return filled

    def provenance(self, frame: int) -> list[Provenance]:
        return super().provenance(frame) + ([self._result.provenance] if frame == self._frame else [])


def export_result(workspace: Workspace, document: Document, result: Result, path: Path, format: str, *,
                  mark: bool = True, window: WindowLevel | None = None) -> Exported:
    """Write the frame of `result` with it in place; the parameters are those of `actions.export.export_image`.

    Raises
    ------
    UserError
        When the pixels of the region have changed since the run began, and as `export_image`.
    """
    frame = frame_of(document, result.frame_key)
    if document.revision(frame, result.bounds) != result.provenance.parameters.get("revision"):
        raise UserError("The image has changed in this region since the run began.",
                        "Run again on the image as it is now.", safe="The result is kept.")
    return export_image(workspace, _Filled(document, frame, result), frame, path, format, mark=mark, window=window)
