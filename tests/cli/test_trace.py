"""``trace``: pictures found again after they were saved elsewhere, and what of a record survives which tool."""

from __future__ import annotations

import json
import locale
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
import tifffile
from PIL import Image
from pydicom.data import get_testdata_file

from medsynth_app.actions.accept_result import accept_result
from medsynth_app.actions.export import export_image, export_picture, record_path
from medsynth_app.actions.export_result import export_result
from medsynth_app.actions.inpaint import inpaint, inpaint_request
from medsynth_app.actions.open_image import open_image
from medsynth_app.actions.records import record_in
from medsynth_app.core.provenance import Provenance
from medsynth_app.headless import headless
from medsynth_app.workspace.workspace import Workspace
from tests.asking import to_inpaint
from tests.cli.conftest import Run
from tests.cli.test_cli import run as command_line


def scene(seed: int) -> np.ndarray[Any, Any]:
    """A smooth picture, (96, 128, 3) uint8, as no other seed has it."""
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((128, 96), Image.Resampling.BICUBIC))


def record(seed: int) -> Provenance:
    return Provenance("generate", "cells", "ab" * 32, seed, "2030-01-02T03:04:05+00:00",
                      parameters={"prompt": "a cell"})


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with 20 pictures, three of them exported; the folder that holds both."""
    folder = tmp_path_factory.mktemp("trace")
    with Workspace.open(folder / "work") as workspace:
        for seed in range(20):
            workspace.pictures.add("job", seed, scene(seed), record(seed))
        for seed in range(3):
            export_picture(workspace, scene(seed), record(seed), folder / "out" / f"{seed}.png")
    return folder


def traced(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
    answer = command_line("trace", *arguments, "--json")
    return answer.exit_code, json.loads(answer.stdout)["found"] if answer.stdout else []


def test_a_picture_is_found_after_it_was_saved_elsewhere(work: Path, tmp_path: Path) -> None:
    with Image.open(work / "out" / "1.png") as image:
        plain = image.copy()
    assert record_in(work / "out" / "1.png") is not None
    for name, change, same in (("same.png", lambda i: i, True), ("q90.jpg", lambda i: i, False),
                               ("half.png", lambda i: i.resize((64, 48)), False),
                               ("bright.tif", lambda i: i.point(lambda v: min(255, int(v * 1.15))), False)):
        change(Image.fromarray(np.array(plain))).save(tmp_path / name)  # nothing but the pixels
        assert record_in(tmp_path / name) is None
        for where in (("--workspace", work / "work"), ("--among", work / "out")):
            status, found = traced(tmp_path / name, *where)
            assert status == 0 and found[0]["seed"] == 1 and found[0]["pack"] == "cells", (name, where)
            assert found[0]["same"] is same and len(found) == 1, (name, where, found)
    among = Path(shutil.copytree(work / "out", tmp_path / "among"))
    (among / "0.png").write_bytes(b"cut off")
    shutil.copy(record_path(among / "1.png"), record_path(among / "0.png"))
    assert traced(tmp_path / "q90.jpg", "--among", among)[0] == 0  # whatever else lies there
    Image.fromarray(scene(99)).save(tmp_path / "other.png")
    assert traced(tmp_path / "other.png", "--workspace", work / "work") == (2, [])
    status, found = traced(tmp_path / "q90.jpg", "--workspace", work / "work", "--record", tmp_path / "r.json")
    kept = record_in(tmp_path / "r.json")
    assert kept is not None and kept.seed == 1
    for wrong, complaint in (
            (("--workspace", tmp_path / "none"), "no workspace"), (("--among", tmp_path / "none"), "no such folder"),
            ((), "no workspace to look in"), (("--frame", 7), "no slice 7")):
        answer = command_line("trace", tmp_path / "q90.jpg", *wrong)
        assert answer.exit_code == 2 and complaint in answer.stderr.lower(), answer.stderr


def test_a_picture_is_found_by_its_invisible_mark_where_its_looks_are_not_enough(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "work") as workspace:
        for seed in range(3):
            workspace.pictures.add("job", seed, scene(seed), record(seed))
            export_picture(workspace, scene(seed), record(seed), tmp_path / "out" / f"{seed}.png", mark=seed == 2,
                           invisible=True)
        assert np.array_equal(next(iter(workspace.pictures.page())).pixels(), scene(2))  # what is kept has no mark
    told = record_in(tmp_path / "out" / "1.png")
    assert told is not None and set(told.parameters["invisible_mark"]) == {"method", "code"}
    for seed in (1, 2):
        for name in ("a.png", "a.jpg"):
            with Image.open(tmp_path / "out" / f"{seed}.png") as image:
                Image.fromarray(np.array(image)).save(tmp_path / name, quality=90)
            status, (found, *_) = traced(tmp_path / name, "--workspace", tmp_path / "work")
            assert (status, found["seed"], found["same"]) == (0, seed, name == "a.png") and found["wrong_bits"] <= 2
    with Image.open(tmp_path / "out" / "1.png") as image:
        dim = np.array(image) / 2 + 64
    down, across = (np.indices(dim.shape[:2]) + 0.5) * np.pi / np.reshape(dim.shape[:2], (2, 1, 1))
    light = sum(np.cos(k * down) * np.cos((7 - k) * across) for k in range(8))  # so much that it looks otherwise
    Image.fromarray(np.clip(dim + 30 * light[..., None], 0, 255).astype(np.uint8)).save(tmp_path / "painted.jpg",
                                                                                        quality=95)
    for where in (("--workspace", tmp_path / "work"), ("--among", tmp_path / "out")):
        status, (found,) = traced(tmp_path / "painted.jpg", *where)
        assert (status, found["seed"], found["same"]) == (0, 1, False) and found["distance"] > 36
        assert "invisible mark of this picture" in found["words"]
    Workspace.open(tmp_path / "empty").close()
    answer = command_line("trace", tmp_path / "painted.jpg", "--workspace", tmp_path / "empty")
    assert answer.exit_code == 2 and "invisible mark of a picture that MedSynth drew" in answer.stdout


def test_pictures_of_an_older_version_and_exported_fills_are_found_and_go_with_their_study(
        same_process: Run, tmp_path: Path) -> None:
    with headless(tmp_path / "work") as here:
        workspace = here.workspace
        workspace.pictures.add("job", 3, scene(3), record(3))
        with workspace._database.write() as session:
            session.connection().exec_driver_sql("DELETE FROM traces")
        Image.fromarray(scene(5)).save(tmp_path / "a.png")
        document = open_image(workspace, tmp_path / "a.png")
        mask = np.zeros((96, 128), np.uint8)
        mask[40:50, 40:60] = 1
        request = inpaint_request(document, 0, to_inpaint(mode="remove", count=1, seed=3), None, painted=mask)
        result, = here.run(inpaint(here.queue, request))
        accept_result(document, result)
        export_image(workspace, document, 0, tmp_path / "fill.png", "png")
        export_image(workspace, document, 0, tmp_path / "fill.png", "png")  # again: known once
        assert len(workspace.traces.all()) == 1
        with Image.open(tmp_path / "fill.png") as image:
            Image.fromarray(np.array(image)).save(tmp_path / "fill.jpg", quality=90)
        Image.fromarray(scene(3)).save(tmp_path / "old.jpg", quality=90)
        for name, action in (("fill.jpg", "inpaint"), ("old.jpg", "generate")):
            found = traced(tmp_path / name, "--workspace", tmp_path / "work")[1]
            assert [each["record"]["action"] for each in found] == [action] and found[0]["seed"] == 3
            assert "sha256:" not in json.dumps(found)
            assert ("as it was before" in found[0]["words"]) is (action == "inpaint")  # which looks the same
        workspace.removal.remove(workspace.removal.of_study(document.id))
        assert workspace.traces.all() == []


def test_what_a_record_survives(tmp_path: Path) -> None:
    """As the README tells it: to be mended there when one of these programs does otherwise."""
    with Workspace.temporary() as workspace:
        export_picture(workspace, scene(1), record(1), tmp_path / "a.png")
        export_picture(workspace, scene(1), record(1), tmp_path / "a.tif", "tiff")
        export_picture(workspace, scene(1), record(1), tmp_path / "a.dcm", "secondary-capture")
    (tmp_path / "alone").mkdir()
    for name in ("a.png", "a.tif", "a.dcm"):
        assert record_in((tmp_path / name).rename(tmp_path / "alone" / name)) is not None  # inside the file
    alone, kept = tmp_path / "alone", {}
    with Image.open(alone / "a.png") as image:
        image.save(tmp_path / "pillow.png")
        image.save(tmp_path / "pillow.jpg")
    tifffile.imwrite(tmp_path / "tifffile.tif", tifffile.imread(alone / "a.tif"))
    with Image.open(alone / "a.tif") as image:
        image.save(tmp_path / "pillow.tif")
    pydicom.dcmread(alone / "a.dcm").save_as(tmp_path / "pydicom.dcm")
    sitk.WriteImage(sitk.ReadImage(str(alone / "a.dcm")), str(tmp_path / "sitk.nii"))
    for name in ("pillow.png", "pillow.jpg", "tifffile.tif", "pillow.tif", "pydicom.dcm", "sitk.nii"):
        kept[name] = record_in(tmp_path / name) is not None
    assert kept == {"pillow.png": False, "pillow.jpg": False, "tifffile.tif": False, "pillow.tif": True,
                    "pydicom.dcm": True, "sitk.nii": False}
    assert pydicom.dcmread(tmp_path / "pydicom.dcm").SyntheticData == "YES"


@pytest.fixture
def own_locale() -> Iterator[None]:
    """ITK's writer of DICOM leaves the process in the locale "C", in which text files are ASCII to Python."""
    before = locale.setlocale(locale.LC_ALL)
    yield
    locale.setlocale(locale.LC_ALL, before)


