"""Regions far apart in one mask: each in a crop of its own, in one candidate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medsynth_app.core.job import EventKind
from medsynth_app.core.jobs.inpaint import MODES, InpaintRequest
from tests.engine.diffusion.test_inpaint import ct, region, smear
from tests.engine.tiny import events_of, make_request, make_tiny_pack, results_of

LEFT, RIGHT = (0, 0, 40, 48), (2, 600, 62, 672)  # of other sizes: each has its own scale
WHOLE = (0, 0, 64, 700)


def both(pack: Path, crop: np.ndarray, **changes: object) -> InpaintRequest:
    mask = np.zeros(crop.shape[:2], np.bool_)
    mask[10:30, 12:34] = True
    mask[20:50, 620:650] = True
    return make_request(pack, crop, mask, regions=(LEFT, RIGHT), **{"count": 3, "seed": 5, "strength": 0.6, **changes})


def alone(request: InpaintRequest, box: tuple[int, int, int, int]) -> InpaintRequest:
    """What would be asked for if nothing but this region were painted."""
    place = slice(box[0], box[2]), slice(box[1], box[3])
    labels = request.conditioning.labels
    return replace(request, image=replace(request.image, crop=request.image.crop[place], bounds=box, regions=(),
                                          mask=request.image.mask[place]),
                   conditioning=replace(request.conditioning, labels=None if labels is None else labels[place]))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("crop", [smear(64, 700), ct(64, 700)], ids=["colour", "CT"])
def test_each_is_drawn_as_if_it_were_alone(tiny_pack: Path, crop: np.ndarray, mode: str) -> None:
    request = both(tiny_pack, crop, mode=mode, match_seam=True)
    together = results_of(request)
    parts = {box: results_of(alone(request, box)) for box in (LEFT, RIGHT)}
    assert [event.data["seed"] for event in together] == [5, 6, 7]
    for number, event in enumerate(together):
        patch, left = event.arrays["patch"], crop.copy()
        for (top, first, bottom, last), results in parts.items():
            for name, whole in (("patch", patch), ("alpha", event.arrays["alpha"])):
                assert np.array_equal(whole[top:bottom, first:last], results[number].arrays[name])
            left[top:bottom, first:last] = patch[top:bottom, first:last]
        assert np.array_equal(patch, left) and event.data["largest_change_outside_mask"] == 0
        assert np.array_equal(event.arrays["effective"], request.image.mask)
        asked = event.data["provenance"]["parameters"]
        sizes = [results[number].data["provenance"]["parameters"]["drawn_at"] for results in parts.values()]
        assert asked["drawn_at"] == sizes and asked["regions"] == (LEFT, RIGHT) and asked["bounds"] == WHOLE


def test_previews_show_all_of_the_crop_with_what_is_drawn_so_far(tiny_pack: Path) -> None:
    request = both(tiny_pack, smear(64, 700), count=2, steps=4, preview_every=2, strength=1.0)
    events = events_of(request)
    first, second = [event for event in events if event.kind is EventKind.PREVIEW]
    for event in (first, second):
        assert event.data["bounds"] == WHOLE and set(event.arrays) == {"0", "1"}
        assert all(picture.shape == (64, 700, 3) for picture in event.arrays.values())
    before, during, after = request.image.crop, first.arrays["0"], second.arrays["0"]
    mask = request.image.mask
    assert (during[mask] != before[mask]).any() and np.array_equal(during[:, 100:], before[:, 100:])
    assert (after[:, 620:650] != before[:, 620:650]).any() and (after[10:30, 12:34] != before[10:30, 12:34]).any()
    assert np.array_equal(after[:, 100:580], before[:, 100:580])
    progress = [event for event in events if event.kind is EventKind.PROGRESS and event.steps]
    assert [event.step for event in progress] == list(range(1, 9)) and {event.steps for event in progress} == {8}


def test_each_follows_its_own_labels(tmp_path: Path) -> None:
    pack = make_tiny_pack(tmp_path / "tiny", with_control=True)
    labels = np.zeros((64, 700), np.uint8)
    labels[10:30, 12:34], labels[20:50, 620:650] = 1, 2
    request = both(pack, smear(64, 700), labels=labels, count=1)
    [event] = results_of(request)
    for box in (LEFT, RIGHT):
        [other] = results_of(alone(request, box))
        assert np.array_equal(event.arrays["patch"][box[0]:box[2], box[1]:box[3]], other.arrays["patch"])
    assert event.data["provenance"]["parameters"]["followed"] == {"1": "body", "2": "core"}


def test_one_region_is_drawn_as_ever(tiny_pack: Path) -> None:
    [event] = results_of(make_request(tiny_pack, smear(), region()))
    asked = event.data["provenance"]["parameters"]
    assert "regions" not in asked and len(asked["drawn_at"]) == 2
