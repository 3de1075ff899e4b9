"""Find the cells of stained smears."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medsynth_app.actions.embed import list_pictures
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.detect import DetectRequest
from medsynth_app.core.jobs.embed import PictureList
from medsynth_app.jobs.queue import JobQueue


def detect_request(images: Sequence[Path], out: Path) -> DetectRequest:
    """All that a worker needs.

    Parameters
    ----------
    images
        Pictures, and folders of pictures. They are named relative to the folder of `out`, or where they do not lie in
        it by their whole path, so that ``cells.csv`` finds them again.

    Raises
    ------
    UserError
        None, one that is missing, an output that is no CSV.
    """
    if out.suffix != ".csv" or out.is_dir():
        raise UserError(f"The cells cannot be written to {out.name}.", "Name a file that ends in .csv.")
    files: dict[Path, None] = {}
    for image in images:
        if image.is_dir():
            files |= dict.fromkeys(Path(file) for file in list_pictures(image).paths())
        elif image.is_file():
            files[image.resolve()] = None
        else:
            raise UserError(f"There is no file or folder {image.name}.", "Give pictures, or folders of pictures.")
    if not files:
        raise UserError("No pictures were given.", "Give pictures, or folders of pictures.")
    home = out.resolve().parent
    names = [file.relative_to(home).as_posix() if file.is_relative_to(home) else str(file) for file in files]
    return DetectRequest(PictureList.of(names, [str(file) for file in files]), str(out.resolve()))


def detect(queue: JobQueue, request: DetectRequest, person: str = "") -> Changes:
    """Queue a run."""
    return Changes(jobs=(queue.submit(request, person=person),))
