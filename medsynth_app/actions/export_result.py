"""Export a staged result without accepting it: nothing is journalled, and nobody's undo or redo changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from medsynth_app.actions.export import Exported, export_frame, export_of, joined, records_of
from medsynth_app.actions.frames import frame_of
from medsynth_app.core.errors import UserError
from medsynth_app.core.window_level import WindowLevel
from medsynth_app.workspace.candidates import Candidate
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace


def export_result(workspace: Workspace, document: Document, result: Candidate, path: Path, format: str, *,
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
    now = export_of(document, frame)
    filled, effective = np.array(now.pixels), result.effective()
    filled[result.bounds.slices][effective] = result.pixels()[effective]
    seen = replace(now, pixels=filled, provenance=joined([*records_of(document, frame), result.provenance]))
    return export_frame(seen, path, format, mark=mark, window=window)
