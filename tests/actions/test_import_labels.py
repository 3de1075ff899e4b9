"""Labels in: every format comes back as it went out; people, schemas and files that disagree lose nothing."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from medsynth_app.actions.export_labels import export_labels
from medsynth_app.actions.import_labels import LabelImport, import_labels, plan_import
from medsynth_app.actions.label_words import import_words
from medsynth_app.actions.pseudonyms import unnamed_person
from medsynth_app.core.cell_match import Found
from medsynth_app.core.cells import Cell, cell_id
from medsynth_app.core.errors import UserError
from medsynth_app.workspace.label_sets import LabelSet
from medsynth_app.workspace.workspace import Workspace
from tests.actions.label_bench import give, make_files, make_set, said

ANSWERS = {0: "neutrophil", 1: "band", 2: "monocyte", 3: "neutrophil", 5: "monocyte", 6: "band"}


@pytest.fixture
def cells(tmp_path: Path) -> list[Cell]:
    return make_files(tmp_path / "images")


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Workspace]:
    """Another workstation."""
    with Workspace.open(tmp_path / "other") as opened:
        yield opened


def taken(workspace: Workspace, label_set: LabelSet, path: Path, **about: object) -> LabelImport:
    plan = plan_import(workspace, label_set, path, **about)  # type: ignore[arg-type]
    import_labels(workspace, label_set, plan, "me")
    return plan


def table(path: Path, *rows: str, header: str = "file,class") -> Path:
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


def test_every_answer_comes_back_on_another_workstation_as_it_was(workspace: Workspace, other: Workspace,
                                                                  cells: list[Cell], tmp_path: Path) -> None:
    sent = make_set(workspace, cells)
    give(sent, "ann", ANSWERS, seconds=1.25, rank=4, reason='near "the" boundary; =1+1', strategy="useful", model=40,
         shown="band", predicted="band", confidence=0.75, group=6, checked=True, control=True)
    give(sent, "ann", {0: "band", 1: "not-sure"}, repeat=1)
    give(sent, "bob", {0: "band", 5: "implausible"})
    out = export_labels(workspace, sent, tmp_path / "labels.csv", "csv").path
    there = make_set(other, cells)
    plan = taken(other, there, out)
    assert there.labels == sent.labels and len(plan.labels) == 10
    assert (plan.same, plan.replaced, plan.unknown, plan.unmatched) == (0, (), {}, {})
    assert plan.disagreements.keys() == {cells[0].id, cells[5].id}
    assert taken(other, there, out).same == 10  # twice changes nothing
    there.refresh()
    assert there.labels == sent.labels


def test_an_import_is_one_step_of_undo_and_in_the_audit(workspace: Workspace, cells: list[Cell],
                                                        tmp_path: Path) -> None:
    made = make_set(workspace, cells)
    give(made, "me", {0: "band"})
    path = table(tmp_path / "images" / "labels.csv", "one.png,monocyte", "SYNTHETIC-7.png,band")
    plan = plan_import(workspace, made, path)
    changes = import_labels(workspace, made, plan, "me")
    assert len(changes.labels) == 2 and changes.cells == (made.id,)
    assert workspace.audit.entries()[0].action == "import_labels"
    assert made.can_undo("me") == "Undo: import 2 labels"
    made.undo("me")
    assert said(made) == {(0, "me", 0): "band"}
    made.redo("me")
    assert len(made.labels) == 3


@pytest.mark.parametrize(("format", "name"), [("coco", "x.json"), ("geojson", "geo"), ("folders", "sorted")])
def test_what_most_say_comes_back_from_every_other_format(workspace: Workspace, other: Workspace, cells: list[Cell],
                                                          tmp_path: Path, format: str, name: str) -> None:
    sent = make_set(workspace, cells)
    give(sent, "ann", ANSWERS)
    out = export_labels(workspace, sent, tmp_path / name, format).path
    there = make_set(other, cells)
    plan = taken(other, there, out)
    assert said(there) == {(place, "ann", 0): answer for place, answer in ANSWERS.items()}
    assert not plan.unmatched and plan.matched == {Found.HASH: 6}


def test_boxes_and_names_alone_suffice(workspace: Workspace, cells: list[Cell], tmp_path: Path) -> None:
    """As other programs give it back: no ids, no hashes, floats, and paths of their own."""
    made = make_set(workspace, cells)
    path = tmp_path / "instances.json"
    path.write_text(json.dumps({
        "images": [{"id": "1", "file_name": "C:\\upload\\a\\field.png"},
                   {"id": 2, "file_name": "data/4f3a2b1c-one.png"}],
        "categories": [{"id": 7, "name": "Band Form"}, {"id": 0, "name": "neutrophil"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 0, "bbox": [2.04, 2.96, 19.99, 20.02]},
            {"id": 2, "image_id": 1.0, "category_id": 7, "bbox": [31.5, 5, 20, 24]},
            {"id": 3, "image_id": 1, "category_id": 7, "bbox": [70, 50, 5, 5]},
            {"id": 4, "image_id": 2, "category_id": 0}]}))
    plan = taken(workspace, made, path, annotator="Ann")
    ann = workspace.people.add("ann").id
    assert said(made) == {(0, ann, 0): "neutrophil", (1, ann, 0): "band", (5, ann, 0): "neutrophil"}
    assert plan.matched == {Found.NAME: 2, Found.OVERLAP: 1} and plan.mapped == {"Band Form": "band"}
    assert list(plan.unmatched) == [Found.NO_CELL] and "annotation 3" in plan.unmatched[Found.NO_CELL][0]


def test_a_name_that_several_images_have_is_told_and_not_guessed(workspace: Workspace, cells: list[Cell],
                                                                 tmp_path: Path) -> None:
    made = make_set(workspace, cells)
    path = table(tmp_path / "x.csv", "field.png,2,3,20,20,band", "b/field.png,2,3,20,20,monocyte",
                 header="file,x,y,width,height,class")
    plan = taken(workspace, made, path)
    assert list(said(made).values()) == ["monocyte"] and next(iter(said(made)))[0] == 3
    assert plan.unmatched == {Found.AMBIGUOUS: ("line 2: field.png",)}
    assert "several images have these names" in import_words(plan, {}, {})


def test_another_file_of_the_same_name_is_not_taken_for_it(workspace: Workspace, cells: list[Cell],
                                                           tmp_path: Path) -> None:
    made = make_set(workspace, cells)
    folder = tmp_path / "theirs" / "band"
    folder.mkdir(parents=True)
    shutil.copy(cells[6].file, folder / "one.png")  # the bytes of another cell of this set
    (tmp_path / "theirs" / "monocyte").mkdir()
    (tmp_path / "theirs" / "monocyte" / "one.png").write_bytes(b"\x89PNG not the same")
    plan = taken(workspace, made, tmp_path / "theirs")
    assert {place: answer for (place, _, _), answer in said(made).items()} == {6: "band"}
    assert plan.unmatched == {Found.OTHER_IMAGE: ("monocyte/one.png: monocyte/one.png",)}


def test_a_plain_table_matches_by_the_bytes_of_the_files_beside_it(workspace: Workspace, cells: list[Cell],
                                                                   tmp_path: Path) -> None:
    made = make_set(workspace, cells)
    folder = tmp_path / "copy"
    folder.mkdir()
    shutil.copy(cells[5].file, folder / "renamed.png")
    path = table(folder / "labels.csv", "renamed.png,Monocyte", "../images/SYNTHETIC-7.png,band")
    plan = taken(workspace, made, path)
    person = unnamed_person("labels.csv")
    assert said(made) == {(5, person, 0): "monocyte", (6, person, 0): "band"}
    assert plan.matched == {Found.HASH: 1, Found.NAME: 1}  # what lies outside its folder is not read


def test_the_later_label_of_the_same_person_counts_and_it_is_told(workspace: Workspace, other: Workspace,
                                                                  cells: list[Cell], tmp_path: Path) -> None:
    here, there = make_set(workspace, cells), make_set(other, cells)
    give(here, "ann", {0: "band", 1: "band", 2: "band"}, at="2026-05-01T10:00:00+00:00")
    give(there, "ann", {0: "neutrophil"}, at="2026-05-01T13:00:00+02:00")  # an hour later
    give(there, "ann", {1: "neutrophil"}, at="2026-05-01T11:00:00+02:00")  # an hour earlier
    give(there, "bob", {2: "monocyte"}, at="2026-05-01T09:00:00+00:00")
    plan = taken(workspace, here, export_labels(other, there, tmp_path / "x.csv", "csv").path)
    assert said(here) == {(0, "ann", 0): "neutrophil", (1, "ann", 0): "band", (2, "ann", 0): "band",
                          (2, "bob", 0): "monocyte"}
    later, = plan.replaced
    earlier, = plan.kept
    assert (later.cell, later.here, later.file, later.taken) == (cells[0].id, "band", "neutrophil", "neutrophil")
    assert (earlier.cell, earlier.taken) == (cells[1].id, "band")
    assert plan.disagreements == {cells[2].id: {"ann": "band", "bob": "monocyte"}}
    text = import_words(plan, {cells[2].id: "a/field.png"}, {"bob": "Bob"})
    assert "a/field.png: annotator ann band, Bob monocyte" in text and "later one of the same person" in text


def test_a_file_that_says_two_things_and_not_which_is_later_decides_nothing(
        workspace: Workspace, cells: list[Cell], tmp_path: Path) -> None:
    made = make_set(workspace, cells)
    path = table(tmp_path / "images" / "x.csv", "one.png,band", "one.png,monocyte", "SYNTHETIC-7.png,band",
                 "SYNTHETIC-7.png,band")
    plan = taken(workspace, made, path)
    assert {place: answer for (place, _, _), answer in said(made).items()} == {6: "band"}
    twice, = plan.undecided
    assert (twice.cell, twice.here, twice.file, twice.taken, twice.where) \
        == (cells[5].id, "band", "monocyte", "", "line 3")


def test_a_label_without_a_time_never_takes_the_place_of_one_given_in_the_window(
        workspace: Workspace, cells: list[Cell], tmp_path: Path) -> None:
    made = make_set(workspace, cells)
    ann = workspace.people.add("Ann").id
    give(made, ann, {5: "band"})
    path = table(tmp_path / "images" / "x.csv", "one.png,monocyte")
    assert len(taken(workspace, made, path, annotator="ann").kept) == 1
    assert said(made) == {(5, ann, 0): "band"}


def test_people_are_the_same_by_name_where_the_file_has_names(workspace: Workspace, other: Workspace,
                                                              cells: list[Cell], tmp_path: Path) -> None:
    here, there = make_set(workspace, cells), make_set(other, cells)
    ann = workspace.people.add("Ann Lee").id
    give(here, ann, {0: "band"}, at="2026-05-01T09:00:00+00:00")
    give(there, other.people.add("ann  lee").id, {0: "monocyte"})
    give(there, other.people.add("Bob").id, {1: "monocyte"})
    plan = taken(workspace, here, export_labels(other, there, tmp_path / "x.csv", "csv", names=True).path)
    assert list(plan.new_people.values()) == ["Bob"] and len(plan.replaced) == 1
    bob = next(each.id for each in workspace.people.all() if each.name == "Bob")
    assert said(here) == {(0, ann, 0): "monocyte", (1, bob, 0): "monocyte"}


def test_whom_nobody_has_named_here_is_not_whom_nobody_has_named_there(workspace: Workspace, other: Workspace,
                                                                       cells: list[Cell], tmp_path: Path) -> None:
    here, there = make_set(workspace, cells), make_set(other, cells)
    give(here, "", {0: "band"})
    give(there, "", {0: "monocyte"})
    out = export_labels(other, there, tmp_path / "x.csv", "csv").path
    taken(workspace, here, out)
    assert sorted(said(here).values()) == ["band", "monocyte"]
    assert taken(other, there, out).same == 1  # back home it is the same person


def test_a_file_of_another_schema_is_refused_or_mapped_and_what_is_unknown_is_listed(
        workspace: Workspace, cells: list[Cell], tmp_path: Path) -> None:
    made = make_set(workspace, cells)
    path = table(tmp_path / "images" / "x.csv", "one.png,cat", "SYNTHETIC-7.png,dog")
    with pytest.raises(UserError, match="other classes") as caught:
        plan_import(workspace, made, path)
    assert "'cat'" in caught.value.happened and "neutrophil" in caught.value.remedy and not made.labels
    plan = taken(workspace, made, path, classes={"Cat": "band"})
    assert plan.unknown == {"dog": 1} and plan.mapped == {"cat": "band"} and list(said(made).values()) == ["band"]
    with pytest.raises(UserError, match="no class of Own classes"):
        plan_import(workspace, made, path, classes={"cat": "lion"})


def test_numbers_of_classes_are_never_taken_for_their_order(workspace: Workspace, cells: list[Cell],
                                                            tmp_path: Path) -> None:
    made = make_set(workspace, cells)
    with pytest.raises(UserError, match="other classes"):
        plan_import(workspace, made, table(tmp_path / "images" / "x.csv", "one.png,0", "SYNTHETIC-7.png,1"))


def test_labels_of_other_cells_are_refused_in_words(workspace: Workspace, cells: list[Cell], tmp_path: Path) -> None:
    made = make_set(workspace, cells)
    with pytest.raises(UserError, match="its images are not in this set"):
        plan_import(workspace, made, table(tmp_path / "x.csv", "never.png,band"))
    with pytest.raises(UserError, match="holds no labels"):
        plan_import(workspace, made, table(tmp_path / "y.csv"))
    with pytest.raises(UserError, match="holds no labels"):
        plan_import(workspace, made, table(tmp_path / "z.csv", "one.png,"))


def test_a_plan_that_is_overtaken_changes_nothing(workspace: Workspace, cells: list[Cell], tmp_path: Path) -> None:
    made = make_set(workspace, cells)
    plan = plan_import(workspace, made, table(tmp_path / "images" / "x.csv", "one.png,band", "SYNTHETIC-7.png,band"))
    workspace.label_sets.change(made.id, name="June")
    second = workspace.label_sets.open(made.id)
    cell = cells[6]
    person = plan.labels[0].person
    give(second, person, {6: "monocyte"})
    with pytest.raises(UserError, match="changed meanwhile"):
        import_labels(workspace, made, plan, "me")
    made.refresh()
    assert {each.cell: each.answer for each in made.labels.values()} == {cell.id: "monocyte"}


def test_a_read_only_workspace_takes_nothing_in(cells: list[Cell], tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "ws") as first:
        made = make_set(first, cells)
        path = table(tmp_path / "images" / "x.csv", "one.png,band")
        with Workspace.open(tmp_path / "ws") as second:
            seen = second.label_sets.open(made.id)
            plan = plan_import(second, seen, path)
            with pytest.raises(UserError, match="read-only"):
                import_labels(second, seen, plan)


def test_many_labels_come_in_and_are_undone_in_one_step(workspace: Workspace, cells: list[Cell],
                                                        tmp_path: Path) -> None:
    count = 1_200  # more than are asked for in one statement
    field = cells[0]
    sha256 = field.image_sha256
    boxes = [(k % 200, k // 200, k % 200 + 5, k // 200 + 5) for k in range(count)]
    made = make_set(workspace, [Cell(cell_id(sha256, box), f"{k}", field.file, sha256, box)
                                for k, box in enumerate(boxes)])
    with (tmp_path / "x.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("sha256", "x", "y", "width", "height", "label"))
        writer.writerows((sha256, left, top, 5, 5, "band") for left, top, _right, _bottom in boxes)
    plan = taken(workspace, made, tmp_path / "x.csv")
    assert len(plan.labels) == len(made.labels) == count
    assert made.can_undo("me") == f"Undo: import {count} labels"
    assert len(made.undo("me").labels) == count and not made.labels
    made.refresh()
    assert not made.labels
    assert len(made.redo("me").labels) == len(made.labels) == count


def test_what_a_spreadsheet_has_made_of_ids_and_times_does_no_harm(workspace: Workspace, cells: list[Cell],
                                                                   tmp_path: Path) -> None:
    made = make_set(workspace, cells)
    give(made, "ann", {0: "band"})
    cell = cells[0]
    path = table(tmp_path / "x.csv", f"1.23457E+19,{cell.image_sha256},2,3,20,20,monocyte,ann,1/5/2026 10:00",
                 header="cell_id,sha256,x,y,width,height,label,annotator,at")
    plan = taken(workspace, made, path)
    assert plan.matched == {Found.HASH: 1} and plan.notices == ("Times that are none, and were left out: 1.",)
    assert len(plan.kept) == 1 and said(made) == {(0, "ann", 0): "band"}


def test_an_id_and_a_hash_that_do_not_belong_together_are_no_match(workspace: Workspace, cells: list[Cell],
                                                                   tmp_path: Path) -> None:
    made = make_set(workspace, cells)
    path = table(tmp_path / "x.csv", f"{cells[0].id},{'0' * 64},band", header="cell_id,sha256,label")
    with pytest.raises(UserError, match="None of the 1 labels"):
        plan_import(workspace, made, path)


def test_paths_in_a_file_open_no_file_outside_its_folder(workspace: Workspace, cells: list[Cell],
                                                         tmp_path: Path) -> None:
    made = make_set(workspace, cells)
    outside = tmp_path / "outside.png"
    shutil.copy(cells[5].file, outside)  # its bytes are those of a cell, its name is not
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "link.png").symlink_to(outside)
    for name in ("../outside.png", str(outside), "..\\outside.png", "link.png", "a" * 5000, "nul\0.png"):
        with pytest.raises(UserError, match="None of the 1 labels"):
            plan_import(workspace, made, table(folder / "labels.csv", f'"{name}",band'))
