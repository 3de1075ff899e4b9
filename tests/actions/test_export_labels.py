"""Labels out: what every format holds, read by other means; nothing half, nothing written over, nobody named."""

from __future__ import annotations

import csv
import json
import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsynth_app.actions.export_labels import export_labels
from medsynth_app.core.cell_schema import CellSchema
from medsynth_app.core.cells import Origin
from medsynth_app.core.errors import UserError
from medsynth_app.formats.label_files import folders
from medsynth_app.formats.label_files.table import read_labels
from medsynth_app.formats.registry import read_provenance
from medsynth_app.workspace.label_sets import LabelSet
from medsynth_app.workspace.workspace import Workspace
from tests.actions.label_bench import RECORD, SCHEMA, give, make_files, make_set

ANSWERS = {0: "neutrophil", 1: "band", 2: "monocyte", 3: "neutrophil", 5: "not-a-cell", 6: "monocyte"}


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return tmp_path / "Doe, Jane"


@pytest.fixture
def label_set(workspace: Workspace, images: Path) -> LabelSet:
    """Labelled by Ann, who was asked cell 0 again, and by Bob, who disagrees on cell 1 and on no other."""
    made = make_set(workspace, make_files(images))
    ann, bob = workspace.people.add("Ann Lee").id, workspace.people.add("Bob").id
    give(made, ann, ANSWERS, seconds=1.25, rank=4, reason="near the boundary", strategy="useful", model=40,
         shown="band", predicted="band", confidence=0.75)
    give(made, ann, {0: "band"}, repeat=1, control=True)
    give(made, ann, {4: "skipped"})
    give(made, bob, {0: "neutrophil", 1: "monocyte", 2: "monocyte"}, group=3, checked=True)
    return made


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_csv_has_a_row_for_every_answer_with_all_that_is_known_of_it(workspace: Workspace, label_set: LabelSet,
                                                                     tmp_path: Path) -> None:
    out = tmp_path / "labels.csv"
    done = export_labels(workspace, label_set, out, "csv")
    rows = rows_of(out)
    assert (done.answers, done.cells, done.synthetic, len(rows)) == (10, 6, 1, 10)
    ann = workspace.people.add("Ann Lee").id
    first = next(row for row in rows if row["annotator"] == ann and row["repeat"] == "0")
    cell = label_set.cells[0]
    assert first | {"at": ""} == {
        "cell_id": cell.id, "sha256": cell.image_sha256, "image": "a/field.png", "x": "2", "y": "3", "width": "20",
        "height": "20", "origin": "real", "pack": "", "seed": "", "asked_class": "", "label": "neutrophil", "code": "",
        "annotator": ann, "at": "", "seconds": "1.25", "repeat": "0", "control": "0", "group": "1", "checked": "0",
        "shown": "band", "predicted": "band", "confidence": "0.75", "model_version": "40", "rank": "4",
        "strategy": "useful", "reason": "near the boundary"}
    again = next(row for row in rows if row["repeat"] == "1")
    assert (again["label"], again["control"]) == ("band", "1")
    made = next(row for row in rows if row["origin"] == "synthetic")
    assert (made["pack"], made["seed"], made["asked_class"], made["x"], made["code"]) \
        == ("blood", "7", "monocyte", "", "12345")
    assert all(row["label"] != "skipped" for row in rows)


def test_neither_names_nor_folders_leave_the_workspace_unless_they_are_wanted(
        workspace: Workspace, label_set: LabelSet, tmp_path: Path) -> None:
    for format, name in (("csv", "x.csv"), ("coco", "x.json"), ("geojson", "geo"), ("folders", "sorted")):
        export_labels(workspace, label_set, tmp_path / "out" / name, format)
    held = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert b"Ann" not in held and b"Doe" not in held and b"a/field.png" in held
    export_labels(workspace, label_set, tmp_path / "named.csv", "csv", names=True)
    assert {row["name"] for row in rows_of(tmp_path / "named.csv")} == {"Ann Lee", "Bob"}


