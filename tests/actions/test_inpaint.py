"""The frozen request: everything that a worker needs, and what the person is told before."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from medsynth_app.actions.inpaint import (
    effective_region,
    given_labels,
    inpaint,
    inpaint_document,
    inpaint_request,
    meant_labels,
    warnings,
)
from medsynth_app.actions.open_image import open_image
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.crop import REACH
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import ImageInfo
from medsynth_app.core.intensity import IntensityRange
from medsynth_app.core.jobs.inpaint import InpaintRequest
from medsynth_app.core.jobs.stored import from_parts
from medsynth_app.core.labels import LabelSchema
from medsynth_app.core.options import changed
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack, paint, png, volume
from tests.asking import to_inpaint
from tests.formats.making import save, slice_dataset

CONTROL = {"controlnet/config.json": "0" * 64}
PARAMETERS = to_inpaint(prompt="a neutrophil", seed=7, count=2, feather=3)


@pytest.mark.parametrize("mode", ["replace", "remove"])
def test_a_request_reads_no_more_of_an_image_than_its_crop(workspace: Workspace, tmp_path: Path, mode: str,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    document = open_image(workspace, png(tmp_path / "a.png", 900, 1000))
    whole = document.pixels(0)
    paint(document, box=(400, 500, 420, 520))
    pack = None if mode == "remove" else make_pack(tmp_path / "packs")
    monkeypatch.setattr(document.composed, "pixels", None)
    monkeypatch.setattr(document.source, "pixels", None)
    image = inpaint_request(document, 0, changed(PARAMETERS, mode=mode), pack).image
    assert image.crop.shape[0] < 900 and np.array_equal(image.crop, whole[Bounds(*image.bounds).slices])
    assert image.crop.base is None  # and nothing more is held until the run is queued


def test_regions_far_apart_are_asked_for_as_each_alone_would_be(workspace: Workspace, tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "packs", mask_labels=("cell",), files=CONTROL)
    document = open_image(workspace, png(tmp_path / "a.png", 900, 1000))
    boxes = (20, 30, 36, 44), (860, 950, 880, 965)
    for engine, parameters in ((pack, PARAMETERS), (None, changed(PARAMETERS, mode="remove"))):
        alone = []
        for box in boxes:
            painted = np.zeros((900, 1000), np.uint8)
            painted[Bounds(*box).slices] = 1
            alone.append(inpaint_request(document, 0, parameters, engine, painted=painted, meant={1: 1}))
            assert alone[-1].image.regions == () and alone[-1].by_region() == (alone[-1],)
        painted = np.zeros((900, 1000), np.uint8)
        for box in boxes:
            painted[Bounds(*box).slices] = 1
        both = inpaint_request(document, 0, parameters, engine, painted=painted, meant={1: 1})
        assert both.image.regions == tuple(one.image.bounds for one in alone)
        for one, part in zip(alone, both.by_region(), strict=True):
            assert np.array_equal(part.image.crop, one.image.crop) and np.array_equal(part.image.mask, one.image.mask)
            assert (part.image.bounds, part.image.regions, part.sampling) == (one.image.bounds, (), one.sampling)
        assert both.image.mask.sum() == sum(one.image.mask.sum() for one in alone)


def test_a_request_holds_the_crop_the_mask_and_the_revision(
        workspace: Workspace, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    painted = paint(document)
    request = inpaint_request(document, 0, PARAMETERS, pack)
    bounds = Bounds(*request.image.bounds)
    assert bounds.union(painted) == bounds
    assert np.array_equal(request.image.crop, document.pixels(0)[bounds.slices])
    assert np.array_equal(request.image.mask, document.mask(0)[bounds.slices] > 0)
    assert request.image.mask.sum() == painted.height * painted.width
    assert request.image.revision == document.revision(0, bounds)
    asked = request.conditioning.prompt, request.sampling.seed, request.sampling.count, request.feather
    assert asked == ("a neutrophil", 7, 2, 3)
    assert request.image.intensity_range is None
    assert request.match_seam  # unless one asks not to
    assert not inpaint_request(document, 0, changed(PARAMETERS, match_seam=False), pack).match_seam
    assert request.model.sha256 == pack.manifest.sha256


def test_a_queued_request_survives_in_the_workspace(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    paint(document)
    request = inpaint_request(document, 0, PARAMETERS, pack)
    (job,) = inpaint(queue, request).jobs
    stored = from_parts(*workspace.jobs.load(job))
    assert np.array_equal(stored.image.crop, request.image.crop)
    assert stored.image.bounds == request.image.bounds
    assert queue.records()[0].title == "Inpaint: a neutrophil (2)"


def test_grey_values_keep_their_depth_and_bring_the_range_of_their_volume(workspace: Workspace, tmp_path: Path) -> None:
    document = open_image(workspace, volume(tmp_path / "v.nii.gz"))
    paint(document, 1, (10, 10, 20, 20))
    brain = make_pack(tmp_path / "p", "brain", colour="grey", modalities=("MR",))
    request = inpaint_request(document, 1, PARAMETERS, brain)
    assert request.image.crop.dtype == document.pixels(1).dtype == np.int16
    whole = np.sort(np.concatenate([document.pixels(k).ravel() for k in range(len(document.info.frames))]))
    low, high = whole[[math.ceil(0.005 * (len(whole) - 1)), math.floor(0.998 * (len(whole) - 1))]]
    assert request.image.intensity_range == IntensityRange(float(low), float(high))
    assert request.match_seam
    assert request.image.frame_key == str(document.info.frames[1].key)


def one_slice(path: Path, values: npt.NDArray[Any], **changes: Any) -> Path:
    return save(slice_dataset(shape=values.shape, PixelData=values.astype("<i2").tobytes(), RescaleSlope="1",
                              RescaleIntercept="0", **changes), path)


def told(workspace: Workspace, path: Path, pack: InstalledPack, mode: str = "replace") -> list[str]:
    document = open_image(workspace, path)
    paint(document, 0, (10, 10, 20, 20))
    request = inpaint_request(document, 0, changed(PARAMETERS, mode=mode), pack)
    return [text for text in request.notices if "than this model can draw" in text]


def test_what_the_model_cannot_draw_is_said_before_and_stays_with_the_result(
        workspace: Workspace, tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "p", "brain", colour="grey", modalities=("CT",),
                     intensity_ranges={"CT": IntensityRange(-1000, 1000)})
    hu = np.full((40, 40), 30)
    hu[10:13, 10:20], hu[13, 10:18] = 1200, 1000  # 30 of 100 pixels are denser than 1000 HU
    bone = one_slice(tmp_path / "bone.dcm", hu)
    assert told(workspace, bone, pack) == ["30 % of this region is denser than this model can draw (above 1000 HU)."]
    assert told(workspace, bone, pack, "vary") == [
        "30 % of this region is denser than this model can draw (above 1000 HU); that part is kept."]
    soft = make_pack(tmp_path / "s", "soft", colour="grey", modalities=("MR",))  # knows nothing of CT
    hu[19, 10:20] = -1000
    mixed = one_slice(tmp_path / "mixed.dcm", hu)
    assert told(workspace, mixed, soft) == [
        "38 % of this region is denser than this model can draw (above 240 HU).",
        "10 % of this region is less dense than this model can draw (below -160 HU)."]
    hu[:] = 30
    hu[10, 10:12] = 1200  # 2 %
    assert told(workspace, one_slice(tmp_path / "little.dcm", hu), pack) == []


def test_of_a_large_region_a_part_is_looked_at(workspace: Workspace, tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "p", "xray", colour="grey", modalities=("MR",))
    hu = np.zeros((1200, 1100))
    hu[:300] = 1000
    document = open_image(workspace, one_slice(tmp_path / "large.dcm", hu))
    paint(document, 0, (0, 0, 1200, 1100))
    seen = inpaint_request(document, 0, PARAMETERS, pack).notices
    assert "25 % of this region is denser than this model can draw (above 240 HU)." in seen


@pytest.mark.parametrize(("inverted", "word"), [(False, "brighter"), (True, "darker")])
def test_values_without_a_unit_are_brighter_or_darker_as_they_are_shown(
        workspace: Workspace, tmp_path: Path, inverted: bool, word: str) -> None:
    pack = make_pack(tmp_path / "p", "xray", colour="grey", modalities=("CR",),
                     intensity_ranges={"CR": IntensityRange(0, 1000)})
    values = np.full((40, 40), 500)
    values[10:20, 10:15] = 1500
    shown = {"Modality": "CR", "PhotometricInterpretation": f"MONOCHROME{1 if inverted else 2}"}
    assert told(workspace, one_slice(tmp_path / "x.dcm", values, **shown), pack) == [
        f"50 % of this region is {word} than this model can draw (above 1000)."]


def test_nothing_painted_is_refused_in_words(workspace: Workspace, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    with pytest.raises(UserError, match="Nothing is painted"):
        inpaint_request(document, 0, PARAMETERS, pack)
    paint(document, value=2)
    with pytest.raises(UserError, match="Nothing is painted"):
        inpaint_request(document, 0, PARAMETERS, pack, mask_value=1)


def test_without_a_seed_every_run_has_a_new_one_and_it_is_recorded(
        workspace: Workspace, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    paint(document)
    seeds = {inpaint_request(document, 0, changed(PARAMETERS, seed=None), pack).sampling.seed for _ in range(8)}
    assert len(seeds) > 1
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_removing_draws_the_surroundings_and_an_empty_prompt_the_default(
        workspace: Workspace, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    paint(document)
    removing = inpaint_request(document, 0, changed(PARAMETERS, mode="remove"), pack)
    assert removing.conditioning.prompt == "background"
    silent_person = inpaint_request(document, 0, changed(PARAMETERS, prompt=" "), pack)
    assert silent_person.conditioning.prompt == "a cells prompt"


def test_removing_never_draws_what_was_typed(workspace: Workspace, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    paint(document)
    silent = make_pack(tmp_path / "p", "silent", remove_prompt="")
    assert inpaint_request(document, 0, changed(PARAMETERS, mode="remove"), silent).conditioning.prompt == ""


@pytest.mark.parametrize("changes", [{"mode": "magic"}, {"strength": 0.0}, {"count": 0}, {"steps": -1}, {"seed": -1}])
def test_parameters_out_of_range_are_refused(
        workspace: Workspace, pack: InstalledPack, tmp_path: Path, changes: dict[str, object]) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    paint(document)
    with pytest.raises(UserError):
        inpaint_request(document, 0, changed(PARAMETERS, **changes), pack)  # type: ignore[arg-type]


def test_a_mask_over_several_slices_says_this_slice_only(workspace: Workspace, tmp_path: Path) -> None:
    document = open_image(workspace, volume(tmp_path / "v.nii.gz"))
    brain = make_pack(tmp_path / "p", "brain", colour="grey", modalities=("MR",))
    paint(document, 1, (10, 10, 20, 20))
    one = inpaint_request(document, 1, PARAMETERS, brain).notices
    assert not any("this slice only" in text for text in one)
    paint(document, 2, (10, 10, 20, 20))
    assert any("this slice only" in text
               for text in inpaint_request(document, 1, PARAMETERS, brain).notices)


def test_warnings_name_what_does_not_fit(workspace: Workspace, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    assert document.info.modality is None
    assert any("does not state its modality" in text for text in warnings(document, pack, 0))
    assert not any("soft" in text for text in warnings(document, pack, 4.0))
    assert any("4.5 times" in text for text in warnings(document, pack, 4.5))
    _modality(document, "CT")
    assert any("not on CT" in text for text in warnings(document, pack, 1))
    _modality(document, "SM")
    assert warnings(document, pack, 1) == ()
    grey = make_pack(tmp_path / "p", "grey", colour="grey")
    assert [text for text in warnings(document, grey, 1) if "on grey images" in text and "on colour ones" in text]
    _modality(document, "CT")
    (text,) = warnings(document, grey, 1)  # one sentence for both
    assert text.endswith("not on colour ones (CT).")


def _modality(document: object, modality: str) -> None:
    source = document.source  # type: ignore[attr-defined]
    info: ImageInfo = replace(source.info, modality=modality)
    object.__setattr__(document, "info", info)


def test_the_effective_region_lies_inside_what_was_painted() -> None:
    mask = np.zeros((80, 90), bool)
    assert effective_region(mask, 4) is None
    mask[:30, 40:90] = True
    mask[10:15, 50:60] = False
    region = effective_region(mask, 4)
    assert region is not None and region.shape == mask.shape
    assert region.any() and not (region & ~mask).any()
    assert np.array_equal(effective_region(mask, 0), mask)


def test_a_read_only_workspace_runs_nothing(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    path = png(tmp_path / "a.png")
    paint(open_image(workspace, path))
    second = Workspace.open(workspace.folder)
    assert second.read_only
    document = open_image(second, path)
    assert document.mask(0).any()
    with pytest.raises(UserError, match="read-only"):
        inpaint_document(queue, document, 0, PARAMETERS, pack)
    with pytest.raises(UserError, match="read-only"):
        paint(document)
    second.close()


def test_a_fill_follows_what_is_painted_where_the_prompt_names_it(workspace: Workspace, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    box = paint(document, value=2)
    paint(document, box=(20, 30, 24, 34), value=1)
    gut = make_pack(tmp_path / "p", "gut", mask_labels=("polyp",), files=CONTROL)
    schema = LabelSchema.from_names("findings", ["ulcer", "polyp"])
    meant = meant_labels(document.mask(0), schema, gut.manifest)
    assert meant == {1: 0, 2: 1}

    def request(pack: InstalledPack = gut, mask_value: int | None = None, **changes: object) -> InpaintRequest:
        values = {"prompt": "two Polyps", **changes}
        return inpaint_request(document, 0, changed(PARAMETERS, **values), pack, mask_value, meant=meant)

    followed = request(control_scale=0.5)
    painted, asked = document.mask(0)[Bounds(*followed.image.bounds).slices], followed.conditioning
    assert asked.labels is not None and asked.control_scale == 0.5
    assert np.array_equal(asked.labels, painted == 2)  # the model knows no ulcers
    assert Bounds.of_mask(followed.image.mask) == Bounds.of_mask(painted > 0) and box.height == 16
    for values in ({"prompt": "normal mucosa"}, {"mode": "remove"}, {"mode": "vary"}, {"follow": False},
                   {"mask_value": 1}, {"mask_value": 1, "follow": True},
                   {"pack": make_pack(tmp_path / "p", "plain", mask_labels=("polyp",))}):
        assert request(**values).conditioning.labels is None, values  # type: ignore[arg-type]
    assert request(prompt="normal mucosa", follow=True).conditioning.labels is not None
    assert inpaint_request(document, 0, changed(PARAMETERS, prompt="a polyp"), gut).conditioning.labels is None


def test_the_values_of_a_mask_file_are_the_labels_of_the_pack(tmp_path: Path) -> None:
    one = make_pack(tmp_path, "one", mask_labels=("polyp",)).manifest
    two = make_pack(tmp_path, "two", mask_labels=("body", "core")).manifest
    mask = np.array([[0, 255], [255, 0]], np.uint8)
    assert given_labels(mask, one) == {255: 1} and given_labels(mask, two) == {255: 0}
    assert given_labels(mask // 255 * 2, two) == {2: 2}
    assert given_labels(np.array([[1, 2]], np.uint8), one) == {1: 1, 2: 0}


def test_removal_needs_no_model(workspace: Workspace, queue: JobQueue, tmp_path: Path) -> None:
    document = open_image(workspace, volume(tmp_path / "v.nii.gz", rows=700, columns=600))
    painted = paint(document, 1, (300, 300, 330, 340))
    paint(document, 2, (300, 300, 310, 310))
    asked = changed(PARAMETERS, mode="remove", match_seam=True)
    request = inpaint_request(document, 1, asked, None)
    assert request.model is None
    assert Bounds(*request.image.bounds) == painted.padded(REACH)  # what fits is sought there, not in all of a slide
    assert request.image.intensity_range is None  # all values are seen as they are
    assert (request.conditioning.prompt, request.feather, request.match_seam) == ("", 0, False)
    assert (request.mode, request.sampling.seed, request.sampling.count) == ("remove", 7, 2)
    assert request.notices == ("The mask covers several slices; this run fills this slice only.",)
    (job,) = inpaint(queue, request).jobs
    stored = from_parts(*workspace.jobs.load(job))
    assert stored.model is None and np.array_equal(stored.image.crop, request.image.crop)


def test_without_a_model_nothing_is_drawn_and_something_must_be_left(workspace: Workspace, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    paint(document)
    for mode in ("replace", "vary"):
        with pytest.raises(UserError, match="nothing drawn"):
            inpaint_request(document, 0, changed(PARAMETERS, mode=mode), None)
    everything = np.ones((60, 80), np.uint8)
    with pytest.raises(UserError, match="All of the image is painted"):
        inpaint_request(document, 0, changed(PARAMETERS, mode="remove"), None, painted=everything)


def test_which_engine_removes() -> None:
    remove = changed(PARAMETERS, mode="remove")
    assert remove.without_model(pack_removes=False) and not remove.without_model(pack_removes=True)
    assert changed(remove, classical=True).without_model(pack_removes=True)
    assert not changed(remove, classical=False).without_model(pack_removes=False)
    assert not changed(remove, mode="replace", classical=True).without_model(pack_removes=False)
