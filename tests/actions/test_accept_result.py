"""From a worker's answer to an accepted result: written before shown, refused when the image changed, undoable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medsynth_app.actions.accept_result import accept_result
from medsynth_app.actions.discard_result import discard_result
from medsynth_app.actions.frames import fit
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
    changes = accept_result(document, second)
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
    paint(document, box=(20, 30, 36, 44), value=0)
    paint(document, box=(10, 40, 24, 60))  # reaches into the first region by less than half
    other, _ = staged(workspace, queue, pack, document)
    accept_result(document, other)
    between = document.pixels(0).copy()
    for result in (first, second):
        with pytest.raises(UserError, match="has changed in this region"):
            accept_result(document, result)
    assert np.array_equal(document.pixels(0), between)
    assert workspace.candidates.get(second.id).state == "staged"
    undo(document)
    accept_result(document, second)  # the pixels are the original ones again
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
    accept_result(document, left)
    assert fit(document, right).beside and not fit(document, right).replaced
    accept_result(document, right)
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
    accept_result(document, first)
    assert workspace.candidates.get(first.id).state == "accepted"


def test_a_result_is_accepted_once_and_in_its_own_image_only(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    other = open_image(workspace, png(tmp_path / "b.png", seed=5))
    paint(document)
    first, _ = staged(workspace, queue, pack, document)
    with pytest.raises(UserError, match="another image"):
        accept_result(other, first)
    accept_result(document, first)
    with pytest.raises(UserError, match="already"):
        accept_result(document, workspace.candidates.get(first.id))
    with pytest.raises(UserError, match="Undo it first"):
        discard_result(document, [workspace.candidates.get(first.id)])
    with pytest.raises(UserError, match="another image"):
        discard_result(other, [_])


def states(workspace: Workspace, *results: Candidate) -> list[str]:
    return [workspace.candidates.get(result.id).state for result in results]


def test_discarded_results_come_back_by_undo_and_go_again_by_redo(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, volume(tmp_path / "v.nii.gz"))
    paint(document, 1, (10, 10, 25, 25))
    first, second = staged(workspace, queue, pack, document, 1)
    (third,) = staged(workspace, queue, pack, document, 1, changed(PARAMETERS, count=1))
    changes = discard_result(document, [first, third])
    assert changes.candidates == (document.id,)
    assert {(change.kind, change.frame) for change in changes.documents} == {("candidate", document.info.frames[1].key)}
    assert states(workspace, first, second, third) == ["discarded", "staged", "discarded"]
    assert document.can_undo() == "Undo: discard 2 candidates"
    assert undo(document).candidates == (document.id,)
    assert states(workspace, first, second, third) == ["staged"] * 3
    assert [result.id for result in workspace.candidates.of_document(document.id)] == [first.id, second.id, third.id]
    assert redo(document)
    assert states(workspace, first, second, third) == ["discarded", "staged", "discarded"]
    undo(document)
    assert document.can_undo() == "Undo: paint region"
    more_like_this(workspace, queue, document, workspace.candidates.get(first.id))  # its request is still there


def test_undo_of_a_discard_survives_a_restart(queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    image = png(tmp_path / "a.png")
    with Workspace.open(tmp_path / "w") as own:
        document = open_image(own, image)
        paint(document)
        mine = JobQueue(own.jobs, lambda record, news: receive(own, record, news))
        found = staged(own, mine, pack, document)
        mine.close()
        discard_result(document, found)
        document.close()
    with Workspace.open(tmp_path / "w") as own:
        document = open_image(own, image)
        assert own.candidates.of_document(document.id) == []
        undo(document)
        assert [(result.id, result.seed) for result in own.candidates.of_document(document.id)] == [
            (result.id, result.seed) for result in found]
        assert all(np.array_equal(result.pixels(), old.pixels())
                   for result, old in zip(own.candidates.of_document(document.id), found, strict=True))
        document.close()


def test_another_candidate_takes_the_place_of_the_accepted_one_in_one_step(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, volume(tmp_path / "v.nii.gz"))
    paint(document, 1, (10, 10, 25, 25))
    first, second = staged(workspace, queue, pack, document, 1)
    original = document.pixels(1).copy()
    accept_result(document, first)
    with_first = document.pixels(1).copy()
    assert accept_result(document, second)
    expected = original.copy()
    expected[second.bounds.slices][second.effective()] = second.pixels()[second.effective()]
    assert np.array_equal(document.pixels(1), expected)  # as if the first had never been accepted
    assert states(workspace, first, second) == ["staged", "accepted"]
    assert [record.seed for record in document.provenance(1)] == [second.seed]
    effective = np.zeros(original.shape, bool)
    effective[second.bounds.slices] = second.effective()
    assert np.array_equal(document.synthetic_mask(1), effective)
    undo(document)
    assert np.array_equal(document.pixels(1), with_first) and states(workspace, first, second) == ["accepted", "staged"]
    assert [record.seed for record in document.provenance(1)] == [first.seed]
    redo(document)
    assert np.array_equal(document.pixels(1), expected) and states(workspace, first, second) == ["staged", "accepted"]
    accept_result(document, workspace.candidates.get(first.id))  # and back again
    assert np.array_equal(document.pixels(1), with_first)
    assert [record.seed for record in document.provenance(1)] == [first.seed]
    assert states(workspace, first, second) == ["accepted", "staged"]
    for _ in range(3):
        undo(document)
    assert np.array_equal(document.pixels(1), original) and not document.synthetic_mask(1).any()
    assert states(workspace, first, second) == ["staged", "staged"] and document.provenance(1) == []


def test_a_smaller_fill_gives_back_what_the_larger_one_had_changed_beside_it(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    original = document.pixels(0).copy()
    paint(document, box=(20, 20, 34, 34))
    small, _ = staged(workspace, queue, pack, document)
    paint(document, box=(10, 10, 40, 50))
    large, _ = staged(workspace, queue, pack, document, 0, changed(PARAMETERS, seed=100))
    accept_result(document, large)
    accept_result(document, small)
    expected = original.copy()
    expected[small.bounds.slices][small.effective()] = small.pixels()[small.effective()]
    assert np.array_equal(document.pixels(0), expected)
    assert int(document.synthetic_mask(0).sum()) == int(small.effective().sum())
    undo(document)
    paint(document, box=(0, 0, 60, 80), value=0)
    paint(document, box=(34, 44, 44, 58))  # upon a corner of the large one, beside the small one
    corner, _ = staged(workspace, queue, pack, document, 0, changed(PARAMETERS, seed=200))
    accept_result(document, corner)
    between = document.pixels(0).copy()
    with pytest.raises(UserError, match="drawn over") as refused:
        accept_result(document, workspace.candidates.get(small.id))
    assert "Undo that one first" in refused.value.remedy
    assert np.array_equal(document.pixels(0), between)


def test_what_was_drawn_upon_a_fill_goes_with_it_or_keeps_it(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    original = document.pixels(0).copy()
    paint(document, box=(20, 20, 40, 40))
    below, sibling = staged(workspace, queue, pack, document)
    accept_result(document, below)
    again = changed(PARAMETERS, seed=100)
    above, other = staged(workspace, queue, pack, document, 0, again)  # the same region, upon the first fill
    accept_result(document, above)
    assert [record.seed for record in document.provenance(0)] == [below.seed, above.seed]
    accept_result(document, other)
    assert [record.seed for record in document.provenance(0)] == [below.seed, other.seed]
    accept_result(document, sibling)  # both of them go
    expected = original.copy()
    expected[sibling.bounds.slices][sibling.effective()] = sibling.pixels()[sibling.effective()]
    assert np.array_equal(document.pixels(0), expected)
    assert [record.seed for record in document.provenance(0)] == [sibling.seed]
    assert states(workspace, below, above, other) == ["staged"] * 3
    paint(document, box=(0, 0, 60, 80), value=0)
    paint(document, box=(36, 36, 56, 56))  # a corner of it lies upon the sibling
    corner, _ = staged(workspace, queue, pack, document, 0, changed(PARAMETERS, seed=200))
    accept_result(document, corner)
    between = document.pixels(0).copy()
    with pytest.raises(UserError, match="has changed in this region"):
        accept_result(document, workspace.candidates.get(below.id))
    assert np.array_equal(document.pixels(0), between)


def test_a_fill_that_somebody_else_replaced_cannot_be_undone_below_it(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    paint(document)
    first, second = staged(workspace, queue, pack, document)
    accept_result(document, first, "ann")
    accept_result(document, second, "ben")
    discard_result(document, [workspace.candidates.get(first.id)], "cem")
    with pytest.raises(UserError, match="somebody else"):
        undo(document, "ann")
    with pytest.raises(UserError, match="somebody else"):
        undo(document, "ben")  # the first one is discarded: it cannot be accepted again
    assert states(workspace, first, second) == ["discarded", "accepted"]
    undo(document, "cem")
    undo(document, "ben")
    undo(document, "ann")
    assert states(workspace, first, second) == ["staged", "staged"]


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
    accept_result(document, first)
    new = from_parts(*workspace.jobs.load(more_like_this(workspace, queue, document, first).jobs[0]))
    assert new.sampling.seed != old.sampling.seed
    assert changed(new, seed=old.sampling.seed).sampling == old.sampling and new.conditioning == old.conditioning
    assert (new.image.bounds, new.feather) == (old.image.bounds, old.feather)
    assert np.array_equal(new.image.mask, old.image.mask)
    assert np.array_equal(new.image.crop, document.pixels(0)[first.bounds.slices])
    assert new.image.revision == document.revision(0, first.bounds) != old.image.revision
