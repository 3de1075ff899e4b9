"""What is embedded: data sets in their layouts; and by what: encoders only."""

from __future__ import annotations

import shutil
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from medsynth_app.actions.embed import embed, embed_request, list_pictures
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.embed import EmbedRequest
from medsynth_app.core.jobs.stored import from_parts
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack, png

CELLS = "cell_id,image,image_sha256,x,y,width,height,confidence,origin\n"


@pytest.fixture
def encoder(tmp_path: Path) -> InstalledPack:
    return make_pack(tmp_path / "packs", "cell-encoder", kind="encoder")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in ("b/2.png", "b/1.PNG", "a/3.png"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        png(tmp_path / "data" / name)
    (tmp_path / "data" / "a" / "notes.txt").write_text("no picture")
    return tmp_path / "data"


def test_a_sub_folder_per_class(data: Path) -> None:
    found = list_pictures(data)
    assert found.ids() == ("a/3.png", "b/1.PNG", "b/2.png") and found.boxes is None
    assert found.labels() == ("a", "b", "b") and list_pictures(data / "b").labels() == ()
    assert found.paths() == [str(data / name) for name in found.ids()]


def test_masks_are_no_pictures_and_their_folders_no_classes(tmp_path: Path) -> None:
    for part in ("", "train/", "val/"):
        for name in ("images/1.png", "masks/1.png"):
            path = tmp_path / ("parted" if part else "pairs") / f"{part}{name}"
            path.parent.mkdir(parents=True, exist_ok=True)
            png(path)
    found = list_pictures(tmp_path / "pairs")
    assert found.ids() == ("images/1.png",) and found.labels() == ()
    found = list_pictures(tmp_path / "parted")
    assert found.ids() == ("train/images/1.png", "val/images/1.png") and found.labels() == ()
    for name in ("1.jpg", "1_mask.png", "1_mask_1.png", "2.png", "2.png.mask.png", "3_mask.png"):
        path = tmp_path / "beside" / "ill" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(path)
    found = list_pictures(tmp_path / "beside")  # the last is the mask of nothing there
    assert found.ids() == ("ill/1.jpg", "ill/2.png", "ill/3_mask.png") and set(found.labels()) == {"ill"}
    shutil.rmtree(tmp_path / "parted" / "val")
    with pytest.raises(UserError, match=r"looks like pairs of image and mask.*No such file"):
        list_pictures(tmp_path / "parted")


def test_labels_say_which_files_and_in_which_order(data: Path) -> None:
    (data / "labels.csv").write_text("file,class,split\nb/2.png,b,test\na/3.png,a,train\n")
    for given in (data, data / "labels.csv"):
        assert list_pictures(given).ids() == ("b/2.png", "a/3.png")
        assert list_pictures(given).labels() == ("b", "a")
        assert list_pictures(given).paths() == [str(data / "b/2.png"), str(data / "a/3.png")]


def test_a_file_that_a_mac_named_is_found(data: Path) -> None:
    there = shutil.copy(data / "a" / "3.png", data / unicodedata.normalize("NFD", "Zelle \u00e4.png"))
    (data / "mac.csv").write_text("file\nZelle \u00e4.png\n", encoding="utf-8")
    assert list_pictures(data / "mac.csv").paths() == [str(there)]


def test_cells_that_were_detected(data: Path) -> None:
    (data / "cells.csv").write_text(f"{CELLS}c1,a/3.png,0,10,20,30,15.6,0.9,detector\nc2,a/3.png,0,0,0,5,5,,person\n")
    found = list_pictures(data / "cells.csv")
    assert found.ids() == ("c1", "c2") and found.paths() == [str(data / "a/3.png")] * 2
    assert found.boxes is not None and found.boxes.tolist() == [[10, 20, 40, 36], [0, 0, 5, 5]]


@pytest.mark.parametrize("text, complaint", [
    ("name,class\nb/2.png,b\n", "neither a column"), ("file\nb/2.png\nb/9.png\n", r"The file 9\.png .* is not there"),
    ("file\nb/2.png\nb/2.png\n", "same name"), ("file,class\n", "no pictures"), ("", "no pictures"),
    (f"{CELLS}c1,a/3.png,0,1,1,0,5,,\n", "box that is none"), (f"{CELLS}c1,a/3.png,0,1,1,x,5,,\n", "box that is none"),
    (f"{CELLS}c1,a/3.png,0,1,1\n", "box that is none"), (f"{CELLS}c1,a/3.png,0,inf,1,5,5,,\n", "box that is none")])
def test_lists_that_cannot_be_used(data: Path, text: str, complaint: str) -> None:
    (data / "list.csv").write_text(text)
    with pytest.raises(UserError, match=complaint):
        list_pictures(data / "list.csv")


def test_no_data_at_all(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.csv").write_bytes(b"file\n\xff\xfe\n")
    png(tmp_path / "a.png")
    for name, complaint in (("a.png", "one picture"), ("empty", "no pictures"),
                            ("missing", "no folder or file"), ("list.csv", "as CSV")):
        with pytest.raises(UserError, match=complaint):
            list_pictures(tmp_path / name)


def test_a_request_holds_all_that_a_worker_needs(data: Path, encoder: InstalledPack, tmp_path: Path,
                                                 workspace: Workspace, queue: JobQueue) -> None:
    request = embed_request(encoder, list_pictures(data), tmp_path / "E.npz", crop=0.5, device="cpu")
    (job,) = embed(queue, request).jobs
    (record,) = workspace.jobs.records()
    assert (record.kind, record.lane, record.title) == ("embed", Lane.BACKGROUND, "Embed: 3 pictures")
    kept = from_parts(*workspace.jobs.load(job))
    assert isinstance(kept, EmbedRequest)
    assert kept.model.sha256 == encoder.manifest.sha256 and Path(kept.model.folder) == encoder.folder
    assert kept.pictures.ids() == ("a/3.png", "b/1.PNG", "b/2.png")
    assert all(Path(image).is_file() for image in kept.pictures.paths())
    assert (kept.pictures.boxes, kept.crop, kept.out) == (None, 0.5, str(tmp_path / "E.npz"))


def test_boxes_travel_as_an_array(data: Path, encoder: InstalledPack, tmp_path: Path, workspace: Workspace,
                                  queue: JobQueue) -> None:
    (data / "cells.csv").write_text(f"{CELLS}c1,a/3.png,0,10,20,30,15,0.9,detector\n")
    (job,) = embed(queue, embed_request(encoder, list_pictures(data / "cells.csv"), tmp_path / "E.npz", crop=2.0)).jobs
    kept = from_parts(*workspace.jobs.load(job))
    assert isinstance(kept, EmbedRequest) and kept.pictures.boxes is not None
    assert kept.pictures.boxes.tolist() == [[10, 20, 40, 35]]


def test_requests_that_cannot_be_run(data: Path, encoder: InstalledPack, pack: InstalledPack, tmp_path: Path) -> None:
    pictures = list_pictures(data)
    with pytest.raises(UserError, match="cells is no encoder"):
        embed_request(pack, pictures, tmp_path / "E.npz")
    for crop in (-0.1, 1.5, float("nan")):
        with pytest.raises(UserError, match="crop"):
            embed_request(encoder, pictures, tmp_path / "E.npz", crop=crop)
    for out in ("E.txt", "E"):
        with pytest.raises(UserError, match="cannot be written"):
            embed_request(encoder, pictures, tmp_path / out)
