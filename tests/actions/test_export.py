"""Exports, read again by other libraries: what is generated says so, what is real carries no such mark."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
import tifffile
from PIL import Image
from pydicom.data import get_testdata_file

from medsynth_app.actions.accept_result import accept_result
from medsynth_app.actions.export import export_image, export_mask, export_picture, provenance_of, record_path, render
from medsynth_app.actions.inpaint import inpaint_document
from medsynth_app.actions.open_image import open_image
from medsynth_app.actions.paint_mask import paint_mask
from medsynth_app.actions.receive import receive
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.parameters import InpaintParameters
from medsynth_app.core.provenance import Provenance
from medsynth_app.core.window_level import WindowLevel
from medsynth_app.formats.pack import InstalledPack
from medsynth_app.formats.provenance import read_provenance
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import answer, paint, png, volume

WINDOW = WindowLevel(0, 2000)
PARAMETERS = InpaintParameters(prompt="a neutrophil", seed=7, count=1, feather=2)


def fill(workspace: Workspace, queue: JobQueue, pack: InstalledPack, document: Document, frame: int = 0,
         parameters: InpaintParameters = PARAMETERS) -> None:
    """Paint, run and accept."""
    if not document.mask(frame).any():
        paint(document, frame, (10, 10, 25, 25))
    job = inpaint_document(queue, document, frame, parameters, pack, WINDOW)
    answer(workspace, job, lambda record, news: receive(workspace, record, news))
    result = next(item for item in workspace.results.of_document(document.id) if item.job_id == job)
    accept_result(workspace, document, result)


def ct(workspace: Workspace) -> Document:
    return open_image(workspace, Path(str(get_testdata_file("CT_small.dcm"))))


def test_an_image_without_generated_pixels_is_exported_as_real(workspace: Workspace, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    out = export_image(workspace, document, 0, tmp_path / "out" / "b.png", "png")
    assert np.array_equal(np.asarray(Image.open(out.path)), document.pixels(0))
    assert read_provenance(out.path) is None
    assert out.record is None and not record_path(out.path).exists()
    for format in ("dicom", "secondary-capture"):
        with pytest.raises(UserError, match="no generated pixels"):
            export_image(workspace, document, 0, tmp_path / "b.dcm", format)
    assert not (tmp_path / "b.dcm").exists()


def test_a_png_says_what_was_generated_in_it_and_beside_it(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png", 200, 200))
    fill(workspace, queue, pack, document)
    marked = export_image(workspace, document, 0, tmp_path / "marked.png", "png")
    plain = export_image(workspace, document, 0, tmp_path / "plain.png", "png", mark=False)
    assert np.array_equal(np.asarray(Image.open(plain.path)), document.pixels(0))
    assert not np.array_equal(np.asarray(Image.open(marked.path)), document.pixels(0))
    for out in (marked, plain):
        inside = read_provenance(out.path)
        assert inside is not None and out.record is not None
        beside = json.loads(out.record.read_text())
        assert beside["synthetic"] is True
        assert beside["seed"] == inside.seed == 7
        assert beside["largest_change_outside_mask"] == 0
        assert beside["parameters"]["prompt"] == "a neutrophil"
        assert str(tmp_path) not in out.record.read_text()


def test_what_was_accepted_before_stands_in_the_record(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    from dataclasses import replace
    document = open_image(workspace, png(tmp_path / "a.png"))
    fill(workspace, queue, pack, document)
    fill(workspace, queue, pack, document, parameters=replace(PARAMETERS, seed=99))
    record = provenance_of(document, 0)
    assert record is not None
    assert record.seed == 99 and [earlier["seed"] for earlier in record.earlier] == [7]


def test_tiff_without_mark_keeps_the_depth_and_with_mark_is_rendered(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, volume(tmp_path / "v.nii.gz", 3, 120, 120))
    fill(workspace, queue, pack, document, 1)
    plain = export_image(workspace, document, 1, tmp_path / "p.tif", "tiff", mark=False)
    stored = tifffile.imread(plain.path)
    assert stored.dtype == np.int16 and np.array_equal(stored, document.pixels(1))
    assert read_provenance(plain.path) is not None
    marked = tifffile.imread(export_image(workspace, document, 1, tmp_path / "m.tif", "tiff", window=WINDOW).path)
    assert marked.dtype == np.uint8
    assert (marked != render(document, 1, WINDOW)).any()
    with pytest.raises(UserError, match="window"):
        export_image(workspace, document, 1, tmp_path / "n.png", "png")


def test_dicom_keeps_depth_and_rescale_and_cannot_be_taken_for_real(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = ct(workspace)
    fill(workspace, queue, pack, document)
    source = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    out = export_image(workspace, document, 0, tmp_path / "c.dcm", "dicom")
    written = pydicom.dcmread(out.path)
    assert written.SOPClassUID == source.SOPClassUID
    assert np.array_equal(written.pixel_array, document.pixels(0))
    assert (written.RescaleSlope, written.RescaleIntercept) == (source.RescaleSlope, source.RescaleIntercept)
    assert written[0x0008, 0x001C].value == "YES"
    assert list(written.ImageType)[:2] == ["DERIVED", "SECONDARY"]
    assert written.PatientID.startswith("SYN-") and written.SeriesDescription.startswith("SYNTHETIC")
    assert {written.SOPInstanceUID, written.StudyInstanceUID}.isdisjoint(
        {source.SOPInstanceUID, source.StudyInstanceUID})
    assert out.record is not None
    for secret in (str(source.PatientID), str(source.SOPInstanceUID), str(source.StudyInstanceUID)):
        assert secret not in out.record.read_text()
        assert secret.encode() not in out.path.read_bytes()


def test_a_secondary_capture_is_rendered_and_marked(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = ct(workspace)
    fill(workspace, queue, pack, document)
    out = export_image(workspace, document, 0, tmp_path / "s.dcm", "secondary-capture", window=WINDOW)
    written = pydicom.dcmread(out.path)
    assert written.pixel_array.dtype == np.uint8
    assert written[0x0008, 0x001C].value == "YES"
    assert (written.pixel_array != render(document, 0, WINDOW)).any()


def test_an_export_is_recognised_when_it_is_opened_and_stays_marked(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    fill(workspace, queue, pack, document)
    first = export_image(workspace, document, 0, tmp_path / "b.png", "png", mark=False)
    again = open_image(workspace, first.path)
    assert again.info.synthetic
    second = export_image(workspace, again, 0, tmp_path / "c.png", "png", mark=False)
    record = read_provenance(second.path)
    assert record is not None and record.seed == 7


def test_an_asymmetric_mask_survives_without_a_flip(workspace: Workspace, tmp_path: Path) -> None:
    path = volume(tmp_path / "v.nii.gz")
    document = open_image(workspace, path)
    bounds = Bounds(3, 5, 9, 8)
    shape = np.zeros((6, 3), np.uint8)
    shape[:, 0], shape[0, :] = 2, 1
    paint_mask(document, 1, bounds, np.zeros_like(shape), shape)

    one = export_mask(document, 1, tmp_path / "m.png", "png")
    assert np.array_equal(np.asarray(Image.open(one.path)), document.mask(1))
    stack = export_mask(document, None, tmp_path / "m.nii.gz", "nifti")
    volume_mask, source = sitk.ReadImage(str(stack.path)), sitk.ReadImage(str(path))
    assert np.array_equal(sitk.GetArrayFromImage(volume_mask)[1], document.mask(1))
    assert not sitk.GetArrayFromImage(volume_mask)[[0, 2]].any()
    assert volume_mask.GetSpacing() == pytest.approx(source.GetSpacing())
    # The same point of the patient, asked through both files' own geometry.
    point = volume_mask.TransformIndexToPhysicalPoint((7, 3, 1))
    value = sitk.GetArrayFromImage(sitk.Resample(volume_mask, source, sitk.Transform(), sitk.sitkNearestNeighbor))
    x, y, z = source.TransformPhysicalPointToIndex(point)
    assert value[z, y, x] == 1 and value.astype(bool).sum() == (shape > 0).sum()
    with pytest.raises(UserError, match="one slice"):
        export_mask(document, None, tmp_path / "n.png", "png")


def test_generated_pictures_are_exported_with_their_record(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    provenance = Provenance("generate", "cells 1", "ab" * 32, 3, "2030-01-01", parameters={"prompt": "a cell"})
    out = export_picture(pixels, provenance, tmp_path / "g.png", mark=False)
    assert np.array_equal(np.asarray(Image.open(out.path)), pixels)
    assert read_provenance(out.path) == provenance
    written = pydicom.dcmread(export_picture(pixels, provenance, tmp_path / "g.dcm", "secondary-capture").path)
    assert written[0x0008, 0x001C].value == "YES"


def test_a_place_that_cannot_be_written_is_said_in_words(workspace: Workspace, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="could not be written"):
        export_image(workspace, document, 0, tmp_path / "file" / "b.png", "png")
    with pytest.raises(UserError, match="unknown"):
        export_image(workspace, document, 0, tmp_path / "b.gif", "gif")
