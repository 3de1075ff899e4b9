"""What generated pictures follow: the painted mask, or masks that the pack draws; and what is kept of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind
from medsynth_app.core.jobs.generate import GenerateRequest
from medsynth_app.core.jobs.stored import from_parts
from medsynth_app.core.labels import SCHEMAS
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.provenance import Provenance
from medsynth_app.formats.raster import read_mask, write_mask_png
from medsynth_app.session.session import Session
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import answer, event, make_pack, paint, png, record_of
from tests.session.conftest import MakeSession

FILES = {"controlnet/config.json": "0" * 64, "masks/config.json": "0" * 64}


def masked(session: Session, folder: Path) -> InstalledPack:
    """An image in view, and a pack that follows and draws masks of cytoplasm (1) and nucleus (2)."""
    if not (folder / "packs" / "masked").exists():
        make_pack(folder / "packs", "masked", mask_labels=("cytoplasm", "nucleus"), files=FILES)
        png(folder / "a.png", 32, 32)
    session.models.refresh()
    session.documents.open(folder / "a.png")
    pack = next(pack for pack in session.models.packs if pack.manifest.name == "masked")
    session.models.set_pack(pack)
    return pack


def stroke(session: Session, box: tuple[int, int, int, int], value: int) -> None:
    assert session.documents.current is not None
    paint(session.documents.current, session.view.index, box, value)


def request_of(session: Session, job: str) -> GenerateRequest:
    request = from_parts(*session.workspace.jobs.load(job))
    assert isinstance(request, GenerateRequest)
    return request


def test_pictures_follow_the_mask_as_it_was_and_keep_it_through_a_restart(make_session: MakeSession, tmp_path: Path
                                                                          ) -> None:
    workspace = Workspace.open(tmp_path / "work")
    session = make_session(workspace)
    masked(session, tmp_path)
    stroke(session, (4, 4, 20, 24), 1)
    stroke(session, (8, 8, 14, 14), 2)
    assert session.documents.current is not None
    mask = np.array(session.documents.current.mask(0))
    session.generate.set_shape("painted")
    session.generate.set(control_scale=0.5, count=2, seed=3)
    job = session.generate.run().jobs[0]
    stroke(session, (0, 0, 32, 32), 1)  # what is painted later does not change the run
    request = request_of(session, job)
    assert request.conditioning.labels is not None and np.array_equal(request.conditioning.labels, mask)
    assert request.conditioning.control_scale == 0.5 and not request.conditioning.pairs
    answer(workspace, job, session.jobs.deliver)
    session.documents.close()
    workspace.close()

    again = make_session(Workspace.open(tmp_path / "work"))
    assert [picture.seed for picture in again.generate.pictures.page(0, 9)] == [4, 3]
    for picture in again.generate.pictures.page(0, 9):
        kept = picture.mask()
        assert picture.has_mask and kept is not None and np.array_equal(kept, mask)
        assert [item.name for item in again.generate.labels_of(picture).classes] == ["cytoplasm", "nucleus"]
    again.workspace.close()


def test_drawn_masks_are_asked_for_and_free_pictures_have_none(session: Session, tmp_path: Path) -> None:
    masked(session, tmp_path)
    session.generate.set_shape("drawn")
    request = request_of(session, session.generate.run().jobs[0])
    assert request.conditioning.pairs and request.conditioning.labels is None
    session.generate.set_shape("free")
    stroke(session, (4, 4, 20, 24), 1)
    job = session.generate.run().jobs[0]
    request = request_of(session, job)
    assert not request.conditioning.pairs and request.conditioning.labels is None
    answer(session.workspace, job, session.jobs.deliver)
    picture, = session.generate.pictures.page(0, 1)
    assert not picture.has_mask and picture.mask() is None


def refused(session: Session, text: str) -> None:
    refusal = session.generate.shape_refusal("painted")
    assert refusal is not None and text in str(refusal) and "Classes" not in str(refusal)
    with pytest.raises(UserError, match=text):
        session.generate.run().jobs[0]


def test_classes_are_known_by_their_names_whatever_their_values(session: Session, tmp_path: Path) -> None:
    masked(session, tmp_path)
    session.generate.set_shape("painted")
    session.painting.set_schema(SCHEMAS["blood cells"])  # there 1 is the nucleus and 2 the cytoplasm
    stroke(session, (4, 4, 20, 24), 2)
    stroke(session, (8, 8, 14, 14), 1)
    assert session.generate.shape_refusal("painted") is None and session.documents.current is not None
    painted = session.documents.current.mask(0)
    mask = request_of(session, session.generate.run().jobs[0]).conditioning.labels
    assert mask is not None and np.array_equal(mask == 1, painted == 2) and np.array_equal(mask == 2, painted == 1)
    assert session.documents.current.mask(0)[8, 8] == 1  # what is painted stays as it is


def test_a_mask_that_the_model_does_not_know_is_refused_in_words(session: Session, tmp_path: Path) -> None:
    masked(session, tmp_path)
    session.generate.set_shape("painted")
    refused(session, "Nothing is painted on the image in view")
    stroke(session, (4, 4, 20, 24), 1)
    assert session.generate.shape_refusal("painted") is None
    session.painting.set_schema(SCHEMAS["colonoscopy"])
    refused(session, "does not know: polyp")
    session.painting.set_schema(SCHEMAS["parts of blood cells"])
    stroke(session, (0, 0, 2, 2), 3)
    refused(session, "does not know: red cell")
    stroke(session, (0, 0, 2, 2), 9)
    refused(session, "does not know: value 9")
    session.documents.close()
    refused(session, "No image is open")
    assert session.queue.records() == []


def home_trained(session: Session, folder: Path, *labels: str) -> InstalledPack:
    """A pack of a domain that no built-in schema knows, chosen for the image in view."""
    make_pack(folder / "packs", "lung", domain="lung CT", mask_labels=labels, files=FILES)
    session.models.refresh()
    png(folder / "a.png", 32, 32)
    session.documents.open(folder / "a.png")
    pack = next(pack for pack in session.models.packs if pack.manifest.name == "lung")
    session.models.set_pack(pack)
    session.generate.set_shape("painted")
    return pack


def test_a_home_trained_pack_brings_its_classes_and_they_stay_with_the_image(session: Session, tmp_path: Path) -> None:
    home_trained(session, tmp_path, "vessel", "nodule")
    names = [item.name for item in session.painting.schema.classes]
    assert names == ["vessel", "nodule"] and session.painting.schema in session.painting.schemas
    stroke(session, (4, 4, 20, 24), 2)
    session.painting.paint(Bounds(0, 0, 2, 2), np.zeros((2, 2), np.uint8), np.ones((2, 2), np.uint8))
    mask = request_of(session, session.generate.run().jobs[0]).conditioning.labels
    assert mask is not None and mask[5, 5] == 2 and mask[0, 0] == 1
    shutil.rmtree(tmp_path / "packs" / "lung")
    make_pack(tmp_path / "packs", "lung", domain="lung CT", mask_labels=("nodule", "vessel"), files=FILES)
    session.models.refresh()  # a newer one, which counts otherwise
    session.documents.open(tmp_path / "a.png")
    assert [item.name for item in session.painting.schema.classes] == names  # what was painted means what it meant
    mask = request_of(session, session.generate.run().jobs[0]).conditioning.labels
    assert mask is not None and mask[5, 5] == 1 and mask[0, 0] == 2


def test_a_plain_region_is_the_only_label_of_a_pack(session: Session, tmp_path: Path) -> None:
    home_trained(session, tmp_path, "nodule")
    session.painting.set_schema(SCHEMAS["region"])
    stroke(session, (4, 4, 20, 24), 1)
    mask = request_of(session, session.generate.run().jobs[0]).conditioning.labels
    assert mask is not None and mask[5, 5] == 1
    stroke(session, (0, 0, 4, 4), 2)
    refused(session, "does not know: region 2")


def test_what_is_too_small_for_the_model_is_refused_or_told(session: Session, tmp_path: Path) -> None:
    masked(session, tmp_path)
    session.documents.open(png(tmp_path / "large.png", 320, 320))
    session.models.set_pack(next(pack for pack in session.models.packs if pack.manifest.name == "masked"))
    session.generate.set_shape("painted")
    stroke(session, (0, 0, 2, 2), 2)
    refused(session, "too small: nothing of it is left at 32 x 32")
    session.generate.set(width=320, height=320)
    assert session.generate.shape_refusal("painted") is None
    session.generate.set(width=0, height=0)
    stroke(session, (40, 40, 300, 300), 1)
    painted = session.generate.painted()
    assert painted.lost == (2,) and painted.small.shape == (32, 32) and painted.small.max() == 1


def test_the_record_names_the_classes_and_the_image_of_the_mask(session: Session, tmp_path: Path) -> None:
    masked(session, tmp_path)
    stroke(session, (4, 4, 20, 24), 1)
    session.generate.set_shape("painted")
    job = session.generate.run().jobs[0]
    assert session.documents.current is not None
    assert request_of(session, job).source == str(session.documents.current.info.frames[0].key)
    session.generate.set_shape("free")
    assert request_of(session, session.generate.run().jobs[0]).source == ""
    named = Provenance("generate", "masked", "0" * 64, 1, "2030-01-01",
                       parameters={"mask_labels": {"1": "vessel", "2": "nodule"}})
    picture = session.workspace.pictures.add("other", 0, np.zeros((8, 8), np.uint8), named,
                                                    mask=np.ones((8, 8), np.uint8))
    names = [item.name for item in session.generate.labels_of(picture).classes]
    assert names == ["vessel", "nodule"]  # no such pack is here


def test_a_pack_that_cannot_leaves_the_shape_free_and_says_so(session: Session, tmp_path: Path) -> None:
    pack = masked(session, tmp_path)
    plain = next(pack for pack in session.models.packs if pack.manifest.name == "cells")
    only = make_pack(tmp_path / "packs", "only", mask_labels=("cytoplasm",),
                     files={"controlnet/config.json": "0" * 64})
    session.models.refresh()
    said: list[str] = []
    session.notice.connect(lambda _level, text: said.append(text))
    for other, text in ((plain, "follow masks"), (only, "draw masks")):
        session.models.set_pack(pack)
        session.generate.set_shape("drawn")
        session.models.set_pack(other)
        assert session.generate.shape == "free" and text in said[-1]
        with pytest.raises(UserError, match=text):
            session.generate.set_shape("drawn")
        assert not request_of(session, session.generate.run().jobs[0]).conditioning.pairs
    assert len(said) == 2
    stroke(session, (4, 4, 20, 24), 1)
    session.generate.set_shape("painted")
    session.models.set_pack(pack)
    assert session.generate.shape == "painted" and len(said) == 2  # this pack can


def test_its_pictures_go_with_a_study_and_any_picture_alone(session: Session, tmp_path: Path) -> None:
    masked(session, tmp_path)
    session.generate.set(count=2)
    free = session.generate.run().jobs[0]
    stroke(session, (4, 4, 20, 24), 1)
    session.generate.set_shape("painted")
    followed = session.generate.run().jobs[0]
    for job in (free, followed):
        answer(session.workspace, job, session.jobs.deliver)
    told: list[int] = []
    session.generate.pictures.changed.connect(lambda: told.append(session.generate.pictures.count))
    assert len(session.documents.study.pictures) == 2
    assert len(session.documents.remove_study().pictures) == 2
    assert {picture.job_id for picture in session.generate.pictures.page(0, 9)} == {free} and told == [2]
    gone, kept = session.generate.pictures.page(0, 9)
    assert session.generate.pictures.remove(gone.id) and not session.generate.pictures.remove(gone.id)
    assert [picture.id for picture in session.generate.pictures.page(0, 9)] == [kept.id] and told == [2, 1]
    assert [picture.id for picture in session.workspace.pictures.page()] == [kept.id]


def test_a_waiting_mask_goes_with_its_study(session: Session, tmp_path: Path) -> None:
    masked(session, tmp_path)
    stroke(session, (4, 4, 20, 24), 1)
    session.generate.set_shape("painted")
    session.generate.run().jobs[0]
    session.documents.remove_study()
    assert session.queue.records() == [] and session.workspace.jobs.records() == []


def test_a_picture_is_saved_with_its_mask_or_not_at_all(session: Session, tmp_path: Path) -> None:
    masked(session, tmp_path)
    stroke(session, (4, 4, 20, 24), 1)
    stroke(session, (8, 8, 14, 14), 2)
    session.generate.set_shape("painted")
    session.generate.set(count=1)
    answer(session.workspace, session.generate.run().jobs[0], session.jobs.deliver)
    mask, out = session.generate.pictures.page(0, 1)[0].mask(), tmp_path / "out"
    assert mask is not None
    for _ in range(2):  # the same picture again is no other file
        session.exports.picture(session.generate.pictures.page(0, 1)[0], out / "cell.png")
        assert sorted(path.name for path in out.iterdir()) == [
            "cell.png", "cell.png.mask.png", "cell.png.provenance.json"]
        assert np.array_equal(read_mask(out / "cell.png.mask.png"), mask)
    session.exports.picture(session.generate.pictures.page(0, 1)[0], out / "cell.tif", "tiff")  # it has the same mask
    other = 1 - mask.clip(0, 1)
    write_mask_png(out / "taken.png.mask.png", other)
    with pytest.raises(UserError, match=r"another file named taken\.png\.mask\.png"):
        session.exports.picture(session.generate.pictures.page(0, 1)[0], out / "taken.png")
    assert np.array_equal(read_mask(out / "taken.png.mask.png"), other) and not (out / "taken.png").exists()
    (out / "folder.png").mkdir()
    with pytest.raises(UserError):
        session.exports.picture(session.generate.pictures.page(0, 1)[0], out / "folder.png")
    assert not (out / "folder.png.mask.png").exists()

def test_the_time_of_a_run_is_that_of_its_like(session: Session, tmp_path: Path) -> None:
    """Another pack, and a run that follows a shape, take another time."""
    make_pack(tmp_path / "packs", "other", mask_labels=("cytoplasm",), files={**FILES, "unet/config.json": "1" * 64})
    pack = masked(session, tmp_path)
    stroke(session, (4, 4, 20, 24), 1)
    expected = [lambda: session.inpaint.expected_seconds, lambda: session.generate.expected_seconds]
    for run in (session.inpaint.run, session.generate.run):
        job = run().jobs[0]
        session.jobs.deliver(record_of(session.workspace, job), event(job, EventKind.STARTED))
        answer(session.workspace, job, session.jobs.deliver)
    assert all(seconds() for seconds in expected)
    session.models.set_pack(next(each for each in session.models.packs if each.manifest.name == "other"))
    assert [seconds() for seconds in expected] == [None, None]
    session.models.set_pack(pack)
    session.generate.set_shape("painted")
    session.inpaint.set(follow=not session.inpaint.followed[1])
    assert [seconds() for seconds in expected] == [None, None]
