"""From a worker's answer to an accepted result: written before shown, refused when the image changed, undoable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medsynth_app.actions.accept_result import accept_result
from medsynth_app.actions.discard_result import discard_result
from medsynth_app.actions.frames import beside_other_pixels
from medsynth_app.actions.history import redo, undo
from medsynth_app.actions.inpaint import inpaint, inpaint_document, inpaint_request
from medsynth_app.actions.more_like_this import more_like_this
from medsynth_app.actions.open_image import open_image
from medsynth_app.actions.receive import receive
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.intensity import IntensityRange
from medsynth_app.core.job import EventKind
from medsynth_app.core.jobs.stored import from_parts
from medsynth_app.core.options import changed
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.parameters import InpaintParameters
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.candidates import Candidate
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import answer, event, make_pack, paint, png, record_of, volume
from tests.asking import to_inpaint

PARAMETERS = to_inpaint(prompt="a neutrophil", seed=7, count=2, feather=3)


def staged(workspace: Workspace, queue: JobQueue, pack: InstalledPack, document: Document, frame: int = 0,
           parameters: InpaintParameters = PARAMETERS) -> list[Candidate]:
    """Run once; returns the results of that job."""
    (job,) = inpaint_document(queue, document, frame, parameters, pack).jobs
    answer(workspace, job, lambda record, news: receive(workspace, record, news))
    return [result for result in workspace.candidates.of_document(document.id) if result.job_id == job]


def test_results_are_in_the_workspace_bit_for_bit_as_soon_as_they_are_received(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, volume(tmp_path / "v.nii.gz"))
    paint(document, 1, (10, 10, 25, 25))
    (job,) = inpaint_document(queue, document, 1, PARAMETERS, pack).jobs
    before = document.pixels(1).copy()
    patches = answer(workspace, job, lambda record, news: receive(workspace, record, news))
    results = workspace.candidates.of_document(document.id)
    assert [result.candidate for result in results] == [0, 1]
    for result, patch in zip(results, patches, strict=True):
        assert result.pixels().dtype == np.int16
        assert np.array_equal(result.pixels(), patch)
        assert result.state == "staged"
        assert str(result.frame_key) == str(document.info.frames[1].key)
    assert np.array_equal(document.pixels(1), before)


def test_other_events_write_nothing(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    paint(document)
    (job,) = inpaint_document(queue, document, 0, PARAMETERS, pack).jobs
    preview = event(job, EventKind.PREVIEW, arrays={"0": np.zeros((8, 8, 3), np.uint8)})
    assert receive(workspace, record_of(workspace, job), preview) == Changes()
    assert workspace.candidates.of_document(document.id) == []


def test_accepting_changes_the_effective_mask_alone_and_undo_brings_the_original_back(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, volume(tmp_path / "v.nii.gz"))
    paint(document, 1, (10, 10, 25, 25))
    first, second = staged(workspace, queue, pack, document, 1)
    original = document.pixels(1).copy()
    changes = accept_result(workspace, document, second)
    change, = changes.documents
    assert changes.candidates == (document.id,)
    assert (change.kind, change.frame) == ("pixels", document.info.frames[1].key)
    after = document.pixels(1)
    effective = np.zeros(original.shape, bool)
    effective[second.bounds.slices] = second.effective()
    assert after.dtype == original.dtype
    assert np.array_equal(after[~effective], original[~effective])
    assert np.array_equal(after[effective], _whole(second, original)[effective])
    assert (after != original).any()
    assert workspace.candidates.get(second.id).state == "accepted"
    assert document.can_undo("") == "Undo: inpaint: a neutrophil"
    assert [record.seed for record in document.provenance(1)] == [8]

    undone = undo(document)
    assert [change.kind for change in undone.documents] == ["pixels"] and undone.candidates == (document.id,)
    assert np.array_equal(document.pixels(1), original)
    assert workspace.candidates.get(second.id).state == "staged"
    assert document.provenance(1) == []
    assert redo(document)
    assert np.array_equal(document.pixels(1), after)
    assert workspace.candidates.get(second.id).state == "accepted"
    assert workspace.candidates.get(first.id).state == "staged"


def _whole(result: Candidate, original: np.ndarray) -> np.ndarray:
    whole = original.copy()
    whole[result.bounds.slices] = result.pixels()
    return whole


def test_accepting_is_refused_when_the_region_changed_meanwhile(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    paint(document)
    first, second = staged(workspace, queue, pack, document)
    accept_result(workspace, document, first)
    between = document.pixels(0).copy()
    with pytest.raises(UserError, match="has changed in this region"):
        accept_result(workspace, document, second)
    assert np.array_equal(document.pixels(0), between)
    assert workspace.candidates.get(second.id).state == "staged"
    undo(document)
    accept_result(workspace, document, second)  # the pixels are the original ones again
    assert workspace.candidates.get(second.id).state == "accepted"


def test_two_fills_side_by_side_are_both_accepted(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    original = document.pixels(0).copy()
    found = []
    for box in ((20, 10, 30, 20), (20, 24, 30, 34)):
        paint(document, box=(0, 0, 60, 80), value=0)
        paint(document, box=box)
        found.append(staged(workspace, queue, pack, document)[0])
    left, right = found
    assert left.bounds.overlaps(right.bounds)
    accept_result(workspace, document, left)
    assert beside_other_pixels(document, right) and not beside_other_pixels(document, left)
    accept_result(workspace, document, right)
    expected = original.copy()
    for result in found:
        expected[result.bounds.slices][result.effective()] = result.pixels()[result.effective()]
    assert np.array_equal(document.pixels(0), expected)
    undo(document)
    undo(document)
    assert np.array_equal(document.pixels(0), original)


def test_painting_elsewhere_or_on_the_mask_does_not_stand_in_the_way(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    paint(document)
    first, _ = staged(workspace, queue, pack, document)
    paint(document, box=(0, 0, 50, 50), value=3)
    accept_result(workspace, document, first)
    assert workspace.candidates.get(first.id).state == "accepted"


def test_a_result_is_accepted_once_and_in_its_own_image_only(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    other = open_image(workspace, png(tmp_path / "b.png", seed=5))
    paint(document)
    first, _ = staged(workspace, queue, pack, document)
    with pytest.raises(UserError, match="another image"):
        accept_result(workspace, other, first)
    accept_result(workspace, document, first)
    with pytest.raises(UserError, match="already"):
        accept_result(workspace, document, workspace.candidates.get(first.id))
    with pytest.raises(UserError, match="Undo it first"):
        discard_result(workspace, workspace.candidates.get(first.id))


def test_a_discarded_result_stays_discarded(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    paint(document)
    first, second = staged(workspace, queue, pack, document)
    discard_result(workspace, first)
    assert workspace.candidates.get(first.id).state == "discarded"
    assert workspace.candidates.get(second.id).state == "staged"


def test_more_like_what_was_once_seen_through_a_display_window_is_not(
        workspace: Workspace, queue: JobQueue, tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "p", "brain", colour="grey", modalities=("MR",))
    document = open_image(workspace, volume(tmp_path / "v.nii.gz"))
    paint(document, 1, (10, 10, 20, 20))
    of_now = inpaint_request(document, 1, PARAMETERS, pack)
    old = replace(of_now, image=replace(of_now.image, intensity_range=IntensityRange(0, 80)))
    (job,) = inpaint(queue, old).jobs
    answer(workspace, job, lambda record, news: receive(workspace, record, news))
    first = workspace.candidates.of_document(document.id)[0]
    new = from_parts(*workspace.jobs.load(more_like_this(workspace, queue, document, first).jobs[0]))
    assert new.image.intensity_range == of_now.image.intensity_range != old.image.intensity_range


def test_more_like_this_runs_the_same_request_with_new_seeds_on_the_pixels_of_now(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    paint(document)
    first, _ = staged(workspace, queue, pack, document)
    old = from_parts(*workspace.jobs.load(first.job_id))
    accept_result(workspace, document, first)
    new = from_parts(*workspace.jobs.load(more_like_this(workspace, queue, document, first).jobs[0]))
    assert new.sampling.seed != old.sampling.seed
    assert changed(new, seed=old.sampling.seed).sampling == old.sampling and new.conditioning == old.conditioning
    assert (new.image.bounds, new.feather) == (old.image.bounds, old.feather)
    assert np.array_equal(new.image.mask, old.image.mask)
    assert np.array_equal(new.image.crop, document.pixels(0)[first.bounds.slices])
    assert new.image.revision == document.revision(0, first.bounds) != old.image.revision
