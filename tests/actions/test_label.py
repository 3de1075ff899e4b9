"""Cells are gathered from what there is, and called what people call them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medsynth_app.actions.label import add_cells, consensus, gather, generated, label
from medsynth_app.core.cell_label import SKIPPED, CellLabel
from medsynth_app.core.cells import Cell, Origin, cell_id
from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.files import file_sha256
from medsynth_app.core.provenance import Provenance
from medsynth_app.formats.cell_schemas import shipped_schemas
from medsynth_app.workspace.label_sets import LabelSet
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import png

BLOOD = next(schema for schema in shipped_schemas() if schema.id == "blood")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "cells"
    made.mkdir()
    for k in range(3):
        png(made / f"{k}.png", 16, 16, seed=k)
    return made


@pytest.fixture
def label_set(workspace: Workspace, folder: Path) -> LabelSet:
    made = workspace.label_sets.add("May", BLOOD)
    add_cells(workspace, made, gather(folder, BLOOD))
    made.refresh()
    return made


def answer(cell: Cell, text: str, person: str = "ann", **about: object) -> CellLabel:
    return CellLabel(cell.id, cell.image_sha256, cell.box, person, text, **about)  # type: ignore[arg-type]


def test_every_picture_of_a_folder_is_a_cell(folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    cells = gather(folder, BLOOD, lambda done, total: seen.append((done, total)))
    assert [(cell.name, cell.whole, cell.origin) for cell in cells] == [(f"{k}.png", True, Origin.REAL)
                                                                        for k in range(3)]
    assert cells[0].image_sha256 == file_sha256(folder / "0.png") and seen == [(1, 3), (2, 3), (3, 3)]
    with pytest.raises(Cancelled):
        gather(folder, BLOOD, cancelled=lambda: True)


def test_cells_that_were_detected_keep_box_confidence_and_kind(folder: Path) -> None:
    table = folder / "cells.csv"
    table.write_text("cell_id,image,image_sha256,x,y,width,height,confidence,class,origin\n"
                     "c1,0.png,,2,3,8,9,0.75,wbc,real\nc2,0.png,,0,0,4,4,,rbc,synthetic\n")
    first, second = gather(table, BLOOD)
    assert (first.box, first.found, first.confidence, first.origin) == ((2, 3, 10, 12), "wbc", 0.75, Origin.REAL)
    assert second.origin is Origin.SYNTHETIC and second.confidence is None and first.id != second.id


def test_generated_pictures_keep_what_was_asked_for_apart(workspace: Workspace) -> None:
    record = Provenance("generate", "blood-cells", "ab" * 32, 7, "2026-01-01", parameters={"prompt": "a monocyte"})
    picture = workspace.pictures.add("job", 0, np.full((16, 16, 3), 9, np.uint8), record)
    cell, = generated(workspace, [picture], BLOOD)
    assert (cell.asked, cell.seed, cell.pack, cell.origin) == ("monocyte", 7, "blood-cells", Origin.SYNTHETIC)
    assert "monocyte" not in cell.name and Path(cell.file).is_file()
    again, = gather(Path(cell.file).parent, BLOOD)
    assert again.id == cell.id and again.origin is Origin.SYNTHETIC and again.asked == "monocyte"


def test_undo_says_what_was_labelled(label_set: LabelSet) -> None:
    first, second, third = label_set.cells
    label(label_set, [answer(first, "monocyte")], "ann")
    assert label_set.can_undo("ann") == "Undo: label monocyte"
    label(label_set, [answer(second, "ig"), answer(third, "ig")], "ann")
    assert label_set.can_undo("ann") == "Undo: label 2 cells immature granulocyte"
    label_set.undo("ann")
    assert [each.answer for each in label_set.labels.values()] == ["monocyte"]
    label(label_set, [answer(second, "not-a-cell")], "ann")
    assert label_set.can_undo("ann") == "Undo: label not a cell"


def test_a_cell_or_a_class_of_elsewhere_is_refused(label_set: LabelSet) -> None:
    here = label_set.cells[0]
    moved = CellLabel(here.id, here.image_sha256, (1, 1, 2, 2), "ann", "monocyte")
    stranger = CellLabel(cell_id("0" * 64), "0" * 64, (0, 0, 0, 0), "ann", "monocyte")
    for wrong in (moved, stranger, answer(here, "giraffe")):
        with pytest.raises(UserError) as refused:
            label(label_set, [answer(label_set.cells[1], "monocyte"), wrong], "ann")
        assert refused.value.safe == "No label was given."
    assert label_set.labels == {}


def test_no_cells_are_told(workspace: Workspace, label_set: LabelSet) -> None:
    with pytest.raises(UserError, match="no cells"):
        add_cells(workspace, label_set, [])


def test_most_people_decide_and_nobody_where_they_are_even() -> None:
    cell = Cell(cell_id("a" * 64), "1", "/1.png", "a" * 64)
    two = [answer(cell, "ig", "ann"), answer(cell, "monocyte", "bob")]
    assert consensus(two) == {}
    assert consensus([*two, answer(cell, "ig", "eve")]) == {cell.id: "ig"}
    assert consensus([answer(cell, "ig"), answer(cell, "monocyte", repeat=1)]) == {cell.id: "ig"}
    assert consensus([answer(cell, SKIPPED)]) == {}