def test_consensus_has_a_row_for_every_cell_with_votes_and_agreement(workspace: Workspace, label_set: LabelSet,
                                                                     tmp_path: Path) -> None:
    export_labels(workspace, label_set, tmp_path / "c.csv", "csv", consensus=True)
    rows = {row["cell_id"]: row for row in rows_of(tmp_path / "c.csv")}
    first, tied, other = (rows[label_set.cells[k].id] for k in (0, 1, 5))
    assert (first["label"], first["votes"], first["agreement"]) == ("neutrophil", "2", "1")
    assert (tied["label"], tied["votes"], tied["agreement"], tied["answers"]) == ("", "2", "0.5", "band 1; monocyte 1")
    assert (other["label"], other["x"]) == ("not-a-cell", "") and len(rows) == 6


def test_coco_is_what_its_readers_expect(workspace: Workspace, label_set: LabelSet, tmp_path: Path) -> None:
    done = export_labels(workspace, label_set, tmp_path / "coco.json", "coco")
    assert (done.undecided, done.unclassed) == (1, 1)
    held = json.loads((tmp_path / "coco.json").read_text(encoding="utf-8"))
    assert [(each["id"], each["name"], each["supercategory"]) for each in held["categories"]] \
        == [(1, "neutrophil", ""), (2, "band", "neutrophil"), (3, "monocyte", "")]
    assert held["categories"][2]["code"] == "12345" and "code" not in held["categories"][0]
    images = {each["id"]: each for each in held["images"]}
    assert {each["file_name"]: (each["width"], each["height"], each["synthetic"], each["unlabelled"])
            for each in images.values()} \
        == {"a/field.png": (80, 64, False, 0), "b/field.png": (80, 64, False, 1),  # one was skipped, not answered
            "one.png": (80, 64, False, 0),  # was looked at, and is no cell
            "SYNTHETIC-7.png": (32, 32, True, 0)}
    found = {each["attributes"]["cell_id"]: each for each in held["annotations"]}
    assert found.keys() == {label_set.cells[k].id for k in (0, 2, 3, 6)}
    assert [each["id"] for each in held["annotations"]] == [1, 2, 3, 4]
    third = found[label_set.cells[2].id]
    assert third["bbox"] == [60, 40, 15, 15] and third["area"] == 225 and third["iscrowd"] == 0
    assert found[label_set.cells[6].id]["bbox"] == [0, 0, 32, 32]
    assert found[label_set.cells[6].id]["attributes"]["origin"] == "synthetic"


def test_pycocotools_reads_it(workspace: Workspace, label_set: LabelSet, tmp_path: Path) -> None:
    library = pytest.importorskip("pycocotools.coco")
    export_labels(workspace, label_set, tmp_path / "coco.json", "coco")
    coco = library.COCO(str(tmp_path / "coco.json"))
    assert len(coco.getAnnIds(catIds=[3])) == 2


def test_geojson_is_that_of_qupath(workspace: Workspace, label_set: LabelSet, tmp_path: Path) -> None:
    export_labels(workspace, label_set, tmp_path / "geo", "geojson")
    files = sorted(path.name for path in (tmp_path / "geo").iterdir())
    assert len(files) == 3 and files[0] == "SYN_SYNTHETIC-7.png.geojson"
    assert {name.split(".")[0] for name in files[1:]} == {"field"}  # two images of one name
    features = [each for name in files
                for each in json.loads((tmp_path / "geo" / name).read_text(encoding="utf-8"))["features"]]
    for each in features:
        uuid.UUID(each["id"])
        about = each["properties"]
        ring, = each["geometry"]["coordinates"]
        assert ring[0] == ring[-1] and len(ring) == 5 and about["objectType"] == "detection"
        assert all(0 <= value <= 255 for value in about["classification"]["color"])
        assert all(isinstance(value, int | float) for value in about["measurements"].values())
        assert all(isinstance(value, str) for value in about["metadata"].values())
    made, = (each["properties"] for each in features if each["properties"]["name"].startswith("SYNTHETIC"))
    assert made["classification"]["name"] == "monocyte" and made["metadata"]["code"] == "12345"


