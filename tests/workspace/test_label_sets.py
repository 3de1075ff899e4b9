"""Label sets: cells that are kept, labels in the journal, and what goes with a study."""

from __future__ import annotations

from pathlib import Path

import pytest

from medsynth_app.core.cell_label import CellLabel
from medsynth_app.core.cell_schema import CellSchema
from medsynth_app.core.cells import Cell, Cells, Origin, cell_id
from medsynth_app.core.edit import Edit, LabelPart
from medsynth_app.core.errors import UserError
from medsynth_app.core.label_options import LabelOptions
from medsynth_app.workspace.label_sets import LabelSet
from medsynth_app.workspace.workspace import Workspace
from tests.workspace.fake import PATH, FakeSource

SCHEMA = CellSchema.from_plain({"id": "own", "name": "Own", "classes": [{"id": "x"}, {"id": "y"}]})


def cell(number: int, **about: object) -> Cell:
    sha256 = f"{number:064x}"
    return Cell(cell_id(sha256), f"cell {number}", f"/images/{number}.png", sha256, **about)  # type: ignore[arg-type]


def labelled(label_set: LabelSet, number: int, answer: str, person: str = "ann", repeat: int = 0) -> Edit:
    about = cell(number)
    label = CellLabel(about.id, about.image_sha256, about.box, person, answer, repeat)
    before = label_set.labels.get(label.subject)
    return Edit(f"label {answer}", (LabelPart(label.subject, before.to_plain() if before else None, label.to_plain()),))


@pytest.fixture
def label_set(workspace: Workspace) -> LabelSet:
    made = workspace.label_sets.add("May", SCHEMA, LabelOptions(seed=3))
    workspace.label_sets.add_cells(made.id, [cell(k) for k in range(5)])
    made.refresh()
    return made


def test_cells_come_back_as_they_were_given_and_each_once(workspace: Workspace, label_set: LabelSet) -> None:
    other = cell(9, origin=Origin.SYNTHETIC, asked="x", found="wbc", confidence=0.5, seed=2**40, pack="blood")
    assert workspace.label_sets.add_cells(label_set.id, [cell(2), other, other]).cells == (label_set.id,)
    assert not workspace.label_sets.add_cells(label_set.id, [cell(2)])
    label_set.refresh()
    assert [each.id for each in label_set.cells] == [cell(k).id for k in (0, 1, 2, 3, 4, 9)]
    assert label_set.cells[-1] == other
    assert [(each.name, each.count) for each in workspace.label_sets.all()] == [("May", 6)]


def test_cells_called_alike_keep_apart() -> None:
    same = [Cell(cell_id(f"{k:064x}"), "1.png", f"/{k}/1.png", f"{k:064x}") for k in range(2)]
    assert [each.file for each in Cells.of(same).all()] == ["/0/1.png", "/1/1.png"]


def test_everybody_has_a_label_of_their_own_and_takes_back_their_own(label_set: LabelSet) -> None:
    label_set.apply(labelled(label_set, 1, "x"), "ann")
    label_set.apply(labelled(label_set, 1, "y", "bob"), "bob")
    assert {each.person: each.answer for each in label_set.labels_of(cell(1).id)} == {"ann": "x", "bob": "y"}
    assert label_set.can_undo("ann") == "Undo: label x"
    assert label_set.undo("ann").labels == (f"{cell(1).id}/ann/0",)
    assert [each.answer for each in label_set.labels_of(cell(1).id)] == ["y"]
    label_set.redo("ann")
    assert {each.answer for each in label_set.labels.values()} == {"x", "y"}


def test_labels_are_there_after_the_workspace_was_opened_again(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        made = workspace.label_sets.add("May", SCHEMA)
        workspace.label_sets.add_cells(made.id, [cell(k) for k in range(3)])
        made.refresh()
        for answer in ("x", "y"):
            made.apply(labelled(made, 1, answer), "ann")
        made.apply(labelled(made, 2, "x"), "ann")
        made.undo("ann")
    with Workspace.open(folder) as workspace:
        again = workspace.label_sets.open(workspace.label_sets.all()[0].id)
        assert {each.cell: each.answer for each in again.labels.values()} == {cell(1).id: "y"}
        assert again.can_redo("ann") == "Redo: label x" and again.schema == SCHEMA


def test_a_label_that_changed_meanwhile_is_not_written_over(label_set: LabelSet) -> None:
    edit = labelled(label_set, 1, "x")
    label_set.apply(labelled(label_set, 1, "y"), "ann")
    with pytest.raises(UserError, match="changed meanwhile"):
        label_set.apply(edit, "ann")


def test_cells_and_labels_go_with_the_study_that_they_lie_in(workspace: Workspace, label_set: LabelSet) -> None:
    document = workspace.documents.open(FakeSource(), PATH)
    workspace.label_sets.add_cells(label_set.id, [cell(7)], document_id=document.id)
    label_set.refresh()
    label_set.apply(labelled(label_set, 7, "x"), "ann")
    label_set.apply(labelled(label_set, 1, "y"), "ann")
    (label_set.folder / "embeddings-1.npz").write_bytes(b"vectors")
    blobs = len(list(workspace.blobs.all()))
    workspace.removal.remove(workspace.removal.of_study(document.id))
    label_set.refresh()
    assert cell(7).id not in label_set.places and len(label_set.cells) == 5
    assert [each.answer for each in label_set.labels.values()] == ["y"]
    assert label_set.can_undo("ann") == "Undo: label y" and not label_set.folder.exists()
    assert len(list(workspace.blobs.all())) < blobs
    assert b"/images/7.png" not in b"".join(path.read_bytes() for path in workspace.folder.rglob("*")
                                            if path.is_file())


def test_a_set_is_removed_with_its_labels(workspace: Workspace, label_set: LabelSet) -> None:
    label_set.apply(labelled(label_set, 1, "x"), "ann")
    workspace.label_sets.remove(label_set.id, "ann")
    assert workspace.label_sets.all() == [] and not label_set.folder.exists()
    with pytest.raises(UserError, match="no longer"):
        workspace.label_sets.open(label_set.id)
    label_set.refresh()
    with pytest.raises(UserError, match="removed"):
        label_set.apply(labelled(label_set, 2, "x"), "ann")


def test_no_path_stands_in_the_database(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        made = workspace.label_sets.add("May", SCHEMA)
        workspace.label_sets.add_cells(made.id, [cell(1)])
    assert b"/images/1.png" not in (folder / "workspace.db").read_bytes()


def test_a_read_only_workspace_shows_labels_and_takes_none(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        made = workspace.label_sets.add("May", SCHEMA)
        workspace.label_sets.add_cells(made.id, [cell(1)])
        with Workspace.open(folder) as other:
            seen = other.label_sets.open(made.id)
            assert seen.read_only and len(seen.cells) == 1
            with pytest.raises(UserError):
                seen.apply(labelled(seen, 1, "x"), "ann")
