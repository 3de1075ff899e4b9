"""A folder for each class, with the crops of its cells as PNG; and pictures that are sorted into folders."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import file_sha256
from medsynth_app.core.label_rows import LabelFile, LabelRow, Verdict
from medsynth_app.core.provenance import Provenance
from medsynth_app.core.render import Picture
from medsynth_app.formats.cell_tables import write_table
from medsynth_app.formats.kinds import EXTENSIONS
from medsynth_app.formats.label_files.common import SYN, Export, images_gone, is_synthetic, safe_name, whole_folder
from medsynth_app.formats.label_files.csv_file import inert

REAL, SYNTHETIC = "real", "synthetic"
LABELS = "labels.csv"
COLUMNS = ("file", "class", "cell_id", "sha256", "image", "x", "y", "width", "height", "origin", "pack", "seed",
           "annotator", "votes", "agreement")
_PICTURES = (*EXTENSIONS, ".bmp")
_CELL = re.compile(r"_([0-9a-f]{20})\.png")
Crop = Callable[[Verdict], tuple[Picture, Provenance | None]]


def write_folders(folder: Path, export: Export, crop: Crop) -> tuple[str, ...]:
    """Write ``real/CLASS/...png`` and ``synthetic/CLASS/SYN_...png``, each with its own ``labels.csv``.

    So neither is taken for the other by whoever reads one of them as a data set. A synthetic crop has its record in it.

    Parameters
    ----------
    crop
        The pixels of a cell and its record; raises `UserError` where the image is gone.

    Returns
    -------
    Notices.

    Raises
    ------
    UserError
        As `whole_folder`, and where no image is there at all.
    """
    from medsynth_app.formats.raster import write_png  # needs libraries that the window does without at first

    rows: dict[str, list[list[object]]] = {REAL: [], SYNTHETIC: []}
    gone: list[UserError] = []
    with whole_folder(folder) as part:
        for each in export.classed():
            cell = each.cell
            try:
                pixels, record = crop(each)
            except UserError as error:
                gone.append(error)
                continue
            root, first = (SYNTHETIC, SYN) if is_synthetic(cell) else (REAL, "")
            stem = safe_name(each.image.split("/")[-1].rpartition(".")[0] or each.image)
            file = Path(safe_name(each.label)) / f"{first}{stem}_{cell.id}.png"
            (part / root / file.parent).mkdir(parents=True, exist_ok=True)
            write_png(part / root / file, pixels, record, mark=False)
            sides = ("", "", "", "") if cell.whole else (*cell.box[:2], cell.box[2] - cell.box[0],
                                                         cell.box[3] - cell.box[1])
            rows[root].append([
                file.as_posix(), each.label, cell.id, cell.image_sha256, inert(each.image), *sides,
                cell.origin.name.lower(), cell.pack, cell.seed if cell.seed >= 0 else "",
                each.annotators[0] if len(each.annotators) == 1 else "", each.votes, f"{each.agreement:.4g}"])
        if gone and not any(rows.values()):
            raise images_gone(gone[0].happened)
        for root, held in rows.items():
            if held:
                write_table(part / root / LABELS, COLUMNS, held)
    return (f"Left out, for their images cannot be read any more: {len(gone)}.",) if gone else ()


def read_folders(folder: Path) -> LabelFile:
    """Read pictures that lie in a folder for each class; raises `UserError` where there are none."""
    rows, loose = [], 0
    inside = folder.resolve()
    for path in sorted(folder.rglob("*")):
        if path.name.startswith(".") or not path.name.lower().endswith(_PICTURES) or not path.is_file() \
                or not path.resolve().is_relative_to(inside):
            continue
        if path.parent == folder:
            loose += 1
            continue
        cell = _CELL.search(path.name)
        rows.append(LabelRow(path.parent.name, cell.group(1) if cell else "", hash_of(path),
                             path.relative_to(folder).as_posix(), where=path.relative_to(folder).as_posix()))
    if not rows:
        raise UserError(f"The folder {folder.name} holds no labels.",
                        "Give one with labels.csv, with GeoJSON files, or with a folder of pictures for each class.")
    return LabelFile(folder.name, tuple(rows), (f"Left out, for they lie in no folder of a class: {loose}.",)
                     if loose else ())


def hash_of(path: Path) -> str:
    """sha256 of a file; "" where it cannot be read."""
    try:
        return file_sha256(path)
    except OSError:
        return ""
