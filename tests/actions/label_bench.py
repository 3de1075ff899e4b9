"""A label set on real files: two fields with cells in boxes, two whole pictures (one generated), and two people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from medsynth_app.actions.label import label
from medsynth_app.core.cell_label import CellLabel
from medsynth_app.core.cell_schema import CellSchema
from medsynth_app.core.cells import WHOLE, Cell, Origin, cell_id
from medsynth_app.core.files import file_sha256
from medsynth_app.core.label_options import LabelOptions
from medsynth_app.core.provenance import Provenance
from medsynth_app.formats.raster import write_png
from medsynth_app.workspace.label_sets import LabelSet
from medsynth_app.workspace.workspace import Workspace

SCHEMA = CellSchema.from_plain({"id": "own", "name": "Own classes", "classes": [
    {"id": "neutrophil", "name": "neutrophil"}, {"id": "band", "name": "band form", "parent": "neutrophil"},
    {"id": "monocyte", "name": "monocyte", "code": "12345"}]})
RECORD = Provenance("generate", "blood", "ab" * 32, 7, "2026-01-01T00:00:00+00:00", parameters={"prompt": "a monocyte"})


def make_files(folder: Path) -> list[Cell]:
    """Cells 0-2 in a/field.png, 3-4 in b/field.png, 5 a whole picture, 6 a generated one."""
    rng = np.random.default_rng(3)
    cells: list[Cell] = []
    for name, boxes in (("a/field.png", [(2, 3, 22, 23), (30, 5, 50, 29), (60, 40, 75, 55)]),
                        ("b/field.png", [(2, 3, 22, 23), (40, 40, 60, 60)]), ("one.png", [WHOLE])):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (64, 80, 3), np.uint8)).save(path)
        cells += [cell_of(path, box) for box in boxes]
    made = folder / "SYNTHETIC-7.png"
    write_png(made, rng.integers(0, 255, (32, 32, 3)).astype(np.uint8), RECORD, mark=False)
    return [*cells, cell_of(made, origin=Origin.SYNTHETIC, asked="monocyte", seed=7, pack="blood")]


def cell_of(path: Path, box: tuple[int, int, int, int] = WHOLE, **about: object) -> Cell:
    sha256 = file_sha256(path)
    return Cell(cell_id(sha256, box), path.name, str(path), sha256, box, **about)  # type: ignore[arg-type]


def make_set(workspace: Workspace, cells: list[Cell], name: str = "May", schema: CellSchema = SCHEMA) -> LabelSet:
    made = workspace.label_sets.add(name, schema, LabelOptions(seed=3))
    workspace.label_sets.add_cells(made.id, cells)
    made.refresh()
    return made


def give(label_set: LabelSet, person: str, answers: Mapping[int, str], *, at: str = "2026-05-01T10:00:{:02d}+00:00",
         **about: object) -> None:
    """Label cells by their places, each a second after the one before; `about` as of `CellLabel`."""
    labels = []
    for k, (place, answer) in enumerate(answers.items()):
        cell = label_set.cells[place]
        labels.append(CellLabel(cell.id, cell.image_sha256, cell.box, person, answer,  # type: ignore[arg-type]
                                **{"at": at.format(k), **about}))
    label(label_set, labels, person)


def said(label_set: LabelSet) -> dict[tuple[int, str, int], str]:
    """Answers by place, person and repeat."""
    return {(label_set.places[each.cell], each.person, each.repeat): each.answer for each in label_set.labels.values()}
