"""Open a generated picture as an image, to paint and fill it."""

from __future__ import annotations

from pathlib import Path

from medsynth_app.actions.guard import require_writable
from medsynth_app.formats.provenance import for_export
from medsynth_app.formats.registry import IMAGE_WRITERS
from medsynth_app.workspace.pictures import Picture
from medsynth_app.workspace.workspace import Workspace


def open_picture(workspace: Workspace, picture: Picture) -> Path:
    """The picture as a file of the workspace, for `open_image`: it says that it is synthetic and holds its record.

    The file goes with the picture.

    Raises
    ------
    UserError
        When the workspace is read-only.
    """
    require_writable(workspace)
    path = workspace.pictures.file_of(picture)
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write = IMAGE_WRITERS["png"].rendered
        assert write is not None
        write(path, picture.pixels(), for_export(picture.provenance, workspace.salt), False, None)
    return path
