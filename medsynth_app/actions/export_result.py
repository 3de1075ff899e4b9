"""Export a staged result without accepting it: nothing is journalled, and nobody's undo or redo changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from medsynth_app.actions.export import Exported, brought_along, export_frame, export_of, keep_trace, record_of
from medsynth_app.actions.frames import frame_of, in_place
from medsynth_app.core.window_level import WindowLevel
from medsynth_app.formats.common import ExportFrame
from medsynth_app.workspace.candidates import Candidate
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace


def export_result(workspace: Workspace, document: Document, result: Candidate, path: Path, format: str, *,
                  mark: bool = True, window: WindowLevel | None = None) -> Exported:
    """Write the frame of `result` with it in place; the parameters are those of `actions.export.export_image`.

    Raises
    ------
    UserError
        When pixels that it replaces have changed since the run began, and as `export_image`.
    """
    seen = frame_with(workspace, document, result)
    written = export_frame(seen, path, format, mark=mark, window=window)
    keep_trace(workspace, document, seen, format, mark, window)
    return written


def frame_with(workspace: Workspace, document: Document, result: Candidate) -> ExportFrame:
    """The frame of `result` with it in place, for `export_frame`; raises `UserError` as `export_result` does."""
    frame = frame_of(document, result.frame_key)
    pixels, records = document.pixels_and_records(frame)
    filled = np.array(pixels)
    filled[result.bounds.slices] = in_place(filled[result.bounds.slices], result)
    return replace(export_of(workspace, document, frame), pixels=filled,
                   provenance=record_of(workspace, [*brought_along(document, frame), *records, result.provenance]))