def test_the_name_of_a_narrower_class_follows_that_of_the_broader_one(workspace: Workspace, label_set: LabelSet,
                                                                      tmp_path: Path) -> None:
    give(label_set, "cid", {1: "band"})
    export_labels(workspace, label_set, tmp_path / "geo", "geojson")
    text = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "geo").iterdir())
    assert "neutrophil: band form" in text


def test_folders_keep_synthetic_cells_apart_and_named_with_their_record(workspace: Workspace, label_set: LabelSet,
                                                                        tmp_path: Path) -> None:
    out = tmp_path / "sorted"
    export_labels(workspace, label_set, out, "folders")
    pictures = {path.relative_to(out).as_posix() for path in out.rglob("*.png")}
    cells = label_set.cells
    assert pictures == {f"real/neutrophil/field_{cells[0].id}.png", f"real/monocyte/field_{cells[2].id}.png",
                        f"real/neutrophil/field_{cells[3].id}.png",
                        f"synthetic/monocyte/SYN_SYNTHETIC-7_{cells[6].id}.png"}
    made = out / "synthetic" / "monocyte" / f"SYN_SYNTHETIC-7_{cells[6].id}.png"
    assert read_provenance(made) == RECORD
    with Image.open(made) as one, Image.open(cells[6].file) as other:
        assert np.array_equal(np.asarray(one), np.asarray(other))  # no mark in what a classifier learns from
    with Image.open(out / f"real/monocyte/field_{cells[2].id}.png") as crop, Image.open(cells[2].file) as field:
        assert np.array_equal(np.asarray(crop), np.asarray(field)[40:55, 60:75])
        assert not any(key.startswith("medsynth") for key in crop.info)
    assert [row["class"] for row in rows_of(out / "synthetic" / "labels.csv")] == ["monocyte"]
    assert all((out / "real" / row["file"]).is_file() for row in rows_of(out / "real" / "labels.csv"))


def test_a_synthetic_cell_without_a_record_gets_one_that_says_so(workspace: Workspace, images: Path,
                                                                 tmp_path: Path) -> None:
    cells = [replace(make_files(images)[0], origin=Origin.SYNTHETIC)]
    made = make_set(workspace, cells)
    give(made, "ann", {0: "band"})
    export_labels(workspace, made, tmp_path / "sorted", "folders")
    path, = (tmp_path / "sorted").rglob("*.png")
    record = read_provenance(path)
    assert path.name.startswith("SYN_") and record is not None and record.action == "imported"


def test_nothing_is_written_over(workspace: Workspace, label_set: LabelSet, tmp_path: Path) -> None:
    for format, name in (("csv", "x.csv"), ("coco", "x.json")):
        (tmp_path / name).write_text("mine")
        with pytest.raises(UserError, match="already"):
            export_labels(workspace, label_set, tmp_path / name, format)
        assert (tmp_path / name).read_text() == "mine"
    for format in ("geojson", "folders"):
        held = tmp_path / format
        held.mkdir()
        (held / "mine.txt").write_text("mine")
        with pytest.raises(UserError, match="already"):
            export_labels(workspace, label_set, held, format)
        assert [path.name for path in held.iterdir()] == ["mine.txt"]
        (held / "mine.txt").unlink()
        export_labels(workspace, label_set, held, format)  # an empty folder is taken


def test_an_export_that_fails_half_way_leaves_nothing(workspace: Workspace, label_set: LabelSet, tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folders, "write_table", full)
    with pytest.raises(UserError, match="No space left"):
        export_labels(workspace, label_set, tmp_path / "new" / "sorted", "folders")
    assert not (tmp_path / "new").exists()


def test_images_that_are_gone_are_told_and_left_out(workspace: Workspace, label_set: LabelSet, tmp_path: Path) -> None:
    Path(label_set.cells[6].file).unlink()
    done = export_labels(workspace, label_set, tmp_path / "x.json", "coco")
    assert done.notices and "any more: 1." in done.notices[0]
    assert len(json.loads((tmp_path / "x.json").read_text())["annotations"]) == 3
    assert "any more: 1." in export_labels(workspace, label_set, tmp_path / "sorted", "folders").notices[0]
    assert not (tmp_path / "sorted" / "synthetic").exists()
    assert len(rows_of(export_labels(workspace, label_set, tmp_path / "x.csv", "csv").path)) == 10  # needs no image
    for cell in label_set.cells:
        Path(cell.file).unlink(missing_ok=True)
    with pytest.raises(UserError, match="None of the images"):
        export_labels(workspace, label_set, tmp_path / "none", "folders")
    assert not (tmp_path / "none").exists()


