"""Exports, read again by other libraries: what is generated says so, what is real carries no such mark."""

from __future__ import annotations

import hashlib
import json
import os
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
from medsynth_app.actions.export import (
    export_image,
    export_mask,
    export_of,
    export_pair,
    export_picture,
    filled_in,
    record_path,
)
from medsynth_app.actions.history import redo, undo
from medsynth_app.actions.inpaint import inpaint_document
from medsynth_app.actions.open_image import open_image
from medsynth_app.actions.paint_mask import paint_mask
from medsynth_app.actions.receive import receive
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent, JobRecord, JobState
from medsynth_app.core.jobs.inpaint import InpaintRequest
from medsynth_app.core.jobs.request import ModelRef
from medsynth_app.core.jobs.stored import from_parts
from medsynth_app.core.mask_text import mask_to_text
from medsynth_app.core.options import changed
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.parameters import InpaintParameters
from medsynth_app.core.provenance import Provenance
from medsynth_app.core.window_level import WindowLevel
from medsynth_app.formats import registry
from medsynth_app.formats.registry import IMAGE_WRITERS, read_provenance
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import answer, event, paint, png, record_of, seen, volume
from tests.asking import to_inpaint
from tests.formats.making import save, save_series, slice_dataset

WINDOW = WindowLevel(0, 2000)
PARAMETERS = to_inpaint(prompt="a neutrophil", seed=7, count=1, feather=2)


def fill(workspace: Workspace, queue: JobQueue, pack: InstalledPack, document: Document, frame: int = 0,
         parameters: InpaintParameters = PARAMETERS) -> None:
    """Paint, run and accept."""
    if not document.mask(frame).any():
        paint(document, frame, (10, 10, 25, 25))
    (job,) = inpaint_document(queue, document, frame, parameters, pack).jobs
    answer(workspace, job, lambda record, news: receive(workspace, record, news))
    result = next(item for item in workspace.candidates.of_document(document.id) if item.job_id == job)
    accept_result(document, result)


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


