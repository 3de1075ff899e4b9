"""``make`` from the command line: whole sets with a tiny pack, read back as their loaders document it."""

from __future__ import annotations

import csv
import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from medsynth_app import cli
from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.make import MakeRequest
from medsynth_app.engine.job import Job
from medsynth_app.engine.make import run as run_make
from medsynth_app.formats.mark import draw_mark
from medsynth_app.formats.raster import write_mask_png
from medsynth_app.formats.registry import read_mask, read_provenance
from tests.cli.conftest import Run
from tests.engine.tiny import LABELS, make_tiny_pack

ORDER = """\
name = "Tiny cells"
pack = "{pack}"
seed = 50
prompt = "a {{class}}"
steps = 1
licence_note = "For teaching."
{more}
[split]
train = 0.6
val = 0.2
test = 0.2
[[lines]]
class = "round cell"
count = {many}
[[lines]]
class = "cell"
count = {few}
guidance = 4
"""


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_pack(tmp_path_factory.mktemp("packs") / "tiny", with_control=True, with_masks=True)


@pytest.fixture
def order(pack: Path, tmp_path: Path) -> Path:
    return write_order(tmp_path / "order.toml", pack)


def write_order(path: Path, pack: Path, more: str = "", many: int = 20, few: int = 10) -> Path:
    path.write_text(ORDER.format(pack=pack.as_posix(), more=more, many=many, few=few))
    return path


def pixels_of(path: Path) -> np.ndarray[Any, Any]:
    with Image.open(path) as image:
        return np.asarray(image)


def as_torchvision_reads(root: Path) -> tuple[dict[str, int], list[tuple[Path, int]]]:
    """ImageFolder(root): classes are the sorted folders, numbered; every picture below one belongs to it."""
    classes = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    numbers = {name: k for k, name in enumerate(classes)}
    return numbers, [(path, numbers[name]) for name in classes for path in sorted((root / name).rglob("*"))
                     if path.suffix == ".png"]