def test_what_cannot_be_exported_is_said(workspace: Workspace, images: Path, tmp_path: Path) -> None:
    made = make_set(workspace, make_files(images))
    with pytest.raises(UserError, match="no labels yet"):
        export_labels(workspace, made, tmp_path / "x.csv", "csv")
    give(made, "ann", {0: "not-sure"})
    with pytest.raises(UserError, match="called a class"):
        export_labels(workspace, made, tmp_path / "x.json", "coco")
    with pytest.raises(UserError, match="unknown"):
        export_labels(workspace, made, tmp_path / "x.xml", "voc")
    with pytest.raises(UserError, match="Names stand"):
        export_labels(workspace, made, tmp_path / "x.json", "coco", names=True)
    assert not list(tmp_path.glob("x.*"))


def test_an_export_is_in_the_audit(workspace: Workspace, label_set: LabelSet, tmp_path: Path) -> None:
    export_labels(workspace, label_set, tmp_path / "x.csv", "csv", person="ann")
    entry = workspace.audit.entries()[0]
    assert (entry.action, entry.person, entry.subjects) == ("export_labels", "ann", (label_set.id,))


def test_codes_stand_in_it_only_where_the_schema_has_some(workspace: Workspace, images: Path, tmp_path: Path) -> None:
    plain = SCHEMA.to_plain()
    plain["classes"] = [{"id": each["id"]} for each in plain["classes"]]
    made = make_set(workspace, make_files(images), schema=CellSchema.from_plain(plain))
    give(made, "ann", {0: "band"})
    export_labels(workspace, made, tmp_path / "x.csv", "csv")
    assert "code" not in rows_of(tmp_path / "x.csv")[0]


def test_a_name_that_is_no_text_is_written_with_marks(workspace: Workspace, tmp_path: Path) -> None:
    cells = make_files(tmp_path / "images")
    odd = Path(f"{tmp_path / 'images'}/b\udcff.png")
    Path(cells[5].file).rename(odd)
    cells[5] = replace(cells[5], file=str(odd))
    made = make_set(workspace, cells)
    give(made, "ann", {5: "band"})
    for format, name in (("csv", "x.csv"), ("coco", "x.json"), ("geojson", "geo"), ("folders", "sorted")):
        export_labels(workspace, made, tmp_path / name, format)
    assert rows_of(tmp_path / "x.csv")[0]["image"] == "b\ufffd.png"


def test_a_spreadsheet_runs_nothing_and_the_text_comes_back(workspace: Workspace, tmp_path: Path) -> None:
    """CSV injection: names of files and people, and reasons, are written by others."""
    folder = tmp_path / "images"
    cells = make_files(folder)
    evil = folder / "=cmd|'calc'!A0.png"
    Path(cells[5].file).rename(evil)
    cells[5] = replace(cells[5], file=str(evil))
    made = make_set(workspace, cells)
    give(made, workspace.people.add("@SUM(A1)").id, {5: "band"}, reason="+1")
    for name, about in (("a.csv", {"names": True}), ("c.csv", {"consensus": True})):
        export_labels(workspace, made, tmp_path / name, "csv", **about)  # type: ignore[arg-type]
    export_labels(workspace, made, tmp_path / "sorted", "folders")
    for path in (tmp_path / "a.csv", tmp_path / "c.csv", tmp_path / "sorted" / "real" / "labels.csv"):
        assert not any(value[:1] in "=+@" for row in rows_of(path) for value in row.values() if value)
    row, = read_labels(tmp_path / "a.csv").rows
    assert (row.image, row.name, row.reason) == ("=cmd|'calc'!A0.png", "@SUM(A1)", "+1")