@pytest.mark.usefixtures("own_locale")
def test_simpleitk_cannot_write_again_what_it_read_of_our_dicom(same_process: Run, tmp_path: Path) -> None:
    """GDCM's dictionary lacks Synthetic Data (0008,001C). When this fails, it is mended: take it out of the README."""
    with headless(None) as here:
        document = open_image(here.workspace, Path(str(get_testdata_file("CT_small.dcm"))))
        mask = np.zeros((128, 128), np.uint8)
        mask[50:60, 50:60] = 1
        request = inpaint_request(document, 0, to_inpaint(mode="remove", count=1, seed=3), None, painted=mask)
        result, = here.run(inpaint(here.queue, request))
        path = export_result(here.workspace, document, result, tmp_path / "a.dcm", "dicom").path
    image = sitk.ReadImage(str(path))
    assert image.HasMetaDataKey("0008|001c")
    with pytest.raises(RuntimeError):
        sitk.WriteImage(image, str(tmp_path / "again.dcm"))
    image.EraseMetaData("0008|001c")
    sitk.WriteImage(image, str(tmp_path / "again.dcm"))  # the way round: the file no longer says that it is synthetic
    again = pydicom.dcmread(tmp_path / "again.dcm")
    assert "SyntheticData" not in again and again.SeriesDescription.startswith("SYNTHETIC")
