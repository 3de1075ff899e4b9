"""Label files as spreadsheets, annotation programs and accidents leave them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medsynth_app.core.errors import UserError
from medsynth_app.core.label_rows import short_names
from medsynth_app.formats.label_files.common import safe_name
from medsynth_app.formats.label_files.table import read_labels

SHA = "ab" * 32
CSV = f"cell_id,sha256,image,x,y,width,height,label,annotator,seconds\nc1,{SHA},ä.png,1,2,3.5,4,blast,ann,0.25\n"
SEMICOLONS = CSV.replace(",", ";").replace("3.5", "3,5").replace("0.25", "0,25")
COCO: dict[str, Any] = {
    "images": [{"id": 1, "file_name": "a.png"}], "categories": [{"id": 3, "name": "blast"}],
    "annotations": [{"id": 9, "image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4]}]}
FEATURE: dict[str, Any] = {
    "type": "Feature", "id": "x", "properties": {"classification": {"name": "blast"}},
    "geometry": {"type": "Polygon", "coordinates": [[[1, 2], [4, 2], [4, 6], [1, 6], [1, 2]]]}}


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, held: Any) -> Path:
        path = tmp_path / name
        path.write_bytes(held if isinstance(held, bytes) else held.encode() if isinstance(held, str)
                         else json.dumps(held).encode())
        return path

    return write


@pytest.mark.parametrize("data", [
    CSV.encode(), b"\xef\xbb\xbf" + CSV.encode(), CSV.encode("utf-16"), CSV.replace(",", "\t").encode("utf-16"),
    SEMICOLONS.encode("utf-8-sig"), CSV.replace("\n", "\r\n").encode(), CSV.replace("\n", "\n,,,,,,,,,\n").encode(),
    CSV.replace("cell_id", " Cell_ID ").encode()])
def test_csv_as_spreadsheets_save_it(written: Callable[..., Path], data: bytes) -> None:
    row, = read_labels(written("x.csv", data)).rows
    assert (row.cell_id, row.sha256, row.image, row.sides, row.label, row.annotator, row.seconds) \
        == ("c1", SHA, "ä.png", (1, 2, 3.5, 4), "blast", "ann", 0.25)


def test_a_seed_keeps_all_its_digits(written: Callable[..., Path]) -> None:
    row, = read_labels(written("x.csv", f"image,label,seed\na,b,{2**62 + 1}\n")).rows
    assert row.seed == 2**62 + 1


def test_a_line_break_inside_a_value_is_none_of_the_table(written: Callable[..., Path]) -> None:
    row, = read_labels(written("x.csv", 'image,label,reason\na.png,blast,"one\ntwo"\n')).rows
    assert row.reason == "one\ntwo"


@pytest.mark.parametrize(("text", "told"), [
    ("", r"x\.csv is empty"), ("\n", r"x\.csv is empty"),
    ("file\na.png\n", "no column 'label'"), ("label\nblast\n", "names no cells"),
    ("file,label,label\na,b,c\n", "two columns"), ("file,label\na.png,blast,more\n", "line 2, it has 3 values"),
    ("file,label\na.png\n", "line 2, it has 1 values"), ('file,label\n"a.png,blast\n', "cannot be read as CSV: line 2"),
    ("file,label,x,y,width,height\na,b,1,2,0,4\n", "line 2, the box has no area"),
    ("file,label,x,y,width,height\na,b,1,2,nan,4\n", "a side of the box is no number"),
    ("file,label,x,y,width,height\na,b,1,2,1e300,4\n", "lies outside every image"),
    ("file,label,x,y,width,height\na,b,1,,3,4\n", "a side of the box is no number"),
    ("file,label,repeat\na,b,1.5\n", "repeat is no whole number"), ("file,label,control\na,b,maybe\n", "neither"),
    ("file,label,seconds\na,b,soon\n", "seconds is no number")])
def test_a_damaged_table_is_told_with_the_place(written: Callable[..., Path], text: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        read_labels(written("x.csv", text))


def test_what_is_no_text_is_told(written: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match="not UTF-8"):
        read_labels(written("x.csv", CSV.encode("latin-1")))
    with pytest.raises(UserError, match="no whole JSON"):
        read_labels(written("x.json", json.dumps(COCO)[:-9]))
    with pytest.raises(UserError, match="no whole JSON"):
        read_labels(written("deep.json", "[" * 100_000))
    with pytest.raises(UserError, match="no file of labels"):
        read_labels(written("x.xlsx", b"PK"))
    with pytest.raises(UserError, match="no file or folder"):
        read_labels(Path("/nowhere/labels.csv"))


def changed(part: str, **values: Any) -> dict[str, Any]:
    held: dict[str, Any] = json.loads(json.dumps(COCO))
    held[part][0] |= values
    return held


@pytest.mark.parametrize(("held", "told"), [
    (changed("annotations", image_id=7), "annotation 9, its image"),
    (changed("annotations", category_id=0), "its category"), (changed("annotations", bbox=[1, 2, 3]), "four numbers"),
    (changed("annotations", bbox=[1, 2, -3, 4]), "no area"), (changed("annotations", bbox=["1", None, 3, 4]), "number"),
    ({**COCO, "annotations": {}}, "no list"), ({**COCO, "images": [1]}, "no list"),
    ({**COCO, "categories": [{"name": "x"}]}, "no id"),
    ({**COCO, "categories": [*COCO["categories"], {"id": 3, "name": "band"}]}, "have the id 3"),
    ({"hello": 1}, "no GeoJSON"), ([], "no GeoJSON"), (3, "no GeoJSON"), (None, "no GeoJSON"),
    ({"type": "FeatureCollection"}, "no list"), ([{**FEATURE, "geometry": None}], "no outline"),
    ([{**FEATURE, "geometry": {"type": "Polygon", "coordinates": [[["a", 2]]]}}], "coordinate is no number"),
    ([{**FEATURE, "geometry": {"type": "Polygon", "coordinates": {"x": 1}}}], "outline")])
def test_damaged_json_is_told_with_the_place(written: Callable[..., Path], held: Any, told: str) -> None:
    with pytest.raises(UserError, match=told):
        read_labels(written("x.json", held))


def test_coco_without_boxes_or_annotations_is_read(written: Callable[..., Path]) -> None:
    for box in (None, []):
        row, = read_labels(written("x.json", changed("annotations", bbox=box))).rows
        assert row.sides is None and row.label == "blast"
    assert read_labels(written("x.json", {**COCO, "annotations": []})).rows == ()


@pytest.mark.parametrize("classification", [{"name": "blast"}, {"names": ["blast"], "color": [1, 2, 3]}, "blast"])
def test_geojson_of_every_version_of_qupath(written: Callable[..., Path], classification: Any) -> None:
    feature = {**FEATURE, "properties": {"classification": classification, "measurements": [{"name": "a", "value": 1}]}}
    for held in ([feature], {"type": "FeatureCollection", "features": [feature]}, feature):
        row, = read_labels(written("a.png.geojson", held)).rows
        assert (row.label, row.sides, row.image) == ("blast", (1, 2, 3, 4), "a.png")


def test_objects_without_a_class_are_counted(written: Callable[..., Path]) -> None:
    read = read_labels(written("a.geojson", [FEATURE, {**FEATURE, "properties": {}}, {**FEATURE, "properties": None}]))
    assert len(read.rows) == 1 and read.notices == ("Left out, for they have no class: 2.",)


def test_folders_of_classes(tmp_path: Path) -> None:
    for name in ("blast/1.png", "band/deep/2.PNG", "loose.png", "blast/.hidden.png", "blast/notes.txt"):
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).write_bytes(name.encode())
    (tmp_path / "outside.png").write_bytes(b"secret")
    (tmp_path / "set" / "blast" / "link.png").symlink_to(tmp_path / "outside.png")
    read = read_labels(tmp_path / "set")
    assert [(row.label, row.image) for row in read.rows] == [("deep", "band/deep/2.PNG"), ("blast", "blast/1.png")]
    assert read.notices == ("Left out, for they lie in no folder of a class: 1.",)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no labels"):
        read_labels(tmp_path / "empty")


def test_names_of_files_are_never_paths_nor_what_a_system_keeps_for_itself() -> None:
    for text in ("../../etc/passwd", "C:\\x\\y", "con.png", "NUL", "...", "", "a\0b", "x" * 300, "ü é.png"):
        name = safe_name(text)
        assert name and len(name) <= 81 and not set(name) & set("/\\:\0") and not name.startswith(".")
        assert name.split(".")[0].casefold() not in ("con", "nul")


def test_images_are_named_by_no_more_folders_than_tell_them_apart() -> None:
    files = ["/data/Doe/a/1.png", "/data/Doe/b/1.png", "/data/Doe/2.png", "C:\\x\\3.png"]
    assert list(short_names(files).values()) == ["2.png", "3.png", "a/1.png", "b/1.png"]
    assert set(short_names(["/1.png", "/a/1.png"]).values()) == {"1.png", "a/1.png"}


def test_what_only_strict_readers_stumble_on_is_read(written: Callable[..., Path]) -> None:
    """NaN among QuPath's measurements (qupath 1293), ids that are null, no sections of licences (cvat 9406)."""
    text = json.dumps([{**FEATURE, "id": None, "properties": {
        "classification": {"name": "blast"}, "measurements": {"area": float("nan")}}}])
    assert "NaN" in text
    row, = read_labels(written("x.geojson", text)).rows
    assert (row.label, row.cell_id) == ("blast", "")
    row, = read_labels(written("x.json", COCO)).rows
    assert row.label == "blast" and row.where == "annotation 9"