def test_what_is_no_longer_generated_leaves_no_record_of_it(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    fill(workspace, queue, pack, document)
    out = tmp_path / "out.png"
    assert export_image(workspace, document, 0, out, "png").record == record_path(out)
    undo(document)
    assert export_image(workspace, document, 0, out, "png").record is None and not record_path(out).exists()
    record_path(out).write_text("somebody's own notes")
    export_image(workspace, document, 0, out, "png")
    assert record_path(out).read_text() == "somebody's own notes"
    redo(document)
    export_image(workspace, document, 0, out, "png")
    export_mask(document, 0, out, "png")
    assert not record_path(out).exists()


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
    document = open_image(workspace, png(tmp_path / "a.png"))
    fill(workspace, queue, pack, document)
    fill(workspace, queue, pack, document, parameters=changed(PARAMETERS, seed=99))
    record = export_of(workspace, document, 0).provenance
    assert record is not None
    assert record.seed == 99 and [earlier["seed"] for earlier in record.earlier] == [7]


def test_the_mask_of_what_was_filled_holds_all_fills_that_lie_in_the_frame() -> None:
    def filled(top: int, left: int, earlier: tuple[Provenance, ...] = ()) -> Provenance:
        said = {"mask": mask_to_text(np.ones((4, 4), np.uint8)), "bounds": [top, left, top + 4, left + 4]}
        return Provenance("inpaint", "cells", "ab" * 32, 7, "2026-01-01", parameters=said,
                          earlier=tuple(each.to_dict() for each in earlier))

    record = filled(0, 0, (filled(8, 0, (filled(8, 20),)),))  # filled, exported, opened and filled again, twice
    whole, cropped = filled_in(record, 12, 24), filled_in(record, 12, 16)
    assert whole is not None and whole.sum() == 3 * 16 and whole[8:12, 20:24].all()
    assert cropped is not None and cropped.sum() == 2 * 16 and cropped[8:12, :4].all()


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
    assert (marked != seen(document, 1, WINDOW)).any()
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
    assert (written.pixel_array != seen(document, 0, WINDOW)).any()


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


def test_generated_pictures_are_exported_with_their_record(workspace: Workspace, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    provenance = Provenance("generate", "cells 1", "ab" * 32, 3, "2030-01-01", parameters={"prompt": "a cell"})
    out = export_picture(workspace, pixels, provenance, tmp_path / "g.png", mark=False)
    assert np.array_equal(np.asarray(Image.open(out.path)), pixels)
    assert read_provenance(out.path) == provenance
    capture = export_picture(workspace, pixels, provenance, tmp_path / "g.dcm", "secondary-capture")
    written = pydicom.dcmread(capture.path)
    assert written[0x0008, 0x001C].value == "YES"


def test_a_picture_never_gets_a_mask_that_is_not_its_own(workspace: Workspace, tmp_path: Path) -> None:
    pixels, mask = np.zeros((32, 32, 3), np.uint8), np.ones((32, 32), np.uint8)
    provenance = Provenance("generate", "cells 1", "ab" * 32, 3, "2030-01-01")
    pair = export_picture(workspace, pixels, provenance, tmp_path / "cell.png", mask=mask)
    before = pair.path.read_bytes()
    with pytest.raises(UserError, match=r"another file named cell\.png\.mask\.png, where the mask would stand"):
        export_picture(workspace, pixels + 9, provenance, tmp_path / "cell.png")
    assert pair.path.read_bytes() == before
    export_picture(workspace, pixels, provenance, tmp_path / "free.png")
    export_picture(workspace, pixels + 9, provenance, tmp_path / "free.png")  # a picture alone is replaced


@pytest.mark.parametrize("drawn", [False, True])
def test_only_a_mask_that_a_model_drew_is_synthetic(workspace: Workspace, tmp_path: Path, drawn: bool) -> None:
    pixels, mask = np.zeros((32, 32, 3), np.uint8), np.ones((32, 32), np.uint8)
    provenance = Provenance("generate", "cells 1", "ab" * 32, 3, "2030-01-01", parameters={"pairs": drawn})
    export_picture(workspace, pixels, provenance, tmp_path / "cell.png", mask=mask)
    export_pair(workspace, pixels, mask, provenance, tmp_path, "one")
    for path in (tmp_path / "cell.png.mask.png", tmp_path / "masks" / "one.png"):
        assert registry.open_image(path).info.synthetic is drawn
        assert np.array_equal(np.asarray(Image.open(path)), mask)


def test_the_record_of_a_mask_tells_of_no_invisible_mark_which_is_in_the_picture_alone(
        workspace: Workspace, tmp_path: Path) -> None:
    pixels, mask = np.full((96, 96, 3), 90, np.uint8), np.ones((96, 96), np.uint8)
    provenance = Provenance("generate", "cells 1", "ab" * 32, 3, "2030-01-01", parameters={"pairs": True})
    export_picture(workspace, pixels, provenance, tmp_path / "cell.png", invisible=True, mask=mask)
    export_pair(workspace, pixels, mask, provenance, tmp_path, "one", invisible=True)
    for name, marked in (("cell.png", True), ("cell.png.mask.png", False), ("images/one.png", True),
                         ("masks/one.png", False)):
        told = registry.read_provenance(tmp_path / name)
        assert told is not None and ("invisible_mark" in told.parameters) is marked


def test_a_place_that_cannot_be_written_is_said_in_words(workspace: Workspace, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="could not be written"):
        export_image(workspace, document, 0, tmp_path / "file" / "b.png", "png")
    with pytest.raises(UserError, match="unknown"):
        export_image(workspace, document, 0, tmp_path / "b.gif", "gif")


UIDS: dict[str, Any] = {name: f"1.2.826.0.1.3680043.9.7777.{k}" for k, name in enumerate(
    ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID"), 1)}


def test_no_uid_of_the_source_is_in_any_export(workspace: Workspace, queue: JobQueue, pack: InstalledPack,
                                               tmp_path: Path) -> None:
    from dataclasses import replace

    from tests.engine.tiny import make_tiny_pack, results_of

    document = open_image(workspace, save(slice_dataset(1, **UIDS), tmp_path / "a.dcm"))
    key = str(document.info.frames[0].key)
    assert UIDS["SOPInstanceUID"] in key

    def as_before(record: JobRecord, news: JobEvent) -> None:
        """A record as earlier versions wrote it: the frame's key among the parameters."""
        if news.kind is EventKind.RESULT:
            news.data["provenance"]["parameters"]["frame_key"] = key
        receive(workspace, record, news)

    paint(document, 0, (10, 10, 25, 25))
    (old,) = inpaint_document(queue, document, 0, PARAMETERS, pack).jobs
    answer(workspace, old, as_before)
    accept_result(document, workspace.candidates.of_document(document.id)[0])

    # the second one is drawn by the worker's own code
    (job,) = inpaint_document(queue, document, 0, changed(PARAMETERS, steps=2, device="cpu"), pack).jobs
    folder = make_tiny_pack(tmp_path / "tiny")
    queued = from_parts(*workspace.jobs.load(job))
    assert isinstance(queued, InpaintRequest)
    request = replace(queued, model=ModelRef(str(folder)))
    for news in results_of(request):
        assert "frame_key" not in news.data["provenance"]["parameters"]
        receive(workspace, record_of(workspace, job), event(job, news.kind, arrays=news.arrays, data=news.data))
    workspace.jobs.update(job, JobState.DONE, "")
    accept_result(document, next(
        item for item in workspace.candidates.of_document(document.id) if item.job_id == job))

    last = export_of(workspace, document, 0).provenance
    assert last is not None and last.earlier[0]["parameters"]["frame_key"] == last.source != key
    for format, writer in IMAGE_WRITERS.items():
        for mark in (True, False):
            out = export_image(workspace, document, 0, tmp_path / "out" / f"{format}-{mark}{writer.extension}", format,
                               mark=mark, window=WINDOW)
            assert out.record is not None and b"frame_key" in out.record.read_bytes()
    export_mask(document, 0, tmp_path / "out" / "m.png", "png")
    export_mask(document, None, tmp_path / "out" / "m.nii", "nifti")
    written = list((tmp_path / "out").iterdir())
    assert len(written) == 3 * 2 * len(IMAGE_WRITERS) + 2  # with its record and its mask each
    known = (*UIDS.values(), *(hashlib.sha256(text.encode()).hexdigest() for text in (*UIDS.values(), key)))
    for path in written:
        assert not [text for text in known if text.encode() in path.read_bytes()], path.name


def test_the_file_that_is_open_is_never_written_over(workspace: Workspace, queue: JobQueue, pack: InstalledPack,
                                                     tmp_path: Path) -> None:
    picture = png(tmp_path / "a.png")
    before, document = picture.read_bytes(), open_image(workspace, picture)
    fill(workspace, queue, pack, document)
    os.link(picture, tmp_path / "linked.png")
    (tmp_path / "link.png").symlink_to(picture)
    (tmp_path / "folder").mkdir()
    for path in (picture, tmp_path / "linked.png", tmp_path / "link.png", tmp_path / "folder" / ".." / "a.png"):
        with pytest.raises(UserError, match="never replaces it"):
            export_image(workspace, document, 0, path, "png")
        with pytest.raises(UserError, match="never replaces it"):
            export_mask(document, 0, path, "png")
        assert picture.read_bytes() == before and not record_path(path).exists()
    for _ in range(2):  # an earlier export may be replaced
        assert export_image(workspace, document, 0, tmp_path / "b.png", "png").path.exists()


def test_no_file_of_an_opened_folder_is_written_over(workspace: Workspace, queue: JobQueue, pack: InstalledPack,
                                                     tmp_path: Path) -> None:
    folder = save_series(tmp_path / "ct", [(0, 0, 3 * k) for k in range(3)])
    save(slice_dataset(series="1.2.4"), folder / "other" / "01.dcm")
    before = {path: path.read_bytes() for path in folder.rglob("*.dcm")}
    document = open_image(workspace, folder)
    fill(workspace, queue, pack, document)
    for path in before:
        for format in IMAGE_WRITERS:
            with pytest.raises(UserError, match="never replaces it"):
                export_image(workspace, document, 0, path, format, window=WINDOW)
    assert before == {path: path.read_bytes() for path in folder.rglob("*.dcm")}
    for _ in range(2):
        assert export_mask(document, 0, folder / "mask.png", "png").path.exists()


def test_an_image_whose_low_values_are_white_stays_so(workspace: Workspace, queue: JobQueue, pack: InstalledPack,
                                                      tmp_path: Path) -> None:
    source = slice_dataset(PhotometricInterpretation="MONOCHROME1", RescaleSlope="1", RescaleIntercept="0")
    document = open_image(workspace, save(source, tmp_path / "a.dcm"))
    fill(workspace, queue, pack, document)
    out = export_image(workspace, document, 0, tmp_path / "a.tif", "tiff", mark=False)
    again = open_image(workspace, out.path)
    assert again.info.inverted and np.array_equal(again.pixels(0), document.pixels(0))
    assert np.array_equal(seen(again, 0, WINDOW), seen(document, 0, WINDOW))
    marked = open_image(workspace, export_image(workspace, document, 0, tmp_path / "b.tif", "tiff", window=WINDOW).path)
    assert not marked.info.inverted and marked.info.synthetic
