"""The engine that needs no model: the same candidates, record and exactness as a pack's."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.inpaint import InpaintRequest
from medsynth_app.core.provenance import Provenance
from medsynth_app.engine.fill import NAME, run_fill
from medsynth_app.segmentation.fill import VERSION
from tests.asking import inpaint_of


def asked(crop: Any, **changes: Any) -> InpaintRequest:
    """To remove a block in the middle of a crop."""
    mask = np.zeros(crop.shape[:2], bool)
    mask[40:58, 44:60] = True
    limits = np.iinfo(crop.dtype)
    return replace(inpaint_of(**{
        "crop": crop, "mask": mask, "bounds": (8, 4, 8 + crop.shape[0], 4 + crop.shape[1]), "document_id": "d",
        "frame_key": "hash:ab/0", "revision": "r", "source": "sha256:ab", "mode": "remove", "seed": 5, "count": 3,
        "stored_range": (int(limits.min), int(limits.max)), **changes}), model=None)


def ct(level: int = 1064, spread: float = 8, channels: int = 0) -> Any:
    """Stored values of 40 HU with a bright ball to be removed."""
    shape = (100, 110, channels) if channels else (100, 110)
    crop = np.rint(level + np.random.default_rng(0).normal(0, spread, shape)).astype(np.uint8 if channels else np.int16)
    crop[42:56, 46:58] = level + 60
    return crop


def drawn(request: InpaintRequest) -> list[JobEvent]:
    events: list[JobEvent] = []
    run_fill(request, events.append, lambda: False, "job")
    return events


@pytest.mark.parametrize("crop", [ct(), ct(120, 8, 3)], ids=["CT", "colour"])
def test_candidates_come_one_by_one_and_only_what_is_painted_changes(crop: Any) -> None:
    request = asked(crop)
    results = [event for event in drawn(request) if event.kind is EventKind.RESULT]
    assert [event.data["candidate"] for event in results] == [0, 1, 2]
    assert [event.data["seed"] for event in results] == [5, 6, 7]
    mask = request.image.mask
    for event in results:
        patch, effective = event.arrays["patch"], event.arrays["effective"]
        assert patch.dtype == crop.dtype and patch.shape == crop.shape
        assert (effective == mask).all() and (event.arrays["alpha"][mask] == 1).all()
        assert (patch[~mask] == crop[~mask]).all()
        assert event.data["largest_change_outside_mask"] == 0
        assert abs(float(patch[mask].mean()) - float(crop[~mask].mean())) < 5  # nothing of the ball is left
    assert len({event.arrays["patch"].tobytes() for event in results}) == 3
    again = [event for event in drawn(request) if event.kind is EventKind.RESULT]
    assert all((one.arrays["patch"] == other.arrays["patch"]).all()
               for one, other in zip(results, again, strict=True))


def test_the_record_names_the_engine_and_its_version_instead_of_a_pack() -> None:
    event = next(event for event in drawn(asked(ct(), notices=("The mask covers several slices.",)))
                 if event.kind is EventKind.RESULT)
    record = Provenance.from_dict(event.data["provenance"])
    assert (record.action, record.pack, record.pack_sha256, record.seed) == ("inpaint", NAME, "", 5)
    assert record.parameters["engine"] == NAME == "classical fill"
    assert record.parameters["engine_version"] == VERSION
    assert record.parameters["mode"] == "remove"
    assert record.largest_change_outside_mask == 0
    assert record.report is not None and record.report["remarks"] == []  # nothing that the eye would find
    assert record.source == "sha256:ab" and len(record.mask_sha256) == 64
    assert {"numpy", "scipy", "medsynth"} <= record.environment.keys()
    assert record.notices == ("The mask covers several slices.",)
    assert "prompt" not in record.parameters and "steps" not in record.parameters


def test_values_beyond_every_display_window_stay_as_they_are() -> None:
    bone = ct(3000, 30)
    request = asked(bone, rescale=(1.0, -1024.0), count=1)
    patch = next(event for event in drawn(request) if event.kind is EventKind.RESULT).arrays["patch"]
    assert 2980 < patch[request.image.mask].mean() < 3020


def test_what_is_written_stays_within_what_the_file_can_hold() -> None:
    crop = np.clip(ct(4090, 8), 0, 4095).astype(np.int16)
    request = asked(crop, stored_range=(0, 4095), count=1)
    assert next(e for e in drawn(request) if e.kind is EventKind.RESULT).arrays["patch"].max() <= 4095


def test_progress_runs_to_its_end_over_all_candidates() -> None:
    told = [(event.step, event.steps) for event in drawn(asked(ct())) if event.kind is EventKind.PROGRESS]
    assert told == sorted(told) and told[0][0] == 0 and told[-1] == (300, 300)


def test_a_cancel_leaves_the_candidates_that_are_there() -> None:
    events: list[JobEvent] = []

    def one_is_there() -> bool:
        return any(event.kind is EventKind.RESULT for event in events)

    with pytest.raises(Cancelled):
        run_fill(asked(ct()), events.append, one_is_there, "job")
    assert sum(event.kind is EventKind.RESULT for event in events) == 1


def test_what_it_cannot_do_is_refused_in_words() -> None:
    request = asked(ct())
    with pytest.raises(UserError, match="nothing drawn"):
        drawn(replace(request, mode="replace"))
    nothing, everything = (np.full_like(request.image.mask, value) for value in (False, True))
    with pytest.raises(UserError, match="Nothing is painted"):
        drawn(replace(request, image=replace(request.image, mask=nothing)))
    with pytest.raises(UserError, match="All of the image is painted"):
        drawn(replace(request, image=replace(request.image, mask=everything)))


def test_regions_far_apart_are_each_filled_as_if_alone() -> None:
    one, other = asked(ct()), asked(ct(900, 20), mask=np.roll(asked(ct()).image.mask, 7, 1))
    rows, columns = one.image.mask.shape
    gap = np.full((rows, 400), 500, np.int16)
    left, right = (8, 4, 8 + rows, 4 + columns), (8, 404 + columns, 8 + rows, 404 + 2 * columns)
    both = asked(np.hstack([one.image.crop, gap, other.image.crop]), regions=(left, right),
                 mask=np.hstack([one.image.mask, gap != 500, other.image.mask]))
    alone = [[event for event in drawn(request) if event.kind is EventKind.RESULT] for request in (one, other)]
    events = drawn(both)
    together = [event for event in events if event.kind is EventKind.RESULT]
    for result, first, second in zip(together, *alone, strict=True):
        patch = result.arrays["patch"]
        assert np.array_equal(patch[:, :columns], first.arrays["patch"])
        assert np.array_equal(patch[:, -columns:], second.arrays["patch"])
        assert (patch[:, columns:-columns] == 500).all() and result.data["largest_change_outside_mask"] == 0
        assert result.data["seed"] == first.data["seed"] and result.data["bounds"] == both.image.bounds
        assert result.data["provenance"]["parameters"]["regions"] == (left, right)
        means = [each.data["report"]["inside"]["mean"] for each in (result, first, second)]
        assert means[0] == pytest.approx((means[1] + means[2]) / 2)  # they are of one size
    steps = [event.step for event in events if event.kind is EventKind.PROGRESS]
    assert steps == sorted(steps) and steps[-1] == max(event.steps for event in events)


def test_no_model_library_is_loaded() -> None:
    """The first removal waits for no torch, and needs none."""
    code = """if True:
        import sys
        import numpy as np
        from tests.engine.test_fill import asked, ct
        from medsynth_app.engine import inpaint
        from medsynth_app.engine.job import Job
        inpaint.run(asked(ct(), count=1), Job("job", lambda message: None))
        print(sorted({"torch", "diffusers", "transformers"} & sys.modules.keys()))
    """
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
