"""Find the cells of stained smears."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medsynth_app.actions.embed import list_pictures
from medsynth_app.actions.packs import find_pack, list_packs
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.detect import DetectRequest
from medsynth_app.core.jobs.embed import PictureList
from medsynth_app.core.jobs.request import ModelRef
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.plugin_api.detector import detector_names

DEFAULT_DETECTOR = "smear-detector"  # finds clumped red cells and platelets better than colour and shape do
CLASSICAL = "classical"


def detect_request(images: Sequence[Path], out: Path, engine: str | None = None, device: str = "auto"
                   ) -> DetectRequest:
    """All that a worker needs.

    Parameters
    ----------
    images
        Pictures, and folders of pictures. They are named relative to the folder of `out`, or where they do not lie in
        it by their whole path, so that ``cells.csv`` finds them again.
    engine
        What finds the cells: `CLASSICAL`, by colour, size and shape; name or folder of a detector's pack; or the name
        under which a plug-in offers one. None: `DEFAULT_DETECTOR`, and without it `CLASSICAL`.

    Raises
    ------
    UserError
        None, one that is missing, an output that is no CSV, an engine that is not there.
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
    fields = PictureList.of(names, [str(file) for file in files])
    plugin = engine if engine in detector_names() else ""
    return DetectRequest(fields, str(out.resolve()), None if plugin else _model(engine), plugin or "", device)


def _model(engine: str | None) -> ModelRef | None:
    """The pack of a detector; None for `CLASSICAL`."""
    if engine == CLASSICAL:
        return None
    if engine is None:
        shipped = [pack for pack in list_packs(kind="detector") if pack.manifest.name == DEFAULT_DETECTOR]
        return ModelRef(str(shipped[-1].folder.resolve()), shipped[-1].manifest.sha256) if shipped else None
    try:
        pack = find_pack(engine, kind="detector")
    except UserError as error:
        offered = "".join(f", {name}" for name in detector_names())
        raise UserError(error.happened, f"{error.remedy.rstrip('.')}; and {CLASSICAL}{offered}.") from error
    return ModelRef(str(pack.folder.resolve()), pack.manifest.sha256)


def detect(queue: JobQueue, request: DetectRequest, person: str = "") -> Changes:
    """Queue a run."""
    return Changes(jobs=(queue.submit(request, person=person),))
