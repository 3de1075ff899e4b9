"""Turn the pictures of a data set into vectors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.files import on_disk
from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.embed import EmbedRequest, PictureList
from medsynth_app.core.jobs.request import ModelRef
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.datasets.listing import LABELS, listed
from medsynth_app.datasets.picture import is_mask_beside, is_picture
from medsynth_app.datasets.recognised import recognise
from medsynth_app.formats.cell_tables import csv_rows
from medsynth_app.formats.embeddings import check_table
from medsynth_app.jobs.queue import JobQueue

SIDES = ("x", "y", "width", "height")
SHOWN = 5  # files of a sentence


def list_pictures(data: Path) -> PictureList:
    """The pictures of a data set, with their classes where it names them.

    Parameters
    ----------
    data
        A folder with ``labels.csv`` (column ``file``), or one that is listed as what it is recognised to be
        (`datasets.recognised`): with a sub-folder per class, pairs or volumes without their masks, or just pictures;
        ids are the files relative to it. Or a CSV: such labels, or cells that `detect` found (``cell_id, image, x, y,
        width, height``; x, y the upper left corner), files relative to its folder.

    Raises
    ------
    UserError
        No such data set, none or missing pictures, a name that stands for two, a box that is none.
    """
    if data.is_dir() and not (data / LABELS).is_file():
        pictures = _recognised(data)
    elif is_picture(data):
        raise UserError(f"{data.name} is one picture, not a data set.",
                        "Give the folder that it lies in, or a CSV file that names it.")
    elif data.is_dir() or data.is_file():
        pictures = _listed(data / LABELS if data.is_dir() else data)
    else:
        raise UserError(f"There is no folder or file {data.name}.", "Give the folder of a data set, or its CSV file.")
    if not len(pictures):
        raise UserError(f"{data.name} holds no pictures.",
                        "Give a folder with pictures: PNG, JPEG, TIFF, BMP, DICOM or NIfTI.")
    return pictures


def passed_over(data: Path) -> list[str]:
    """What is said of files that `list_pictures` passes over, for they are called as masks of pictures beside them."""
    if not data.is_dir() or (data / LABELS).is_file():
        return []
    masks = sorted(path.relative_to(data).as_posix() for path in data.rglob("*") if is_mask_beside(path))
    more = f" and {len(masks) - SHOWN} more" if len(masks) > SHOWN else ""
    called, those = ("mask beside a picture", "it where it is a picture") if len(masks) == 1 else (
        "masks beside pictures", "those that are pictures")
    return [f"Passed over {len(masks)} {called}: {', '.join(masks[:SHOWN])}{more}. Rename {those}."] if masks else []


def _recognised(data: Path) -> PictureList:
    found = recognise(data)
    try:
        entries = listed(data, found.layout).entries
    except OSError as error:
        raise UserError(f"The folder {data.name} looks like {found.form}, but cannot be read so ({error.strerror}).",
                        "Give the folder in which the pictures themselves lie.") from error
    return PictureList.of([entry.name for entry in entries], [str(entry.file) for entry in entries],
                          classes=[entry.label for entry in entries])


def _listed(path: Path) -> PictureList:
    try:
        columns, rows = csv_rows(path)
    except OSError as error:
        raise UserError(f"The file {path.name} cannot be read ({error.strerror or 'disk error'}).",
                        "Give a CSV file with a column 'file'.", details=type(error).__name__) from error
    cells = {"cell_id", "image", *SIDES} <= set(columns)
    if rows and not cells and "file" not in columns:
        raise UserError(f"The file {path.name} has neither a column 'file' nor the columns of detected cells.",
                        f"Cells need cell_id, image, {', '.join(SIDES)}.")
    ids = [row["cell_id" if cells else "file"] for row in rows]
    named = [row["image" if cells else "file"] for row in rows]
    # many cells lie in one image
    found = {name: on_disk(path.parent / name).resolve() for name in dict.fromkeys(named)}
    missing = sorted({file.name for file in found.values() if not file.is_file()})
    if missing:
        what = f"The file {missing[0]} in {path.name} is not there." if len(missing) == 1 else \
            f"{len(missing)} of the files in {path.name} are not there, {missing[0]} for one."
        raise UserError(what,
                        "Name them with their endings, as they lie relative to the CSV file.")
    if len(set(ids)) < len(ids):
        raise UserError(f"Two rows of {path.name} have the same name.", "Give every picture a row of its own.")
    return PictureList.of(ids, [str(found[name]) for name in named],
                          np.array([_box(row, path) for row in rows], np.int64) if cells else None,
                          [row.get("class", "") for row in rows])


def _box(row: Mapping[str, str], path: Path) -> tuple[int, int, int, int]:
    try:
        left, top, width, height = (float(row[side]) for side in SIDES)
        box = round(left), round(top), round(left + width), round(top + height)
        if box[2] > box[0] and box[3] > box[1]:
            return box
    except (TypeError, ValueError, OverflowError):
        pass
    raise UserError(f"The cell {row['cell_id']} of {path.name} has a box that is none.",
                    "x, y, width and height are numbers of pixels, and the last two above 0.")


def embed_request(encoder: InstalledPack, pictures: PictureList, out: Path, *, crop: float = 0.0,
                  device: str = "auto") -> EmbedRequest:
    """All that a worker needs; raises `UserError` for a pack that is no encoder, or a crop or file that cannot be."""
    if encoder.manifest.kind != "encoder":
        raise UserError(f"The pack {encoder.manifest.name} is no encoder.", "Choose an encoder.")
    most = 1.0 if pictures.boxes is None else 10.0
    if not 0 <= crop <= most:
        raise UserError(f"A crop of {crop:g} is not possible.",
                        f"Give a share of the edge above 0 and up to {most:g}, or 0 for the encoder's own.")
    check_table(out)
    return EmbedRequest(ModelRef(str(encoder.folder.resolve()), encoder.manifest.sha256), pictures,
                        str(out.resolve()), crop, device)


def embed(queue: JobQueue, request: EmbedRequest, person: str = "", lane: Lane | None = None) -> Changes:
    """Queue a run; `lane` is where somebody waits for it, else it is that of the kind."""
    return Changes(jobs=(queue.submit(request, person=person, lane=lane),))