def as_imagefolder_reads(part: Path) -> list[dict[str, Any]]:
    """Hugging Face's rules of metadata.jsonl: a JSON object in each line, all with the same keys; ``file_name``, and
    ``*_file_name`` for more images, are relative to the file; every image of the folder is named by it."""
    rows = [json.loads(line) for line in (part / "metadata.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len({tuple(row) for row in rows}) == 1 and "file_name" in rows[0]
    named = [name for row in rows for key, name in row.items() if key.endswith("file_name")]
    assert sorted(named) == sorted(path.relative_to(part).as_posix() for path in part.rglob("*.png"))
    return rows


def mask_of(annotation: dict[str, Any]) -> np.ndarray[Any, Any]:
    """An uncompressed run length encoding as COCO documents it: down the columns, zeros first."""
    rows, columns = annotation["segmentation"]["size"]
    counts = annotation["segmentation"]["counts"]
    assert sum(counts) == rows * columns and all(count > 0 for count in counts[1:])
    flat = np.repeat(np.arange(len(counts)) % 2, counts)
    return flat.reshape((rows, columns), order="F").astype(bool)


def test_class_folders_as_three_loaders_read_them(order: Path, pack: Path, same_process: Run, tmp_path: Path) -> None:
    out = tmp_path / "set"
    answer = same_process("make", order, "--out", out, "--device", "cpu")
    assert (answer["pictures"], answer["drawn"], answer["seed"]) == (30, 30, 50)
    parts = {"train": (12, 6), "val": (4, 2), "test": (4, 2)}
    assert answer["classes"] == {"cell": {part: few for part, (_, few) in parts.items()},
                                 "round cell": {part: many for part, (many, _) in parts.items()}}
    table = {row["file"]: row for row in csv.DictReader((out / "labels.csv").read_text(encoding="utf-8").splitlines())}
    assert sorted(int(row["seed"]) for row in table.values()) == list(range(50, 80))
    for part, (many, few) in parts.items():
        numbers, found = as_torchvision_reads(out / part)
        assert numbers == {"cell": 0, "round cell": 1}
        assert [number for _, number in found] == [0] * few + [1] * many
        rows = as_imagefolder_reads(out / part)
        assert {(f"{part}/{row['file_name']}", row["label"]) for row in rows} == {
            (path.relative_to(out).as_posix(), list(numbers)[number]) for path, number in found}
        for row in rows:
            listed = table[f"{part}/{row['file_name']}"]
            assert (listed["class"], listed["split"], int(listed["seed"]), listed["prompt"]) == (
                row["label"], part, row["seed"], row["text"]) and listed["pack"] == "tiny" == row["pack"]
            record = read_provenance(out / listed["file"])
            assert record is not None and record.seed == row["seed"] and record.parameters["prompt"] == row["text"]
            assert record.parameters["guidance"] == (4 if row["label"] == "cell" else 2.5)
    pixels = pixels_of(out / next(iter(table)))
    assert pixels.shape == (32, 32, 3) and not np.array_equal(pixels, draw_mark(pixels))
    card = (out / "README.md").read_text(encoding="utf-8")
    assert record is not None
    for said in ("Every picture here is synthetic", "| cell | 6 | 2 | 2 | 10 |", record.pack_sha256, "CC0-1.0",
                 "For teaching.", "No visible mark", "50 to 69"):
        assert said in card
    assert tomllib.loads((out / "dataset.toml").read_text())["licence"] == "CC0-1.0"
    looked = same_process("data", "inspect", out)
    assert looked["counts"] == {"cell": 10, "round cell": 20} and len(looked["synthetic"]) == 30


def test_pairs_with_coco_and_a_label_map(pack: Path, same_process: Run, tmp_path: Path) -> None:
    out = tmp_path / "set"
    same_process("make", write_order(tmp_path / "order.toml", pack, 'masks = "drawn"', 5, 5), "--out", out,
                 "--device", "cpu")
    assert json.loads((out / "label-map.json").read_text()) == {"0": "background", "1": LABELS[0], "2": LABELS[1]}
    objects = 0
    for part, count in (("train", 6), ("val", 2), ("test", 2)):
        rows = as_imagefolder_reads(out / part)
        assert len(rows) == count and {row["mask_file_name"].replace("masks/", "images/") for row in rows} == {
            row["file_name"] for row in rows}
        coco = json.loads((out / part / "coco.json").read_text())
        assert [each["name"] for each in coco["categories"]] == list(LABELS)
        for of in (coco["images"], coco["annotations"]):
            assert len({each["id"] for each in of}) == len(of)
        for image in coco["images"]:
            mask = read_mask(out / part / "masks" / image["file_name"])
            assert mask.shape == (image["height"], image["width"])
            back = np.zeros_like(mask)
            for each in (each for each in coco["annotations"] if each["image_id"] == image["id"]):
                piece = mask_of(each)
                rows_, columns = np.flatnonzero(piece.any(1)), np.flatnonzero(piece.any(0))
                x, y, width, height = each["bbox"]
                assert (x, y, x + width - 1, y + height - 1) == (columns[0], rows_[0], columns[-1], rows_[-1])
                assert each["area"] == piece.sum() and each["iscrowd"] == 0 and not back[piece].any()
                back[piece] = each["category_id"]
                objects += 1
            assert np.array_equal(back, mask)
    assert objects
    assert same_process("data", "inspect", out)["layout"] == "image-mask-pairs"


def test_given_masks_are_followed_and_stay_apart(pack: Path, same_process: Run, tmp_path: Path) -> None:
    masks = []
    (tmp_path / "mine").mkdir()
    for k in range(5):
        mask = np.zeros((32, 32), np.uint8)
        mask[4 + k:20, 6:20 + k] = 1 + k % 2
        masks.append(mask)
        write_mask_png(tmp_path / "mine" / f"{k}.png", mask)
    out = tmp_path / "set"
    same_process("make", write_order(tmp_path / "order.toml", pack, 'masks = "mine"', 5, 5), "--out", out,
                 "--device", "cpu")
    parts: dict[int, set[str]] = {}
    for path in out.rglob("masks/*.png"):
        found = read_mask(path)
        [which] = [k for k, mask in enumerate(masks) if np.array_equal(mask, found)]
        parts.setdefault(which, set()).add(path.parent.parent.name)
    assert len(parts) == 5 and all(len(each) == 1 for each in parts.values())
    assert not [path for path in out.iterdir() if path.name.startswith(".")]  # the copies of the masks are gone


def request_of(order: Path, out: Path) -> MakeRequest:
    from medsynth_app.actions.make import make_request, plan_of
    from medsynth_app.core.order_file import read_order
    return make_request(plan_of(read_order(order)), out, "cpu")


def files_of(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): pixels_of(path).tobytes() for path in out.rglob("*.png")}


def test_a_run_that_was_stopped_or_damaged_goes_on_and_makes_the_same(
        order: Path, same_process: Run, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "set"
    same_process("make", order, "--out", whole, "--device", "cpu")
    job = Job("j", lambda message: cancel(message))

    def cancel(message: object) -> None:
        if isinstance(message, JobEvent) and message.kind is EventKind.PREVIEW:  # a batch is drawn
            job.cancel()

    with pytest.raises(Cancelled):
        run_make(request_of(order, out), job)
    kept = files_of(out)
    assert len(kept) == 16
    assert len((out / "labels.csv").read_text().splitlines()) == 17
    assert "Not complete: 16 of 30 pictures" in (out / "README.md").read_text()
    first, second, *_ = sorted(kept)
    (out / first).write_bytes((out / first).read_bytes()[:-20])  # a power cut
    shutil.copy(out / second, out / sorted(kept)[2])  # another picture's
    answer = same_process("make", order, "--out", out, "--device", "cpu")
    assert answer["drawn"] == 30 and files_of(out) == files_of(whole)
    assert "Not complete" not in (out / "README.md").read_text()
    stamps = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    assert same_process("make", order, "--out", out, "--device", "cpu")["drawn"] == 0
    assert stamps == {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}


def test_progress_goes_from_what_is_there_to_all(order: Path, tmp_path: Path) -> None:
    told: list[JobEvent] = []
    run_make(request_of(order, tmp_path / "set"), Job("j", told.append))  # type: ignore[arg-type]
    progress = [event for event in told if event.kind is EventKind.PROGRESS and event.steps]
    assert {event.steps for event in progress} == {30} and progress[-1].step == 30
    assert progress[-1].message == "30 of 30 pictures"
    assert [event.step for event in progress] == sorted(event.step for event in progress)
    for path in sorted((tmp_path / "set").rglob("*round cell*.png"))[:1]:
        path.unlink()
    told.clear()
    run_make(request_of(order, tmp_path / "set"), Job("j", told.append))  # type: ignore[arg-type]
    assert min(event.step for event in told if event.kind is EventKind.PROGRESS and event.steps) >= 14


def refused(*arguments: object) -> str:
    answer = CliRunner().invoke(cli.app, ["make", *(str(each) for each in arguments)])
    assert answer.exit_code == 2, answer.output
    return answer.stderr


def test_another_order_in_the_folder_is_refused(order: Path, pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    run_make(request_of(order, out), Job("j", lambda message: None))
    before = files_of(out)
    order.write_text(order.read_text().replace("count = 10", "count = 11"))
    assert "set of another order: in line 2 (cell) the count was 10 and is 11" in refused(order, "--out", out)
    with pytest.raises(UserError, match="count was 10 and is 11"):  # the worker looks again
        run_make(request_of(order, out), Job("j", lambda message: None))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").write_text("mine")
    assert "holds files already" in refused(order, "--out", tmp_path / "full")
    assert files_of(out) == before


@pytest.mark.parametrize(("old", "new", "said"), [
    ("seed = 50", "seed = 2147483640", "leaves no room for 30 pictures"),
    ("seed = 50", "seed = -1", "leaves no room"),
    ("steps = 1", 'steps = 1\nmasks = "nowhere"', "In line 1 of the order (round cell): There are no masks"),
    ("val = 0.2", "val = 0.39", None),
    ("test = 0.2", "test = 0.0001", "the part test would have none"),
])
def test_what_cannot_be_made_is_told_before(
        order: Path, tmp_path: Path, old: str, new: str, said: str | None) -> None:
    text = order.read_text().replace(old, new)
    if said is None:
        said = "add up to 1"
    elif "test = 0.0001" in new:
        text = text.replace("train = 0.6", "train = 0.7999")
    order.write_text(text)
    assert said in refused(order, "--out", tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_pack_that_cannot_is_told_before(tmp_path: Path) -> None:
    plain = make_tiny_pack(tmp_path / "plain")
    order = write_order(tmp_path / "order.toml", plain, 'masks = "drawn"')
    assert "In line 1 of the order (round cell): Tiny random model cannot draw from masks" in refused(
        order, "--out", tmp_path / "set")
    order.write_text(order.read_text().replace(plain.as_posix(), "nobodys"))
    assert "There is no model pack 'nobodys'" in refused(order, "--out", tmp_path / "set")
    order.write_text(order.read_text().replace('pack = "nobodys"', ""))
    if "no model pack is named" not in (said := refused(order, "--out", tmp_path / "set")):
        assert "No model pack is installed" in said


def test_a_full_disk_is_told_before(order: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("medsynth_app.actions.out_folder.shutil.disk_usage", lambda _path: usage._replace(free=1000))
    assert "not enough room on the disk" in refused(order, "--out", tmp_path / "set")


def test_a_dry_run_tells_time_and_room_and_writes_nothing(order: Path, same_process: Run, tmp_path: Path) -> None:
    answer = same_process("make", order, "--out", tmp_path / "set", "--device", "cpu", "--dry-run")
    assert answer["pictures"] == 30 and answer["bytes"] == 30 * 32 * 32 * 3 and answer["seconds"] > 0
    assert not (tmp_path / "set").exists()
