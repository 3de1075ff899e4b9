"""Open a file or a folder: read it and find what the workspace knows of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from medsynth_app.formats import registry
from medsynth_app.formats.common import SeriesListing
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace

ALLOW_BYTES = 2 * 2**30


def open_image(workspace: Workspace, path: Path, *, progress: Callable[[int, int], None] | None = None,
               cancelled: Callable[[], bool] | None = None, allow_bytes: int = ALLOW_BYTES,
               series: str = "", head_first: bool = False) -> Document:
    """Open `path` with the masks, accepted results and history that are bound to its frames.

    `series` is the `identity.series` of the one to open where a folder holds several (see `list_series`); `head_first`
    gives axial slices of DICOM from the head to the feet.

    Raises
    ------
    UserError
        When it cannot be read; `formats.common.TooLarge` above `allow_bytes` decoded: ask, then call
        again with more.
    """
    source = registry.open_image(path, progress=progress, cancelled=cancelled, allow_bytes=allow_bytes,
                                 salt=workspace.salt, series=series, head_first=head_first)
    return workspace.documents.open(source, path)


def list_series(workspace: Workspace, folder: Path, *, progress: Callable[[int, int], None] | None = None,
                cancelled: Callable[[], bool] | None = None) -> list[SeriesListing]:
    """The DICOM series in a folder, largest first; each can be opened by its `identity.series`.

    Raises
    ------
    Cancelled
        When `cancelled` said so between two files.
    """
    return registry.list_series(folder, progress=progress, cancelled=cancelled, salt=workspace.salt)
