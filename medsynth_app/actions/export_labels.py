"""Export labels: every answer as CSV, or what most call each cell as CSV, COCO, GeoJSON or folders of pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from medsynth_app.actions.cell_crops import CropReader
from medsynth_app.actions.out_folder import made_folder, require_unused
from medsynth_app.actions.pseudonyms import names_of, pseudonym
from medsynth_app.core.cell_label import SKIPPED, CellLabel
from medsynth_app.core.cells import Cell, Origin
from medsynth_app.core.errors import UserError
from medsynth_app.core.label_rows import LabelRow, Verdict, short_names, verdict
from medsynth_app.core.provenance import Provenance
from medsynth_app.core.render import Picture
from medsynth_app.datasets.picture import opened
from medsynth_app.formats.label_files.coco import write_coco
from medsynth_app.formats.label_files.common import Export, code_of
from medsynth_app.formats.label_files.csv_file import write_answers, write_consensus
from medsynth_app.formats.label_files.folders import write_folders
from medsynth_app.formats.label_files.qupath import write_qupath
from medsynth_app.formats.label_files.table import FORMATS
from medsynth_app.formats.registry import read_provenance
from medsynth_app.workspace.label_sets import LabelSet
from medsynth_app.workspace.workspace import Workspace

_ACTION = "export_labels"


@dataclass(frozen=True)
class ExportedLabels:
    """What was written.

    Attributes
    ----------
    answers
        How many answers there are.
    cells, synthetic
        How many cells they are of, and how many of those are synthetic.
    undecided, unclassed
        Cells on which as many people say one thing as another, and cells that are called no class (not a cell, not
        sure ...): both are in CSV alone.
    """

    path: Path
    answers: int
    cells: int
    synthetic: int
    undecided: int
    unclassed: int
    notices: tuple[str, ...] = ()


def export_labels(workspace: Workspace, label_set: LabelSet, path: Path, format: str, *, consensus: bool = False,
                  names: bool = False, person: str = "") -> ExportedLabels:
    """Write the labels of a set, whole or not at all; what is there already is never written over.

    Parameters
    ----------
    format
        A name in `formats.label_files.table.FORMATS`.
    consensus
        CSV with one row for each cell, not for each answer. The other formats always hold what most people say.
    names
        Write what annotators are called, too; else their pseudonyms alone. CSV of answers only.

    Raises
    ------
    UserError
        No such format, no labels, or a place that cannot be written.
    """
    known = {each.name: each for each in FORMATS}
    if format not in known:
        raise UserError(f"The format {format!r} is unknown.", f"Use one of {', '.join(known)}.")
    if ((names or consensus) and format != "csv") or (names and consensus):
        raise UserError("Names stand in the CSV of answers alone, and only CSV comes with or without consensus.",
                        "Leave --names and --consensus out, or export every answer as CSV.")
    export = _gathered(workspace, label_set, names, sizes=format in ("coco", "geojson"))
    if not export.rows:
        raise UserError(f"{label_set.name} has no labels yet.", "Label some cells first.")
    if known[format].extension:
        if path.exists():
            raise UserError(f"There is a file {path.name} already.", "Name another one.", safe="It is as it was.")
    else:
        require_unused(path)
    with made_folder(path.parent):
        notices = _write(path, format, export, consensus, names)
    if not workspace.read_only:  # beside a window that works in it, nothing is written down
        workspace.audit.add(_ACTION, person, [label_set.id])
    classed = len(export.classed())
    undecided = sum(not each.label for each in export.verdicts)
    return ExportedLabels(path, len(export.rows), len(export.verdicts),
                          sum(each.cell.origin is Origin.SYNTHETIC for each in export.verdicts), undecided,
                          len(export.verdicts) - classed - undecided, notices)


def _write(path: Path, format: str, export: Export, consensus: bool, names: bool) -> tuple[str, ...]:
    if format == "csv":
        if consensus:
            write_consensus(path, export)
        else:
            write_answers(path, export, names=names)
        return ()
    if not export.classed():
        raise UserError("None of these cells is called a class by most who labelled it.",
                        "Export CSV, which holds every answer.", safe="Nothing was written.")
    if format == "coco":
        return write_coco(path, export)
    return write_qupath(path, export) if format == "geojson" else write_folders(path, export, _Cropper())


def _gathered(workspace: Workspace, label_set: LabelSet, names: bool, sizes: bool) -> Export:
    known = names_of(workspace) if names else {}
    images = short_names(list(dict.fromkeys(cell.file for cell in label_set.cells)))
    standing: dict[str, list[CellLabel]] = {}
    for each in label_set.labels.values():
        if each.answer != SKIPPED:
            standing.setdefault(each.cell, []).append(each)
    rows: list[LabelRow] = []
    verdicts: list[Verdict] = []
    for cell in label_set.cells:
        labels = sorted(standing.get(cell.id, ()), key=lambda each: (each.at, each.person, each.repeat))
        rows += [_row(cell, each, images[cell.file], pseudonym(workspace, each.person), known,
                      code_of(label_set.schema, each.answer)) for each in labels]
        if (found := verdict(cell, images[cell.file], labels)) is not None:
            verdicts.append(replace(found, annotators=tuple(pseudonym(workspace, who) for who in found.annotators)))
    answered = {each.cell.id for each in verdicts}
    return Export(label_set.name, label_set.schema, rows, verdicts, _sizes(verdicts) if sizes else {},
                  Counter(cell.image_sha256 for cell in label_set.cells if cell.id not in answered))


def _row(cell: Cell, label: CellLabel, image: str, annotator: str, names: Mapping[str, str], code: str) -> LabelRow:
    left, top, right, bottom = cell.box
    sides = None if cell.whole else (left, top, right - left, bottom - top)
    return LabelRow(
        label.answer, cell.id, cell.image_sha256, image, sides,
        cell.origin.name.lower(), cell.pack, cell.seed, cell.asked, code, annotator, names.get(label.person, ""),
        label.at, label.seconds, label.repeat, label.control, label.group, label.checked, label.shown, label.predicted,
        label.confidence, label.model, label.rank, label.strategy, label.reason)


def _sizes(verdicts: Sequence[Verdict]) -> dict[str, tuple[int, int]]:
    """Width and height of the images that can be read."""
    found: dict[str, tuple[int, int]] = {}
    for cell in {each.cell.image_sha256: each.cell for each in verdicts}.values():
        try:
            with opened(Path(cell.file)) as source:
                frame = source.info.frames[0]
                found[cell.image_sha256] = frame.columns, frame.rows
        except UserError:
            continue  # gone: said by who writes
    return found


class _Cropper:
    """The pixels in a cell's box, and the record of what a generator made of them."""

    def __init__(self) -> None:
        self._crops = CropReader()

    def __call__(self, each: Verdict) -> tuple[Picture, Provenance | None]:
        cell = each.cell
        crop = self._crops.read(cell)
        left, top, right, bottom = crop.box
        if right <= left or bottom <= top:
            raise UserError("This cell lies outside its image.", "Find the cells anew.")
        pixels: Picture = np.ascontiguousarray(crop.pixels[top:bottom, left:right])
        record = read_provenance(Path(cell.file)) if Path(cell.file).suffix.lower() != ".bmp" else None
        if record is None and cell.origin is Origin.SYNTHETIC:
            record = Provenance("imported", cell.pack or "unknown", "", max(cell.seed, 0), "",
                                notices=("The cell was said to be synthetic; its image has no record.",))
        return pixels, record
